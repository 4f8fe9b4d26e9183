"""Laws of episodes on disk and windows in memory."""

import shutil
import sys
import zipfile
from subprocess import PIPE, Popen

import h5py
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recordings import random_episodes

import d4rl
from fist.data.episodes import DataError, concatenate, load_episodes, save_episodes
from fist.data.sources.release import unpack
from fist.data.windows import Windows


@pytest.fixture
def file(tmp_path):
    """A good data set of three episodes, 12, 5 and 20 rows long."""
    path = tmp_path / "play.hdf5"
    save_episodes(path, random_episodes([12, 5, 20]))
    return path


def change(path, key, value):
    """Replace one array of a data set; None deletes it."""
    with h5py.File(path, "r+") as handle:
        if key in handle:
            del handle[key]
        if value is not None:
            handle[key] = value


def test_what_is_saved_is_what_is_loaded(file):
    saved, loaded = random_episodes([12, 5, 20]), load_episodes(file)
    assert torch.equal(saved.states, loaded.states)
    assert torch.equal(saved.actions, loaded.actions)
    assert loaded.lengths.tolist() == [12, 5, 20]
    assert loaded.dropped == loaded.dropped_rows == 0


def test_the_same_episodes_make_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save_episodes(tmp_path / name, random_episodes([30, 40]))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_episode_ends_at_a_timeout_too(file):
    terminals = np.zeros(37, bool)
    terminals[[11, 36]] = True
    timeouts = np.zeros(37, bool)
    timeouts[16] = True
    change(file, "terminals", terminals)
    change(file, "timeouts", timeouts)
    assert load_episodes(file).lengths.tolist() == [12, 5, 20]


def test_a_file_without_timeouts_ends_its_episodes_at_terminals(file):
    change(file, "timeouts", None)
    assert load_episodes(file).lengths.tolist() == [12, 5, 20]


def test_a_short_episode_is_dropped_and_counted_and_never_joined_to_the_next(file):
    loaded = load_episodes(file, min_length=11)
    assert loaded.lengths.tolist() == [12, 20]
    assert loaded.dropped == 1
    assert loaded.states[:, 0].tolist() == [*range(12), *range(17, 37)]


@pytest.mark.parametrize("block", [1, 7, 20, 1000])
def test_what_is_left_out_does_not_depend_on_how_the_rest_is_moved(file, monkeypatch, block):
    monkeypatch.setattr("d4rl_layout.BLOCK", block)
    loaded = load_episodes(file, min_length=11)
    assert loaded.states[:, 0].tolist() == [*range(12), *range(17, 37)]
    assert len(loaded.states) == len(loaded.actions)


def test_groups_in_groups_and_groups_without_number_are_refused(file, monkeypatch):
    """HDF5 looks every one of them up from the root."""
    with h5py.File(file, "r+") as opened:
        opened.create_group("/".join("g" * 3000))
    with pytest.raises(DataError, match="things in it, or in groups deeper than 8"):
        load_episodes(file)
    monkeypatch.setattr("d4rl_layout.DEEPEST", 10_000)
    monkeypatch.setattr("d4rl_layout.MOST_LINKS", 100)
    with pytest.raises(DataError, match="more than 100 things in it"):
        load_episodes(file)


def test_rows_after_the_last_end_are_dropped_and_counted(file):
    terminals = np.zeros(37, bool)
    terminals[11] = True
    change(file, "terminals", terminals)
    change(file, "timeouts", None)
    loaded = load_episodes(file)
    assert loaded.lengths.tolist() == [12]
    assert loaded.dropped_rows == 25


