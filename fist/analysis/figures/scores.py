"""Scores: a panel of bars for every task, one bar a method."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.scored import Scored
from fist.analysis.figures.style import legend, note, panels, words

NEEDS = ("episodes",)

BAR: dict[str, Any] = {"height": 0.7, "color": "0.75", "edgecolor": "0.2"}
BAR["error_kw"] = {"elinewidth": 0.9, "capsize": 2}
PUBLISHED: dict[str, Any] = {"color": "black", "markerfacecolor": "white", "clip_on": False}
"""How a published score is drawn."""


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw a panel of bars for every task, one bar a method."""
    scored = Scored(files["episodes"].values(), table)
    data = scored.means()
    data["paper"] = (data.task + "/" + data.method).map(table["paper"]).astype(float)
    height = 0.5 + 0.17 * len(scored.methods)
    figure, axes = panels(len(scored.tasks), size=(2.4, height), sharex=True, sharey=True)
    for axis, task in zip(axes, scored.tasks, strict=True):
        of_task = data[data.task == task]
        places = [scored.methods.index(method) for method in of_task.method]
        error = (of_task["mean"] - of_task.lo, of_task.hi - of_task["mean"])
        axis.barh(places, of_task["mean"], xerr=np.maximum(error, 0), **BAR)
        axis.plot(of_task.paper, places, "D", label="published", **PUBLISHED)
        axis.set(title=words(task), xlim=(0, scored.top))
        axis.set_yticks(range(len(scored.methods)), map(words, scored.methods))
        axis.grid(axis="y", visible=False)
    axes[0].invert_yaxis()  # and with it all
    for axis in axes[-4:]:
        axis.set_xlabel(scored.measure.label)
    if data.paper.notna().any():
        legend(figure, axes)
    note(figure, scored.sizes("bars at the ends"))
    return figure, data
