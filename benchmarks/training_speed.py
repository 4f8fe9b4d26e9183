"""Gradient steps per second of the paper-size skill VAE: this library against a plain one.

The plain implementation is `plain.py`. "ours, compiled" is what runs of 10,000 steps and more do.
All have the same network, loss, batch size and data, and run one thread. They take turns in short
bursts of one process, so a busy neighbour slows all; the ratio is the median over the bursts.
Afterwards both learn from the same data, and their losses are compared.

    python benchmarks/training_speed.py
    python benchmarks/training_speed.py --data data/kitchen/kitchen-mixed.hdf5 --learn 3000
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from torch import Tensor, nn

from fist.data import Episodes, Windows, load_episodes
from fist.skills import SkillSettings, SkillVAE
from fist.train import TrainSettings, flatten, make_optimizer, uses_bfloat16
from plain import PlainSkillVAE, batches

H, Z, BATCH = 10, 10, 128
PAPER = SkillSettings(priors=("goal",))


@dataclass
class Arguments:
    """What to measure."""

    data: Path | None = None
    """D4RL-layout data set; by default made-up walks of the size of kitchen-mixed-v0."""
    bursts: int = 15
    """Bursts of each implementation."""
    steps: int = 40
    """Steps in a burst."""
    learn: int = 0
    """Steps for the comparison of losses; 0 leaves it out."""
    seeds: int = 2
    """Seeds for the comparison of losses."""


class Plain:
    """The plain implementation, one step at a time."""

    def __init__(self, episodes: Episodes, seed: int):
        torch.manual_seed(seed)
        self.model = PlainSkillVAE(SkillVAE(PAPER, episodes.state_dim, episodes.action_dim))
        self.parameters = list(self.model.parameters())
        self.optimizer = torch.optim.RAdam(self.parameters, 1e-3)
        self.batches = batches(episodes, H, BATCH)

    def step(self) -> dict[str, Tensor]:
        terms = self.model.losses(*next(self.batches), torch.randn(BATCH, Z))
        self.optimizer.zero_grad()
        sum(terms.values()).backward()
        nn.utils.clip_grad_norm_(self.parameters, 10.0)
        self.optimizer.step()
        return terms


class Ours:
    """The library's step: the body of `fist.train.train`, one step at a time."""

    def __init__(
        self,
        episodes: Episodes,
        seed: int,
        priors=("goal",),
        precision="auto",
        compiled=False,
    ):
        settings = TrainSettings(precision=precision)
        torch.manual_seed(seed)
        shape = SkillSettings(priors=priors)
        self.model = SkillVAE(shape, episodes.state_dim, episodes.action_dim)
        self.losses = torch.compile(self.model.losses) if compiled else self.model.losses
        self.windows = Windows(episodes, H)
        self.generator = torch.Generator().manual_seed(seed)
        self.flat = flatten(list(self.model.parameters()))
        self.optimizer = make_optimizer(settings, self.flat)
        enabled = uses_bfloat16(settings, torch.device("cpu"))
        self.amp = torch.autocast("cpu", torch.bfloat16, enabled=enabled)

    def step(self) -> dict[str, Tensor]:
        batch = self.windows.sample(BATCH, self.generator)
        noise = torch.randn(BATCH, Z, generator=self.generator)
        with self.amp:
            terms = self.losses(*batch, noise)
        self.flat.grad.zero_()
        sum(terms.values()).backward()
        nn.utils.clip_grad_norm_(self.flat, 10.0)
        self.optimizer.step()
        return terms


def walks() -> Episodes:
    """Return made-up episodes of the size of kitchen-mixed-v0."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.full((613,), 223)
    rows = int(lengths.sum())
    states = 0.02 * torch.randn(rows, 60, generator=generator).cumsum(0)
    actions = torch.rand(rows, 9, generator=generator) * 2 - 1
    return Episodes(states, actions, lengths)


def burst(runner: Plain | Ours, steps: int) -> float:
    """Return the seconds per step of a burst."""
    began = time.perf_counter()
    for _ in range(steps):
        runner.step()
    return (time.perf_counter() - began) / steps


def final_losses(runner: Plain | Ours, steps: int) -> dict[str, float]:
    """Train and return each term's mean over the last tenth of the steps."""
    tail: list[dict[str, float]] = []
    for step in range(steps):
        terms = runner.step()
        if step >= 0.9 * steps:
            tail.append({name: float(term.detach()) for name, term in terms.items()})
    return {name: float(np.mean([row[name] for row in tail])) for name in tail[0]}


def main(arguments: Arguments) -> None:
    torch.set_num_threads(1)
    episodes = walks() if arguments.data is None else load_episodes(arguments.data, H + 1)
    runners = {
        "plain": Plain(episodes, 0),
        "ours, float32": Ours(episodes, 0, precision="float32"),
        "ours": Ours(episodes, 0),
        "ours, compiled": Ours(episodes, 0, compiled=True),
        "ours, compiled, both priors": Ours(episodes, 0, priors=("goal", "state"), compiled=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for runner in runners.values():
        burst(runner, 10)
    for _ in range(arguments.bursts):
        for name, runner in runners.items():
            seconds[name].append(burst(runner, arguments.steps))
            time.sleep(0.3)  # the plain one's workers fill their queues: let them finish
    plain = np.array(seconds["plain"])
    print("| implementation | ms per step, median | steps/s | x plain, median | quartiles |")
    print("|---|---:|---:|---:|---|")
    for name, values in seconds.items():
        ratio = plain / np.array(values)
        low, middle, high = np.percentile(ratio, [25, 50, 75])
        median = 1e3 * np.median(values)
        print(
            f"| {name} | {median:.1f} | {1e3 / median:.1f} | {middle:.2f} | {low:.2f}-{high:.2f} |"
        )
    if arguments.learn:
        print(f"\nLosses, mean of the last tenth of {arguments.learn} steps:")
        for seed in range(arguments.seeds):
            for name, make in (("plain", Plain), ("ours", Ours)):
                found = final_losses(make(episodes, seed), arguments.learn)
                text = "  ".join(f"{term} {value:.4g}" for term, value in found.items())
                print(f"seed {seed}  {name:6s} {text}")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
