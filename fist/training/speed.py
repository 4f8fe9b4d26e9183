"""What makes training fast. Nothing here changes what is learnt, but for rounding.

The models are small. On a CPU a tenth of a step would go to handling some fifty small tensors one
by one, so they are laid end to end; losses are computed in bfloat16 where the settings say so, and
compiled where the run is long. On a GPU a step would be hundreds of launches that each take longer
than what they launch. There the first steps run as on a CPU; then one is recorded as a CUDA graph,
from the drawing of the batch to the optimiser, and all later ones replay it with a single launch.
"""

import logging
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from fist.methods.base import Terms
from fist.training.settings import TrainSettings

log = logging.getLogger(__name__)

WORTH_COMPILING = 10_000
"""Steps from which compiling the losses pays for itself."""
LAUNCHED = 3
"""Steps on a GPU before one is recorded: libraries choose their kernels and memory in the first."""

Take = Callable[[float | Tensor], Terms]
"""Takes a gradient step at a learning rate; returns the terms before it."""


def flatten(parameters: list[nn.Parameter]) -> nn.Parameter:
    """Lay parameters and their gradients end to end and return them as one vector.

    The parameters become views of the vector.
    """
    vector = nn.Parameter(torch.cat([p.detach().flatten() for p in parameters]))
    vector.grad = torch.zeros_like(vector)
    sizes = [p.numel() for p in parameters]
    parts = zip(parameters, vector.data.split(sizes), vector.grad.split(sizes), strict=True)
    for p, values, gradient in parts:
        p.data, p.grad = values.view_as(p), gradient.view_as(p)
    return vector


def parts_of(vector: nn.Parameter, sizes: list[int]) -> list[nn.Parameter]:
    """Return the parts of a vector, which share its values and its gradient."""
    assert vector.grad is not None
    parts = [nn.Parameter(values) for values in vector.data.split(sizes)]
    for part, gradient in zip(parts, vector.grad.split(sizes), strict=True):
        part.grad = gradient
    return parts


def make_optimizer(settings: TrainSettings, vector: nn.Parameter) -> torch.optim.Optimizer:
    """Return the optimiser that the settings name, in its fastest form, over a vector."""
    rate, on_gpu = settings.learning_rate, vector.is_cuda
    if settings.optimizer == "adam":
        return torch.optim.Adam([vector], rate, capturable=on_gpu, fused=True)
    return torch.optim.RAdam([vector], rate, capturable=on_gpu, foreach=True)


def compiles(settings: TrainSettings, steps: int) -> bool:
    """Tell whether a run of so many steps compiles its losses."""
    if settings.compile != "auto":
        return settings.compile == "always"
    headers = Path(sysconfig.get_path("include"), "Python.h")
    compiler = any(map(shutil.which, ("c++", "g++", "clang++")))
    return steps >= WORTH_COMPILING and headers.exists() and compiler


def autocast(settings: TrainSettings, device: torch.device) -> torch.autocast:
    """Return the context in which losses are computed in the settings' precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16")


def replayed(step: Take, generator: Generator) -> Take:
    """Return what takes the step with one launch on a GPU; the step itself elsewhere.

    All that the step reads and writes must stay where it is, on the device of `generator`, which
    it draws from. The terms that it returns hold until the next step.
    """
    return Replayed(step, generator) if generator.device.type == "cuda" else step


class Replayed:
    """A step whose kernels are recorded once as a CUDA graph, then replayed, if they can be."""

    def __init__(self, step: Take, generator: Generator):
        self._step, self._generator, self._calls = step, generator, 0
        self._stream = torch.cuda.Stream(generator.device)
        self._rate = torch.zeros((), device=generator.device)
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, rate: float | Tensor) -> Terms:
        self._rate.fill_(rate)
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
            terms = self._step(self._rate)
        current.wait_stream(self._stream)
        return terms

    def _record(self) -> None:
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._generator)
        try:
            with torch.cuda.graph(graph, stream=self._stream):
                self._terms = self._step(self._rate)
        except RuntimeError as error:
            log.warning("steps are launched kernel by kernel, without a CUDA graph: %s", error)
        else:
            self._graph = graph
