"""How often the intervals of the tables hold the truth, and how long tables take.

    python benchmarks/intervals_hold.py

A training run has a rate of success of its own: normal around `rate` with the standard deviation
`spread`, cut off at 0 and 1. Its test episodes are free, or decided by their test seeds, each of
which is then as hard for every run of every method. The truth is the mean over all runs and
episodes that there could be. Of subtasks there are four, each reached with the rate after those
before it.

Printed is the lowest share of intervals that hold it, over 2, 3, 5 and 10 training seeds and 10, 50
and 100 episodes, and the mean width with 3 and with 10 seeds of 50 free episodes.
"""

from __future__ import annotations

import itertools
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from scipy.special import ndtri

from fist.analysis.intervals import Estimate, mean
from fist.analysis.tables import summarise
from fist.evaluation.episode_results import EpisodeRow, Labels, write_episodes_csv
from fist.stage.text import Record, markdown

SEEDS, EPISODES = (2, 3, 5, 10), (10, 50, 100)
RATES, SPREADS = (0.5, 0.8, 0.95, 0.99, 1.0), (0.0, 0.05, 0.15)
RIVAL = 0.8
"""Rate of the method that others are compared with."""

Rates = Callable[[np.ndarray], np.ndarray]
"""Rates of training runs, of numbers in (0, 1) that are as likely as each other."""


def around(rate: float, spread: float) -> Rates:
    """Return rates that are normal, cut off at 0 and 1."""
    return lambda u: np.clip(rate + spread * ndtri(u), 0, 1)


def failing(share: float) -> Rates:
    """Return rates of runs of which a share fails altogether, and all others never."""
    return lambda u: (u >= share).astype(float)


@dataclass(frozen=True)
class World:
    """Methods that are tested again and again."""

    seeds: int
    episodes: int
    decided: bool = False
    """Whether test seeds decide how episodes go."""
    tasks: int = 1
    levels: int = 1
    """Subtasks."""
    repeats: int = 1000

    def scores(self, rng: np.random.Generator, *methods: Rates) -> list[np.ndarray]:
        """Return the scores of every method, (repeats, tasks, seeds, episodes)."""
        shape = (self.repeats, self.tasks, self.seeds, 1, 1)
        hard = (*shape[:2], 1 if self.decided else self.seeds, self.episodes, self.levels)
        luck = rng.random(hard)  # the same of all methods: they are tested with the same seeds
        return [
            (luck < rates(rng.random(shape))).cumprod(-1).sum(-1).astype(float) for rates in methods
        ]

    def truth(self, rates: Rates) -> float:
        """Return the mean that there would be without end."""
        each = rates((np.arange(20_000) + 0.5) / 20_000)
        return float(sum((each**level).mean() for level in range(1, self.levels + 1)))


def held(estimate: Estimate, truth: float) -> tuple[float, float]:
    """Return the share of intervals that hold the truth, and their mean width."""
    low, high = estimate.ends()
    inside = (low <= truth + 1e-9) & (truth <= high + 1e-9)
    return float(inside.mean()), float((high - low).mean())


def check(what: str, world: World, rates: Rates, seed: int = 0) -> tuple[float, float]:
    """Return what `held` says of one kind of number."""
    rng = np.random.default_rng(seed)
    ours, theirs = world.scores(rng, rates, around(RIVAL, 0.05))
    scale, truth = float(world.levels), world.truth(rates)
    if what == "difference":
        other = mean(theirs, scale)
        return held(mean(ours, scale).minus(other), truth - world.truth(around(RIVAL, 0.05)))
    return held(mean(ours, scale), truth)


KINDS = {
    "success": {},
    "subtasks": {"levels": 4},
    "mean of four tasks": {"tasks": 4},
    "difference": {},
}
"""What is estimated, and in which world."""


def row(what: str, name: str, rates: Rates, repeats: int) -> Record:
    """Return a row of the table."""
    record: Record = {"what": what, "name": name}
    for decided in (False, True):
        found = [
            check(what, World(*size, decided, repeats=repeats, **KINDS[what]), rates)[0]
            for size in itertools.product(SEEDS, EPISODES)
        ]
        record["decided" if decided else "free"] = str(min(found))
    for seeds in (3, 10):
        world = World(seeds, 50, repeats=repeats, **KINDS[what])
        record[f"width_{seeds}"] = str(check(what, world, rates)[1])
    return record


def coverage(repeats: int) -> str:
    """Return the table of coverage."""
    cases = {
        f"{rate:g} ± {spread:g}": around(rate, spread)
        for rate, spread in itertools.product(RATES, SPREADS)
    }
    cases |= {f"one run in {n} fails": failing(1 / n) for n in (5, 20)}
    records = [row(what, name, rates, repeats) for what in KINDS for name, rates in cases.items()]
    columns = {
        "of": "{what}",
        "rate of the runs": "{name}",
        "holds at least, episodes free": "{free:.1%}",
        "decided by test seeds": "{decided:.1%}",
        "width, 3 x 50": "{width_3:.2f}",
        "10 x 50": "{width_10:.2f}",
    }
    return markdown(columns, records)


def speed(folder: Path) -> str:
    """Return the processor time of tables of a million episodes, and of intervals of 100,000."""
    lines = []
    names = ("microwave", "kettle", "top_burner", "light_switch")
    for files, episodes in ((20_000, 50), (1, 1_000_000)):
        first = folder / "first.csv"
        rows = [
            EpisodeRow(i, i, 280, n, n, n, n == 4, dict(zip(names, steps, strict=True)))
            for i in range(episodes)
            for n in [i % 5]
            for steps in [[40 * k + 1 if k < n else None for k in range(4)]]
        ]
        write_episodes_csv(first, Labels("kitchen", "task_0", "method_0", 0, "generated"), rows)
        text, made = first.read_text(), []
        for cell, seed in itertools.product(range(max(1, files // 10)), range(min(10, files))):
            made.append(folder / f"{cell}_{seed}.csv")
            label = f"task_{cell % 4},method_{cell // 4},{seed},"
            made[-1].write_text(text.replace("task_0,method_0,0,", label))
        begin = time.process_time()
        summarise(made, folder / "table.csv", {f"task_{n}": "" for n in range(4)})
        seconds = time.process_time() - begin
        lines.append(f"table of {files} files of {episodes} episodes: {seconds:.1f} s")
    scores = np.random.default_rng(0).integers(0, 5, (1, 10, 10_000)).astype(float)
    begin = time.process_time()
    mean(scores, 4.0).ends()
    lines.append(f"intervals of 100,000 episodes: {1e3 * (time.process_time() - begin):.0f} ms")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return "\n".join([*lines, f"most memory, writing included: {memory:.2f} GB"])


def main(repeats: int = 1000) -> None:
    """Measure both.

    Args:
        repeats: simulated results of every setting; 0 to measure the speed alone.
    """
    if repeats:
        print(coverage(repeats))
    with tempfile.TemporaryDirectory() as folder:
        print(speed(Path(folder)))


if __name__ == "__main__":
    tyro.cli(main)
