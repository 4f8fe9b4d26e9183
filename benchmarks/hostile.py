"""Hostile inputs, one kind after the other: how a good one is made, and how it is damaged.

Every damage takes what is good, a generator of random numbers and a path; it returns what is to be
read, most often that path.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import pickle
import random
import shutil
import sys
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import torch
import yaml
from safetensors.torch import save

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests")]

import misbehaving as acts  # noqa: E402
import robot_files  # noqa: E402
from made_results import write as write_results  # noqa: E402
from mjl import write_log  # noqa: E402

from configuration import load  # noqa: E402
from d4rl.kitchen.elements import INITIAL_QPOS  # noqa: E402
from fist.data.episodes import Episodes, save_episodes  # noqa: E402
from fist.evaluation.episode_results import Labels  # noqa: E402
from fist.evaluation.evaluate import PolicySpec, Trial  # noqa: E402
from fist.evaluation.export import CELL, export_policy  # noqa: E402
from fist.evaluation.rollout import RolloutSettings  # noqa: E402
from fist.methods.cloning import BC, BCModel, BCSettings  # noqa: E402
from fist.stage.files import sha256  # noqa: E402
from fist.training.checkpoint import save_model  # noqa: E402

VALUES = [None, True, 0, -1, 3, 1.5, 1e300, float("nan"), "", "1e-3", "x", "kitchen", "a b", "../x"]
VALUES += [[], {}, [1], ["a", "a"], {"a": 1}, {1: 2}, {None: None}, [[]], "http://x", "a:b", 10**30]
VALUES += [float("inf"), "a\nb", "\0", "x" * 300_000, [0] * 100_000, 10**9, "$(touch pwned)"]
FIELDS = ["", "nan", "inf", "-1", "1.5", "1e400", "x", "\0", '"', "a\nb", "9" * 5000, "x" * 200_000]
FIELDS += ["\u0661", " 1", "1_0", "True", "0x10", "=1+1", "../x", "-0", "1e0"]


def deep(levels: int) -> list:
    """Return a list in a list in a list …"""
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


def damage_bytes(content: bytes, rng: random.Random, path: Path) -> Path:
    """Write content with some bytes changed, a piece cut out or put in, or its end cut off."""
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 12)):
        # Headers come first: a fifth of the damage goes there.
        place = rng.randrange(min(len(changed), 200) if rng.random() < 0.2 else len(changed))
        changed[place] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
    how, place = rng.randrange(12), rng.randrange(len(changed))
    if how == 0:
        del changed[place:]
    elif how == 1:
        del changed[place : place + rng.randrange(1, 200)]
    elif how == 2:
        changed[place:place] = changed[: rng.randrange(1, 200)]
    path.write_bytes(changed)
    return path


def damage_values(good: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Return a nested mapping in which a few values or keys are others."""
    changed = copy.deepcopy(good)
    for _ in range(rng.randrange(1, 4)):
        places = [(changed, key) for key in changed]
        for parent, key in places:  # grows while it is walked
            value = parent[key]
            if isinstance(value, dict):
                places += [(value, inner) for inner in value]
            elif isinstance(value, list):
                places += [(value, inner) for inner in range(len(value))][:20]
        if not places:
            return changed
        parent, key = rng.choice(places)
        how = rng.randrange(5)
        if how == 0:
            del parent[key]
        elif how == 1 and isinstance(parent, dict):
            parent[rng.choice([f"{key}s", "order", "files", 3, ""])] = parent.pop(key)
        elif how == 2 and isinstance(parent[key], (int, float)):
            parent[key] = rng.choice([-parent[key], parent[key] * 10**9, float(parent[key])])
        else:
            parent[key] = copy.deepcopy(rng.choice(VALUES))
    return changed


# Data sets.


