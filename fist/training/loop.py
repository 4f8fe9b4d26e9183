"""The one training loop, for every model.

A run is a function of its settings, its seed and its data: batches and noise come from one
generator, the learning rate from the step number. All of that is in the resume file, so a run
that was stopped at any step and started again ends with the same weights, bit for bit (on a CPU).
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from fist.methods.base import Losses, Sampler
from fist.stage.interrupt import Interrupted, stop_signals
from fist.stage.resume import read_resume, taking, write_resume
from fist.training.gradient_step import GradientStep
from fist.training.learning_curve import LearningCurve
from fist.training.settings import TrainSettings
from fist.training.speed import replayed

CURVE = 10
"""Rows that a learning curve has at least, where there are as many steps."""

log = logging.getLogger(__name__)


@dataclass
class Run:
    """What one call of `train` needs besides the model; see there."""

    settings: TrainSettings
    steps: int
    seed: int
    key: str
    """Fingerprint of everything that decides the result; a resume file of another is not used."""
    resume: Path | None = None
    """Resume file, written now and then and at the end, never deleted."""
    curve: Path | None = None
    """CSV file of the learning curve, written at the end."""
    tensorboard: Path | None = None
    """Folder for TensorBoard's event files."""


def train(
    model: nn.Module,
    sample: Sampler,
    losses: Losses,
    run: Run,
    groups: Sequence[list[nn.Parameter]] = (),
    validate: Callable[[], dict[str, float]] | None = None,
) -> dict[int, dict[str, Tensor]]:
    """Minimise the sum of `losses(*sample(generator))` over a model's parameters, in place.

    Args:
        model: left in eval mode, with the weights of the last step.
        sample: draws a batch, on the model's device.
        losses: terms of the loss, each a scalar; each is checked for finiteness by itself.
        run: settings, seed, number of steps and the files to write.
        groups: what to train, in groups whose gradients are clipped one by one; by default all of
            the model's parameters in one.
        validate: values to add to each row of the learning curve; called in eval mode.

    Returns:
        The weights after every `keep_every` steps, by steps.

    Raises:
        TrainingDiverged: a term or the gradient is not finite. The batch is kept beside the resume
            file.
        Interrupted: SIGTERM or SIGINT came; the resume file was written first.
    """
    settings = run.settings
    step = GradientStep(model, sample, losses, settings, run.seed, run.steps, groups)
    take = replayed(step, step.generator)
    start, rows, kept = 0, [], dict[int, dict[str, Tensor]]()
    every = min(settings.log_every, -(-run.steps // CURVE))
    if (saved := read_resume(run.resume, run.key)) is not None:
        with taking(run.resume):
            model.load_state_dict(saved["model"])
            step.optimizer.load_state_dict(saved["optimizer"])
            step.generator.set_state(saved["generator"])
            start, rows, kept = int(saved["step"]), list(saved["rows"]), dict(saved["kept"])
        log.info("resuming at step %d of %d", start, run.steps)
    curve = LearningCurve(run.steps, start, rows, run.curve, run.tensorboard)
    last_saved = time.monotonic()
    model.train()
    with stop_signals() as stop, closing(curve):
        for done in range(start + 1, run.steps + 1):
            rate = settings.rate(done - 1, run.steps)
            terms = take(rate)
            curve.advance()
            signals, is_last = tuple(stop), done == run.steps
            logs = is_last or done % every == 0
            saves = is_last or signals or time.monotonic() - last_saved > settings.save_every
            if logs or saves or not step.vector.is_cuda:  # a GPU that is asked has to finish first
                step.watch.check(start, run.seed, run.resume)
            if logs:
                values = {"learning_rate": rate}
                values |= {name: float(term.detach()) for name, term in terms.items()}
                if validate is not None:
                    model.eval()
                    values |= {f"validation_{name}": value for name, value in validate().items()}
                    model.train()
                curve.add(done, values)
            if settings.keep_every and done % settings.keep_every == 0:
                kept[done] = {n: value.cpu().clone() for n, value in model.state_dict().items()}
            if saves:
                state = {
                    "step": done,
                    "model": model.state_dict(),
                    "optimizer": step.optimizer.state_dict(),
                    "generator": step.generator.get_state(),
                    "rows": rows,
                    "kept": kept,
                }
                write_resume(run.resume, run.key, state)
                last_saved = time.monotonic()
            if signals and not is_last:
                log.warning("stopped by signal %d after step %d", signals[0], done)
                raise Interrupted(128 + signals[0])
    model.eval()
    curve.write()
    return kept
