"""Learning curves: every term of the loss over the steps of training, and of fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from fist.analysis.figures.style import Look, legend, looks, panels, save, words

NO_LOSS = {"step", "learning_rate", "steps_per_s"}
"""Columns of a learning curve that are no term of a loss."""
VALIDATION = "validation_"
"""Beginning of the names of the columns that were measured on held-out episodes."""


def plot_curves(files: Sequence[str | Path], out: str | Path) -> pd.DataFrame:
    """Draw learning curves: PDF and PNG beside the CSV `out`; return what is drawn.

    There is a panel for every model and term of its loss, in it a line for every data set (the
    mean over the training seeds, with a band from the lowest to the highest), dashed where it was
    measured on held-out episodes.

    Args:
        files: learning curves, <data set>/seed_<n>/<model>.csv, where the data set is a split of
            the play data, or <task>/<fine-tuning>.
        out: the CSV to write.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file has another name, or none has a row.
    """
    data = pd.concat([_read(Path(file)) for file in files], ignore_index=True)
    if data.empty:
        raise ValueError("no learning curve has a row: was there less than one interval of steps?")
    term = data.term.str.removeprefix(VALIDATION)
    keys = list(dict.fromkeys(zip(data.stage, data.model, term, strict=True)))
    figure, axes = panels(len(keys), columns=5, size=(1.9, 1.7))
    groups = list(dict.fromkeys(data.group))
    look = dict(zip(groups, looks(len(groups)), strict=True))
    for axis, (stage, model, name) in zip(axes, keys, strict=True):
        chosen = data[(data.stage == stage) & (data.model == model) & (term == name)]
        _panel(axis, chosen, look)
        axis.set_title(f"{words(model)}, {words(stage)}:\n{words(name)}")
        axis.set_xlabel("gradient step")
    legend(figure, axes)
    save(figure, data, out)
    return data


def _read(file: Path) -> pd.DataFrame:
    """Read a learning curve as rows of (stage, model, group, variant, seed, step, term, value)."""
    folders = file.parts[:-1]
    if len(folders) < 2 or not folders[-1].startswith("seed_"):
        raise ValueError(f"{file}: a learning curve is called <data set>/seed_<n>/<model>.csv")
    data_set = folders[-2]
    on_play = data_set == "mixed" or data_set.startswith("no_") or len(folders) < 3
    curve = pd.read_csv(file)
    terms = [column for column in curve.columns if column not in NO_LOSS]
    curve = curve.melt("step", terms, "term")
    labels = {
        "stage": "training" if on_play else "fine-tuning",
        "model": file.stem,
        "group": data_set if on_play else folders[-3],
        "variant": "" if on_play else data_set,
        "seed": int(folders[-1].removeprefix("seed_")),
    }
    return pd.DataFrame(labels, index=curve.index).join(curve)


def _panel(axis: Axes, data: pd.DataFrame, look: Mapping[str, Look]) -> None:
    """Draw one term of the loss."""
    for (group, _, term), rows in data.groupby(["group", "variant", "term"], sort=False):
        seeds = rows.groupby("step").value
        held_out = term.startswith(VALIDATION)
        mean, low, high = seeds.mean(), seeds.min(), seeds.max()
        color, marker, _ = look[group]
        style = {"color": color, "marker": marker, "markevery": max(1, len(mean) // 5)}
        label = words(group) + (", held out" if held_out else "")
        axis.plot(mean, linestyle=":" if held_out else "-", label=label, **style)
        axis.fill_between(low.index, low, high, color=color, alpha=0.2, lw=0)
    if (data.value > 0).all() and data.value.max() > 20 * data.value.min():
        axis.set_yscale("log")