def data(folder: Path) -> bytes:
    """Return a good data set."""
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(60, 5, generator=generator)
    actions = torch.rand(60, 2, generator=generator) * 2 - 1
    save_episodes(folder / "good.hdf5", Episodes(states, actions, torch.tensor([25, 35])))
    return (folder / "good.hdf5").read_bytes()


def damage_structure(content: bytes, rng: random.Random, path: Path) -> Path:
    """Write a data set in which an array is another kind of thing, or there is one more."""
    path.write_bytes(content)
    with h5py.File(path, "r+") as file:
        names = ["observations", "actions", "terminals", "timeouts", "more", "in/more"]
        file.visit(names.append)
        name = rng.choice(names)
        shape = rng.choice([(60, 5), (60,), (60, 2), (), (0, 3), (10**9, 4), (60, 10**7), (61, 2)])
        if name in file:
            del file[name]
        how, victim = rng.randrange(9), path.with_suffix(".victim")
        if how == 0:
            size = int(np.prod(shape, dtype=np.int64))
            file.create_dataset(name, shape, "u1", external=[(victim, 0, size)])
        elif how == 1:
            to = rng.choice(["/actions", f"/{name}", "/nothing", "/rewards/x", "."])
            file[name] = rng.choice([h5py.SoftLink(to), h5py.ExternalLink(victim, to), file["/"]])
        elif how == 2:
            layout = h5py.VirtualLayout(shape or (1,), "f4")
            source = rng.choice([victim, path, "."])
            layout[:] = h5py.VirtualSource(source, rng.choice(["x", "rewards"]), shape or (1,))
            file.create_virtual_dataset(name, layout)
        elif how == 3:
            kind = rng.choice(["f4", "f8", "i8", "S9", h5py.string_dtype(), "c8", h5py.ref_dtype])
            plain = 0 in shape or shape == ()
            file.create_dataset(
                name, shape, kind, chunks=None if plain or rng.random() < 0.5 else True
            )
        elif how == 4:
            file.create_group(name)
        elif how == 5:  # one chunk of zeros, packed a thousand times, and claimed to be many
            rows = rng.choice([60, 10**6, 5 * 10**6])
            packed = {"compression": "gzip", "chunks": (rows, 1)}
            file.create_dataset(name, (rows, 1), "f4", data=np.zeros((rows, 1), "f4"), **packed)
        elif how == 6:
            inner = file
            for _ in range(rng.choice([10, 2000])):
                inner = inner.create_group("g")
            inner["x"] = h5py.SoftLink("/")
        elif how == 7:
            dtype = np.dtype((rng.choice(["f4", "f8"]), rng.choice([(3,), (1000, 1000)])))
            file.create_dataset(name, (60,), dtype)
        else:
            values = rng.choice([0.0, 0.3, 2.0, 1e300, float("nan"), -0.0, 1.0])
            file.create_dataset(name, data=np.full(rng.choice([(60,), (60, 2), (61, 2)]), values))
    return path


Files = dict[str, bytes]
"""Of a recording, by their paths."""


def recordings(source: str, folder: Path) -> tuple[list[Files], list[bytes]]:
    """Return small recordings that a source reads, and files of all that can be written here."""
    own, every = [], []
    for layout, write in robot_files.ALL.items():
        with suppress(ImportError), TemporaryDirectory(dir=folder) as name:
            made = write(Path(name))
            files = [made] if made.is_file() else [f for f in made.rglob("*") if f.is_file()]
            found = {str(file.relative_to(made.parent)): file.read_bytes() for file in files}
            every += found.values()
            own += [found] if layout.split()[0] == source else []
    return own, every


def damage_recording(good: tuple[list[Files], list[bytes]], rng: random.Random, path: Path) -> Path:
    """Write one into a folder, with one of its files damaged, lost, exchanged or led elsewhere."""
    shutil.rmtree(path, ignore_errors=True)
    files = rng.choice(good[0])
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    name = rng.choice([*files])
    victim, content = path / name, files[name]
    match rng.randrange(8):
        case 0:
            victim.unlink()
        case 1:
            victim.unlink()
            victim.symlink_to("/etc/passwd")
        case 2:
            victim.write_bytes(rng.choice(good[1]))
        case 3 | 4 if name.endswith((".json", ".zarray")):
            damage_json(content, rng, victim)
        case 3 | 4 | 5 if content.startswith(b"\x89HDF"):
            damage_structure(content, rng, victim)
        case _:
            damage_bytes(content, rng, victim)
    return path


