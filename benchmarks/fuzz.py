"""Give the project hostile inputs at random and see what becomes of them.

Data sets, recordings, pickles, archives, logs, a server's answers, configurations, results,
checkpoints and exported cells are damaged in turn (`hostile`): bytes are changed, links lead
elsewhere, sizes are claimed that nothing is behind, programs and values are written by hand,
servers drip or never end.
An outcome is good if the input is read, or refused with an error of the kind that is meant for it
whose message names the file (of an answer: the address, of a configuration: the key). Anything else
is a fault: another error, a crash of the process, a file that was written elsewhere, more than 30
seconds, more than 256 MB beyond what the process held before, measured for every input.

    nice python benchmarks/fuzz.py --inputs 10000
    nice python benchmarks/fuzz.py --inputs 500 --kinds server pickle

Exits with 1 if there is a fault; what was damaged is then printed, so that it can be repeated.
"""

from __future__ import annotations

import logging
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import tyro
from tqdm import tqdm

import hostile

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests")]

from misbehaving import serving  # noqa: E402

import d4rl  # noqa: E402
from configuration import ConfigError, load  # noqa: E402
from d4rl.recorded.logs import LogError, read_log  # noqa: E402
from fist.data.episodes import DataError, load_episodes  # noqa: E402
from fist.data.sources.archive import ArchiveError  # noqa: E402
from fist.data.sources.convert import convert  # noqa: E402
from fist.data.sources.download import Download, DownloadError, fetch  # noqa: E402
from fist.data.sources.formats import LAYOUTS, auto  # noqa: E402
from fist.data.sources.pickles import PickleError  # noqa: E402
from fist.data.sources.release import demonstrations, unpack  # noqa: E402
from fist.data.sources.transfer import Patience  # noqa: E402
from fist.evaluation.episode_results import ResultsError, collect  # noqa: E402
from fist.evaluation.export import load_exported  # noqa: E402
from fist.stage.files import sha256  # noqa: E402
from fist.training.checkpoint import CheckpointError, load_model  # noqa: E402
from fist.training.reference_weights import load_reference  # noqa: E402

SECONDS, MEMORY = 30, 256 << 20
"""What an input may take."""
ADDRESSES = 8 << 30
"""Bytes of address space beyond those at the start; more ends in a MemoryError."""
CHUNK = 500
"""Inputs of one process."""


@dataclass
class Arguments:
    """How much to damage."""

    inputs: int = 10_000
    """Inputs in all."""
    seed: int = 0
    """Seed; with the number of an input it decides the damage."""
    kinds: tuple[str, ...] = ()
    """Kinds of inputs; by default all."""


@dataclass
class Outcome:
    """What became of an input."""

    number: int
    kind: str
    what: str
    """read, refused or fault."""
    detail: str = ""
    seconds: float = 0.0
    memory: int = 0
    """Bytes beyond those that the process held before."""


@dataclass
class Inputs:
    """A kind of input."""

    prepare: Callable[[Path], Any]
    """Makes a good one."""
    damage: Callable[[Any, random.Random, Path], Any]
    """Damages it."""
    read: Callable[[Any], None]
    """Reads what came out; raises one of `refuses` or, where it has failed, something else."""
    refuses: tuple[type[Exception], ...] = field(default=())


class TooSlow(BaseException):
    """An input that takes too long."""


