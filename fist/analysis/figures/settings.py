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
    """Draw a row for every setting and a column for every method, then a row of costs.

    The colour is the share of the best score. Costs are the largest of all settings.

    Raises:
        ResultsError: the file is no table of settings.
    """
    [file] = files["settings"].values()
    [data] = read_tables([file], SCHEMA)
    rows: list[dict[str, Any]] = data.to_dict("records")  # type: ignore[assignment]
    methods, settings = (list(dict.fromkeys(data[key])) for key in ("method", "setting"))
    share = np.full((len(settings), len(methods)), np.nan)
    figure = Figure((1.9 + 0.72 * len(methods), 0.9 + 0.36 * len(settings)), layout="constrained")
    axis = figure.subplots()
    for row in rows:
        x, y = methods.index(row["method"]), settings.index(row["setting"])
        share[y, x] = row["score"] / row["of"]
        look = {"color": "black" if share[y, x] > DARK else "white", **MIDDLE}
        known = np.isfinite(row["score_lo"])  # there is an interval
        axis.text(x, y - 0.14 * known, f"{row['score']:.2f}", **look)
        ends = f"{row['score_lo']:.2f}–{row['score_hi']:.2f}" if known else ""
        axis.text(x, y + 0.26, ends, fontsize=6.5, **look)
    axis.imshow(share, cmap="viridis", vmin=0, vmax=1, aspect="auto")
    for x, method in enumerate(methods):
        minutes = max(row["cpu_minutes"] for row in rows if row["method"] == method)
        axis.text(x, len(settings), f"{minutes:.1f}" if np.isfinite(minutes) else "", **MIDDLE)
    best = {row["setting"]: row["of"] for row in rows}
    heads = [f"{words(name)}, of {best[name]:g}" for name in settings]
    axis.set_ylim(len(settings) + 0.5, -0.5)
    axis.set_yticks(range(len(settings) + 1), [*heads, "CPU minutes a seed"])
    axis.set_xticks(range(len(methods)), [fill(words(method), 11) for method in methods])
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.grid(visible=False)
    sizes = {f"{row['n_seeds']} x {row['n_episodes'] // row['n_seeds']}" for row in rows}
    note(figure, f"score, below it its 95 % interval; seeds x episodes: {', '.join(sorted(sizes))}")
    return figure, data.drop(columns=["file", "line"])
