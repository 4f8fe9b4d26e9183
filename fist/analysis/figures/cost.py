"""Costs: what each stage took of processors, GPUs, memory and patience."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.style import looks, panels, words
from fist.analysis.stage_costs import SCHEMA
from fist.stage.columns import read_tables

NEEDS = ("cost",)

PANELS = {
    "cpu_s": ("processor time, minutes", 60.0),
    "gpu_s": ("time on a GPU, minutes", 60.0),
    "longest_s": ("longest job, minutes", 60.0),
    "memory_mb": ("most memory of a job, GB", 1000.0),
    "queue_s": ("waiting for the cluster, minutes", 60.0),
}
"""Column of the table of costs: (what it is, in which unit; how many of the column's units)."""


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw a panel for every measure that is not zero or unknown throughout, a bar for every stage.

    Raises:
        ValueError: the file is no table of costs.
    """
    [file] = files["cost"].values()
    [data] = read_tables([file], SCHEMA)
    shown = [name for name in PANELS if data[name].fillna(0).any()]
    height = max(1.2, 0.16 * len(data))
    figure, axes = panels(len(shown), columns=3, size=(2.1, height), sharey=True)
    places = np.arange(len(data))[::-1]
    labels = [f"{words(stage)} ({n:.0f})" for stage, n in zip(data.stage, data.jobs, strict=True)]
    for axis, name in zip(axes, shown, strict=True):
        title, unit = PANELS[name]
        axis.barh(places, data[name].fillna(0) / unit, color=looks([name])[name].color)
        axis.set_xlabel(title)
        axis.set_yticks(places, labels)
        axis.grid(axis="y", visible=False)
    return figure, data.drop(columns=["file", "line"])
