"""The one training loop, for every model.

A run is a function of its settings, its seed and its data: batches and noise come from one
generator, the learning rate from the step number. All of that is in the resume state, so a run
that was stopped at any step and started again ends with the same weights, bit for bit (on a CPU).
"""

from __future__ import annotations

import logging
import math
import shutil
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Generator, nn

from fist.stage.files import write_tensors
from fist.stage.interrupt import Interrupted, stop_signals
from fist.stage.resume import load_state, save_state
from fist.training.gradient_step import Batch, GradientStep, Terms
from fist.training.learning_curve import LearningCurve, Row
from fist.training.optimizer import RAdam

log = logging.getLogger(__name__)

WORTH_COMPILING = 10_000
"""Steps from which compiling the loss pays for itself."""


@dataclass(frozen=True)
class TrainSettings:
    """Optimisation; the defaults are the reference's for the skill VAE in the kitchen.

    The reference neither clips gradients nor survives every seed: its prior diverges within the
    first steps for about one seed in five, because RAdam starts as plain momentum. `clip_norm` is
    the one deviation from it here.
    """

    steps: int = 0
    """Gradient steps; 0 means: as many as `epochs` asks for."""
    epochs: float = 2000
    """Passes over the data, where `steps` is 0. (The reference: 200 epochs of 10 cycles.)"""
    batch_size: int = 128
    """Windows (or pairs) in a batch."""
    learning_rate: float = 1e-3
    """Learning rate, after warm-up and before decay."""
    optimizer: Literal["radam", "adam"] = "radam"
    """Optimiser, with betas (0.9, 0.999) and no weight decay."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate after warm-up: constant, or down to 0 along half a cosine."""
    warmup: int = 0
    """Steps over which the learning rate rises linearly from 0."""
    clip_norm: float = 10.0
    """Largest Euclidean norm of the gradient; larger ones are scaled down."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the forward pass; "auto" takes bfloat16 where the processor has it."""
    compile: Literal["auto", "always", "never"] = "auto"
    """Compile the loss: a sixth less time per step, after about a minute of compiling (a few
    seconds for the next run of the same shape on the machine); "auto" does so for runs of 10,000
    steps and more, where there are a C++ compiler and Python's headers."""
    validation: float = 0.01
    """Share of the episodes held out (the last ones), for the learning curve alone."""
    log_every: int = 200
    """Steps between rows of the learning curve."""
    save_every: float = 30.0
    """Seconds between savings of the resume state."""

    def __post_init__(self) -> None:
        if self.steps < 0 or self.epochs <= 0:
            raise ValueError(
                f"train.steps is {self.steps} and train.epochs {self.epochs}: steps must be at "
                "least 0 and epochs above 0"
            )
        for name in ("batch_size", "learning_rate", "clip_norm", "log_every"):
            if getattr(self, name) <= 0:
                raise ValueError(f"train.{name} is {getattr(self, name)}, must be above 0")
        if not 0 <= self.validation < 1:
            raise ValueError(f"train.validation is {self.validation}, must be in [0, 1)")

    def total_steps(self, items: int) -> int:
        """Return the number of gradient steps on a data set of `items` items per epoch."""
        return self.steps or max(1, round(self.epochs * max(1, items // self.batch_size)))

    def rate(self, step: int, total: int) -> float:
        """Return the learning rate of step 0 <= step < total."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        if self.schedule == "constant":
            return self.learning_rate
        progress = (step - self.warmup) / max(1, total - self.warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


class TrainingDiverged(ArithmeticError):
    """A loss or gradient is not finite; the message says which, where, and what was kept."""


@dataclass
class Run:
    """What one call of `train` needs besides the model; see there."""

    settings: TrainSettings
    steps: int
    seed: int
    key: str
    """Fingerprint of everything that decides the result; a state with another key is not used."""
    state: Path | None = None
    """Resume state, written now and then and at the end, never deleted."""
    curve: Path | None = None
    """CSV file of the learning curve, written at the end."""
    tensorboard: Path | None = None
    """Folder for TensorBoard's event files."""


def train(
    model: nn.Module,
    sample: Callable[[Generator], Batch],
    losses: Callable[..., Terms],
    run: Run,
    parameters: list[nn.Parameter] | None = None,
    validate: Callable[[], dict[str, float]] | None = None,
) -> None:
    """Minimise the sum of `losses(*sample(generator))` over a model's parameters, in place.

    Args:
        model: left in eval mode, with the weights of the last step.
        sample: draws a batch, on the model's device.
        losses: terms of the loss, each a scalar; each is checked for finiteness by itself.
        run: settings, seed, number of steps and the files to write.
        parameters: what to train; by default all of the model's parameters.
        validate: values to add to each row of the learning curve; called in eval mode.

    Raises:
        TrainingDiverged: a term or the gradient is not finite. The batch is kept beside the state.
        Interrupted: SIGTERM or SIGINT came; the state was saved first.
    """
    settings = run.settings
    step = make_step(model, sample, losses, settings, run.seed, run.steps, parameters)
    start, rows = _resume(run, model, step)
    curve = LearningCurve(run.steps, start, rows, run.curve, run.tensorboard)
    saved = time.monotonic()
    model.train()
    with stop_signals() as stop, curve:
        for done in range(start + 1, run.steps + 1):
            rate = settings.rate(done - 1, run.steps)
            terms = step(rate)
            curve.step()
            is_last = done == run.steps
            logs = done % settings.log_every == 0 or is_last
            signals = tuple(stop)
            saves = signals or time.monotonic() - saved > settings.save_every or is_last
            if logs or saves or not step.on_gpu:
                _check_finite(step, start, run)
            if logs:
                values = {"learning_rate": rate}
                values |= {name: float(term.detach()) for name, term in terms.items()}
                if validate is not None:
                    model.eval()
                    values |= {f"validation_{name}": value for name, value in validate().items()}
                    model.train()
                curve.add(done, values)
            if saves:
                _save(run, done, model, step, rows)
                saved = time.monotonic()
            if signals and not is_last:
                log.warning(
                    "stopped by signal %d after step %d; the state is saved", signals[0], done
                )
                raise Interrupted(128 + signals[0])
    model.eval()
    curve.write()


def make_step(
    model: nn.Module,
    sample: Callable[[Generator], Batch],
    losses: Callable[..., Terms],
    settings: TrainSettings,
    seed: int,
    steps: int,
    parameters: list[nn.Parameter] | None = None,
) -> GradientStep:
    """Return the gradient step of a run of so many steps; see `train`."""
    device = next(model.parameters()).device
    vector = flatten(parameters if parameters is not None else list(model.parameters()))
    return GradientStep(
        sample,
        torch.compile(losses) if compiles(settings, steps) else losses,
        vector,
        make_optimizer(settings, vector),
        Generator(device).manual_seed(seed),
        settings.clip_norm,
        torch.autocast(device.type, torch.bfloat16, enabled=uses_bfloat16(settings, device)),
    )


def flatten(parameters: list[nn.Parameter]) -> nn.Parameter:
    """Lay parameters and their gradients end to end and return them as one vector.

    The parameters become views of the vector. Clipping and the optimiser's arithmetic are then a
    few operations on one vector instead of as many on each of some fifty small tensors, a tenth of
    a step's time on a CPU.
    """
    vector = nn.Parameter(torch.cat([p.detach().flatten() for p in parameters]))
    vector.grad = torch.zeros_like(vector)
    offset = 0
    for p in parameters:
        part = slice(offset, offset + p.numel())
        p.grad = vector.grad[part].view_as(p)
        p.data = vector.data[part].view_as(p)
        offset = part.stop
    return vector


def make_optimizer(settings: TrainSettings, vector: nn.Parameter) -> torch.optim.Optimizer:
    """Return the optimiser that the settings name, over a vector of all parameters."""
    if settings.optimizer == "adam":
        return torch.optim.Adam(
            [vector], settings.learning_rate, fused=True, capturable=vector.is_cuda
        )
    if vector.is_cuda:  # ours takes the number of the step from the host
        return torch.optim.RAdam([vector], settings.learning_rate, capturable=True)
    return RAdam([vector], settings.learning_rate)


def compiles(settings: TrainSettings, steps: int) -> bool:
    """Tell whether a run of so many steps compiles its loss."""
    if settings.compile != "auto":
        return settings.compile == "always"
    return steps >= WORTH_COMPILING and _has_compiler()


def _has_compiler() -> bool:
    """Tell whether there is what torch.compile needs: a C++ compiler and Python's headers."""
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return headers.exists() and any(map(shutil.which, ("c++", "g++", "clang++")))


def uses_bfloat16(settings: TrainSettings, device: torch.device) -> bool:
    """Tell whether the forward pass runs in bfloat16 on this device."""
    if settings.precision != "auto":
        return settings.precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return "avx512_bf16" in _cpu_flags() or "amx_bf16" in _cpu_flags()


def _cpu_flags() -> str:
    """Return the processor's feature flags, where the system tells them."""
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.read_text() if cpuinfo.exists() else ""


def _check_finite(step: GradientStep, start: int, run: Run) -> None:
    """Raise TrainingDiverged, keeping the batch, unless all steps since `start` were finite."""
    seen = step.watch.seen()
    if seen is None:
        return
    number = start + seen.step
    bad = ", ".join(f"{name} = {v}" for name, v in seen.values.items() if not math.isfinite(v))
    kept = ""
    if run.state is not None:
        path = run.state.with_suffix(".diverged.pt")
        write_tensors(path, {"step": number, "batch": seen.batch})
        kept = f"; the batch is kept in {path}"
    raise TrainingDiverged(
        f"step {number}: {bad} (seed {run.seed}){kept}. "
        "Lower train.learning-rate or train.clip-norm, or raise train.warmup"
    )


def _resume(run: Run, model: nn.Module, step: GradientStep) -> tuple[int, list[Row]]:
    """Load the resume state if it belongs to this run; return steps done and learning curve."""
    state = load_state(run.state, run.key)
    if state is None:
        return 0, []
    model.load_state_dict(state["model"])
    step.optimizer.load_state_dict(state["optimizer"])
    step.generator.set_state(state["generator"])
    log.info("resuming at step %d of %d", state["step"], run.steps)
    return state["step"], state["rows"]


def _save(run: Run, done: int, model: nn.Module, step: GradientStep, rows: list[Row]) -> None:
    state = {
        "step": done,
        "model": model.state_dict(),
        "optimizer": step.optimizer.state_dict(),
        "generator": step.generator.get_state(),
        "rows": rows,
    }
    save_state(run.state, run.key, state)
