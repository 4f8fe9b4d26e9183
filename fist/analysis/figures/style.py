"""One look for every figure: small type, thin axes, and lines that differ in print without colour.

Lines differ in luminance, marker and dash, so that a grey copy can still be read.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import pandas as pd

from fist.stage.files import replacing, write_text

matplotlib.use("Agg")  # before pyplot: no display is needed
logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every letter

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

PANEL = (2.4, 1.9)
"""Width and height of a panel, in inches."""

MARKERS = "osD^vPX*<>"
DASHES = ("-", "--", "-.", ":")

RC = {
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.4,
    "grid.color": "0.9",
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.frameon": False,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,  # letters stay letters in the PDF
}
plt.rcParams.update(RC)


class Look(NamedTuple):
    """How one line is drawn."""

    color: tuple[float, float, float, float]
    marker: str
    linestyle: str


def looks(n: int) -> list[Look]:
    """Return n looks whose colours go from dark to light in even steps of luminance."""
    colors = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.88, max(n, 2)))[:n]
    return [
        Look(tuple(color), MARKERS[i % len(MARKERS)], DASHES[i % len(DASHES)])
        for i, color in enumerate(colors)
    ]


def panels(
    n: int, columns: int = 4, size: tuple[float, float] = PANEL, **shared: bool
) -> tuple[Figure, list[Axes]]:
    """Return a figure with n panels in rows of `columns`, and the panels."""
    columns = min(n, columns)
    rows = -(-n // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(size[0] * columns + 0.6, size[1] * rows + 0.5),
        squeeze=False,
        layout="constrained",
        **shared,
    )
    used = list(axes.flat[:n])
    for axis in axes.flat[n:]:
        axis.remove()
    return figure, used


def legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """Put one legend for some panels below all of them; every label once."""
    entries = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        longest = 0.6 + 0.065 * max(map(len, entries))  # inches: a handle, and the label's letters
        columns = min(len(entries), max(1, int(figure.get_figwidth() / longest)))
        figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns)


def words(name: str) -> str:
    """Return an identifier as words."""
    return name.replace("_", " ")


def save(figure: Figure, data: pd.DataFrame, out: str | Path) -> None:
    """Write a figure as PDF and PNG beside `out`, the CSV that it was drawn from, the CSV last.

    The same figure gives the same bytes.
    """
    out = Path(out)
    for suffix, metadata in ((".pdf", {"CreationDate": None}), (".png", {"Software": None})):
        with replacing(out.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, metadata=metadata)
    plt.close(figure)
    write_text(out, data.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def save_picture(figure: Figure, out: str | Path) -> None:
    """Write a figure as PNG, for the eye alone."""
    with replacing(out) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    plt.close(figure)
