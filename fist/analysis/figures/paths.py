"""Paths: the ways that policies went on a map, a panel for every task."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fist.analysis.figures.maps import SIZE, Map
from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.style import legend, looks, panels, words
from fist.data.episodes import load_episodes
from fist.evaluation.trace_rows import read_traces

NEEDS = ("traces", "demos", "map")

TARGETS = 20
"""Look-ups of an episode whose targets are drawn."""


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw the traced episodes of every method, in its colour from a circle to a cross.

    Behind them, grey, are the demonstrations that were followed; thin lines lead from where the
    first method with look-ups looked up, in its first episode, to the state that it headed for.

    Raises:
        ValueError: the environment has no map or no such entry, or a file is no trace.
    """
    ground = Map(table)
    plane = ground.plane
    data = pd.concat([_trace(file, plane) for file in files["traces"].values()], ignore_index=True)
    tasks, look = list(dict.fromkeys(data.task)), looks(data.method)
    figure, axes = panels(len(tasks), columns=3, size=SIZE)
    for task, axis in zip(tasks, axes, strict=True):
        rows = data[data.task == task]
        ground.draw(axis)
        _followed(axis, rows, files["demos"][task,], ground.columns)
        for (method, _), way in rows.groupby(["method", "episode"], sort=False):
            color = look[method].color
            places = way[plane].to_numpy()
            axis.plot(*places.T, color=color, linewidth=0.8, label=words(method))
            axis.plot(*places[0], "o", color=color, markersize=3)
            axis.plot(*places[-1], "X", color=color, markersize=4)
        _targets(axis, rows, plane)
        axis.set_title(words(task))
    legend(figure, axes)
    return figure, data


def _trace(file: Path, plane: list[str]) -> pd.DataFrame:
    """Read what is drawn of a trace."""
    rows = read_traces([file])
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
        places = episodes.observations[demo][:, columns]
        axis.plot(*places.T, color="0.5", linewidth=0.6, label="demonstrations followed")


def _targets(axis: Axes, rows: pd.DataFrame, plane: list[str]) -> None:
    """Draw lines to the goals that were looked up, in the first episode that has any."""
    asked = rows[(rows.looked_up == 1) & rows.demo.notna()]
    if asked.empty:
        return
    first = asked.iloc[0]
    asked = asked[(asked.method == first.method) & (asked.episode == first.episode)]
    asked = asked.iloc[:: max(1, len(asked) // TARGETS)]
    here, there = asked[plane].to_numpy(), asked[[f"target_{name}" for name in plane]].to_numpy()
    for place, target in zip(here, there, strict=True):
        axis.plot(*zip(place, target, strict=True), color="black", linewidth=0.6, zorder=1.5)
    label = "looked-up target"
    axis.plot(*there.T, ".", color="black", markersize=4, zorder=1.5, label=label)
