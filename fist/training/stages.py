"""The training stages: from data sets and settings to checkpoints.

Each function reads files, trains one model (`fist.training.fit`), and writes one checkpoint
(`out`), its JSON twin and its learning curve (`.csv` beside it).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from torch import Generator, Tensor, nn

from fist.data.episodes import DataError, Episodes, load_episodes
from fist.data.windows import Windows
from fist.methods.cloning import BCPolicy, BCSettings
from fist.methods.distance import Distance, DistanceSettings, sample_mixed_pairs, sample_pairs
from fist.methods.skills import SkillSettings, SkillVAE
from fist.training.checkpoint import load_model
from fist.training.fit import Job, device_of, fit, hold_out, seeded, validator
from fist.training.loop import TrainSettings

VALIDATION_BATCH = 1024
"""Windows in the fixed validation batch."""


def train_skills(data: Path, model: SkillSettings, settings: TrainSettings, job: Job) -> None:
    """Train a skill VAE and its priors on a play data set."""
    episodes = load_episodes(data, model.horizon + 1)
    net = seeded(job, lambda: SkillVAE(model, episodes.state_dim, episodes.action_dim))
    net.fit_normaliser(episodes.states)
    net.fit_feedback(episodes)
    items = int((1 - settings.validation) * len(episodes.states) / (model.horizon + 1))
    _fit_skills(net, episodes, items, settings, job, {"data": data}, net.losses)


def finetune_skills(
    init: Path,
    demos: Path,
    n_demos: int,
    parameters: Literal["all", "prior", "scratch"],
    settings: TrainSettings,
    job: Job,
) -> None:
    """Fine-tune a skill VAE on the first `n_demos` demonstrations.

    `parameters` says what is trained: "all" of the model, the "prior" networks alone, or, from
    "scratch", a new model of the same shape that has never seen the play data.
    """
    net = load_model(init, SkillVAE)
    episodes = load_episodes(demos, net.settings.horizon + 1).first(n_demos, demos)
    _check_dims(net, episodes, init, demos)
    if parameters == "scratch":
        sizes = (net.state_dim, net.action_dim)
        net = seeded(job, lambda: SkillVAE(net.settings, *sizes))
        net.fit_normaliser(episodes.states)
        net.fit_feedback(episodes)
    prior_only = parameters == "prior"
    inputs = {"init": init, "demos": demos}
    choice = {"n_demos": n_demos, "parameters": parameters}
    items = int((episodes.lengths - net.settings.horizon).sum())
    losses = net.prior_losses if prior_only else net.losses
    trained = list(net.priors.parameters()) if prior_only else None
    _fit_skills(net, episodes, items, settings, job, inputs, losses, trained, choice)


def train_distance(data: Path, model: DistanceSettings, settings: TrainSettings, job: Job) -> None:
    """Train a contrastive distance on a play data set."""
    episodes = load_episodes(data, model.horizon + 1)
    net = seeded(job, lambda: Distance(model, episodes.state_dim))
    net.fit_normaliser(episodes.states)
    training, held_out = hold_out(episodes, settings.validation)
    windows = Windows(training, model.horizon, device_of(job))

    def sample(generator: Generator) -> tuple[Tensor, ...]:
        pairs = sample_pairs(windows, model.mode, settings.batch_size, generator)
        return _with_noise(pairs, generator)

    validate = None
    if held_out is not None:
        generator = Generator().manual_seed(0)
        batch = sample_pairs(
            Windows(held_out, model.horizon), model.mode, VALIDATION_BATCH, generator
        )
        batch = _with_noise(batch, generator)
        validate = validator(net, net.losses, batch)
    items = len(episodes.states) - model.horizon
    fit(net, sample, net.losses, settings, items, job, {"data": data}, validate=validate)


def finetune_distance(
    init: Path, data: Path, demos: Path, n_demos: int, settings: TrainSettings, job: Job
) -> None:
    """Fine-tune a distance: half of each batch from play, half from the first `n_demos` demos."""
    net = load_model(init, Distance)
    horizon, mode = net.settings.horizon, net.settings.mode
    play = load_episodes(data, horizon + 1)
    shown = load_episodes(demos, horizon + 1).first(n_demos, demos)
    _check_dims(net, shown, init, demos)
    device = device_of(job)
    play_windows, demo_windows = Windows(play, horizon, device), Windows(shown, horizon, device)

    def sample(generator: Generator) -> tuple[Tensor, ...]:
        pairs = sample_mixed_pairs(play_windows, demo_windows, mode, settings.batch_size, generator)
        return _with_noise(pairs, generator)

    inputs = {"init": init, "data": data, "demos": demos}
    items = len(play.states) - horizon
    fit(net, sample, net.losses, settings, items, job, inputs, choice={"n_demos": n_demos})


def train_bc(
    data: Path, model: BCSettings, settings: TrainSettings, job: Job, n_demos: int = 0
) -> None:
    """Clone the behaviour of a data set, or of its first `n_demos` episodes alone."""
    episodes = load_episodes(data, model.span + 1)
    if n_demos:
        episodes = episodes.first(n_demos, data)
    net = seeded(job, lambda: BCPolicy(model, episodes.state_dim, episodes.action_dim))
    net.fit_normaliser(episodes.states)
    _fit_bc(net, episodes, settings, job, {"data": data}, {"n_demos": n_demos})


def finetune_bc(
    init: Path,
    demos: Path,
    n_demos: int,
    parameters: Literal["all", "scratch"],
    settings: TrainSettings,
    job: Job,
) -> None:
    """Fine-tune "all" of a cloned policy on demonstrations, or clone them alone from "scratch"."""
    net = load_model(init, BCPolicy)
    episodes = load_episodes(demos, net.settings.span + 1).first(n_demos, demos)
    _check_dims(net, episodes, init, demos)
    if parameters == "scratch":
        shape = (net.settings, net.state_dim, net.action_dim)
        net = seeded(job, lambda: BCPolicy(*shape))
        net.fit_normaliser(episodes.states)
    inputs = {"init": init, "demos": demos}
    choice = {"n_demos": n_demos, "parameters": parameters}
    _fit_bc(net, episodes, settings, job, inputs, choice)


def _fit_bc(
    net: BCPolicy,
    episodes: Episodes,
    settings: TrainSettings,
    job: Job,
    inputs: dict[str, Path],
    choice: dict,
) -> None:
    """Fit a cloned policy to the windows of episodes, and watch its loss on the held-out ones."""
    training, held_out = hold_out(episodes, settings.validation)
    windows = Windows(training, net.settings.span, device_of(job))

    def sample(generator: Generator) -> tuple[Tensor, ...]:
        return windows.sample(settings.batch_size, generator)

    validate = None
    if held_out is not None:
        generator = Generator().manual_seed(0)
        batch = Windows(held_out, net.settings.span).sample(VALIDATION_BATCH, generator)
        validate = validator(net, net.losses, batch)
    fit(net, sample, net.losses, settings, len(windows), job, inputs, None, validate, choice)


def _fit_skills(
    net: SkillVAE,
    episodes: Episodes,
    items: int,
    settings: TrainSettings,
    job: Job,
    inputs: dict[str, Path],
    losses: Callable,
    parameters: list[nn.Parameter] | None = None,
    choice: dict | None = None,
) -> None:
    """Fit a skill VAE to windows of episodes, and watch its loss on the held-out ones."""
    training, held_out = hold_out(episodes, settings.validation)
    horizon, z_dim, device = net.settings.horizon, net.settings.z_dim, device_of(job)
    windows = Windows(training, horizon, device)

    def sample(generator: Generator) -> tuple[Tensor, ...]:
        s, a = windows.sample(settings.batch_size, generator)
        return s, a, torch.randn(len(s), z_dim, generator=generator, device=device)

    validate = None
    if held_out is not None:
        generator = Generator().manual_seed(0)
        batch = Windows(held_out, horizon).sample(VALIDATION_BATCH, generator)
        noise = torch.randn(VALIDATION_BATCH, z_dim, generator=generator)
        validate = validator(net, losses, (*batch, noise))
    fit(net, sample, losses, settings, items, job, inputs, parameters, validate, choice)


def _with_noise(pairs: tuple[Tensor, Tensor], generator: Generator) -> tuple[Tensor, ...]:
    """Append the standard normal noise (2, B, S) that the distance's loss takes."""
    shape = (2, *pairs[0].shape)
    return *pairs, torch.randn(shape, generator=generator, device=pairs[0].device)


def _check_dims(net: nn.Module, episodes: Episodes, init: Path, data: Path) -> None:
    """Raise DataError unless the data set has the dimensions that the model was trained with."""
    for name in ("state_dim", "action_dim"):
        expected, found = getattr(net, name, None), getattr(episodes, name)
        if expected not in (None, found):
            raise DataError(
                f"{data} has {name} {found}, but {init} was trained with {name} {expected}"
            )
