"""Laws of archives and pickles from elsewhere: nothing lands outside, nothing runs."""

import os
import pickle
import stat
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fist.data.sources import archive as archives
from fist.data.sources.archive import ArchiveError, extract, matching
from fist.data.sources.pickles import PickleError, load_arrays

FILES = {"data/kitchen/mixed.hdf5": b"mixed" * 100, "data/kitchen/demo.hdf5": b"demo" * 50}


def pack(path, members, compression=zipfile.ZIP_DEFLATED):
    """Write an archive; a member's name may be a ZipInfo."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_members_are_found_by_file_by_folder_and_by_pattern(tmp_path):
    archive = pack(tmp_path / "a.zip", FILES | {"data/maze/demo.hdf5": b"maze"})
    assert matching(archive, "mixed.hdf5") == ["data/kitchen/mixed.hdf5"]
    assert matching(archive, "kitchen") == sorted(FILES)
    assert matching(archive, "data/maze") == ["data/maze/demo.hdf5"]
    assert len(matching(archive, "demo.*")) == 2
    with pytest.raises(ArchiveError, match=r"'ixed'; its files: data/kitchen/demo.hdf5, data"):
        matching(archive, "ixed")


def test_members_come_out_as_they_went_in(tmp_path):
    archive = pack(tmp_path / "a.zip", FILES)
    for file, content in zip(
        extract(archive, FILES, tmp_path / "out"), FILES.values(), strict=True
    ):
        assert file.read_bytes() == content
        assert file.is_relative_to(tmp_path / "out")


OUTSIDE = [
    "../evil",
    "a/../../evil",
    "/etc/evil",
    "C:\\evil",
    "\\\\host\\evil",
    "a\\..\\evil",
    "..",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_path_that_leads_outside_condemns_the_archive(tmp_path, name):
    archive = pack(tmp_path / "a.zip", FILES | {name: b"evil"})
    for attempt in (
        lambda: matching(archive, "*"),
        lambda: extract(archive, list(FILES), tmp_path / "deep" / "out"),
    ):
        with pytest.raises(ArchiveError, match="nothing was unpacked"):
            attempt()
    assert [path.name for path in tmp_path.rglob("*")] == ["a.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_condemn_the_archive(tmp_path, kind):
    link = zipfile.ZipInfo("link")
    link.external_attr = (kind | 0o777) << 16
    archive = pack(tmp_path / "a.zip", FILES | {link: b"/etc/passwd"})
    with pytest.raises(ArchiveError, match="is a link or a device"):
        extract(archive, FILES, tmp_path / "out")


def test_a_name_that_is_there_twice_condemns_the_archive(tmp_path):
    archive = pack(tmp_path / "a.zip", {"a": b"1", "A": b"2"})
    with pytest.raises(ArchiveError, match="is there twice"):
        matching(archive, "*")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    archive = pack(tmp_path / "a.zip", {f"{n}": bytes(60 << 20) for n in range(3)})
    assert archive.stat().st_size < 1 << 20
    with pytest.raises(ArchiveError, match=r"would unpack to 188743680 bytes"):
        extract(archive, ["0"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path):
    archive = pack(tmp_path / "a.zip", {"big": bytes(1 << 20)})
    content = bytearray(archive.read_bytes())
    for place in (content.find(b"PK\x03\x04") + 22, content.find(b"PK\x01\x02") + 24):
        content[place : place + 4] = (10).to_bytes(4, "little")
    archive.write_bytes(content)
    with pytest.raises(ArchiveError, match="damaged"):
        extract(archive, ["big"], tmp_path / "out")


def test_places_that_are_not_in_the_archive_and_bytes_that_cannot_be_unpacked_are_damage(tmp_path):
    archive = pack(tmp_path / "a.zip", FILES, zipfile.ZIP_BZIP2)
    content = archive.read_bytes()
    start = content.find(b"BZh")
    archive.write_bytes(content[:start] + b"???" + content[start + 3 :])
    with pytest.raises(ArchiveError, match="damaged"):
        extract(archive, FILES, tmp_path / "out")
    end = content.rfind(b"PK\5\6") + 12
    archive.write_bytes(content[:end] + b"\xff\xff\xff\x7f" * 2 + content[end + 8 :])
    with pytest.raises(ArchiveError, match="damaged"):
        matching(archive, "*")
    with pytest.raises(FileNotFoundError):
        matching(tmp_path / "none.zip", "*")


def test_too_many_members_are_refused_before_any_is_looked_at(tmp_path, monkeypatch):
    """Whatever their number is said to be at the end of the archive."""
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    archive = pack(tmp_path / "a.zip", {str(n): b"" for n in range(11)})
    content = bytearray(archive.read_bytes())
    told = content.rfind(b"PK\5\6") + 8
    content[told : told + 4] = bytes(4)
    archive.write_bytes(content)
    monkeypatch.setattr(zipfile, "ZipInfo", None)
    with pytest.raises(ArchiveError, match=f"{archive}.*more than 10 members"):
        matching(archive, "*")


def test_a_directory_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    archive = pack(tmp_path / "a.zip", {f"{n:0200}": b"" for n in range(10)})
    monkeypatch.setattr(archives, "LARGEST_DIRECTORY", 2_000)
    with pytest.raises(ArchiveError, match="2460 bytes of names, more than 2000"):
        matching(archive, "*")


def test_an_encrypted_member_condemns_the_archive(tmp_path):
    archive = pack(tmp_path / "a.zip", {"a": b"1"})
    content = bytearray(archive.read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(ArchiveError, match="is encrypted"):
        matching(archive, "*")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_archive_gives_the_right_members_or_is_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    archive = pack(folder / "a.zip", FILES)
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        files = extract(archive, matching(archive, "*"), folder / "out")
    except ArchiveError as error:
        assert str(archive) in str(error)
    else:
        assert all(file.read_bytes() in FILES.values() for file in files)
    assert all(
        path.is_relative_to(folder / "out") for path in folder.rglob("*/*") if path.is_file()
    )


ARRAYS = (
    [np.arange(12.0).reshape(4, 3), np.arange(6.0, dtype=">f4").reshape(2, 3)],
    [np.asfortranarray(np.eye(3, dtype="f4")), np.array([True, False])],
    {"scalar": np.float64(2.5), "plain": [1, 2.5, None, "text", b"bytes", True]},
)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_in_a_pickle_are_read_as_they_are(tmp_path, protocol):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(ARRAYS, protocol))
    read = load_arrays(tmp_path / "a.pkl")
    for before, after in zip(ARRAYS[0] + ARRAYS[1], read[0] + read[1], strict=True):
        np.testing.assert_array_equal(before, after)
        assert after.dtype.newbyteorder("=") == before.dtype.newbyteorder("=")
    assert read[2] == ARRAYS[2]


class Runs:
    """Runs something when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