def log(folder: Path) -> bytes:
    """Return a good log of an arm that stays where it is."""
    qpos = np.tile(INITIAL_QPOS, (480, 1))
    write_log(folder / "good.mjl", qpos, qpos[:, :9])
    return (folder / "good.mjl").read_bytes()


# Pickles and archives.


def pickled(folder: Path) -> bytes:
    """Return a good pickle of demonstrations."""
    states, actions = [np.eye(4, 3), np.ones((4, 3), ">f4")], [np.zeros((3, 2)), np.ones((3, 2))]
    return pickle.dumps((states, actions))


PROGRAMS: dict[str, Callable[[random.Random], bytes]] = {
    "a memo's index": lambda rng: b"\x80\x02]r" + rng.randbytes(4) + b".",
    "a memo's index, as text": lambda rng: b"]p%d\n." % rng.randrange(10**12),
    "bytes that do not come": lambda rng: b"\x80\x04\x8e" + rng.randbytes(5) + b"\0\0\0.",
    "a long number": lambda rng: b"\x80\x02\x8b" + rng.randbytes(3) + b"\0" + b"\xff" * 9000 + b".",
    "digits": lambda rng: b"L" + b"9" * rng.randrange(10**5) + b"L\n.",
    "twice, and twice, …": lambda rng: b"]" + b"2\x86" * rng.randrange(100, 10**5) + b".",
    "a list in a list": lambda rng: b"(l" * rng.randrange(10, 10**5) + b"a" * 9 + b".",
    "a call": lambda rng: rng.choice(
        [b"cos\nsystem\n(S'touch pwned'\ntR.", b"cnumpy\nzeros\n(I9\ntR."]
    ),
    "a frame": lambda rng: b"\x80\x04\x95" + rng.randbytes(8) + b"].",
    "an array of nothing": lambda rng: (
        b"cnumpy\nndarray\n((I%d\nI%d\ntcnumpy\ndtype\n(S'f8'\ntRtR." % (rng.randrange(10**9), 9)
    ),
    "an empty array's rows": lambda rng: pickle.dumps(
        ([np.zeros((rng.choice([4, 10**9]), 0))], [np.zeros((3, 0))])
    ),
    "one array, many times": lambda rng: pickle.dumps(([[np.ones((4, 3))] * 99] * 99,) * 2),
}
"""Pickles that somebody has written by hand."""


def damage_pickle(content: bytes, rng: random.Random, path: Path) -> Path:
    """Damage a pickle's bytes, or write another program."""
    if rng.random() < 0.5:
        return damage_bytes(content, rng, path)
    path.write_bytes(PROGRAMS[rng.choice([*PROGRAMS])](rng))
    return path


