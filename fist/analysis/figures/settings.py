"""Settings: a map of what each method scores in each setting, and what that costs."""

from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.style import note, words
from fist.analysis.overview import SCHEMA
from fist.stage.columns import read_tables

NEEDS = ("settings",)

MIDDLE: dict[str, Any] = {"ha": "center", "va": "center"}
DARK = 0.55
"""Share of the best score from which letters on it are black."""


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw a row for every method and a column for every setting, then one of costs.

    The colour is the share of the best score. Costs are the largest of all settings.

    Raises:
        ResultsError: the file is no table of settings.
    """
    [file] = files["settings"].values()
    [data] = read_tables([file], SCHEMA)
    rows: list[dict[str, Any]] = data.to_dict("records")  # type: ignore[assignment]
    methods, settings = (list(dict.fromkeys(data[key])) for key in ("method", "setting"))
    share = np.full((len(methods), len(settings)), np.nan)
    size = (1.5 + 0.95 * (len(settings) + 1), 1.1 + 0.34 * len(methods))
    figure = Figure(size, layout="constrained")
    axis = figure.subplots()
    for row in rows:
        y, x = methods.index(row["method"]), settings.index(row["setting"])
        share[y, x] = row["score"] / row["of"]
        look = {"color": "black" if share[y, x] > DARK else "white", **MIDDLE}
        known = np.isfinite(row["score_lo"])  # there is an interval
        axis.text(x, y - 0.12 * known, f"{row['score']:.2f}", **look)
        ends = f"{row['score_lo']:.2f}–{row['score_hi']:.2f}" if known else ""
        axis.text(x, y + 0.24, ends, fontsize=5.5, **look)
    axis.imshow(share, cmap="viridis", vmin=0, vmax=1, aspect="auto")
    for y, method in enumerate(methods):
        minutes = max(row["cpu_minutes"] for row in rows if row["method"] == method)
        axis.text(len(settings), y, f"{minutes:.1f}" if np.isfinite(minutes) else "", **MIDDLE)
    best = {row["setting"]: row["of"] for row in rows}
    heads = [fill(words(name), 12) + f"\nof {best[name]:g}" for name in settings]
    heads.append("CPU minutes\na seed")
    axis.set_xlim(-0.5, len(settings) + 0.5)
    axis.set_xticks(range(len(settings) + 1), heads)
    axis.xaxis.tick_top()
    axis.set_yticks(range(len(methods)), map(words, methods))
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.grid(visible=False)
    sizes = {f"{row['n_seeds']} x {row['n_episodes'] // row['n_seeds']}" for row in rows}
    note(figure, f"score, below it its 95 % interval; seeds x episodes: {', '.join(sorted(sizes))}")
    return figure, data.drop(columns=["file", "line"])
