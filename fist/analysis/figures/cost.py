"""Costs: what each stage took of processors, GPUs, memory and patience."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fist.analysis.figures.style import looks, panels, save, words

PANELS = {
    "cpu_s": ("processor time, minutes", 60.0),
    "gpu_s": ("time on a GPU, minutes", 60.0),
    "longest_s": ("longest job, minutes", 60.0),
    "memory_mb": ("most memory of a job, GB", 1000.0),
    "queue_s": ("waiting for the cluster, minutes", 60.0),
}
"""Column of the table of costs: (what it is, in which unit; how many of the column's units)."""
BAR_HEIGHT = 0.16
"""Inches for each stage."""


def plot_cost(file: str | Path, out: str | Path) -> pd.DataFrame:
    """Draw the table of costs: PDF and PNG beside the CSV `out`; return what is drawn.

    There is a panel for every measure that is not zero or unknown throughout, in it a bar for every
    stage.

    Args:
        file: a table of costs, see `fist.analysis.stage_costs`.
        out: the CSV to write.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing.
    """
    table = pd.read_csv(file)
    missing = {"stage", "jobs", *PANELS} - set(table.columns)
    if missing:
        raise ValueError(f"{file}: no column {', '.join(sorted(missing))}: make it again")
    shown = [name for name in PANELS if table[name].fillna(0).any()]
    height = max(1.2, BAR_HEIGHT * len(table))
    figure, axes = panels(len(shown), columns=3, size=(2.1, height), sharey=True)
    places = np.arange(len(table))[::-1]
    for axis, name in zip(axes, shown, strict=True):
        title, unit = PANELS[name]
        axis.barh(places, table[name].fillna(0) / unit, color=looks(1)[0].color)
        axis.set_xlabel(title)
        axis.set_yticks(
            places, [f"{words(s)} ({n})" for s, n in zip(table.stage, table.jobs, strict=True)]
        )
        axis.grid(axis="y", visible=False)
    save(figure, table, out)
    return table
