"""What bringing recordings in takes: memory of large ones, and seconds for the headers of many.

    nice python benchmarks/formats.py
    nice python benchmarks/formats.py --megabytes 20 --files 100

Memory is the most that the process held (its resident set, pages of mapped files with it) while it
converted a recording and read the result, beyond what it held before: all libraries are imported
then, and a small recording is converted, because what that takes is the same for any data. Allowed
are the arrays that are kept, and twice the largest episode. Two sizes tell what grows with the data
from what does not.

Seconds are those of the clock, of judging the headers of many files as a plan does: right ones, and
the same where all lack the key that is asked for.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tyro

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

import robot_files  # noqa: E402

from fist.data.sources.exports import export  # noqa: E402

MEMORY = """
import re, sys
from pathlib import Path
from fist.data.sources.convert import convert

def status(key):
    return int(re.search(rf"{key}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) << 10

small, large, out = map(Path, sys.argv[1:])
convert("auto", "x", out, (small,))
Path("/proc/self/clear_refs").write_text("5")
held = status("VmRSS")
convert("auto", "x", out, (large,))
print(status("VmHWM") - held)
"""
SECONDS = """
import sys, time
from pathlib import Path
from fist.data.episodes import DataError
from fist.data.sources.formats import auto

small, copies = map(Path, sys.argv[1:])
auto([small], "x", None)
for keys in (None, ["nothing"]):
    told, begun = 0, time.monotonic()
    for place in copies.iterdir():
        try:
            auto([place], "x", None, keys=keys)
        except DataError:
            told += 1
    print(time.monotonic() - begun)
    assert told == (0 if keys is None else len([*copies.iterdir()]))
"""


@dataclass
class Arguments:
    """How large it is."""

    megabytes: tuple[float, ...] = (50.0, 200.0)
    """Sizes of the large recordings' states and actions."""
    steps: tuple[int, ...] = (250, 0)
    """Of an episode; 0: all is one."""
    files: int = 1000
    """Small recordings whose headers are judged; 0: none."""
    layouts: tuple[str, ...] = ()
    """Which ones; by default all."""


def main(arguments: Arguments) -> None:
    """Print tables of what was measured."""
    layouts = arguments.layouts or tuple(LAYOUTS)
    print("| layout | rows of an episode | MB kept | MB allowed | MB taken | MB beyond |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, steps, megabytes in product(layouts, arguments.steps, arguments.megabytes):
        rows = int(megabytes * 1e6 / (69 * 4))
        kept, largest = rows * (69 * 4 + 4 + 2) / 1e6, (steps or rows) * 69 * 4 / 1e6
        allowed, taken = kept + 2 * largest, memory(LAYOUTS[name], rows, steps or rows)
        told = f"{kept:.1f} | {allowed:.1f} | {taken:.1f} | {taken - allowed:.1f}"
        print(f"| {name} | {steps or 'all'} | {told} |", flush=True)
    if arguments.files:
        print("\n| layout | s, right files | s, wrong files |\n|---|---:|---:|")
        for name in layouts:
            right, wrong = seconds(LAYOUTS[name], arguments.files)
            print(f"| {name} | {right:.2f} | {wrong:.2f} |", flush=True)


def memory(made: Callable[[Path], Path], rows: int, steps: int) -> float:
    """Return the MB that a recording of so many rows takes while it is converted."""
    with TemporaryDirectory() as folder:
        places = [written(made, Path(folder, "small"), 20, 10)]
        places.append(written(made, Path(folder, "large"), rows, steps))
        (taken,) = measured(MEMORY, *places, Path(folder, "out.hdf5"))
        return taken / 1e6


def seconds(made: Callable[[Path], Path], files: int) -> list[float]:
    """Return the seconds that the headers of so many files take, right ones and wrong ones."""
    with TemporaryDirectory() as folder:
        small = written(made, Path(folder, "small"), 20, 10)
        copy = shutil.copytree if small.is_dir() else shutil.copy
        copies = Path(folder, "copies")
        copies.mkdir()
        for number in range(files):
            copy(small, copies / f"{number}{small.suffix}")
        return measured(SECONDS, small, copies)


def measured(code: str, *places: Path) -> list[float]:
    """Return what a process of its own prints."""
    words = [sys.executable, "-c", code, *map(str, places)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    return [*map(float, done.stdout.split())]


def written(made: Callable[[Path], Path], folder: Path, rows: int, steps: int) -> Path:
    """Write a recording of so many rows."""
    folder.mkdir()
    set_rows(rows, steps)
    return made(folder)


def set_rows(rows: int, steps: int) -> None:
    """Let the files be of so many random rows, 60 numbers of states and 9 of actions."""
    generator = np.random.default_rng(0)
    robot_files.STATES = generator.random((rows, 60), np.float32)
    robot_files.ACTIONS = generator.random((rows, 9), np.float32)
    robot_files.ENDS = np.minimum(np.arange(steps, rows + steps, steps), rows)


def exported(layout: str, inside: str) -> Callable[[Path], Path]:
    """Return what writes a layout that data sets go out in."""

    def made(folder: Path) -> Path:
        export(layout, robot_files.d4rl(folder), folder / inside)  # type: ignore[arg-type]
        return (folder / inside).parents[1] if "/" in inside else folder / inside

    return made


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "D4RL": robot_files.d4rl,
    "robomimic": exported("robomimic", "demos.hdf5"),
    "Minari": robot_files.minari,
    "LeRobot": exported("lerobot", "set/meta/info.json"),
    "zarr 2": lambda folder: robot_files.zarr(folder, 2),
    "zarr 3, zip": lambda folder: robot_files.zarr(folder, 3, packed=True),
    "npz": robot_files.npz,
    "npz files": lambda folder: robot_files.npz(folder, "files"),
}
"""What writes the rows of `robot_files` into a folder."""

if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
