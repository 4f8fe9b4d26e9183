"""One gradient step, in which nothing waits for the device: a GPU can be given it as one piece.

The models are small, so on a GPU a step is hundreds of launches that each take longer than what
they launch. There the first steps run as on a CPU; then one is recorded as a CUDA graph, and all
later ones replay it with a single launch: drawing of the batch, losses, gradient, clipping and
optimiser. What changes from step to step (weights, moments, the generator, the learning rate) lies
on the device.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

log = logging.getLogger(__name__)

Batch = tuple[Tensor, ...]
Terms = dict[str, Tensor]
"""Terms of a loss, each a scalar."""

LAUNCHED = 3
"""Steps on a GPU before one is recorded: libraries choose their kernels and memory in the first."""


class GradientStep:
    """Draws a batch and moves a vector of parameters along the gradient of its losses."""

    def __init__(
        self,
        sample: Callable[[Generator], Batch],
        losses: Callable[..., Terms],
        vector: nn.Parameter,
        optimizer: torch.optim.Optimizer,
        generator: Generator,
        clip_norm: float,
        amp: torch.autocast,
    ):
        """Take the parts of a step.

        Args:
            sample: draws a batch, on the vector's device.
            losses: terms of a batch's loss; their sum is minimised.
            vector: all that is trained, with its gradient (`fist.training.loop.flatten`).
            optimizer: of that vector.
            generator: what `sample` draws from, on the vector's device.
            clip_norm: largest norm of the gradient; larger ones are scaled down.
            amp: precision of the losses' arithmetic.
        """
        self.vector, self.optimizer, self.generator = vector, optimizer, generator
        self.watch = Watch()
        self._sample, self._losses, self._clip_norm, self._amp = sample, losses, clip_norm, amp
        self._take, self._rate = self._launch, None
        if self.on_gpu:
            self._take = Replayed(self._launch, generator)
            self._rate = torch.zeros((), device=vector.device)

    @property
    def on_gpu(self) -> bool:
        """Whether steps are queued on a device, to be done while the next ones are queued."""
        return self.vector.is_cuda

    def __call__(self, rate: float) -> Terms:
        """Take a step at a learning rate; return the terms before it, until the next step."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate if self._rate is None else self._rate.fill_(rate)
        return self._take()

    def _launch(self) -> Terms:
        batch = self._sample(self.generator)
        with self._amp:
            terms = self._losses(*batch)
        self.vector.grad.zero_()
        sum(terms.values()).backward()
        norm = nn.utils.clip_grad_norm_(self.vector, self._clip_norm)
        self.watch.look(terms | {"gradient norm": norm}, batch)
        self.optimizer.step()
        return terms


@dataclass(frozen=True)
class Seen:
    """The first step with a value that is not finite."""

    step: int
    """Number of the step among those watched, from 0."""
    values: dict[str, float]
    """What was watched there."""
    batch: list[Tensor]
    """Its batch, on the CPU."""


class Watch:
    """Remembers, on the device, the first step in which a value was not finite."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._kept: list[Tensor] = []

    def look(self, values: dict[str, Tensor], batch: Batch) -> None:
        """Look at the next step's values (scalars), without waiting for them."""
        now = torch.stack([value.detach().float() for value in values.values()])
        if not self._kept:
            self._names = list(values)
            self._steps = torch.zeros((), dtype=torch.long, device=now.device)
            self._bad_step = torch.full_like(self._steps, -1)
            self._kept = [torch.zeros_like(part) for part in (now, *batch)]
        first = (self._bad_step < 0) & ~now.isfinite().all()
        parts = zip((self._bad_step, *self._kept), (self._steps, now, *batch), strict=True)
        for kept, part in parts:
            torch.where(first, part, kept, out=kept)
        self._steps += 1

    def seen(self) -> Seen | None:
        """Return the first step with a value that was not finite; waits for the device."""
        if not self._kept or int(self._bad_step) < 0:
            return None
        values, *batch = (part.cpu() for part in self._kept)
        named = dict(zip(self._names, values.tolist(), strict=True))
        return Seen(int(self._bad_step), named, batch)


class Replayed:
    """A function of no arguments whose kernels are recorded once as a CUDA graph, then replayed.

    All that the function reads and writes must stay where it is, on the device. Where it cannot be
    recorded, it is called every time.
    """

    def __init__(self, function: Callable[[], Terms], generator: Generator):
        """Take the function, and the generator on the GPU that it draws from."""
        self._function, self._generator = function, generator
        self._stream = torch.cuda.Stream(generator.device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._calls = 0

    def __call__(self) -> Terms:
        self._calls += 1
        if self._calls == LAUNCHED + 1:
            self._record()
        if self._graph is not None:
            self._graph.replay()
            return self._terms
        # Gradients are accumulated on the stream of the first call: recording has to find it there.
        current = torch.cuda.current_stream(self._generator.device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            terms = self._function()
        current.wait_stream(self._stream)
        return terms

    def _record(self) -> None:
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._generator)
        try:
            with torch.cuda.graph(graph, stream=self._stream):
                self._terms = self._function()
        except RuntimeError as error:
            log.warning("steps are launched kernel by kernel, without a CUDA graph: %s", error)
        else:
            self._graph = graph
