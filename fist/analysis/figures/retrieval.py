"""Figures of the look-up: what is retrieved along an episode, and the space it is measured in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from fist.analysis.figures.style import legend, looks, panels, save, words
from fist.data.episodes import load_episodes
from fist.methods.distance import Distance
from fist.training.checkpoint import load_model

COLUMNS = ["task", "method", "seed", "episode", "step", "counted"]
LOOK_UP = ["demo", "demo_step", "distance", "looked_up"]


def plot_retrieval(files: Sequence[str | Path], out: str | Path, episode: int = 0) -> pd.DataFrame:
    """Draw which demonstration state is followed along one episode of every task.

    Above: its step in its demonstration, over the episode's own steps; the marker and the shade
    tell the demonstration. Below: how far away it was. Vertical lines are sub-tasks that were
    counted. PDF and PNG stand beside the CSV `out`; what is drawn is returned.

    Args:
        files: episodes step by step (`fist.evaluation.trace`), one file a task, of a method that
            looks up.
        out: the CSV to write.
        episode: number of the episode.

    Raises:
        ValueError: a file has no such episode, or no look-up.
    """
    traces = [_episode(file, episode) for file in files]
    figure, axes = panels(2 * len(traces), columns=len(traces), size=(2.4, 1.6))
    demos = sorted({int(demo) for rows in traces for demo in rows.demo})
    look = dict(zip(demos, looks(len(demos)), strict=True))
    for rows, above, below in zip(traces, axes, axes[len(traces) :], strict=False):
        asked = rows[rows.looked_up == 1]
        for demo, found in asked.groupby("demo"):
            style = {"color": look[demo].color, "marker": look[demo].marker, "linestyle": ""}
            above.plot(found.step, found.demo_step, label=f"demonstration {demo:.0f}", **style)
        below.plot(asked.step, asked.distance, color="black", linewidth=0.8)
        below.set(
            xlabel="step of the episode", yscale="log" if (asked.distance > 0).all() else "linear"
        )
        for axis in (above, below):
            for step in rows.step[rows.counted.diff() > 0]:
                axis.axvline(step, color="0.6", linestyle=":", linewidth=0.8)
        above.set_title(words(rows.task.iloc[0]))
    axes[0].set_ylabel("step of the\ndemonstration")
    axes[len(traces)].set_ylabel("squared distance")
    legend(figure, axes[: len(traces)])
    data = pd.concat(traces, ignore_index=True)
    save(figure, data, out)
    return data


def plot_features(
    distances: Mapping[str, Path],
    demos: Mapping[str, Path],
    n_demos: Mapping[str, int],
    out: str | Path,
) -> pd.DataFrame:
    """Draw the demonstrations' states in the plane of their two principal components.

    Above: in the features of the distance; below: the states themselves, as the distance scales
    them. The shade is the progress in the demonstration. Where progress, and not the demonstration,
    decides the place, the nearest state of another demonstration is at the same progress.

    Args:
        distances, demos: a distance and its demonstrations, for every task.
        n_demos: how many of these demonstrations are drawn, the first ones, for every task.
        out: the CSV to write, with PDF and PNG beside it.

    Raises:
        FileNotFoundError, DataError, CheckpointError: a file is missing or damaged.
    """
    tables = []
    for task, file in distances.items():
        model = load_model(file, Distance)
        episodes = load_episodes(demos[task]).first(n_demos[task], demos[task])
        with torch.inference_mode():
            spaces = {
                "features": model.features(episodes.states),
                "states": model.normaliser(episodes.states).float(),
            }
        step = np.concatenate([np.arange(n) for n in episodes.lengths.tolist()])
        length = np.repeat(episodes.lengths.numpy(), episodes.lengths.numpy())
        for space, points in spaces.items():
            plane, share = principal_plane(points.numpy())
            columns = {"task": task, "space": space, "explained": share}
            columns |= {"demo": np.repeat(np.arange(len(episodes)), episodes.lengths.numpy())}
            columns |= {"step": step, "progress": step / np.maximum(length - 1, 1)}
            tables.append(pd.DataFrame(columns | {"x": plane[:, 0], "y": plane[:, 1]}))
    data = pd.concat(tables, ignore_index=True)
    figure, axes = panels(2 * len(distances), columns=len(distances), size=(2.2, 2.1))
    for axis, rows in zip(axes, [*tables[::2], *tables[1::2]], strict=True):
        points = axis.scatter(rows.x, rows.y, c=rows.progress, s=2, lw=0, cmap="viridis")
        task, space, share = rows.loc[rows.index[0], ["task", "space", "explained"]]
        axis.set(
            xticks=[], yticks=[], title=f"{words(task)}: {space}\n{100 * share:.0f} % of variance"
        )
    figure.colorbar(points, ax=axes, label="progress in the demonstration", shrink=0.6)
    save(figure, data, out)
    return data


def principal_plane(points: Float[np.ndarray, "N F"]) -> tuple[Float[np.ndarray, "N 2"], float]:
    """Return the first two principal components, and their share of the variance.

    The sign of a component is chosen so that its largest loading is positive.
    """
    centred = points - points.mean(0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    plane = directions[:2] * np.sign(
        np.take_along_axis(directions[:2], np.abs(directions[:2]).argmax(1)[:, None], 1)
    )
    total = np.square(sizes).sum()
    share = float(np.square(sizes[:2]).sum() / total) if total > 0 else 1.0
    return centred @ plane.T, share


def _episode(file: str | Path, episode: int) -> pd.DataFrame:
    """Read the look-ups of one episode."""
    table = pd.read_csv(file, usecols=[*COLUMNS, *LOOK_UP])
    rows = table[table.episode == episode].reset_index(drop=True)
    if rows.empty:
        raise ValueError(
            f"{file}: no episode {episode} among the {table.episode.nunique()} that were followed "
            "(config: figures.traced)"
        )
    if rows.demo.isna().all():
        raise ValueError(f"{file}: the method looks nothing up, so there is nothing to draw")
    return rows
