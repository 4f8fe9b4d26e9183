"""What bringing recordings in takes: memory of a large one, and seconds for the headers of many.

    nice python benchmarks/formats.py
    nice python benchmarks/formats.py --megabytes 20 --files 100

Memory is the most that the process held while it converted a recording, beyond what it held before
(it had read a small one), over what is allowed: the arrays that are kept, and twice the largest
episode. Seconds are those of the clock, of judging the headers of many files as a plan does: right
ones, and the same where all lack the key that is asked for.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

import robot_files  # noqa: E402

from fist.data.sources.exports import export  # noqa: E402

MEASURE = """
import json, re, sys, time
from pathlib import Path
from fist.data.episodes import DataError
from fist.data.sources.convert import convert
from fist.data.sources.formats import auto

def status(key):
    return int(re.search(rf"{key}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) << 10

large, small, copies, out = map(Path, sys.argv[1:])
convert("auto", "x", out, (small,))
Path("/proc/self/clear_refs").write_text("5")
held = status("VmRSS")
convert("auto", "x", out, (large,))
memory, begun = status("VmHWM") - held, time.monotonic()
for place in copies.iterdir():
    auto([place], "x", None)
right, told, begun = time.monotonic() - begun, 0, time.monotonic()
for place in copies.iterdir():
    try:
        auto([place], "x", None, keys=["nothing"])
    except DataError:
        told += 1
print(json.dumps([memory, right, time.monotonic() - begun, told]))
"""


@dataclass
class Arguments:
    """How large it is."""

    megabytes: float = 100.0
    """Size of the large recording's states and actions."""
    steps: tuple[int, ...] = (250, 0)
    """Of an episode; 0: all is one."""
    files: int = 1000
    """Small recordings whose headers are judged."""
    layouts: tuple[str, ...] = ()
    """Which ones; by default all."""


def main(arguments: Arguments) -> None:
    """Print a table of what was measured."""
    print("| layout | steps | MB | of what is allowed | s, right files | s, wrong files |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in arguments.layouts or LAYOUTS:
        for steps in arguments.steps:
            with tempfile.TemporaryDirectory() as folder:
                cells = measured(Path(folder), LAYOUTS[name], steps, arguments)
                print(f"| {name} | {cells} |", flush=True)


def measured(folder: Path, made: Callable[[Path], Path], steps: int, arguments: Arguments) -> str:
    """Return the cells of a layout."""
    rows = int(arguments.megabytes * 1e6 / (69 * 4))
    places = {}
    for size, count, each in (("large", rows, steps or rows), ("small", 20, 10)):
        (folder / size).mkdir()
        set_rows(count, each)
        places[size] = made(folder / size)
    (folder / "copies").mkdir()
    copy = shutil.copytree if places["small"].is_dir() else shutil.copy
    for number in range(arguments.files):
        copy(places["small"], folder / "copies" / f"{number}{places['small'].suffix}")
    words = [places["large"], places["small"], folder / "copies", folder / "out.hdf5"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, words)], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    memory, *seconds, told = json.loads(done.stdout)
    assert told == arguments.files
    kept, largest = rows * (69 * 4 + 4 + 2), (steps or rows) * 69 * 4
    share = memory / (kept + 2 * largest)
    cells = [steps or rows, f"{memory / 1e6:.0f}", f"{share:.0%}", *(f"{s:.2f}" for s in seconds)]
    return " | ".join(map(str, cells))


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
