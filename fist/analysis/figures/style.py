"""One look for every figure: small type, thin axes, and lines that differ in print without colour.

Lines differ in luminance, marker and dash, so that a grey copy can still be read.
"""

import logging
from collections.abc import Iterable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from fist.stage.files import replacing, write_text

MARKERS = "osD^vPX*<>"
DASHES = ("-", "--", "-.", ":")
INKS = matplotlib.colormaps["plasma"](np.linspace(0, 0.64, 256))
"""From dark to as light as can still be read on white."""
SHADES = ListedColormap(INKS)
NAMES = {"fist": "FIST", "spirl": "SPiRL", "bc": "BC", "sailor": "SAILOR", "kl": "KL"}
"""How the text writes what identifiers write small."""

matplotlib.rc("savefig", dpi=200)
matplotlib.rc("font", size=8)
matplotlib.rc("axes", titlesize=8, linewidth=0.6, grid=True, axisbelow=True)
matplotlib.rc("axes.spines", top=False, right=False)
matplotlib.rc("grid", linewidth=0.4, color="0.9")
matplotlib.rc("lines", linewidth=1.2, markersize=4)
matplotlib.rc("legend", frameon=False)
matplotlib.rc("text", parse_math=False)  # names of files and of columns are text
matplotlib.rc("pdf", fonttype=42)  # letters stay letters in the PDF
logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every letter


class Look(NamedTuple):
    """How one line is drawn."""

    color: tuple[float, float, float, float]
    marker: str
    linestyle: str


def looks(names: Iterable[Any]) -> dict[Any, Look]:
    """Return a look for every name, from dark to light in even steps of luminance."""
    names = list(dict.fromkeys(names))
    light = INKS[:, :3] @ (0.2126, 0.7152, 0.0722)
    even = np.linspace(light[0], light[-1], max(len(names), 2))
    colors = map(tuple, SHADES(np.interp(even, light, np.linspace(0, 1, len(light)))))
    return dict(zip(names, map(Look, colors, cycle(MARKERS), cycle(DASHES)), strict=False))


def panels(
    n: int, columns: int = 4, size: tuple[float, float] = (2.4, 1.9), **shared: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure with n panels in rows of `columns`, each so wide and high in inches."""
    columns = min(n, columns)
    rows = -(-n // columns)
    figure = Figure((size[0] * columns + 0.6, size[1] * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **shared).ravel().tolist()
    for axis in axes[n:]:
        axis.remove()
    return figure, axes[:n]


def legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """Put one legend for some panels below all of them; every label once."""
    entries: dict[str, Artist] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        longest = 0.6 + 0.065 * max(map(len, entries))  # inches: a handle, and the label's letters
        columns = min(len(entries), max(1, int(figure.get_figwidth() / longest)))
        figure.legend([*entries.values()], [*entries], loc="outside lower center", ncols=columns)


def words(name: str) -> str:
    """Return an identifier as the text writes it: goal_bc as goal BC, task-variant as two."""
    return ", ".join(
        " ".join(NAMES.get(word, word) for word in part.split("_")) for part in name.split("-")
    )


def note(figure: Figure, text: str) -> None:
    """Say above a figure what its numbers are of."""
    figure.suptitle(text, fontsize=7, color="0.3")


def save(figure: Figure, data: pd.DataFrame, out: str | Path) -> None:
    """Write a figure as PDF and PNG beside `out`, the CSV that it was drawn from, the CSV last.

    The same figure gives the same bytes.
    """
    out = Path(out)
    for suffix, metadata in ((".pdf", {"CreationDate": None}), (".png", {"Software": None})):
        with replacing(out.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, metadata=metadata)
    write_text(out, data.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def save_picture(figure: Figure, out: str | Path) -> None:
    """Write a figure as PNG, for the eye alone."""
    with replacing(out) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
