"""The learning curve of a run: told to the user as it grows, and kept as a CSV file."""

import io
from pathlib import Path

import pandas as pd

from fist.stage.files import read_bytes, reason, write_text
from fist.stage.progress import Progress

Row = dict[str, float]


def read_curve(path: Path) -> pd.DataFrame:
    """Read the CSV file of a learning curve.

    Raises:
        OSError, ValueError: it cannot be read, or holds something else; the message names it.
    """
    content = read_bytes(path)
    try:
        curve = pd.read_csv(io.BytesIO(content))
    except ValueError as error:
        raise ValueError(f"{path}: no learning curve ({reason(error)})") from None
    numbers = curve.empty or all(map(pd.api.types.is_numeric_dtype, curve.dtypes))
    if "step" not in curve or not numbers:
        raise ValueError(f"{path}: no learning curve: it has no steps, or texts beside them")
    return curve


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
            write_text(self._file, pd.DataFrame(self.rows).to_csv(index=False, lineterminator="\n"))
