"""Damage inputs at random and see what becomes of them: the right result, or one clear line.

Data sets (HDF5), logs of tele-operation (.mjl), pickles, a server's answers and configurations are
damaged in turn: bytes are changed, cut off, repeated; arrays of a data set are exchanged for links,
virtual and external ones and for such that claim too much; values of a configuration are exchanged,
keys misspelt, dropped, added.
An outcome is good if the input is read, or refused with an error of the kind that is meant for it
whose message names the file (of a configuration: the key). Anything else is a fault: another error,
a crash of the process, more than 10 seconds, more than 2 GB of memory beyond what the imports take.

    python benchmarks/fuzz.py --inputs 10000

Exits with 1 if there is a fault; what was damaged is then printed, so that it can be repeated.
"""

from __future__ import annotations

import copy
import logging
import os
import pickle
import random
import resource
import signal
import socketserver
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
import tyro
import yaml
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests")]

from mjl import write_log  # noqa: E402

import d4rl  # noqa: E402
from configuration import ConfigError, load  # noqa: E402
from d4rl.kitchen.elements import INITIAL_QPOS  # noqa: E402
from d4rl.recorded.logs import LogError, read_log  # noqa: E402
from fist.data.episodes import DataError, Episodes, load_episodes, save_episodes  # noqa: E402
from fist.data.sources.download import Download, DownloadError, fetch  # noqa: E402
from fist.data.sources.pickles import PickleError, load_arrays  # noqa: E402
from fist.data.sources.transfer import Patience  # noqa: E402
from fist.stage.files import sha256  # noqa: E402

SECONDS, MEMORY = 10, 2 << 30
CHUNK = 500
"""Inputs of one process."""


@dataclass
class Arguments:
    """How much to damage."""

    inputs: int = 10_000
    """Inputs in all."""
    seed: int = 0
    """Seed; with the number of an input it decides the damage."""


class TooSlow(Exception):
    """An input that takes too long."""


def main(arguments: Arguments) -> None:
    """Damage the inputs and print what became of them."""
    os.environ["TQDM_DISABLE"] = "1"  # of the processes that damage: downloads show bars
    counts: Counter[tuple[str, str]] = Counter()
    faults, begun, memory = [], time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        for first in tqdm(range(0, arguments.inputs, CHUNK), unit=f"{CHUNK} inputs"):
            numbers = range(first, min(first + CHUNK, arguments.inputs))
            outcomes, used = _in_a_process(folder, arguments.seed, numbers)
            memory = max(memory, used)
            for number, kind, outcome, detail in outcomes:
                counts[kind, outcome] += 1
                if outcome == "fault":
                    faults.append(f"input {number}, {kind}: {detail}")
    print(f"{arguments.inputs} inputs, {time.monotonic() - begun:.0f} s, {memory >> 20} MB at most")
    print("| kind | read | refused | faults |\n|---|---:|---:|---:|")
    for kind in KINDS:
        row = [str(counts[kind, outcome]) for outcome in ("read", "refused", "fault")]
        print(f"| {kind} | {' | '.join(row)} |")
    print("\n".join(faults))
    sys.exit(bool(faults))


def _in_a_process(folder: str, seed: int, numbers: range) -> tuple[list[tuple], int]:
    """Damage some inputs in a process of their own; one that dies is a fault, too."""
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_damage, args=(folder, seed, numbers, there))
    process.start()
    there.close()
    outcomes, memory = [], 0
    try:
        while True:
            outcome = here.recv()
            if isinstance(outcome, int):
                memory = outcome
            else:
                outcomes.append(outcome)
    except EOFError:
        process.join()
    if len(outcomes) < len(numbers):
        number = numbers[len(outcomes)]
        kind = list(KINDS)[number % len(KINDS)]
        outcomes.append((number, kind, "fault", f"the process died ({process.exitcode})"))
        rest, used = (
            _in_a_process(folder, seed, range(number + 1, numbers.stop))
            if (number + 1 < numbers.stop)
            else ([], 0)
        )
        outcomes, memory = outcomes + rest, max(memory, used)
    return outcomes, memory


