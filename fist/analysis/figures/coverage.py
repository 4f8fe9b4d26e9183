"""Coverage: how often data sets have been where on a map, a panel for each."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from fist.analysis.figures.maps import SIZE, Map
from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.style import panels, words
from fist.data.episodes import load_episodes

NEEDS = ("play", "demos", "map")

CELLS_PER_UNIT = 4
"""Cells of the grid along a unit of the map."""


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw the number of rows in every cell of a grid that has any; x and y are its middle.

    Raises:
        ValueError: the environment has no map, or no such entry.
        FileNotFoundError, DataError: a file is missing or damaged.
    """
    ground = Map(table)
    data_sets = {split: file for (split,), file in files["play"].items()}
    data_sets |= {f"{task}_demonstrations": file for (task,), file in files["demos"].items()}
    edges = _edges(ground.obstacles)
    figure, axes = panels(len(data_sets), columns=3, size=SIZE)
    tables = []
    for (name, file), axis in zip(data_sets.items(), axes, strict=True):
        places = load_episodes(file).states[:, ground.columns].numpy()
        counts, *_ = np.histogram2d(*places.T, bins=edges)
        shown = np.ma.masked_equal(counts.T, 0)
        axis.pcolormesh(*edges, shown, cmap="viridis", norm="log", rasterized=True)
        ground.draw(axis)
        axis.set_title(f"{words(name)}, {len(places):,} rows")
        i, j = np.nonzero(counts)
        middles = [(edge[:-1] + edge[1:]) / 2 for edge in edges]
        place = dict(zip(ground.plane, (middles[0][i], middles[1][j]), strict=True))
        place["rows"] = counts[i, j].astype(int)
        tables.append(pd.DataFrame({"data_set": name} | place))
    return figure, pd.concat(tables, ignore_index=True)


def _edges(obstacles: Float[np.ndarray, "n 4"]) -> list[np.ndarray]:
    """Return the edges of a grid over the map, along both axes."""
    low, high = obstacles[:, :2].min(0), (obstacles[:, :2] + obstacles[:, 2:]).max(0)
    return [
        np.linspace(start, stop, round((stop - start) * CELLS_PER_UNIT) + 1)
        for start, stop in zip(low, high, strict=True)
    ]
