"""The learning curve of a run: told to the user as it grows, and kept as a CSV file."""

from __future__ import annotations

import csv
import io
import logging
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

from fist.files import write_text

log = logging.getLogger(__name__)

Row = dict[str, float]


class LearningCurve:
    """Rows of losses and speed over the steps of a run.

    On a terminal there is a progress bar; in a log file, a line per row.
    """

    def __init__(
        self, total: int, start: int, rows: list[Row], file: Path | None, tensorboard: Path | None
    ):
        """Begin, or go on, at step `start` of `total`.

        Args:
            total, start: steps of the whole run, and how many of them are done.
            rows: the rows so far; added to in place.
            file: CSV file for `write`.
            tensorboard: folder for TensorBoard's event files.

        Raises:
            ImportError: TensorBoard is asked for and not installed.
        """
        self.rows = rows
        self._total, self._start, self._file = total, start, file
        self._writer = _tensorboard(tensorboard)
        self._began = time.monotonic()
        self._bar = tqdm(total=total, initial=start, disable=None, unit="step", file=sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        if self._writer is not None:
            self._writer.close()

    def step(self) -> None:
        """Move the progress bar on by one step."""
        self._bar.update()

    def add(self, step: int, values: Row) -> None:
        """Add a row: the values after `step` steps, and the speed."""
        speed = (step - self._start) / (time.monotonic() - self._began)
        self.rows.append({"step": step, **values, "steps_per_s": speed})
        text = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        if self._bar.disable:
            left = (self._total - step) / speed
            progress = f"step {step}/{self._total}  {speed:.1f} steps/s  {left:.0f} s left"
            log.info("%s  %s", progress, text)
        else:
            self._bar.set_postfix_str(text)
        if self._writer is not None:
            for name, value in self.rows[-1].items():
                self._writer.add_scalar(name, value, step)

    def write(self) -> None:
        """Write the CSV file, if one was asked for."""
        if self._file is None:
            return
        buffer = io.StringIO()
        columns = list(self.rows[0]) if self.rows else ["step"]
        writer = csv.DictWriter(buffer, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self._file, buffer.getvalue())


def _tensorboard(folder: Path | None) -> Any:
    if folder is None:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "TensorBoard output was asked for but is not installed: pip install tensorboard"
        ) from error
    return SummaryWriter(folder)
