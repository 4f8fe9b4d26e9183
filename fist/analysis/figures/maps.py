"""Figures on the map of an environment: where data sets have been, and where policies went.

An environment whose state has a place on a map says so by two attributes: `state_names`, the names
of the entries of its observation, and `obstacles`, rectangles (n, 4) of left, bottom, width and
height that cannot be entered, in the units of the two entries that are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import gymnasium
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle

from fist.analysis.figures.style import legend, looks, panels, save, words
from fist.data.episodes import load_episodes

CELLS_PER_UNIT = 4
"""Cells of the coverage's grid along a unit of the map."""
TARGETS = 20
"""Look-ups of an episode whose targets are drawn."""
MAP = (2.8, 3.3)
"""Width and height of a map, in inches."""
WALL = "0.75"


def plot_coverage(
    files: Mapping[str, Path], env: gymnasium.Env, plane: tuple[str, str], out: str | Path
) -> pd.DataFrame:
    """Draw how often data sets have been where: PDF and PNG beside the CSV `out`; return it.

    There is a panel for every data set. The CSV holds the number of rows in every cell of a grid
    that has any; x and y are the cell's middle.

    Args:
        files: data sets in D4RL's layout, by the names that they get.
        env: the environment that they come from, see the top of this module.
        plane: the entries of the state that are drawn, by name.
        out: the CSV to write.

    Raises:
        ValueError: the environment has no map, or no such entry.
        FileNotFoundError, DataError: a file is missing or damaged.
    """
    obstacles, columns = _map(env, plane)
    edges = _edges(obstacles)
    figure, axes = panels(len(files), columns=3, size=MAP)
    tables = []
    for (name, file), axis in zip(files.items(), axes, strict=True):
        places = load_episodes(file).states[:, columns].numpy()
        counts, *_ = np.histogram2d(*places.T, bins=edges)
        shown = np.ma.masked_equal(counts.T, 0)
        axis.pcolormesh(*edges, shown, cmap="viridis", norm="log", rasterized=True)
        _walls(axis, obstacles, plane)
        axis.set_title(f"{words(name)}, {len(places):,} rows")
        i, j = np.nonzero(counts)
        middles = [(edge[:-1] + edge[1:]) / 2 for edge in edges]
        place = {plane[0]: middles[0][i], plane[1]: middles[1][j], "rows": counts[i, j].astype(int)}
        tables.append(pd.DataFrame({"data_set": name} | place))
    data = pd.concat(tables, ignore_index=True)
    save(figure, data, out)
    return data


def plot_paths(
    traces: Sequence[str | Path],
    demos: Mapping[str, Path],
    env: gymnasium.Env,
    plane: tuple[str, str],
    out: str | Path,
) -> pd.DataFrame:
    """Draw the ways that policies went: PDF and PNG beside the CSV `out`; return what is drawn.

    There is a panel for every task, in it the traced episodes of every method, in the method's
    colour from a circle to a cross. Behind them, grey, are the demonstrations that were followed;
    thin lines lead from where the first method with look-ups looked up, in its first episode, to
    the state that it then headed for.

    Args:
        traces: episodes step by step (`fist.evaluation.trace`), a file for every task and method.
        demos: the demonstrations of every task.
        env, plane, out: as for `plot_coverage`.

    Raises:
        ValueError: the environment has no map or no such entry, or a trace has no rows.
        FileNotFoundError, DataError: a file is missing or damaged.
    """
    obstacles, columns = _map(env, plane)
    data = pd.concat([_trace(file, plane) for file in traces], ignore_index=True)
    tasks, methods = (list(dict.fromkeys(data[key])) for key in ("task", "method"))
    look = dict(zip(methods, looks(len(methods)), strict=True))
    figure, axes = panels(len(tasks), columns=3, size=MAP)
    for task, axis in zip(tasks, axes, strict=True):
        rows = data[data.task == task]
        _walls(axis, obstacles, plane)
        _followed(axis, rows, demos[task], columns)
        for (method, _), way in rows.groupby(["method", "episode"], sort=False):
            color = look[method].color
            places = way[list(plane)].to_numpy()
            axis.plot(*places.T, color=color, linewidth=0.8, label=words(method))
            axis.plot(*places[0], "o", color=color, markersize=3)
            axis.plot(*places[-1], "X", color=color, markersize=4)
        _targets(axis, rows, plane)
        axis.set_title(words(task))
    legend(figure, axes)
    save(figure, data, out)
    return data


