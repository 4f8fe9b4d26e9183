"""Values that are not finite: at which step, which ones, and of what batch."""

import math
from pathlib import Path

import torch
from torch import Tensor

from fist.methods.base import Batch
from fist.stage.tensors import write_tensors


class TrainingDiverged(ArithmeticError):
    """A loss or gradient is not finite; the message says which, where, and what was kept."""


class Watch:
    """Remembers, on the device, the first step in which a value was not finite."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._kept: list[Tensor] = []
        """Number of that step (-1: there was none), its values and its batch."""

    def look(self, values: dict[str, Tensor], batch: Batch) -> None:
        """Look at the next step's values (scalars), without waiting for them."""
        now = torch.stack([value.detach().float() for value in values.values()])
        if not self._kept:
            self._names = list(values)
            self._steps = torch.zeros((), dtype=torch.long, device=now.device)
            self._kept = [self._steps - 1, *map(torch.zeros_like, (now, *batch))]
        first = (self._kept[0] < 0) & ~now.isfinite().all()
        for kept, part in zip(self._kept, (self._steps, now, *batch), strict=True):
            torch.where(first, part, kept, out=kept)
        self._steps += 1

    def check(self, start: int, seed: int, resume: Path | None) -> None:
        """Raise TrainingDiverged unless all was finite, and keep the batch beside the resume file.

        It waits for the device. `start` is the number of the first step that was looked at.
        """
        if not self._kept or int(self._kept[0]) < 0:
            return
        number, values, *batch = (part.cpu() for part in self._kept)
        step, named = start + int(number), zip(self._names, values.tolist(), strict=True)
        bad = ", ".join(f"{name} = {value}" for name, value in named if not math.isfinite(value))
        kept = ""
        if resume is not None:
            path = resume.with_suffix(".diverged.pt")
            write_tensors(path, {"step": step, "batch": batch})
            kept = f"; the batch is kept in {path}"
        raise TrainingDiverged(
            f"step {step}: {bad} (seed {seed}){kept}. "
            "Lower train.learning-rate or train.clip-norm, or raise train.warmup"
        )
