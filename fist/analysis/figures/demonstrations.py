"""Demonstrations: the score over their number, one panel for every task."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.scored import Scored
from fist.analysis.figures.style import note, panels, words

NEEDS = ("demonstrations",)


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw the score over the number of demonstrations, one panel for every task."""
    scored = Scored(files["demonstrations"].values(), table)
    data = scored.means()
    keys = data[["method", "task"]].to_numpy()
    data.insert(2, "demonstrations", [table["n_demos"][method][task] for method, task in keys])
    data = data.sort_values(["task", "demonstrations"], kind="stable")
    figure, axes = panels(len(scored.tasks), sharex=True, sharey=True)
    counts = sorted(set(data.demonstrations))
    for axis, task in zip(axes, scored.tasks, strict=True):
        of_task = data[data.task == task]
        error = (of_task["mean"] - of_task.lo, of_task.hi - of_task["mean"])
        places = of_task.demonstrations, of_task["mean"]
        axis.errorbar(*places, np.maximum(error, 0), color="black", marker="o", capsize=2)
        axis.set(title=words(task), xlabel="demonstrations (log)", ylim=(0, scored.top * 1.03))
        axis.set_xscale("log")
        axis.set_xticks(counts, map(str, counts))
        axis.minorticks_off()
    axes[0].set_ylabel(scored.measure.label)
    note(figure, scored.sizes("bars"))
    return figure, data
