"""Profile: the share of training runs whose mean score is at least so much, over all tasks."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.scored import POINTS, Scored, lines, numbers
from fist.analysis.figures.style import legend, note, panels
from fist.analysis.intervals import mean

NEEDS = ("episodes",)


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw the share of training runs whose mean score is at least so much, over all tasks."""
    scored = Scored(files["episodes"].values(), table)
    thresholds = np.linspace(0, scored.top, POINTS)
    rows = []
    for method in scored.methods:
        runs = [
            results.of(scored.measure.column).mean(1, keepdims=True)
            for results in scored.results
            if results.method == method
        ]
        if len({run.shape for run in runs}) > 1:
            continue  # tasks with other numbers of runs cannot be strata
        for threshold in thresholds:
            above = (np.stack(runs) >= threshold - 1e-9).astype(float)
            rows.append((method, threshold, *numbers(mean(above, 1.0))))
    data = pd.DataFrame(rows, columns=("method", "threshold", "mean", "lo", "hi"))
    figure, [axis] = panels(1, size=(3.4, 2.4))
    lines(axis, data, "threshold", scored.methods)
    label = f"{scored.measure.label}, at least"
    axis.set(xlabel=label, ylabel="share of training runs", ylim=(0, 1.03))
    legend(figure, [axis])
    note(figure, scored.sizes("bands"))
    return figure, data