def damage_archive(content: bytes, rng: random.Random, path: Path) -> Path:
    """Write an archive of a data set and a pickle, damaged in its parts or as a whole."""
    play, demos = path.with_suffix(".play"), path.with_suffix(".demos")
    if rng.random() < 0.5:
        damage_structure(content, rng, play)
        damage_pickle(pickled(path.parent), rng, demos)
    else:
        play.write_bytes(content)
        demos.write_bytes(pickled(path.parent))
    kind = rng.choice(
        [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    )
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.write(play, "maze/play.hdf5")
        archive.write(demos, "maze/demos.pkl")
        for _ in range(rng.randrange(3)):
            name = rng.choice(
                ["../evil", "/evil", "a\\b", "maze/play.hdf5/x", "x" * 300, "\x01", "é"]
            )
            archive.writestr(name, b"evil")
        if rng.random() < 0.1:
            with archive.open("zeros.hdf5", "w") as zeros:
                zeros.write(bytes(rng.choice([1, 9]) << 20))
    whole = bytearray(path.read_bytes())
    how = rng.randrange(5)
    if how == 0:
        damage_bytes(bytes(whole), rng, path)
    elif how == 1:  # sizes and places in the directory of the archive
        at = whole.find(b"PK\x01\x02")
        whole[at + rng.choice([10, 16, 20, 24, 28, 38, 42]) : at + 44] = rng.randbytes(4)
        path.write_bytes(whole)
    elif how == 2:  # the end of the directory: how many members, how long, where
        at = whole.rfind(b"PK\x05\x06") + rng.choice([8, 10, 12, 16])
        whole[at : at + 4] = rng.randbytes(4)
        path.write_bytes(whole)
    return path


# Servers.


def answers(folder: Path) -> tuple[bytes, list[bytes]]:
    """Return a file, and answers of a server: with a length, without, in chunks, a redirect."""
    content = data(folder)
    heads = [b"200 OK\r\nETag: 1\r\nContent-Length: %d" % len(content), b"200 OK\r\nX: y"]
    heads += [b"302 Found\r\nLocation: /x", b"206 Part\r\nContent-Range: bytes 0-9/10"]
    found = [b"HTTP/1.1 %b\r\n\r\n%b" % (head, content) for head in heads]
    chunk = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
    return content, [*found, b"HTTP/1.1 200 OK\r\n" + chunk]


def damage_answer(good: tuple[bytes, list[bytes]], rng: random.Random, path: Path) -> Any:
    """Damage one of a server's answers."""
    content, found = good
    answer = damage_bytes(rng.choice(found), rng, path).read_bytes()
    return content, [lambda handler: handler.wfile.write(answer)], path.parent


def misbehave(good: tuple[bytes, list[bytes]], rng: random.Random, path: Path) -> Any:
    """Return a few answers of a server that means harm, the last one for ever."""
    content, size = good[0], len(good[0])
    victim = path.with_suffix(".victim")
    victim.write_bytes(content)
    places = [
        victim.as_uri(),
        "/x",
        "//",
        "http://[foo",
        "http://127.0.0.1:1/x",
        "ftp://x/y",
        "\x7f",
    ]
    places += [
        "http://" + "a" * 5000,
        "",
        "?",
        "http://%00/",
        "http://127.0.0.1:99999/x",
        "data:,x",
    ]
    form = f'<form id="download-form" action="{rng.choice(places)}"></form>'
    codes = [100, 101, 204, 206, 304, 400, 401, 416, 429, 503, 599, 999]
    zipped = zlib.compress(content)
    makes: list[Callable[[], Any]] = [
        lambda: acts.good,
        lambda: acts.no_ranges,
        lambda: acts.ignore_if_range,
        lambda: acts.no_length,
        lambda: acts.silence,
        lambda: acts.drip,
        lambda: acts.drip_head,
        lambda: acts.drip_trailers,
        lambda: acts.redirect(rng.choice(places)),
        lambda: acts.page(form),
        lambda: acts.page("<html>" + "x" * rng.choice([9, 10**6])),
        lambda: acts.status(
            rng.choice(codes), Retry_After=rng.choice(["x", "-1", "9" * 99, "1e9"])
        ),
        lambda: acts.reset_after(rng.randrange(size)),
        lambda: acts.end_after(rng.randrange(size)),
        lambda: acts.length(rng.choice([0, size - 1, size + 1, 10**12])),
        lambda: acts.other(bytes(size)),
        lambda: acts.flood(rng.choice([200, 206, 302, 404]), Content_Type="text/html"),
        lambda: acts.flood(200, X="y"),
        lambda: _says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10**5),
        lambda: _says(b"HTTP/1.1 200 " + b"x" * 10**6 + b"\r\n\r\n"),
        lambda: _says(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + content),
        lambda: _says(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n" + content
        ),
        lambda: _says(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n" + content
        ),
        lambda: _says(b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n" + zipped),
        lambda: _says(b"HTTP/1.1 206 P\r\nContent-Range: bytes 5-9/4\r\n\r\n" + content),
        lambda: _says(
            b"HTTP/1.1 200 OK\r\nETag: \xff\xfe\r\nLast-Modified: \x80\r\n\r\n" + content
        ),
        lambda: _says(b"HTTP/9.9 200 OK\r\n\r\n" + content),
        lambda: _says(b""),
    ]
    return content, [rng.choice(makes)() for _ in range(rng.randrange(1, 4))], path.parent


def _says(answer: bytes) -> Callable[[Any], Any]:
    return lambda handler: handler.wfile.write(answer)


# Configurations.


def config(folder: Path) -> dict[str, Any]:
    """Return the default configuration; what it names has been looked at."""
    found = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    load({"config.yaml": found})
    return found


def damage_config(good: dict[str, Any], rng: random.Random, path: Path) -> dict[str, Any]:
    """Return a configuration in which a few values or keys are others, or one has no end."""
    if rng.random() < 0.9:
        return damage_values(good, rng)
    endless: list = []
    endless.append(endless)
    bomb: Any = "x"
    for _ in range(12):
        bomb = [bomb] * 9
    links = {f"link_{n}b": {"like": f"link_{n + 1}b"} for n in range(2000)}
    last = {"link_2000b": rng.choice([{"like": "fist"}, {"like": "link_0b"}, {}])}
    chains = good | {"methods": good["methods"] | links | last}
    wrong = good | {rng.choice([*good]): rng.choice([endless, bomb, deep(rng.choice([60, 10**5]))])}
    return rng.choice([chains, wrong])


# Results.


def results(folder: Path) -> bytes:
    """Return a good episodes.csv."""
    return write_results(folder / "good").read_bytes()


def damage_table(content: bytes, rng: random.Random, path: Path) -> Path:
    """Damage the bytes of a CSV file, its fields, rows or columns, or how it is written."""
    rows = list(csv.reader(io.StringIO(content.decode())))
    how = rng.randrange(8)
    if how == 0:
        return damage_bytes(content, rng, path)
    width = len(rows[0])
    for _ in range(rng.randrange(1, 4)):
        row, column = rng.randrange(len(rows)), rng.randrange(width)
        if how < 4:
            rows[row][column : column + 1] = [rng.choice(FIELDS)]
        elif how == 4:
            rows.insert(row, rng.choice(rows))
        elif how == 5:  # a column that is gone, or there twice
            copies = rng.choice([0, 2])
            for one in rows:
                one[column : column + 1] *= copies
        elif how == 6:
            rows[row] = rows[row][:width] * rng.choice([0, 2, 100])
    written = io.StringIO()
    ends = rng.choice(["\n"] * 8 + ["\r\n", "\r"])
    csv.writer(written, lineterminator=ends, escapechar="\\").writerows(rows)
    encoding = rng.choice(["utf-8"] * 20 + ["utf-16", "utf-8-sig", "cp424"])
    path.write_bytes(written.getvalue().encode(encoding, "replace"))
    return path


# Checkpoints and cells.


def model() -> BCModel:
    """Return a small model."""
    torch.manual_seed(0)
    return BCModel(BCSettings(hidden=16, blocks=2), 5, 2)


def checkpoint(folder: Path) -> dict[str, bytes]:
    """Return the files of a good checkpoint, in both formats."""
    found = {}
    for name in ("good.pt", "good.safetensors"):
        save_model(folder / name, model(), {})
        found[name] = (folder / name).read_bytes()
    return found | {"twin": (folder / "good.json").read_bytes()}


def damage_checkpoint(good: dict[str, bytes], rng: random.Random, path: Path) -> Path:
    """Damage the weights of a checkpoint, or its twin."""
    suffix = rng.choice([".pt", ".safetensors"])
    path, twin = path.with_suffix(suffix), path.with_suffix(".json")
    path.write_bytes(good[f"good{suffix}"])
    twin.write_bytes(good["twin"])
    if rng.random() < 0.5:
        damage_json(good["twin"], rng, twin)
    else:
        damage_weights(good[f"good{suffix}"], rng, path)
    return path


def damage_json(content: bytes, rng: random.Random, path: Path) -> Path:
    """Damage the bytes of a JSON file, or its values."""
    how = rng.randrange(8)
    if how == 0:
        return damage_bytes(content, rng, path)
    if how == 1:
        text = rng.choice(
            ["[" * 10**5, '{"a":' * 10**5, "9" * 10**5, '"\\ud800"', "null", "[]", "{}"]
        )
        path.write_text(text)
        return path
    path.write_text(json.dumps(damage_values(json.loads(content), rng)))
    return path


def damage_weights(content: bytes, rng: random.Random, path: Path) -> Path:
    """Damage the bytes of weights, or exchange some of them."""
    if rng.random() < 0.4:
        return damage_bytes(content, rng, path)
    weights: dict[str, Any] = model().state_dict()
    name = rng.choice([*weights])
    value = weights[name]
    others = [
        value * float("nan"),
        value.double() * 1e300,
        value.to(torch.complex64),
        value[..., :1],
    ]
    others += [torch.zeros(10**6), torch.zeros(1).expand(10**9) if path.suffix == ".pt" else value]
    weights[rng.choice([name, name, "more"])] = rng.choice(others)
    if rng.random() < 0.2:
        del weights[next(iter(weights))]
    if path.suffix == ".safetensors":
        file = bytearray(save({key: value.contiguous().clone() for key, value in weights.items()}))
        if rng.random() < 0.3:
            file[:8] = rng.choice([2**62, 2**31, 5, 0]).to_bytes(8, "little")
        path.write_bytes(file)
    else:
        torch.save(rng.choice([weights, {"state_dict": weights}, [], ValueError, model()]), path)
        if rng.random() < 0.3:  # the same, packed: zeros a thousand times smaller
            with zipfile.ZipFile(path) as plain:
                parts = {name: plain.read(name) for name in plain.namelist()}
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
                for part, inside in parts.items():
                    packed.writestr(part, inside + bytes(rng.choice([0, 0, 20 << 20])))
    return path


def cell(folder: Path) -> dict[str, bytes]:
    """Return the files of a good cell."""
    save_model(folder / "bc.pt", model(), {})
    spec = PolicySpec(BC, BC.Settings(), folder / "bc.pt", "none", None, 1, None)
    labels = Labels("kitchen", "kettle", "bc", 0, "generated")
    trial = Trial(labels, "d4rl:kitchen-mixed-v0", {}, spec, RolloutSettings(episodes=2))
    export_policy(folder / "cell", trial)
    return {file.name: file.read_bytes() for file in (folder / "cell").iterdir()}


def damage_cell(good: dict[str, bytes], rng: random.Random, path: Path) -> Path:
    """Damage one file of a cell; where the digests are known, they are often put right."""
    path.mkdir(exist_ok=True)
    for file in path.iterdir():
        file.unlink()
    for name, content in good.items():
        (path / name).write_bytes(content)
    name = rng.choice([*good])
    if rng.random() < 0.1:
        (path / name).unlink()
        if rng.random() < 0.5:
            (path / name).symlink_to("/etc/passwd")
    elif name.endswith(".json"):
        damage_json(good[name], rng, path / name)
    else:
        damage_weights(good[name], rng, path / name)
    if name != CELL and rng.random() < 0.7 and (path / name).is_file():
        described = json.loads(good[CELL])
        described["files"][name] = sha256(path / name)
        (path / CELL).write_text(json.dumps(described))
    return path