def main(arguments: Arguments) -> None:
    """Damage the inputs and print what became of them."""
    os.environ["TQDM_DISABLE"] = "1"  # of the processes that damage: downloads show bars
    kinds, outcomes, begun = arguments.kinds or tuple(KINDS), [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for first in tqdm(range(0, arguments.inputs, CHUNK), unit=f"{CHUNK} inputs"):
            numbers = range(first, min(first + CHUNK, arguments.inputs))
            outcomes += _in_a_process(folder, arguments.seed, numbers, kinds)
    print(f"{arguments.inputs} inputs, {time.monotonic() - begun:.0f} s\n")
    print("| kind | inputs | read | refused | faults | slowest, s | most, MB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for kind in kinds:
        ours = [one for one in outcomes if one.kind == kind]
        counts = [sum(one.what == what for one in ours) for what in ("read", "refused", "fault")]
        slowest = max((one.seconds for one in ours), default=0)
        most = max((one.memory for one in ours), default=0) / 1e6
        cells = [kind, len(ours), *counts, f"{slowest:.1f}", f"{most:.0f}"]
        print(f"| {' | '.join(map(str, cells))} |")
    faults = [one for one in outcomes if one.what == "fault"]
    print("\n".join(f"input {one.number}, {one.kind}: {one.detail}" for one in faults))
    sys.exit(bool(faults))


def _in_a_process(folder: str, seed: int, numbers: range, kinds: tuple[str, ...]) -> list[Outcome]:
    """Damage some inputs in processes of their own; one that dies or hangs is a fault, too."""
    outcomes: list[Outcome] = []
    while len(outcomes) < len(numbers):
        here, there = get_context("spawn").Pipe()
        left = numbers[len(outcomes) :]
        process = get_context("spawn").Process(
            target=_damage, args=(folder, seed, left, kinds, there)
        )
        process.start()
        there.close()
        try:
            while here.poll(120):
                outcomes.append(here.recv())
        except EOFError:
            pass
        process.kill()
        process.join()
        if len(outcomes) < len(numbers):
            number = numbers[len(outcomes)]
            died = f"the process hung, or died ({process.exitcode})"
            outcomes.append(Outcome(number, kinds[number % len(kinds)], "fault", died))
    return outcomes


def _damage(folder: str, seed: int, numbers: range, kinds: tuple[str, ...], pipe: Any) -> None:
    """Damage inputs and send what became of each."""
    signal.signal(signal.SIGALRM, _too_slow)
    logging.disable()
    os.chdir(folder)
    before = {kind: KINDS[kind].prepare(Path(folder)) for kind in kinds}
    limit = (_status("VmSize") + ADDRESSES, resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_AS, limit)
    for number in numbers:
        kind = kinds[number % len(kinds)]
        rng, path = random.Random(f"{seed} {number}"), Path(folder) / f"damaged.{kind}"
        thing = KINDS[kind].damage(before[kind], rng, path)
        pipe.send(judged(number, kind, thing))


def judged(number: int, kind: str, thing: Any) -> Outcome:
    """Read a damaged input and say what became of it."""
    found, inputs = Outcome(number, kind, "fault"), KINDS[kind]
    Path("/proc/self/clear_refs").write_text("5")  # the most memory is counted anew
    held, begun = _status("VmRSS"), time.monotonic()
    signal.alarm(SECONDS)
    try:
        inputs.read(thing)
        found.what = "read"
    except TooSlow:
        found.detail = f"more than {SECONDS} s"
    except inputs.refuses as error:
        found.what = "refused"
        if not _names(thing, str(error)) or "\n" in str(error).strip() and kind != "config":
            found.what, found.detail = "fault", f"not in one line that names it: {error!r:.300}"
    except Exception as error:
        found.detail = f"{type(error).__name__}: {error!s:.300}"
    finally:
        signal.alarm(0)
    found.seconds, found.memory = time.monotonic() - begun, _status("VmHWM") - held
    if found.memory > MEMORY:
        found.what, found.detail = "fault", f"{found.memory >> 20} MB {found.detail}"
    if Path("pwned").exists():
        found.what, found.detail = "fault", "something of it was run"
    return found


def _names(thing: Any, message: str) -> bool:
    """Tell whether an error names what was read."""
    if isinstance(thing, Path):
        return str(thing.with_suffix("")) in message
    if isinstance(thing, dict):
        return all("`" in line for line in message.splitlines())
    return "http://127.0.0.1:" in message


def _too_slow(*_: Any) -> None:
    raise TooSlow


def _status(key: str) -> int:
    """Return a size of this process in bytes, as Linux tells it."""
    found = re.search(rf"{key}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) << 10


def _read_data(path: Path) -> None:
    """Read a data set in both ways that there are."""
    faults = []
    for reads in (load_episodes, d4rl.get_dataset):
        try:
            reads(path)
        except DataError as error:
            faults.append(error)
    if faults:
        raise faults[0]


def _read_recording(folder: Path) -> None:
    """Judge a recording by its headers, then bring it in; what was refused is not left behind."""
    place = next(folder.iterdir(), folder / "gone")
    out = folder.with_name("recording.hdf5")
    out.unlink(missing_ok=True)
    auto([place], place.name, None)
    try:
        convert("auto", place.name, out, (place,))
    finally:
        assert out.exists() == out.with_suffix(".json").exists()
        out.with_suffix(".json").unlink(missing_ok=True)


def _read_archive(path: Path) -> None:
    """Unpack a data set and a pickle; nothing may come to lie elsewhere."""
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        before, faults = set(path.parent.rglob("*")), []
        for member in ("play.hdf5", "demos.pkl", "zeros.hdf5"):
            out = Path(name, "out", member)
            try:
                unpack([path], member, out)
            except (ArchiveError, PickleError, DataError) as error:
                assert not out.exists()
                faults.append(error)
        after = {file for file in path.parent.rglob("*") if not file.is_relative_to(Path(name))}
        assert after <= before, after - before
    if isinstance(faults[0], ArchiveError):
        raise faults[0]


def _read_answers(given: tuple[bytes, list[Callable], Path]) -> None:
    """Fetch a file from a server that plays its acts in turn."""
    content, acts, parent = given
    (parent / "right").write_bytes(content)
    hasty = Patience(answer=0.5, read=0.3, attempts=2, pause=0.001, longest_pause=0.01)
    with tempfile.TemporaryDirectory(dir=parent) as name, serving(content, *acts) as server:
        out, digest = Path(name) / "out.hdf5", sha256(parent / "right")
        wanted = Download("a.hdf5", (server.url,), digest, limit=1 << 20)
        try:
            fetch(wanted, out, Path(name), hasty)
        finally:
            assert not out.exists() or out.read_bytes() == content


def _read_log(path: Path) -> None:
    log = read_log(path)
    assert len({len(log.time), len(log.qpos), len(log.qvel), len(log.ctrl)}) == 1


def _read_checkpoint(path: Path) -> None:
    """Load a model, as one of ours and as one of the reference."""
    try:
        load_reference(path)
    except CheckpointError as error:
        assert _names(path, str(error))
    assert all(value.isfinite().all() for value in load_model(path).state_dict().values())


def _read_cell(folder: Path) -> None:
    trial = load_exported(folder)
    if trial.spec.model is not None:
        load_model(trial.spec.model, trial.spec.method.Model)


KINDS: dict[str, Inputs] = {
    "hdf5": Inputs(hostile.data, hostile.damage_bytes, _read_data, (DataError,)),
    "structure": Inputs(hostile.data, hostile.damage_structure, _read_data, (DataError,)),
    **{
        source: Inputs(
            partial(hostile.recordings, source),
            hostile.damage_recording,
            _read_recording,
            (DataError, FileNotFoundError),
        )
        for source in LAYOUTS
    },
    "pickle": Inputs(
        hostile.pickled, hostile.damage_pickle, demonstrations, (PickleError, DataError)
    ),
    "archive": Inputs(hostile.data, hostile.damage_archive, _read_archive, (ArchiveError,)),
    "answer": Inputs(hostile.answers, hostile.damage_answer, _read_answers, (DownloadError,)),
    "server": Inputs(hostile.answers, hostile.misbehave, _read_answers, (DownloadError,)),
    "mjl": Inputs(hostile.log, hostile.damage_bytes, _read_log, (LogError,)),
    "config": Inputs(
        hostile.config,
        hostile.damage_config,
        lambda config: load({"damaged.yaml": config}),
        (ConfigError,),
    ),
    "results": Inputs(
        hostile.results, hostile.damage_table, lambda file: collect([file]), (ResultsError,)
    ),
    "checkpoint": Inputs(
        hostile.checkpoint,
        hostile.damage_checkpoint,
        _read_checkpoint,
        (CheckpointError, FileNotFoundError),
    ),
    "cell": Inputs(
        hostile.cell, hostile.damage_cell, _read_cell, (CheckpointError, FileNotFoundError)
    ),
}
"""What is damaged, by the names that the table has."""

if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
