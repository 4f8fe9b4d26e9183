"""The training stages: from data sets and settings to checkpoints.

Each function reads files, trains one model through `fist.train.train`, and writes one checkpoint
(`out`), its JSON twin and its learning curve (`.csv` beside it).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Generator, Tensor, nn

from fist.bc import BCPolicy, BCSettings
from fist.checkpoint import load_model, save_model
from fist.data import DataError, Episodes, Windows, load_episodes
from fist.distance import Distance, DistanceSettings, sample_mixed_pairs, sample_pairs
from fist.files import fingerprint, sha256
from fist.skills import SkillSettings, SkillVAE
from fist.state import code_version
from fist.train import Run, TrainSettings, compiles, train, uses_bfloat16

log = logging.getLogger(__name__)

VALIDATION_BATCH = 1024
"""Windows in the fixed validation batch."""


@dataclass(frozen=True)
class Job:
    """Where a training stage writes, and what makes it this run and no other."""

    out: Path
    """Checkpoint to write (.pt); its settings (.json) and learning curve (.csv) go beside it."""
    seed: int = 0
    """Seed of the initial weights, the batches and the noise."""
    state: Path | None = None
    """Resume state; a run that is stopped continues from it."""
    tensorboard: Path | None = None
    """Folder for TensorBoard's event files."""
    device: str = "auto"
    """Device to train on; "auto" takes a GPU where there is one."""


def train_skills(data: Path, model: SkillSettings, settings: TrainSettings, job: Job) -> None:
    """Train a skill VAE and its priors on a play data set."""
    episodes = load_episodes(data, model.horizon + 1)
    net = _seeded(job, lambda: SkillVAE(model, episodes.state_dim, episodes.action_dim))
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
        net = _seeded(job, lambda: SkillVAE(net.settings, *sizes))
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
    net = _seeded(job, lambda: Distance(model, episodes.state_dim))
    net.fit_normaliser(episodes.states)
    training, held_out = _hold_out(episodes, settings.validation)
    windows = Windows(training, model.horizon, _device(job))

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
        validate = _validator(net, net.losses, batch)
    items = len(episodes.states) - model.horizon
    _fit(net, sample, net.losses, settings, items, job, {"data": data}, validate=validate)


def finetune_distance(
    init: Path, data: Path, demos: Path, n_demos: int, settings: TrainSettings, job: Job
) -> None:
    """Fine-tune a distance: half of each batch from play, half from the first `n_demos` demos."""
    net = load_model(init, Distance)
    horizon, mode = net.settings.horizon, net.settings.mode
    play = load_episodes(data, horizon + 1)
    shown = load_episodes(demos, horizon + 1).first(n_demos, demos)
    _check_dims(net, shown, init, demos)
    device = _device(job)
    play_windows, demo_windows = Windows(play, horizon, device), Windows(shown, horizon, device)

    def sample(generator: Generator) -> tuple[Tensor, ...]:
        pairs = sample_mixed_pairs(play_windows, demo_windows, mode, settings.batch_size, generator)
        return _with_noise(pairs, generator)

    inputs = {"init": init, "data": data, "demos": demos}
    items = len(play.states) - horizon
    _fit(net, sample, net.losses, settings, items, job, inputs, choice={"n_demos": n_demos})


def train_bc(
    data: Path, model: BCSettings, settings: TrainSettings, job: Job, n_demos: int = 0
) -> None:
    """Clone the behaviour of a data set, or of its first `n_demos` episodes alone."""
    episodes = load_episodes(data, model.span + 1)
    if n_demos:
        episodes = episodes.first(n_demos, data)
    net = _seeded(job, lambda: BCPolicy(model, episodes.state_dim, episodes.action_dim))
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
        net = _seeded(job, lambda: BCPolicy(*shape))
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
    training, held_out = _hold_out(episodes, settings.validation)
    windows = Windows(training, net.settings.span, _device(job))

    def sample(generator: Generator) -> tuple[Tensor, ...]:
        return windows.sample(settings.batch_size, generator)

    validate = None
    if held_out is not None:
        generator = Generator().manual_seed(0)
        batch = Windows(held_out, net.settings.span).sample(VALIDATION_BATCH, generator)
        validate = _validator(net, net.losses, batch)
    _fit(net, sample, net.losses, settings, len(windows), job, inputs, None, validate, choice)


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
    training, held_out = _hold_out(episodes, settings.validation)
    horizon, z_dim, device = net.settings.horizon, net.settings.z_dim, _device(job)
    windows = Windows(training, horizon, device)

    def sample(generator: Generator) -> tuple[Tensor, ...]:
        s, a = windows.sample(settings.batch_size, generator)
        return s, a, torch.randn(len(s), z_dim, generator=generator, device=device)

    validate = None
    if held_out is not None:
        generator = Generator().manual_seed(0)
        batch = Windows(held_out, horizon).sample(VALIDATION_BATCH, generator)
        noise = torch.randn(VALIDATION_BATCH, z_dim, generator=generator)
        validate = _validator(net, losses, (*batch, noise))
    _fit(net, sample, losses, settings, items, job, inputs, parameters, validate, choice)