BAD = {
    "missing key": ("actions", None, "missing actions"),
    "lengths": ("actions", np.zeros((36, 2)), "differ in length: observations 37, actions 36"),
    "nan": ("observations", np.full((37, 4), np.nan), r"observations\[0, 0\] is nan"),
    "infinite": ("actions", np.full((37, 2), np.inf), r"actions\[0, 0\] is inf"),
    "out of range": (
        "actions",
        np.full((37, 2), 1.5),
        r"actions\[0, 0\] is 1.5, outside \[-1, 1\]",
    ),
    "no end": ("terminals", np.zeros(37, bool), "no episode ends"),
    "text": ("actions", np.full((37, 2), b"left"), "actions holds no numbers"),
    "empty": ("actions", h5py.Empty("f4"), "actions holds no numbers"),
    "flat": ("observations", np.zeros(37), r"observations has shape \(37,\)"),
}


@pytest.mark.parametrize(("key", "value", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_with_its_name_and_the_reason(file, key, value, message):
    change(file, key, value)
    with pytest.raises(DataError, match=message) as error:
        load_episodes(file)
    assert str(file) in str(error.value)


def test_a_file_whose_episodes_are_all_too_short_says_what_is_needed(file):
    with pytest.raises(DataError, match="longest of 3 episodes has 20 rows, at least 21"):
        load_episodes(file, min_length=21)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match="not an HDF5 file, or a damaged one"):
        load_episodes(file)


def test_a_file_that_claims_more_than_it_can_hold_is_refused_unread(file):
    with h5py.File(file, "r+") as handle:
        del handle["observations"]
        handle.create_dataset("observations", shape=(10**9, 60), dtype="f4", chunks=(1000, 60))
    with pytest.raises(DataError, match=r"claims the shape \(1000000000, 60\)"):
        load_episodes(file)


def test_small_arrays_that_claim_too_much_together_are_refused_unread(file):
    with h5py.File(file, "r+") as handle:
        for number in range(10):
            handle.create_dataset(f"more/{number}", shape=(10**6,), dtype="f4", chunks=(10**4,))
    assert load_episodes(file).lengths.tolist() == [12, 5, 20]  # they are not among those read
    with pytest.raises(DataError, match="all arrays together claim 4000.* bytes, .* are stored"):
        d4rl.get_dataset(file)


def test_a_chunk_larger_than_its_array_is_refused_unread(file):
    with h5py.File(file, "r+") as handle:
        del handle["observations"]
        handle.create_dataset(
            "observations", (37, 4), "f4", chunks=(10**7, 4), maxshape=(None, 4), compression="gzip"
        )
    with pytest.raises(DataError, match="damaged, or a bomb"):
        load_episodes(file)


def external(handle, folder):
    del handle["terminals"]
    handle.create_dataset("terminals", (37,), "u1", external=[(folder / "victim", 5, 37)])


def external_beside(handle, folder):
    handle.create_dataset("infos/x", (4,), "f4", external=[(folder / "victim", 0, 16)])


def external_link(handle, folder):
    del handle["actions"]
    handle["actions"] = h5py.ExternalLink(folder / "other.hdf5", "actions")


def soft_link(handle, folder):
    handle["infos/actions"] = h5py.SoftLink("/actions")


def virtual(handle, folder):
    del handle["actions"]
    layout = h5py.VirtualLayout((37, 2), "f4")
    layout[:] = h5py.VirtualSource(folder / "other.hdf5", "actions", (37, 2))
    handle.create_virtual_dataset("actions", layout)


@pytest.mark.parametrize("refer", [external, external_beside, external_link, soft_link, virtual])
def test_nothing_that_refers_to_another_place_is_read_or_written(file, tmp_path, refer):
    shutil.copy(file, tmp_path / "other.hdf5")
    (tmp_path / "victim").write_bytes(bytes(100))
    with h5py.File(file, "r+") as handle:
        refer(handle, tmp_path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(file, "play.hdf5")
    for read in (
        load_episodes,
        d4rl.get_dataset,
        lambda _: unpack([tmp_path / "a.zip"], "play.hdf5", tmp_path / "out.hdf5"),
    ):
        with pytest.raises(DataError, match="refers to another place, or to another file"):
            read(file)
    assert (tmp_path / "victim").read_bytes() == bytes(100)
    assert not (tmp_path / "out.hdf5").exists()


@pytest.mark.parametrize("value", [np.nan, 0.3, -1.0, 2.0])
@pytest.mark.parametrize("key", ["terminals", "timeouts"])
def test_an_end_is_0_or_1(file, key, value):
    ends = np.zeros(37)
    ends[11] = value
    change(file, key, ends)
    with pytest.raises(DataError, match=rf"{key}\[11\] is {value}, neither 0 nor 1"):
        load_episodes(file)


def test_a_file_that_another_process_writes_is_not_called_damaged(file):
    code = f"import h5py; file = h5py.File({str(file)!r}, 'r+'); print('open', flush=True); input()"
    command = [sys.executable, "-c", code]
    with Popen(command, stdin=PIPE, stdout=PIPE) as other:
        assert other.stdout.readline()
        with pytest.raises(DataError, match="another process has it open .*HDF5_USE_FILE_LOCKING"):
            load_episodes(file)
        other.communicate(b"\n")


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_file_is_read_or_refused_with_its_name(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.hdf5"
    save_episodes(path, random_episodes([12, 5, 20]))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        loaded = load_episodes(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert int(loaded.lengths.sum()) == len(loaded.states) == len(loaded.actions)


def test_a_web_page_is_not_data(tmp_path):
    (tmp_path / "page.hdf5").write_text("<html>Too many users</html>")
    with pytest.raises(DataError, match="not an HDF5 file"):
        load_episodes(tmp_path / "page.hdf5")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no data set at .*nowhere\.hdf5"):
        load_episodes(tmp_path / "nowhere.hdf5")


def test_asking_for_more_demonstrations_than_there_are_is_refused(file):
    with pytest.raises(DataError, match="holds 3 usable episodes, 4 were asked for"):
        load_episodes(file).first(4, file)


def test_data_sets_of_different_sizes_cannot_be_joined():
    with pytest.raises(DataError, match="differ in"):
        concatenate([random_episodes([5]), random_episodes([5], state_dim=3)])


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 12))
def test_windows_start_at_every_legal_row_and_never_cross_an_end(lengths, horizon):
    episodes = random_episodes(lengths)
    legal, row = [], 0
    for length in lengths:
        legal += range(row, row + max(0, length - horizon))
        row += length
    if not legal:
        with pytest.raises(DataError, match=rf"needs at least H\+1 = {horizon + 1}"):
            Windows(episodes, horizon)
        return
    windows = Windows(episodes, horizon)
    assert windows.starts.tolist() == legal
    s, a = windows.gather(windows.starts)
    # The first state dimension counts rows: inside a window it rises by one.
    expected = windows.starts[:, None] + torch.arange(horizon + 1)
    assert torch.equal(s[:, :, 0], expected.float())
    assert torch.equal(a, episodes.actions[expected[:, :-1]])


def test_every_legal_start_is_drawn():
    windows = Windows(random_episodes([13, 2, 15]), 10)
    drawn = windows.draw(500, torch.Generator().manual_seed(0))
    assert set(drawn.tolist()) == {0, 1, 2, 15, 16, 17, 18, 19}


def test_the_released_demonstrations_load_as_they_are_described(real_demos):
    kettle = load_episodes(real_demos / "kitchen-demo-kettle_bottomknob_switch_hinge.hdf5", 11)
    microwave = load_episodes(real_demos / "kitchen-demo-microwave_kettle_topknob_switch.hdf5", 11)
    assert (len(kettle), len(kettle.states)) == (22, 5402)
    assert (len(microwave), len(microwave.states)) == (22, 4474)
    assert (kettle.lengths.min(), kettle.lengths.max()) == (234, 266)
    # Ten demonstrations make the number of windows that the reference counts.
    assert int((microwave.take(range(10)).lengths - 10).sum()) == 1955
    assert int((kettle.take(range(10)).lengths - 10).sum()) == 2385
