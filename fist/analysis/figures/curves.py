"""Learning curves: every term of the loss over the steps of training, and of fine-tuning."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.style import Look, legend, looks, panels, words
from fist.training.learning_curve import read_curve

NEEDS = ("curves",)

LABELS = ["stage", "model", "group", "variant", "seed"]
NO_LOSS = ["step", "learning_rate", "steps_per_s"]
"""Columns of a learning curve that are no term of a loss."""
VALIDATION = "validation_"
"""Beginning of the names of the columns that were measured on held-out episodes."""


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw a panel for every model and term of its loss, in it a line for every data set.

    A line is the mean over the training seeds, with a band from the lowest to the highest, dotted
    where it was measured on held-out episodes.

    Raises:
        ValueError: a file is no learning curve.
    """
    terms = {}
    for label, file in files["curves"].items():
        curve = read_curve(file)
        terms[label] = curve.melt("step", [*curve.columns.drop(NO_LOSS, errors="ignore")], "term")
    data = pd.concat(terms, names=LABELS).reset_index(LABELS).reset_index(drop=True)
    term = data.term.str.removeprefix(VALIDATION)
    keys = list(dict.fromkeys(zip(data.stage, data.model, term, strict=True)))
    figure, axes = panels(len(keys), columns=5, size=(1.9, 1.7))
    look = looks(data.group)
    for axis, (stage, model, name) in zip(axes, keys, strict=True):
        chosen = data[(data.stage == stage) & (data.model == model) & (term == name)]
        _panel(axis, chosen, look)
        axis.set_title(f"{words(model)}, {words(stage)}:\n{words(name)}")
        axis.set_xlabel("gradient step")
    legend(figure, axes)
    return figure, data


def _panel(axis: Axes, data: pd.DataFrame, look: Mapping[str, Look]) -> None:
    """Draw one term of the loss."""
    for _, rows in data.groupby(["group", "variant", "term"], sort=False):
        seeds = rows.groupby("step").value
        mean, low, high = seeds.mean(), seeds.min(), seeds.max()
        group, held_out = rows.group.iloc[0], rows.term.iloc[0].startswith(VALIDATION)
        color, marker, _ = look[group]
        label, line = words(group), "-"
        if held_out:
            label, line = label + ", held out", ":"
        every = max(1, len(mean) // 5)
        axis.plot(mean, line, marker=marker, markevery=every, color=color, label=label)
        axis.fill_between(low.index, low, high, color=color, alpha=0.2, lw=0)
    if (data.value > 0).all() and data.value.max() > 20 * data.value.min():
        axis.set_yscale("log")