BAD = {
    "a command": (Runs(os.system, "touch evil"), "it asks for posix.system"),
    "code": (Runs(eval, "open('evil', 'w')"), "it asks for builtins.eval"),
    "a path": (Path("x"), "it asks for pathlib"),
    "an object array": (np.array([[1], None], dtype=object), "array of 'O8', not of numbers"),
    "a record": (np.zeros(3, dtype=[("a", "O")]), "not of numbers"),
    "a huge array": (Runs(np.ndarray, (10**12,)), "makes an array in an unusual way"),
    "an array class": (
        Runs(np._core.multiarray._reconstruct, np.ndarray, (10**12,), b"b"),
        "unusual",
    ),
}


@pytest.mark.parametrize(("value", "reason"), BAD.values(), ids=BAD)
def test_whatever_else_a_pickle_holds_is_refused_and_not_run(tmp_path, monkeypatch, value, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([np.zeros(3), value]))
    with pytest.raises(PickleError, match=reason):
        load_arrays(tmp_path / "a.pkl")
    assert not (tmp_path / "evil").exists()


def test_a_pickle_cannot_change_the_functions_it_may_call(tmp_path):
    # dtype, then BUILD with the state (None, {"__defaults__": ()})
    program = b"\x80\x02cnumpy\ndtype\nN}X\x0c\x00\x00\x00__defaults__)s\x86b."
    (tmp_path / "a.pkl").write_bytes(program)
    with pytest.raises(PickleError, match="it changes a function"):
        load_arrays(tmp_path / "a.pkl")


def text(content):
    """Return the steps that put a text on the stack."""
    return b"X" + len(content).to_bytes(4, "little") + content


BOMBS = {
    "a memo index": b"\x80\x02]r\x00\x00\x00\x04.",
    "a memo index in digits": b"(lp99999999\n.",
    "a number of steps": b"\x80\x02]" + b"N0" * 1_100_000 + b".",
    "a text made to bytes many times": b"\x80\x02]c_codecs\nencode\n"
    + b"q\x00"
    + text(b"x" * 10_000)
    + b"q\x01"
    + b"h\x00h\x01X\x06\x00\x00\x00latin1\x86R" * 1000
    + b".",
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_a_pickle_that_needs_more_than_its_size_makes_plausible_is_refused(tmp_path, content):
    (tmp_path / "a.pkl").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(PickleError, match="than its size makes plausible"):
        load_arrays(tmp_path / "a.pkl")
    assert tracemalloc.get_traced_memory()[1] < 1 << 26
    tracemalloc.stop()


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_a_damaged_pickle_is_read_or_refused_with_its_name(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
    content = bytearray(pickle.dumps(ARRAYS))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        load_arrays(path)
    except PickleError as error:
        assert str(path) in str(error)
