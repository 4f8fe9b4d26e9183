"""How fast is it: beside a plain implementation, and beside what this machine can do at best.

One command prints the table. Contenders of a row group take turns in short bursts (`timing.py`);
the plain implementation is `plain.py`; the floor is what the matrix products, or the bytes that
have to be moved, cost at the rates that were measured at the beginning. "ours, compiled" is what
runs of 10,000 steps and more do. Steps of training run one thread.

    python benchmarks/speed.py                       # ten minutes
    python benchmarks/speed.py --sections training --compiled --bursts 30
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import tyro

import acting
import training
import workflow
from timing import HEAD, Machine, Step, flops, once, race, rows

Section = Literal["training", "two_cores", "acting", "workflow", "paper"]

PASSES = 7
"""Times that a step of Adam reads or writes each parameter: weight, gradient and two moments."""

PAPER_STEPS = {
    "train_skills": 192_000,
    "finetune_skills": 750,
    "train_distance": 26_600,
    "finetune_distance": 2_660,
}
"""Gradient steps of config/paper.yaml on a data set of the size of kitchen-mixed-v0,
one VAE for both priors."""


@dataclass
class Arguments:
    """What to measure."""

    sections: tuple[Section, ...] = ("training", "two_cores", "acting", "workflow")
    """Parts of the table; "paper" plans what the paper's kitchen table costs."""
    bursts: int = 9
    """Bursts of each contender."""
    steps: int = 8
    """Gradient steps in a burst."""
    compiled: bool = False
    """Whether to measure compiled steps too; compiling takes minutes."""
    seconds: float = 8.0
    """Length of a run on two cores."""


