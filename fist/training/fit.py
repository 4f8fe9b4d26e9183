"""One training job: train a model, then write its checkpoint and where it came from."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Generator, nn

from fist.data.episodes import Episodes
from fist.methods.base import Batch, Terms
from fist.stage.files import fingerprint, sha256
from fist.stage.resume import code_version, sources
from fist.training.checkpoint import save_model
from fist.training.loop import Run, train
from fist.training.settings import TrainSettings
from fist.training.speed import compiles, uses_bfloat16

log = logging.getLogger(__name__)


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


def fit(
    net: nn.Module,
    sample: Callable[[Generator], Batch],
    losses: Callable[..., Terms],
    settings: TrainSettings,
    items: int,
    job: Job,
    inputs: dict[str, Path],
    parameters: list[nn.Parameter] | None = None,
    validate: Callable[[], dict[str, float]] | None = None,
    choice: dict | None = None,
) -> None:
    """Train, then write the checkpoint with a note of where it came from."""
    device = device_of(job)
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


def validator(
    net: nn.Module, losses: Callable[..., Terms], batch: Batch
) -> Callable[[], dict[str, float]]:
    """Return a function that gives the losses on one fixed batch."""

    def validate() -> dict[str, float]:
        device = next(net.parameters()).device
        with torch.no_grad():
            terms = losses(*(part.to(device) for part in batch))
        return {name: float(term) for name, term in terms.items()}

    return validate


def hold_out(episodes: Episodes, share: float) -> tuple[Episodes, Episodes | None]:
    """Split off the last episodes, int(share * E) of them; None where that is no episode."""
    training = len(episodes) - int(share * len(episodes))
    if training == len(episodes):
        return episodes, None
    return episodes.take(range(training)), episodes.take(range(training, len(episodes)))


def seeded(job: Job, build: Callable[[], nn.Module]) -> nn.Module:
    """Build a model with initial weights of the job's seed, leaving the global generator alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.seed)
        return build()


def device_of(job: Job) -> torch.device:
    """Return the device to train on."""
    if job.device != "auto":
        return torch.device(job.device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _code(net: nn.Module) -> str:
    """Return a fingerprint of the code that decides what training does."""
    names = (
        "data.episodes",
        "data.windows",
        "methods.networks",
        "methods.feedback",
        "training.settings",
        "training.speed",
        "training.divergence",
        "stage.resume",
        "training.gradient_step",
        "training.loop",
        "training.fit",
        "training.stages",
    )
    modules = [*(f"fist.{name}" for name in names), type(net).__module__]
    return code_version(file for module in modules for file in sources(module))
