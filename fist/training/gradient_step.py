"""One gradient step: a batch, its losses, their gradient, and the optimiser's move along it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from fist.methods.base import Batch, Terms
from fist.training.divergence import Watch
from fist.training.settings import TrainSettings
from fist.training.speed import autocast, compiled, flatten, make_optimizer


@dataclass
class GradientStep:
    """Draws a batch and moves a vector of parameters along the gradient of its losses."""

    sample: Callable[[Generator], Batch]
    """Draws a batch, on the vector's device."""
    losses: Callable[..., Terms]
    """Terms of a batch's loss; their sum is minimised."""
    vector: nn.Parameter
    """All that is trained, with its gradient, see `fist.training.speed.flatten`."""
    optimizer: Optimizer
    """Of that vector."""
    generator: Generator
    """What `sample` draws from, on the vector's device."""
    clip_norm: float
    """Largest norm of the gradient; larger ones are scaled down."""
    precision: AbstractContextManager
    """Arithmetic of the losses."""
    watch: Watch = field(default_factory=Watch)
    """Sees every term and the gradient's norm."""

    def __call__(self, rate: float | Tensor) -> Terms:
        """Take a step at a learning rate; return the terms before it."""
        batch = self.sample(self.generator)
        with self.precision:
            terms = self.losses(*batch)
        self.vector.grad.zero_()
        sum(terms.values()).backward()
        norm = nn.utils.clip_grad_norm_(self.vector, self.clip_norm)
        self.watch.look(terms | {"gradient norm": norm}, batch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return terms


def make_step(
    model: nn.Module,
    sample: Callable[[Generator], Batch],
    losses: Callable[..., Terms],
    settings: TrainSettings,
    seed: int,
    steps: int,
    parameters: list[nn.Parameter] | None = None,
) -> GradientStep:
    """Return the gradient step of a run of so many steps; see `fist.training.loop.train`."""
    device = next(model.parameters()).device
    vector = flatten(list(model.parameters()) if parameters is None else parameters)
    return GradientStep(
        sample,
        compiled(losses, settings, steps),
        vector,
        make_optimizer(settings, vector),
        Generator(device).manual_seed(seed),
        settings.clip_norm,
        autocast(settings, device),
    )