def _map(env: gymnasium.Env, plane: tuple[str, str]) -> tuple[Float[np.ndarray, "n 4"], list[int]]:
    """Return an environment's obstacles and the columns of its observation that are drawn."""
    missing = [name for name in ("obstacles", "state_names") if not env.has_wrapper_attr(name)]
    if missing:
        raise ValueError(f"{env} has no map: it lacks the attributes {', '.join(missing)}")
    names = list(env.get_wrapper_attr("state_names"))
    unknown = [name for name in plane if name not in names]
    if unknown:
        raise ValueError(
            f"no entry of the state is called {', '.join(unknown)}; there are {', '.join(names)} "
            "(config: map of the environment)"
        )
    return np.asarray(env.get_wrapper_attr("obstacles")), [names.index(name) for name in plane]


def _edges(obstacles: Float[np.ndarray, "n 4"]) -> list[np.ndarray]:
    """Return the edges of a grid over the map, along both axes."""
    low, high = obstacles[:, :2].min(0), (obstacles[:, :2] + obstacles[:, 2:]).max(0)
    return [
        np.linspace(start, stop, round((stop - start) * CELLS_PER_UNIT) + 1)
        for start, stop in zip(low, high, strict=True)
    ]


def _walls(axis: Axes, obstacles: Float[np.ndarray, "n 4"], plane: tuple[str, str]) -> None:
    """Draw the map."""
    boxes = [Rectangle((x, y), width, height) for x, y, width, height in obstacles]
    axis.add_collection(PatchCollection(boxes, facecolor=WALL, edgecolor=WALL, linewidth=0.3))
    axis.set(aspect="equal", xlabel=plane[0], ylabel=plane[1])
    axis.grid(False)
    axis.autoscale_view()


def _trace(file: str | Path, plane: tuple[str, str]) -> pd.DataFrame:
    """Read what is drawn of a trace."""
    rows = pd.read_csv(file)
    if rows.empty:
        raise ValueError(f"{file} has no rows: was an episode traced?")
    names = {f"state_{name}": name for name in plane}
    targets = [f"target_{name}" for name in plane]
    labels = ["task", "method", "seed", "episode", "step"]
    return rows[[*labels, *names, "demo", "demo_step", "looked_up", *targets]].rename(columns=names)


def _followed(axis: Axes, rows: pd.DataFrame, demos: Path, columns: list[int]) -> None:
    """Draw the demonstrations that were followed."""
    followed = sorted({int(demo) for demo in rows.demo.dropna()})
    if not followed:
        return
    episodes = load_episodes(demos)
    for demo in followed:
        places = episodes.observations(demo)[:, columns]
        axis.plot(*places.T, color="0.5", linewidth=0.6, label="demonstrations followed")


def _targets(axis: Axes, rows: pd.DataFrame, plane: tuple[str, str]) -> None:
    """Draw lines to the goals that were looked up, in the first episode that has any."""
    asked = rows[(rows.looked_up == 1) & rows.demo.notna()]
    if asked.empty:
        return
    first = asked.iloc[0]
    asked = asked[(asked.method == first.method) & (asked.episode == first.episode)]
    asked = asked.iloc[:: max(1, len(asked) // TARGETS)]
    here, there = asked[list(plane)], asked[[f"target_{name}" for name in plane]]
    for place, target in zip(here.to_numpy(), there.to_numpy(), strict=True):
        axis.plot(*zip(place, target, strict=True), color="tab:red", linewidth=0.6, zorder=1.5)
    axis.plot(
        *there.to_numpy().T,
        ".",
        color="tab:red",
        markersize=4,
        zorder=1.5,
        label="looked-up target",
    )
