"""Features: the demonstrations' states in the plane of their two principal components.

Above: in the features of the distance; below: the states themselves, as the distance scales them.
The shade is the progress in the demonstration. Where progress, and not the demonstration, decides
the place, the nearest state of another demonstration is at the same progress.
"""

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from matplotlib.figure import Figure

from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.style import SHADES, panels, words
from fist.data.episodes import load_episodes
from fist.methods.distance import Distance
from fist.training.checkpoint import load_model

NEEDS = ("distances", "demos")


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw every task's demonstrations, as many as the method looks up in."""
    tables = []
    for (task, method), file in files["distances"].items():
        model = load_model(file, Distance)
        assert isinstance(model, Distance)
        demos = files["demos"][task,]
        episodes = load_episodes(demos).first(table["n_demos"][method][task], demos)
        with torch.inference_mode():
            features, states = model.features(episodes.states), model.normaliser(episodes.states)
        lengths = episodes.lengths.numpy()
        step = np.concatenate([np.arange(n) for n in lengths])
        progress = step / np.maximum(np.repeat(lengths, lengths) - 1, 1)
        for space, points in (("features", features), ("states", states.float())):
            plane, share = principal_plane(points.numpy())
            columns = {"task": task, "space": space, "explained": share}
            columns |= {"demo": np.repeat(np.arange(len(episodes)), lengths)}
            columns |= {"step": step, "progress": progress, "x": plane[:, 0], "y": plane[:, 1]}
            tables.append(pd.DataFrame(columns))
    data = pd.concat(tables, ignore_index=True)
    figure, axes = panels(len(tables), columns=len(tables) // 2, size=(2.2, 2.1))
    for axis, rows in zip(axes, [*tables[::2], *tables[1::2]], strict=True):
        dots = axis.scatter(rows.x, rows.y, c=rows.progress, s=2, lw=0, cmap=SHADES)
        first = rows.iloc[0]
        title = f"{words(first.task)}: {first.space}\n{100 * first.explained:.0f} % of variance"
        axis.set(xticks=[], yticks=[], title=title, xlabel="1st component", ylabel="2nd component")
    figure.colorbar(dots, ax=axes, label="progress in the demonstration", shrink=0.6)
    return figure, data


def principal_plane(points: Float[np.ndarray, "N F"]) -> tuple[Float[np.ndarray, "N 2"], float]:
    """Return the first two principal components, and their share of the variance.

    The sign of a component is chosen so that its largest loading is positive.
    """
    centred = points - points.mean(0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    plane = directions[:2]
    largest = np.take_along_axis(plane, np.abs(plane).argmax(1)[:, None], 1)
    total = np.square(sizes).sum()
    share = float(np.square(sizes[:2]).sum() / total) if total > 0 else 1.0
    return centred @ (plane * np.sign(largest)).T, share
