"""How far it goes: a table of 10,000 cells, planned and summarised; 2 GB of play, loaded.

The cells are 100 tasks of the kitchen, ten methods and ten training seeds. Their results are made
up, and written as test episodes write them.

    nice python benchmarks/scale.py
    nice python benchmarks/scale.py --tasks 10 --gigabytes 0.2

Seconds are those of the processor, of the process and all that it starts. Memory is the most that
it held; of loading, without what Python and its packages take, over the bytes of the arrays.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import tyro
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

from configuration import load  # noqa: E402
from d4rl.kitchen.elements import ELEMENTS  # noqa: E402
from declarations import declared  # noqa: E402
from fist.evaluation.episode_results import EpisodeRow, Labels, write_episodes_csv  # noqa: E402
from options import Options  # noqa: E402
from targets import Cell, Targets  # noqa: E402

METHODS = ("fist", "spirl", "bc", "goal_bc", "fist_euclidean", "fist_random")
METHODS += ("fist_no_finetuning", "fist_one_shot", "replay", "neighbours")
BLOCK = 1 << 18
"""Rows of play that are written at once."""
MEASURE = """
import resource, sys
from fist.data.episodes import load_episodes
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
episodes = load_episodes(sys.argv[1], int(sys.argv[2]))
held = episodes.states.nbytes + episodes.actions.nbytes
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) * 1024 / held)
"""


@dataclass
class Arguments:
    """How large it is."""

    tasks: int = 100
    """Tasks; the cells are a hundred times as many."""
    episodes: int = 50
    """Test episodes of a cell."""
    gigabytes: float = 2.0
    """Size of the play's states and actions."""


def main(arguments: Arguments) -> None:
    """Print a table of what was measured."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder, config = Path(name), configuration(arguments.tasks)
        (folder / "scale.yaml").write_text(yaml.safe_dump(config))
        cells = f"{arguments.tasks * 100} cells"
        plan = ["-m", "snakemake", "-s", str(ROOT / "Snakefile"), "-n", "-q", "--nolock"]
        plan += ["--configfile", "scale.yaml", "--workflow-profile", str(ROOT / "profiles/default")]
        run(plan, folder)  # what the configuration names is looked at once, and kept
        rows.append((f"plan {cells}", *run(plan, folder)))
        rows.append((f"summarise {cells}", *run(summary(config, folder, arguments), folder)))
        for shortest, what in ((1, ""), (50, ", a short episode left out")):
            write_play(folder / "play.hdf5", arguments.gigabytes, shortest)
            loading = ["-c", MEASURE, str(folder / "play.hdf5"), str(shortest)]
            seconds, memory = run(loading, folder)
            times = float((folder / "said").read_text())
            said = f"load {arguments.gigabytes:g} GB of play{what} ({times:.2f} x the data)"
            rows.append((said, seconds, memory))
    print("| what | CPU seconds | MB |\n|---|---:|---:|")
    for said, seconds, memory in rows:
        print(f"| {said} | {seconds:.1f} | {memory:.0f} |")


def configuration(tasks: int) -> dict:
    """Return what is added to the default configuration: one table of many tasks."""
    orders = list(permutations(ELEMENTS, 4))[:tasks]
    named = {f"task_{n}": {"order": [*o], "held_out": [o[2]]} for n, o in enumerate(orders)}
    return {
        "seeds": [*range(10)],
        "environments": {"kitchen": {"tasks": named}},
        "tables": {"scale": {"env": "kitchen", "tasks": [*named], "methods": [*METHODS]}},
        "default_tables": ["scale"],
    }


def run(command: list[str], folder: Path) -> tuple[float, float]:
    """Run Python; return the seconds and MB of what it started. What it prints is in `said`."""
    code = "import resource, subprocess, sys; r = subprocess.run(sys.argv[1:]).returncode; "
    code += "u = resource.getrusage(resource.RUSAGE_CHILDREN); "
    code += "print(u.ru_utime + u.ru_stime, u.ru_maxrss / 1024, file=sys.stderr); sys.exit(r)"
    with open(folder / "said", "w") as said:
        done = subprocess.run(
            [sys.executable, "-c", code, sys.executable, *command],
            cwd=folder,
            stdout=said,
            stderr=subprocess.PIPE,
            text=True,
        )
    if done.returncode:
        sys.exit(f"{' '.join(command)}:\n{done.stderr[-2000:]}")
    seconds, memory = map(float, done.stderr.split("\n")[-2].split())
    return seconds, memory


def summary(config: dict, folder: Path, arguments: Arguments) -> list[str]:
    """Make the results of all cells up; return the command that summarises them."""
    default = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    loaded = load({"config.yaml": default, "scale.yaml": config})
    targets = Targets(loaded, declared(loaded))
    generator, files = np.random.default_rng(0), []
    for cell in targets.cells("scale"):
        file = folder / cell.episodes.replace("<results>", "results")
        write_episodes_csv(
            file,
            Labels(**cell._asdict(), data_source="generated"),
            [made_up(n, cell, targets, generator) for n in range(arguments.episodes)],
        )
        files.append(str(file))
    (folder / "files").write_text("\n".join(files) + "\n")
    words = Options(targets).table(SimpleNamespace(table="scale"))
    script = ROOT / "workflow/scripts/summarise.py"
    return [str(script), "--files", f"@{folder / 'files'}", *words, "--out", "scale.csv"]


def made_up(n: int, cell: Cell, targets: Targets, generator: np.random.Generator) -> EpisodeRow:
    """Return an episode in which some subtasks are completed."""
    order, done = targets.task(cell)["order"], int(generator.integers(5))
    steps = {name: 40 * (k + 1) if k < done else None for k, name in enumerate(order)}
    return EpisodeRow(n, 100_000 + n, 280, float(done), done, done, done == len(order), steps)


def write_play(path: Path, gigabytes: float, shortest: int) -> None:
    """Write random play of episodes of 250 rows, the first shorter than `shortest`."""
    rows, generator = int(gigabytes * 1e9 / (69 * 4)), np.random.default_rng(0)
    shapes = {"observations": (rows, 60), "actions": (rows, 9)}
    with h5py.File(path, "w") as file:
        for name, shape in shapes.items():
            array = file.create_dataset(name, shape, "f4")
            for first in range(0, rows, BLOCK):
                size = (min(BLOCK, rows - first), shape[1])
                array[first : first + BLOCK] = generator.random(size, np.float32)
        terminals = np.arange(1, rows + 1) % 250 == 0
        terminals[[max(shortest - 2, 0), -1]] = True
        file["terminals"] = terminals


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
