"""Gradient steps of the paper-size skill VAE, beside a plain implementation, and what they learn.

The plain implementation is `plain.py`. All have the same network, loss, batch size and data, and
run one thread; they take turns in short bursts of one process. With --learn both learn from the
same data, and their losses are compared. `speed.py` measures the rest.

    python benchmarks/training_speed.py
    python benchmarks/training_speed.py --data data/kitchen/play/mixed.hdf5 --learn 3000
    python benchmarks/training_speed.py --device cuda --steps 200
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from fist.data.episodes import load_episodes
from timing import race
from training import H, Ours, Plain, our_skills, plain_skills, walks


@dataclass
class Arguments:
    """What to measure."""

    data: Path | None = None
    """D4RL-layout data set; by default made-up walks of the size of kitchen-mixed-v0."""
    bursts: int = 15
    """Bursts of each implementation."""
    steps: int = 40
    """Steps in a burst."""
    compiled: bool = True
    """Whether to measure compiled steps too; compiling takes minutes."""
    learn: int = 0
    """Steps for the comparison of losses; 0 leaves it out."""
    seeds: int = 2
    """Seeds for the comparison of losses."""
    device: str = "cpu"
    """Where both train: "cpu" or "cuda"."""


def final_losses(step: Plain | Ours, steps: int) -> dict[str, float]:
    """Train and return each term's mean over the last tenth of the steps."""
    tail: list[dict[str, float]] = []
    for done in range(steps):
        terms = step()
        if done >= 0.9 * steps:
            tail.append({name: float(term.detach()) for name, term in terms.items()})
    return {name: float(np.mean([row[name] for row in tail])) for name in tail[0]}


def main(arguments: Arguments) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    play = walks() if arguments.data is None else load_episodes(arguments.data, H + 1)
    device = torch.device(arguments.device)
    steps = {
        "plain": plain_skills(play, device=device),
        "ours": our_skills(play, device=device),
        "ours, bfloat16": our_skills(play, device=device, precision="bfloat16"),
    }
    if arguments.compiled:
        steps["ours, compiled"] = our_skills(play, device=device, compiled=True)
        both = our_skills(play, device=device, priors=("goal", "state"), compiled=True)
        steps["ours, compiled, both priors"] = both
    on_gpu = device.type == "cuda"
    finish = torch.cuda.synchronize if on_gpu else lambda: None
    timings = race(steps, arguments.bursts, arguments.steps, pause=0.3, finish=finish)
    plain = timings["plain"]
    print("| implementation | ms per step, median | steps/s | x plain | quartiles | x plain, CPU |")
    print("|---|---:|---:|---:|---|---:|")
    for name, timing in timings.items():
        low, middle, high = np.percentile(plain.wall / timing.wall, [25, 50, 75])
        cpu = np.median(plain.cpu / timing.cpu)
        median = 1e3 * np.median(timing.wall)
        print(
            f"| {name} | {median:.1f} | {1e3 / median:.1f} | {middle:.2f} | {low:.2f}-{high:.2f} "
            f"| {cpu:.2f} |"
        )
    if on_gpu:
        print(f"\npeak memory of all of them: {torch.cuda.max_memory_allocated() / 2**20:.0f} MiB")
    if arguments.learn:
        print(f"\nLosses, mean of the last tenth of {arguments.learn} steps:")
        for seed in range(arguments.seeds):
            for name, make in (("plain", plain_skills), ("ours", our_skills)):
                found = final_losses(make(play, seed=seed, device=device), arguments.learn)
                text = "  ".join(f"{term} {value:.4g}" for term, value in found.items())
                print(f"seed {seed}  {name:6s} {text}")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