def _damage(folder: str, seed: int, numbers: range, pipe: Any) -> None:
    """Damage inputs and send what became of each, then the memory that it took."""
    signal.signal(signal.SIGALRM, _too_slow)
    logging.disable()
    before = {name: prepare(Path(folder)) for name, (prepare, _, _) in KINDS.items()}
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + MEMORY, resource.RLIM_INFINITY))
    for number in numbers:
        kind = list(KINDS)[number % len(KINDS)]
        _, damage, read = KINDS[kind]
        rng = random.Random(f"{seed} {number}")
        path = Path(folder) / f"damaged.{kind}"
        thing = damage(before[kind], rng, path)
        signal.alarm(SECONDS)
        try:
            outcome, detail = read(thing), ""
        except TooSlow:
            outcome, detail = "fault", f"more than {SECONDS} s"
        except Exception as error:
            outcome, detail = "fault", f"{type(error).__name__}: {error}"
        finally:
            signal.alarm(0)
        pipe.send((number, kind, outcome, detail))
    pipe.send((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - start)


def _too_slow(*_: Any) -> None:
    raise TooSlow


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _prepare_data(folder: Path) -> bytes:
    """Return a good data set."""
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(60, 5, generator=generator)
    actions = torch.rand(60, 2, generator=generator) * 2 - 1
    save_episodes(folder / "good.hdf5", Episodes(states, actions, torch.tensor([25, 35])))
    return (folder / "good.hdf5").read_bytes()


def _prepare_pickle(folder: Path) -> bytes:
    """Return a good pickle of arrays."""
    return pickle.dumps(([np.eye(3), np.ones((4, 3), ">f4")], [np.zeros((2, 2)), [1.0, 2, "x"]]))


def _prepare_answers(folder: Path) -> tuple[bytes, list[bytes]]:
    """Return a file, and answers of a server: with a length, without, in chunks, a redirect."""
    content = _prepare_data(folder)
    heads = [b"200 OK\r\nETag: 1\r\nContent-Length: %d" % len(content), b"200 OK\r\nX: y"]
    heads += [b"302 Found\r\nLocation: /x", b"206 Part\r\nContent-Range: bytes 0-9/10"]
    answers = [b"HTTP/1.1 %b\r\n\r\n%b" % (head, content) for head in heads]
    chunk = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
    return content, [*answers, b"HTTP/1.1 200 OK\r\n" + chunk]


def _prepare_log(folder: Path) -> bytes:
    """Return a good log of an arm that stays where it is."""
    qpos = np.tile(INITIAL_QPOS, (480, 1))
    write_log(folder / "good.mjl", qpos, qpos[:, :9])
    return (folder / "good.mjl").read_bytes()


def _prepare_config(folder: Path) -> dict[str, Any]:
    """Return the default configuration."""
    return yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


def _damage_bytes(content: bytes, rng: random.Random, path: Path) -> Path:
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


def _damage_structure(content: bytes, rng: random.Random, path: Path) -> Path:
    """Write a data set in which an array is another kind of thing, or there is one more."""
    path.write_bytes(content)
    with h5py.File(path, "r+") as file:
        name = rng.choice(["observations", "actions", "terminals", "timeouts", "more", "in/more"])
        shape = rng.choice([(60, 5), (60,), (60, 2), (), (0, 3), (10**9, 4), (60, 10**7), (61, 2)])
        if name in file:
            del file[name]
        how, victim = rng.randrange(6), path.with_suffix(".victim")
        if how == 0:
            size = int(np.prod(shape, dtype=np.int64))
            file.create_dataset(name, shape, "u1", external=[(victim, 0, size)])
        elif how == 1:
            links = [h5py.SoftLink("/actions"), h5py.ExternalLink(victim, "/actions")]
            file[name] = rng.choice([*links, file["/"]])
        elif how == 2:
            layout = h5py.VirtualLayout(shape or (1,), "f4")
            layout[:] = h5py.VirtualSource(victim, "x", shape or (1,))
            file.create_virtual_dataset(name, layout)
        elif how == 3:
            kind = rng.choice(["f4", "f8", "i8", "S9", h5py.string_dtype(), "c8", h5py.ref_dtype])
            plain = 0 in shape or shape == ()
            file.create_dataset(
                name, shape, kind, chunks=None if plain or rng.random() < 0.5 else True
            )
        elif how == 4:
            file.create_group(name)
        else:
            values = rng.choice([0.0, 0.3, 2.0, 1e300, float("nan"), -0.0, 1.0])
            file.create_dataset(name, data=np.full(rng.choice([(60,), (60, 2), (61, 2)]), values))
    return path


def _damage_answer(good: tuple[bytes, list[bytes]], rng: random.Random, path: Path) -> Any:
    """Damage one of a server's answers."""
    content, answers = good
    return content, _damage_bytes(rng.choice(answers), rng, path)


VALUES = [None, True, 0, -1, 3, 1.5, 1e300, float("nan"), "", "1e-3", "x", "kitchen", "a b", "../x"]
VALUES += [[], {}, [1], ["a", "a"], {"a": 1}, {1: 2}, {None: None}, [[]], "http://x", "a:b", 10**30]


def _damage_config(config: dict[str, Any], rng: random.Random, path: Path) -> dict[str, Any]:
    """Return a configuration in which a few values or keys are others."""
    changed = copy.deepcopy(config)
    for _ in range(rng.randrange(1, 4)):
        places = [(changed, key) for key in changed]
        for parent, key in places:  # grows while it is walked
            value = parent[key]
            if isinstance(value, dict):
                places += [(value, inner) for inner in value]
            elif isinstance(value, list):
                places += [(value, inner) for inner in range(len(value))]
        parent, key = rng.choice(places)
        how = rng.randrange(4)
        if how == 0:
            del parent[key]
        elif how == 1 and isinstance(parent, dict):
            parent[rng.choice([f"{key}s", "order", "files", 3, ""])] = parent.pop(key)
        else:
            parent[key] = copy.deepcopy(rng.choice(VALUES))
    return changed


def _read_data(path: Path) -> str:
    """Read a data set in both ways that there are."""
    outcome = "read"
    try:
        episodes = load_episodes(path)
        assert int(episodes.lengths.sum()) == len(episodes.states) == len(episodes.actions)
    except DataError as error:
        assert str(path) in str(error), f"the file is not named: {error}"
        outcome = "refused"
    try:
        d4rl.get_dataset(path)
    except ValueError as error:
        assert str(path) in str(error), f"the file is not named: {error}"
        outcome = "refused"
    return outcome


def _read_pickle(path: Path) -> str:
    """Read a pickle of arrays."""
    try:
        load_arrays(path)
    except PickleError as error:
        assert str(path) in str(error), f"the file is not named: {error}"
        return "refused"
    return "read"


def _read_answer(given: tuple[bytes, Path]) -> str:
    """Fetch a file from a server that answers so to every request."""
    content, path = given
    (path.parent / "right").write_bytes(content)
    answer, digest = path.read_bytes(), sha256(path.parent / "right")

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(answer)

    hasty = Patience(answer=0.5, read=0.3, attempts=2, pause=0.001, longest_pause=0.01)
    with (
        tempfile.TemporaryDirectory(dir=path.parent) as folder,
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server,
    ):
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url, out = f"http://127.0.0.1:{server.server_address[1]}/x", Path(folder) / "out.hdf5"
        try:
            fetch(Download("a.hdf5", (url,), digest, limit=1 << 20), out, Path(folder), hasty)
        except DownloadError as error:
            assert url in str(error), f"the address is not named: {error}"
            assert not out.exists()
            return "refused"
        finally:
            server.shutdown()
        assert out.read_bytes() == content
    return "read"


def _read_log(path: Path) -> str:
    """Read a log."""
    try:
        log = read_log(path)
    except LogError as error:
        assert str(path) in str(error), f"the file is not named: {error}"
        return "refused"
    assert len({len(log.time), len(log.qpos), len(log.qvel), len(log.ctrl)}) == 1
    return "read"


def _read_config(config: dict[str, Any]) -> str:
    """Check a configuration."""
    try:
        load({"damaged.yaml": config})
    except ConfigError as error:
        for line in str(error).splitlines():
            assert "`" in line, f"no key is named: {line}"
        return "refused"
    return "read"


KINDS: dict[str, tuple[Callable, Callable, Callable]] = {
    "hdf5": (_prepare_data, _damage_bytes, _read_data),
    "structure": (_prepare_data, _damage_structure, _read_data),
    "pickle": (_prepare_pickle, _damage_bytes, _read_pickle),
    "answer": (_prepare_answers, _damage_answer, _read_answer),
    "mjl": (_prepare_log, _damage_bytes, _read_log),
    "config": (_prepare_config, _damage_config, _read_config),
}
"""What is damaged: how to make a good one, how to damage it, how to read it."""

if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
