"""One gradient step: a batch, its losses, their gradient, and the optimiser's move along it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from fist.methods.base import Losses, Sampler, Terms
from fist.training.divergence import Watch
from fist.training.settings import TrainSettings
from fist.training.speed import autocast, compiles, flatten, make_optimizer, parts_of


class GradientStep:
    """Draws a batch and moves the parameters along the gradient of its losses."""

    def __init__(
        self,
        model: nn.Module,
        sample: Sampler,
        losses: Losses,
        settings: TrainSettings,
        seed: int,
        steps: int,
        groups: Sequence[list[nn.Parameter]] = (),
    ):
        """Take the parts of a run of so many steps; see `fist.training.loop.train`."""
        device = next(model.parameters()).device
        groups = groups or [list(model.parameters())]
        self.vector = flatten([p for group in groups for p in group])
        self._clipped = parts_of(self.vector, [sum(p.numel() for p in group) for group in groups])
        self.optimizer = make_optimizer(settings, self.vector)
        self.generator = Generator(device).manual_seed(seed)
        self.watch = Watch()
        self._sample = sample
        self._losses = torch.compile(losses) if compiles(settings, steps) else losses
        self._precision, self._clip_norm = autocast(settings, device), settings.clip_norm

    def __call__(self, rate: float | Tensor) -> Terms:
        """Take a step at a learning rate; return the terms and the gradient's norm before it."""
        batch = self._sample(self.generator)
        with self._precision:
            terms = self._losses(*batch)
        assert self.vector.grad is not None  # it is kept: the parameters' gradients are its parts
        self.vector.grad.zero_()
        total: Any = sum(terms.values())
        total.backward()
        norms = [nn.utils.clip_grad_norm_(part, self._clip_norm) for part in self._clipped]
        terms = terms | {"gradient_norm": torch.stack(norms).norm()}
        self.watch.look(terms, batch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return terms
