r"""Are generated demonstrations as good to learn from as people's?

The same small policy (3 x 256, behaviour cloning) is trained on 22 recorded and on 22 generated
demonstrations of microwave -> kettle -> top burner -> light switch, with the same settings and
seeds, and tested in the same 50 episodes. Printed: the mean number of subtasks completed in order,
of 4, and the ratio generated / recorded.

    python benchmarks/learnability.py \
        --recorded data/real/kitchen-demo-microwave_kettle_topknob_switch.hdf5
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from d4rl.kitchen.generate import generate
from fist.evaluation.rollout import rollout
from fist.methods.cloning import BC, BCModel, BCSettings
from fist.training.checkpoint import load_model
from fist.training.settings import TrainSettings
from fist.training.stages import Inputs, Job, train_model

ORDER = ("microwave", "kettle", "top_burner", "light_switch")
POLICY = BCSettings(hidden=256, blocks=2, normalise=True, scale_floor=0.02)


@dataclass
class Arguments:
    """What to compare."""

    recorded: Path
    """The 22 recorded demonstrations, HDF5 in D4RL's layout."""
    generated: Path | None = None
    """Generated demonstrations of the same sequence; by default 22 are made, with seed 1."""
    steps: int = 10_000
    """Gradient steps of 128 (state, action) pairs."""
    seeds: int = 3
    """Training seeds."""
    episodes: int = 50
    """Test episodes of each policy."""


def score(data: Path, seed: int, arguments: Arguments, folder: Path) -> list[int]:
    """Return the subtasks completed in order in each test episode of a cloned policy."""
    settings = TrainSettings(
        steps=arguments.steps, optimizer="adam", schedule="cosine", warmup=100, validation=0
    )
    out = folder / f"{data.stem}-{seed}.pt"
    train_model(BCModel, Inputs(data), POLICY, settings, Job(out, seed, device="cpu"))
    policy = BC(load_model(out), None, BC.Settings(skill="mean"))
    seeds = range(100_000, 100_000 + arguments.episodes)
    task = {"task_elements": ORDER}
    rows = rollout("d4rl:kitchen-mixed-v0", task, policy, seeds, batch=arguments.episodes)
    return [row.subtasks_ordered for row in rows]


def main(arguments: Arguments) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generated = arguments.generated
        if generated is None:
            generated = folder / "generated.hdf5"
            generate(generated, ORDER, 22, seed=1, only_successful=True)
        means = {}
        print("| demonstrations | mean subtasks of 4, per seed | mean |")
        print("|---|---|---:|")
        for label, data in (("recorded", arguments.recorded), ("generated", generated)):
            scores = [score(data, seed, arguments, folder) for seed in range(arguments.seeds)]
            means[label] = float(np.mean(scores))
            per_seed = ", ".join(f"{np.mean(values):.2f}" for values in scores)
            print(f"| {label} | {per_seed} | {means[label]:.2f} |")
        print(f"\ngenerated / recorded: {means['generated'] / means['recorded']:.2f}")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