def training_rows(arguments: Arguments, machine: Machine) -> Iterator[str]:
    """Yield the rows of gradient steps."""
    play, demos = training.walks(), training.walks(10, 205)
    both = ("goal", "state")
    how: dict[str, dict] = {"ours": {}, "ours, bfloat16": {"precision": "bfloat16"}}
    if arguments.compiled:
        how["ours, compiled"] = {"compiled": True}
    goal, state = training.plain_skills(play), training.plain_skills(play, prior="state")
    groups: dict[str, tuple[Step, dict[str, Step]]] = {
        "skill VAE": (
            goal,
            {n: training.our_skills(play, **h) for n, h in how.items()}
            | {"the default recipe": training.default_skills(play, priors=("goal",))},
        ),
        "FIST and SPiRL": (
            lambda: (goal(), state()),
            {n: training.our_skills(play, priors=both, **h) for n, h in how.items()}
            | {"the default recipe": training.default_skills(play)},
        ),
        "skill VAE, batch 1024": (
            training.plain_skills(play, 1024),
            {"ours": training.our_skills(play, 1024)},
        ),
        "fine-tuning": (
            training.plain_skills(demos, workers=0),
            {"ours": training.our_skills(demos)},
        ),
        "contrastive, batch 1024": (
            training.plain_distance(play),
            {"ours": training.our_distance(play)},
        ),
    }
    for title, (plain, ours) in groups.items():
        count = flops(ours["ours"])
        moved = 4 * PASSES * ours["ours"].parameters
        floors = tuple(machine.floor(count, moved, t) for t in ("float32", "bfloat16"))
        steps = max(2, arguments.steps // (4 if "1024" in title else 1))
        timings = race({"plain": plain} | ours, arguments.bursts, steps, pause=0.3)
        yield from rows(title, timings, floors)


def acting_rows(arguments: Arguments, machine: Machine) -> Iterator[str]:
    """Yield the rows of control steps and of physics."""
    control, physics = acting.Control(), acting.Physics()
    for lanes in (1, 10, 50):
        plain, ours = control.plain(), control.ours(lanes)
        contenders = {"plain": lambda p=plain, n=lanes: [p() for _ in range(n)], "ours": ours}
        timings = race(contenders, arguments.bursts, 40)
        floor = machine.floor(flops(ours))
        yield from rows(f"control step of {lanes} episodes", timings, (floor, None))
    timings = race({"MuJoCo alone": physics.bare, "environment": physics.step}, steps=20)
    yield from rows("kitchen step", timings)


def acting_lines() -> Iterator[str]:
    """Yield what whole episodes cost."""
    control = acting.Control()
    for count in (1, 20):
        run, spent = acting.episodes(control, count, count, 100)
        total = once(run)
        per_step = 1e3 * total / (100 * count)
        share = spent["policy"] / total
        yield (
            f"rollout of {count} episodes at once: {per_step:.2f} ms of CPU per episode and step, "
            f"{100 * share:.0f} % of it in the policy"
        )
    found = [once(acting.performance) for _ in range(5)]
    steps = acting.performance()
    yield f"data: {np.median(found):.2f} s of CPU per generated episode of {steps} steps"


def workflow_lines() -> Iterator[str]:
    """Yield what the workflow engine and the start of every script cost."""
    yield f"Snakemake, planning the default table: {workflow.plan_seconds():.1f} s of CPU"
    yield f"Snakemake, one more shell job: {1e3 * workflow.job_seconds():.0f} ms of CPU"
    for name, seconds in workflow.start_seconds().items():
        yield f"start of {name}: {seconds:.2f} s of CPU"


def two_cores_lines(arguments: Arguments) -> Iterator[str]:
    """Yield steps/s of two processes of one thread against a plain one with default threads."""
    found: dict[str, list[float]] = {"plain": [], "ours": []}
    for _ in range(3):
        for name, count in (("plain", 1), ("ours", 2)):
            found[name].append(sum(_solo(name, count, arguments.seconds)))
    ratio = np.array(found["ours"]) / found["plain"]
    rates = {name: " ".join(f"{rate:.1f}" for rate in values) for name, values in found.items()}
    yield f"steps/s, plain, one process, default threads: {rates['plain']}"
    yield f"steps/s, ours, two processes of one thread:   {rates['ours']}"
    yield f"ratio: {np.median(ratio):.2f} ({ratio.min():.2f}-{ratio.max():.2f})"


def paper_lines(arguments: Arguments) -> Iterator[str]:
    """Yield what the kitchen table of the paper costs: FIST and SPiRL, four splits, five seeds."""
    play, cells, methods = training.walks(), 4 * 5, 2
    skills = training.our_skills(play, priors=("goal", "state"), compiled=arguments.compiled)
    timings = race(
        {
            "skills": skills,
            "distance": training.our_distance(play),
            "test": acting.Physics().step,
        },
        arguments.bursts,
        3,
    )
    steps = {
        "skills": PAPER_STEPS["train_skills"] + PAPER_STEPS["finetune_skills"],
        "distance": PAPER_STEPS["train_distance"] + PAPER_STEPS["finetune_distance"],
        "test": methods * 50 * 280,
    }
    hours = {n: cells * steps[n] * timings[n].milliseconds() / 3.6e6 for n in steps}
    for name, spent in hours.items():
        yield f"{name}: {cells} x {steps[name]:,} steps, {spent:.1f} CPU-hours"
    yield f"all: {sum(hours.values()):.0f} CPU-hours"


def _solo(name: str, count: int, seconds: float) -> list[float]:
    """Return steps/s of `count` processes that run at the same time."""
    code = f"import speed; speed.solo({name!r}, {seconds})"
    env = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    if name == "ours":
        env["OMP_NUM_THREADS"] = "1"
    command = [sys.executable, "-W", "ignore", "-c", code]
    folder = workflow.REPOSITORY / "benchmarks"
    options = {"env": env, "cwd": folder, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, **options) for _ in range(count)]
    return [float(process.communicate()[0]) for process in running]


def solo(name: str, seconds: float) -> None:
    """Print the steps/s of one contender that runs by itself."""
    play = training.walks()
    step = training.plain_skills(play) if name == "plain" else training.our_skills(play)
    for _ in range(10):
        step()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() < begin + seconds:
        step()
        count += 1
    print(count / (time.perf_counter() - begin))


def main(arguments: Arguments) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    machine = Machine.measure()
    print(machine, flush=True)
    tables = {"training": training_rows, "acting": acting_rows}
    wanted = [name for name in tables if name in arguments.sections]
    if wanted:
        print("\n" + HEAD)
    for name in wanted:
        for row in tables[name](arguments, machine):
            print(row, flush=True)
    lines = {
        "two_cores": lambda: two_cores_lines(arguments),
        "acting": acting_lines,
        "workflow": workflow_lines,
        "paper": lambda: paper_lines(arguments),
    }
    for name in arguments.sections:
        if name in lines:
            print(f"\n{name.replace('_', ' ')}")
            for line in lines[name]():
                print(line, flush=True)
    one, five, fifteen = os.getloadavg()
    print(f"\nload of the machine meanwhile: {one:.1f}, {five:.1f}, {fifteen:.1f}")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
