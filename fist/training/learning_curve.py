"""The learning curve of a run: told to the user as it grows, and kept as a CSV file."""

from pathlib import Path

import numpy as np
import pandas as pd

from fist.stage.columns import Column, read_tables, write_table
from fist.stage.progress import Progress

Row = dict[str, float]

COLUMNS = (Column("step", int, 1), Column("*", float, -np.inf, np.inf, optional=True))
"""Columns of the file; those after the steps are what was measured."""


class LearningCurve(Progress):
    """Rows of losses and speed over the steps of a run.

    On a terminal there is a progress bar; in a log file, a line per row.
    """

    def __init__(
        self, total: int, start: int, rows: list[Row], file: Path | None, tensorboard: Path | None
    ):
        """Begin, or go on, at step `start` of `total`.

        Args:
            rows: the rows so far; added to in place.
            file: CSV file for `write`.
            tensorboard: folder for TensorBoard's event files; ImportError if it is not installed.
        """
        super().__init__(total, start, "step")
        self.rows, self._file, self._writer = rows, file, None
        if tensorboard is not None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise ImportError(f"{error}: pip install tensorboard") from error
            self._writer = SummaryWriter(tensorboard)

    def close(self) -> None:
        """Leave the bar as it is, and end TensorBoard's file."""
        super().close()
        if self._writer is not None:
            self._writer.close()

    def add(self, step: int, values: Row) -> None:
        """Add a row: the values after `step` steps, and the speed."""
        self.rows.append({"step": step, **values, "steps_per_s": self.speed})
        self.tell("  ".join(f"{name} {value:.4g}" for name, value in values.items()))
        if self._writer is not None:
            for name, value in self.rows[-1].items():
                self._writer.add_scalar(name, value, step)

    def write(self) -> None:
        """Write the CSV file, if one was asked for."""
        if self._file is not None:
            text = pd.DataFrame(self.rows).to_csv(index=False, lineterminator="\n")
            write_table(self._file, COLUMNS, text)


def read_curve(file: Path) -> pd.DataFrame:
    """Read what was written.

    Raises:
        FileNotFoundError, ResultsError: there is no such file, or it is no learning curve.
    """
    [curve] = read_tables([file], COLUMNS)
    return curve.drop(columns=["file", "line"])
