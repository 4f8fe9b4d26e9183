"""Coverage: how often data sets have been where on a map, a panel for each."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fist.analysis.figures.maps import SIZE, Map
from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.style import SHADES, panels, words
from fist.data.episodes import load_episodes

NEEDS = ("play", "demos", "map")

CELLS_PER_UNIT = 4
"""Cells of the grid along a unit of the map."""


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw the number of rows in every cell of a grid that has any; x and y are its middle.

    Raises:
        ValueError: the environment has no map, or no such entry.
    """
    ground = Map(table)
    data_sets = {split: file for (split,), file in files["play"].items()}
    data_sets |= {f"{task}_demonstrations": file for (task,), file in files["demos"].items()}
    low, size = ground.obstacles[:, :2], ground.obstacles[:, 2:]
    edges = [
        np.linspace(start, stop, round((stop - start) * CELLS_PER_UNIT) + 1)
        for start, stop in zip(low.min(0), (low + size).max(0), strict=True)
    ]
    figure, axes = panels(len(data_sets), columns=3, size=SIZE)
    tables = []
    for (name, file), axis in zip(data_sets.items(), axes, strict=True):
        places = load_episodes(file).states[:, ground.columns].numpy()
        counts, *_ = np.histogram2d(places[:, 0], places[:, 1], bins=edges)
        shown = np.ma.masked_equal(counts.T, 0)
        cells = axis.pcolormesh(*edges, shown, cmap=SHADES, norm="log", rasterized=True)
        figure.colorbar(cells, ax=axis, label="rows in a cell (log)", shrink=0.6)
        ground.draw(axis)
        axis.set_title(f"{words(name)}, {len(places):,} rows")
        i, j = np.nonzero(counts)
        x, y = ((edge[:-1] + edge[1:]) / 2 for edge in edges)
        place = dict(zip(ground.plane, (x[i], y[j]), strict=True))
        tables.append(pd.DataFrame({"data_set": name, **place, "rows": counts[i, j].astype(int)}))
    return figure, pd.concat(tables, ignore_index=True)
