"""Values that are not finite: at which step, which ones, and of what batch."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from fist.methods.base import Batch
from fist.stage.files import write_tensors


class TrainingDiverged(ArithmeticError):
    """A loss or gradient is not finite; the message says which, where, and what was kept."""


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

    def seen(self) -> tuple[int, dict[str, float], list[Tensor]] | None:
        """Return number (from 0), values and batch of that step, if any; waits for the device."""
        if not self._kept or int(self._bad_step) < 0:
            return None
        values, *batch = (part.cpu() for part in self._kept)
        return int(self._bad_step), dict(zip(self._names, values.tolist(), strict=True)), batch

    def check(self, start: int, seed: int, resume: Path | None) -> None:
        """Raise TrainingDiverged, keeping the batch beside the resume file, unless all was finite.

        Args:
            start: the run's number of the first step that was watched.
            seed: of the run, for the message.
            resume: the run's resume file, if it has one.
        """
        seen = self.seen()
        if seen is None:
            return
        number, values, batch = start + seen[0], *seen[1:]
        bad = ", ".join(f"{name} = {v}" for name, v in values.items() if not math.isfinite(v))
        kept = ""
        if resume is not None:
            path = resume.with_suffix(".diverged.pt")
            write_tensors(path, {"step": number, "batch": batch})
            kept = f"; the batch is kept in {path}"
        raise TrainingDiverged(
            f"step {number}: {bad} (seed {seed}){kept}. "
            "Lower train.learning-rate or train.clip-norm, or raise train.warmup"
        )
