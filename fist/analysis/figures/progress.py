"""Progress: how far the episodes are, on average, over the time of an episode."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fist.analysis.comparison import SUBTASKS
from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.scored import POINTS, Scored, lines, numbers
from fist.analysis.figures.style import legend, note, panels, words
from fist.analysis.intervals import mean

NEEDS = ("episodes",)


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw how far the episodes are, on average, over the time of an episode."""
    scored = Scored(files["episodes"].values(), table)
    longest = max(results.of("length").max() for results in scored.results)
    moments = np.linspace(0, longest, POINTS).round()
    rows = []
    for results in scored.results:
        labels = results.task, results.method
        if scored.measure is SUBTASKS:
            done = results.steps()  # (seeds, episodes, events); NaN where never
        else:
            done = np.where(results.of("success") > 0, results.of("length"), np.nan)[..., None]
        for moment in moments:
            so_far = (done <= moment).sum(-1).astype(float)
            rows.append((*labels, int(moment), *numbers(mean(so_far[None], scored.top))))
    data = pd.DataFrame(rows, columns=("task", "method", "step", "mean", "lo", "hi"))
    figure, axes = panels(len(scored.tasks), sharex=True, sharey=True)
    for axis, task in zip(axes, scored.tasks, strict=True):
        of_task = data[data.task == task]
        lines(axis, of_task, "step", scored.methods)
        axis.set(title=words(task), xlabel="environment step", ylim=(0, scored.top * 1.03))
    axes[0].set_ylabel(f"{scored.measure.label}, so far")
    legend(figure, axes)
    note(figure, scored.sizes("bands"))
    return figure, data