def _fit(
    net: nn.Module,
    sample: Callable[[Generator], tuple[Tensor, ...]],
    losses: Callable,
    settings: TrainSettings,
    items: int,
    job: Job,
    inputs: dict[str, Path],
    parameters: list[nn.Parameter] | None = None,
    validate: Callable[[], dict[str, float]] | None = None,
    choice: dict | None = None,
) -> None:
    """Train, then write the checkpoint with a note of where it came from."""
    device = _device(job)
    net.to(device)
    steps = settings.total_steps(items)
    provenance = {
        "seed": job.seed,
        "steps": steps,
        "train": asdict(settings),
        "inputs": {name: {"path": str(p), "sha256": sha256(p)} for name, p in inputs.items()},
        "bfloat16": uses_bfloat16(settings, device),
        "compiled": compiles(settings, steps),
        "device": device.type,
        "torch": torch.__version__,
    } | (choice or {})
    key = fingerprint(
        {
            "provenance": provenance,
            "model": [type(net).__name__, asdict(net.settings)],
            "code": _code(net),
        }
    )
    run = Run(
        settings, steps, job.seed, key, job.state, job.out.with_suffix(".csv"), job.tensorboard
    )
    log.info("%s: %d steps of %d, seed %d", job.out, steps, settings.batch_size, job.seed)
    train(net, sample, losses, run, parameters, validate)
    save_model(job.out, net, provenance)


def _with_noise(pairs: tuple[Tensor, Tensor], generator: Generator) -> tuple[Tensor, ...]:
    """Append the standard normal noise (2, B, S) that the distance's loss takes."""
    shape = (2, *pairs[0].shape)
    return *pairs, torch.randn(shape, generator=generator, device=pairs[0].device)


def _validator(
    net: nn.Module, losses: Callable, batch: tuple[Tensor, ...]
) -> Callable[[], dict[str, float]]:
    """Return a function that gives the losses on one fixed batch."""

    def validate() -> dict[str, float]:
        device = next(net.parameters()).device
        with torch.no_grad():
            terms = losses(*(part.to(device) for part in batch))
        return {name: float(term) for name, term in terms.items()}

    return validate


def _hold_out(episodes: Episodes, share: float) -> tuple[Episodes, Episodes | None]:
    """Split off the last episodes, int(share * E) of them; None where that is no episode."""
    training = len(episodes) - int(share * len(episodes))
    if training == len(episodes):
        return episodes, None
    return episodes.take(range(training)), episodes.take(range(training, len(episodes)))


def _seeded(job: Job, build: Callable[[], nn.Module]) -> nn.Module:
    """Build a model with initial weights of the job's seed, leaving the global generator alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.seed)
        return build()


def _device(job: Job) -> torch.device:
    if job.device != "auto":
        return torch.device(job.device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _check_dims(net: nn.Module, episodes: Episodes, init: Path, data: Path) -> None:
    """Raise DataError unless the data set has the dimensions that the model was trained with."""
    for name in ("state_dim", "action_dim"):
        expected, found = getattr(net, name, None), getattr(episodes, name)
        if expected not in (None, found):
            raise DataError(
                f"{data} has {name} {found}, but {init} was trained with {name} {expected}"
            )


def _code(net: nn.Module) -> str:
    """Return a fingerprint of the code that decides what training does."""
    names = ("data", "networks", "feedback", "optimizer", "state", "train", "pipeline")
    modules = [sys.modules[f"fist.{name}"] for name in names] + [sys.modules[type(net).__module__]]
    return code_version(module.__file__ for module in modules)
