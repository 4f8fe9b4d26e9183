"""Learning curves: every term of the loss over the steps of training, and of fine-tuning."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.style import Look, legend, looks, note, panels, words
from fist.training.learning_curve import read_curve

NEEDS = ("curves",)

LABELS = ["stage", "model", "group", "variant", "seed"]
NO_LOSS = ["step", "learning_rate", "steps_per_s"]
"""Columns of a learning curve that are no term of a loss."""
QUANTITIES = {
    "reconstruction": "½ squared error of actions",
    "guess": "squared error of actions",
    "refined": "squared error of actions, refined",
    "kl": "KL divergence (nats), weighted",
    "kl_unweighted": "KL divergence (nats)",
    "best_of_100_goal": "squared error of actions,\nbest of 100 skills (goal)",
    "best_of_100_state": "squared error of actions,\nbest of 100 skills (state)",
    "gradient_norm": "norm of the gradient",
    "contrastive": "InfoNCE (nats)",
    "nll": "−log likelihood (nats)",
    "prior_goal": "−log p(skill | state, goal) (nats)",
    "prior_state": "−log p(skill | state) (nats)",
}
"""What the columns are, and their units; others are called by their names."""
VALIDATION = "validation_"
"""Beginning of the names of the columns that were measured on held-out episodes."""


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw a panel for every model and term of its loss, in it a line for every data set.

    A term that was measured once is left out.

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
    steps = data.groupby(["stage", "model", term], sort=False).step.nunique()
    keys: list[tuple[str, str, str]] = [
        *(steps[steps > 1].index if (steps > 1).any() else steps.index)
    ]
    figure, axes = panels(len(keys), columns=4, size=(2.2, 1.9))
    look = looks(data.group)
    for axis, (stage, model, name) in zip(axes, keys, strict=True):
        chosen = data[(data.stage == stage) & (data.model == model) & (term == name)]
        _panel(axis, chosen, look)
        axis.set_title(f"{words(model)}, {stage}")
        log = " (log)" if axis.get_yscale() == "log" else ""
        axis.set_ylabel(QUANTITIES.get(name, words(name)) + log, fontsize=7)
        axis.set_xlabel("gradient step")
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    legend(figure, axes)
    seeds = f"{data.seed.nunique()} training seeds; " if data.seed.nunique() > 1 else "one seed; "
    note(figure, f"{seeds}lines: means, bands: lowest to highest; dotted: held-out episodes")
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
