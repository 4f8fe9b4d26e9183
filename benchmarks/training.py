"""Gradient steps of this library and of the plain implementation, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Generator, Tensor, nn

import plain
from fist.data.episodes import Episodes
from fist.methods.base import Material, Model, Terms
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.skills import Prior, SkillSettings, SkillVAE
from fist.training.gradient_step import GradientStep
from fist.training.settings import TrainSettings
from fist.training.speed import replayed

H, Z, RATE = 10, 10, 1e-3
CONFIG = yaml.safe_load((Path(__file__).resolve().parents[1] / "config/config.yaml").read_text())


class Plain:
    """The plain implementation: batches from a loader, gradients and steps one tensor at a time."""

    def __init__(
        self,
        model: nn.Module,
        losses: Callable[..., Terms],
        batches: Iterator,
        device: torch.device | str = "cpu",
    ):
        self.losses, self.batches, self.device = losses, batches, device
        self.parameters = list(model.to(device).parameters())
        self.optimizer = torch.optim.RAdam(self.parameters, RATE)

    def __call__(self) -> Terms:
        terms = self.losses(*(part.to(self.device) for part in next(self.batches)))
        self.optimizer.zero_grad()
        sum(terms.values()).backward()
        nn.utils.clip_grad_norm_(self.parameters, 10.0)
        self.optimizer.step()
        return terms


class Ours:
    """The library's step, at a constant learning rate."""

    def __init__(
        self,
        model: Model,
        episodes: Episodes,
        batch: int,
        precision: str = "float32",
        compiled: bool = False,
        seed: int = 0,
    ):
        settings = TrainSettings(precision=precision, compile="always" if compiled else "never")
        device = next(model.parameters()).device
        sample = model.sampler(Material(episodes), batch, device)
        step = GradientStep(model, sample, model.losses, settings, seed, steps=1)
        self.step, self.parameters = replayed(step, step.generator), step.vector.numel()

    def __call__(self) -> Terms:
        return self.step(RATE)


def skill_model(episodes: Episodes, seed: int = 0, priors: tuple[Prior, ...] = ("goal",)):
    """Return a skill VAE of the paper's size; with one prior it has 371,505 parameters."""
    torch.manual_seed(seed)
    return SkillVAE(SkillSettings(priors=priors), episodes.state_dim, episodes.action_dim)


def plain_skills(
    episodes: Episodes,
    batch: int = 128,
    workers: int = 4,
    seed: int = 0,
    prior: Prior = "goal",
    device: torch.device | str = "cpu",
) -> Plain:
    """Return the plain step of the skill VAE; `workers` is 0 in the reference's fine-tuning."""
    model = plain.PlainSkillVAE(skill_model(episodes, seed, (prior,)))
    items = plain.WindowPerItem(episodes, H)
    windows = plain.batches(items, batch, workers)
    with_noise = ((*window, torch.randn(batch, Z)) for window in windows)
    return Plain(model, model.losses, with_noise, device)


def our_skills(
    episodes: Episodes,
    batch: int = 128,
    priors: tuple[Prior, ...] = ("goal",),
    seed: int = 0,
    device: torch.device | str = "cpu",
    **how: bool | str,
) -> Ours:
    """Return the library's step of the skill VAE."""
    return Ours(skill_model(episodes, seed, priors).to(device), episodes, batch, seed=seed, **how)


def default_skills(episodes: Episodes, **changed: Any) -> Ours:
    """Return the library's step of the default recipe's skill VAE, which has both priors."""
    recipe = CONFIG["models"]["skills"]
    torch.manual_seed(0)
    settings = SkillSettings(**recipe["model"] | changed)
    model = SkillVAE(settings, episodes.state_dim, episodes.action_dim)
    return Ours(model, episodes, recipe["train"].get("batch_size", TrainSettings().batch_size))


def plain_distance(episodes: Episodes, batch: int = 1024, workers: int = 4) -> Plain:
    """Return the plain step of the contrastive distance."""
    torch.manual_seed(0)
    model = Distance(DistanceSettings(), episodes.state_dim)

    def losses(anchor: Tensor, positive: Tensor) -> Terms:
        logits = model.encoder(anchor) @ model.W @ model.encoder(positive).T
        return {"contrastive": nn.functional.cross_entropy(logits, torch.arange(len(logits)))}

    return Plain(model, losses, plain.batches(plain.PairPerItem(episodes, H), batch, workers))


def our_distance(episodes: Episodes, batch: int = 1024, **how: bool | str) -> Ours:
    """Return the library's step of the contrastive distance."""
    torch.manual_seed(0)
    return Ours(Distance(DistanceSettings(), episodes.state_dim), episodes, batch, **how)


def walks(episodes: int = 613, rows: int = 223) -> Episodes:
    """Return made-up episodes; by default as much as is in kitchen-mixed-v0."""
    generator = Generator().manual_seed(0)
    lengths = torch.full((episodes,), rows)
    steps = torch.randn(episodes, rows, 60, generator=generator)
    states = (0.02 * steps.cumsum(1)).flatten(0, 1)
    actions = torch.rand(len(states), 9, generator=generator) * 2 - 1
    return Episodes(states, actions, lengths)
