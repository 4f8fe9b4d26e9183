"""Is the scripted tele-operator good enough, and does it move like people do?

It performs the 24 play sequences in turn, with as many random orders of four elements mixed in as
asked for, and each figure is printed beside its bar. People's figures for four-task episodes:
192 to 266 steps, mean |change of action| 0.06 to 0.08, lag-1 autocorrelation of the actions 0.93
to 0.98, saturated actions 0 to 10 %.

    python benchmarks/teleoperator.py
    python benchmarks/teleoperator.py --episodes 100 --random-orders 1.0 --workers 2
"""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import tyro
from tqdm import tqdm

from d4rl.kitchen.elements import ELEMENTS
from d4rl.kitchen.generate import perform
from d4rl.kitchen.sequences import PLAY_SEQUENCES

SATURATED = 0.99
"""An action entry this large or larger in size counts as saturated."""


@dataclass
class Arguments:
    """How much to measure."""

    episodes: int = 400
    """Episodes to perform."""
    random_orders: float = 0.25
    """Share of the episodes that do four random elements, the cabinets in the order that works."""
    seed: int = 0
    """Seed of the performances and of the random orders."""
    workers: int = 1
    """Processes."""


@dataclass(frozen=True)
class Measured:
    """What one performance shows."""

    sequence: tuple[str, ...]
    counted_at: tuple[int, ...]
    """Step (from 1) at which each element was counted in order."""
    steps: int
    change: float
    """Mean size of the change of an action entry from one step to the next."""
    autocorrelation: float
    """Lag-1 correlation of the actions, all entries together."""
    saturated: float
    cpu_s: float


def measure(sequence: tuple[str, ...], seed: int, index: int) -> Measured:
    """Perform once and measure; physics is part of the CPU time."""
    begin = time.process_time()
    performance = perform(sequence, seed, index)
    cpu_s = time.process_time() - begin
    actions = performance.actions
    counted_at = np.repeat(np.arange(len(actions)) + 1, performance.rewards.astype(int))
    return Measured(
        sequence=sequence,
        counted_at=tuple(counted_at.tolist()),
        # the tail after the last element is no part of the task
        steps=int(counted_at[-1]) if performance.successful else len(actions),
        change=float(np.abs(np.diff(actions, axis=0)).mean()),
        autocorrelation=float(np.corrcoef(actions[1:].ravel(), actions[:-1].ravel())[0, 1]),
        saturated=float((np.abs(actions) >= SATURATED).mean()),
        cpu_s=cpu_s,
    )


def random_order(rng: np.random.Generator) -> tuple[str, ...]:
    """Return four elements in random order, but the hinge cabinet last.

    An open hinge door stands in the way of the slide cabinet's handle and crowds the knobs.
    """
    order = rng.permutation(len(ELEMENTS))[:4]
    return tuple(sorted((ELEMENTS[i] for i in order), key=lambda name: name == "hinge_cabinet"))


def plan(arguments: Arguments) -> list[tuple[str, ...]]:
    """Return the sequence of each episode."""
    rng = np.random.default_rng(arguments.seed)
    return [
        random_order(rng)
        if rng.random() < arguments.random_orders
        else PLAY_SEQUENCES[index % len(PLAY_SEQUENCES)]
        for index in range(arguments.episodes)
    ]


def table(results: list[Measured]) -> str:
    """Return the measured figures beside their bars."""
    steps = np.array([result.steps for result in results])
    complete = np.mean([len(r.counted_at) == len(r.sequence) for r in results])
    late = float(np.percentile(steps, 95))
    change, smooth = _mean(results, "change"), _mean(results, "autocorrelation")
    saturated, cpu_s = _mean(results, "saturated"), _mean(results, "cpu_s")
    rows = [
        ("episodes complete, in order", f"{100 * complete:.1f} %", ">= 97 %", complete >= 0.97),
        ("steps, mean", f"{steps.mean():.0f}", "<= 240", steps.mean() <= 240),
        ("steps, 95th percentile", f"{late:.0f}", "<= 280", late <= 280),
        ("mean |change of action|", f"{change:.3f}", "<= 0.10", change <= 0.10),
        ("lag-1 autocorrelation", f"{smooth:.3f}", ">= 0.90", smooth >= 0.90),
        ("saturated actions", f"{100 * saturated:.1f} %", "<= 10 %", saturated <= 0.10),
        ("CPU seconds an episode", f"{cpu_s:.2f}", "<= 1.50", cpu_s <= 1.5),
    ]
    lines = [f"{'over ' + str(len(results)) + ' episodes':<30}{'measured':>10}{'bar':>10}"]
    lines += [f"{a:<30}{b:>10}{c:>10}  {'ok' if good else 'MISSED'}" for a, b, c, good in rows]
    counted: dict[str, list[int]] = defaultdict(list)
    wanted: dict[str, int] = defaultdict(int)
    for result in results:
        starts = (0, *result.counted_at)
        for name in result.sequence:
            wanted[name] += 1
        for name, start, end in zip(result.sequence, starts, result.counted_at, strict=False):
            counted[name].append(end - start)
    lines.append(f"\n{'element':<20}{'done':>10}{'steps':>8}{'at most':>9}")
    for name in ELEMENTS:
        if counted[name]:
            done = f"{len(counted[name])}/{wanted[name]}"
            lines.append(
                f"{name:<20}{done:>10}{np.mean(counted[name]):>8.0f}{max(counted[name]):>9}"
            )
    return "\n".join(lines)


def _mean(results: list[Measured], field: str) -> float:
    return float(np.mean([getattr(result, field) for result in results]))


def main(arguments: Arguments) -> None:
    """Perform, measure, print."""
    sequences = plan(arguments)
    seeds = [arguments.seed] * len(sequences)
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        running = pool.map(measure, sequences, seeds, range(len(sequences)))
        results = list(tqdm(running, total=len(sequences), unit="episode"))
    print(table(results))
    for index, result in enumerate(results):
        if len(result.counted_at) < len(result.sequence):
            print(f"incomplete: episode {index}, {' '.join(result.sequence)}: {result.counted_at}")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
