"""Figures of test results: scores, progress over time, profiles, and numbers of demonstrations.

Bands and bars are 95 % bootstrap intervals over training seeds and test episodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from fist.analysis.comparison import SUBTASKS, SUCCESS, Measure, interval
from fist.analysis.figures.style import legend, looks, panels, save, words
from fist.evaluation.episode_results import Cell, collect

Kind = Literal["scores", "progress", "profile", "demonstrations"]

POINTS = 41
"""Moments or thresholds at which a curve is drawn."""
RESAMPLES = 1_000
"""Resamples of the bootstrap at each of them."""
PUBLISHED = {"color": "black", "markerfacecolor": "white", "clip_on": False}
"""How a published score is drawn."""


@dataclass(frozen=True)
class Results:
    """What is drawn: test results, and what they are scored by."""

    cells: list[Cell]
    measure: Measure
    demos: Mapping[str, int]
    """Number of demonstrations of every method."""
    paper: Mapping[str, float]
    """Published scores, by task/method."""

    @property
    def tasks(self) -> list[str]:
        return list(dict.fromkeys(cell.task for cell in self.cells))

    @property
    def methods(self) -> list[str]:
        return list(dict.fromkeys(cell.method for cell in self.cells))

    @property
    def label(self) -> str:
        """What is scored, for an axis."""
        return "sub-tasks in order" if self.measure is SUBTASKS else "success"

    @property
    def top(self) -> float:
        """The best score there can be."""
        return max(len(cell.subtasks) for cell in self.cells) if self.measure is SUBTASKS else 1.0


def plot_results(
    kind: Kind,
    files: Sequence[str | Path],
    out: str | Path,
    layout: Literal["subtasks", "success"] = "subtasks",
    demos: Mapping[str, int] | None = None,
    paper: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Draw one figure of some results: PDF and PNG beside the CSV `out`; return what is drawn.

    Args:
        kind: "scores": a bar for every task and method; "progress": the score over the time of
            an episode; "profile": the share of training runs above a score; "demonstrations":
            the score over the number of demonstrations.
        files: episodes.csv of every task, method and training seed.
        out: the CSV to write.
        layout: score by completed "subtasks" or by "success".
        demos: demonstrations of every method, for "demonstrations".
        paper: published scores by task/method, for "scores".

    Raises:
        ResultsError: the files cannot be read or do not fit together; says which and why.
        ValueError: there is no such figure, or a method's demonstrations are missing.
    """
    if kind not in DRAWINGS:
        raise ValueError(f"no figure called {kind!r}; choose from {', '.join(get_args(Kind))}")
    measure = SUBTASKS if layout == "subtasks" else SUCCESS
    results = Results(collect(files), measure, demos or {}, paper or {})
    figure, data = DRAWINGS[kind](results)
    save(figure, data, out)
    return data


def draw_scores(results: Results) -> tuple[Figure, pd.DataFrame]:
    """Draw a panel of bars for every task, one bar a method."""
    rows = []
    for cell in results.cells:
        scores = results.measure.of(cell)
        low, high = interval(scores, f"{cell.task}/{cell.method}")
        published = results.paper.get(f"{cell.task}/{cell.method}", np.nan)
        rows.append((cell.task, cell.method, scores.mean(), low, high, published))
    data = pd.DataFrame(rows, columns=("task", "method", "mean", "lo", "hi", "paper"))
    height = 0.5 + 0.17 * len(results.methods)
    figure, axes = panels(len(results.tasks), size=(2.4, height), sharex=True, sharey=True)
    for axis, task in zip(axes, results.tasks, strict=True):
        of_task = data[data.task == task]
        places = [results.methods.index(method) for method in of_task.method]
        error = (of_task["mean"] - of_task.lo, of_task.hi - of_task["mean"])
        axis.barh(
            places,
            of_task["mean"],
            xerr=np.maximum(error, 0),
            color="0.75",
            edgecolor="0.2",
            height=0.7,
            error_kw={"elinewidth": 0.9, "capsize": 2},
        )
        axis.plot(of_task.paper, places, "D", label="published", **PUBLISHED)
        axis.set(title=words(task), yticks=range(len(results.methods)), xlim=(0, results.top))
        axis.set_yticklabels(map(words, results.methods))
        axis.grid(axis="y", visible=False)
        axis.invert_yaxis() if axis is axes[0] else None
    for axis in axes[-4:]:
        axis.set_xlabel(results.label)
    if data.paper.notna().any():
        legend(figure, axes)
    return figure, data


def draw_progress(results: Results) -> tuple[Figure, pd.DataFrame]:
    """Draw how far the episodes are, on average, over the time of an episode."""
    longest = max(cell.lengths.max() for cell in results.cells)
    moments = np.linspace(0, longest, POINTS).round()
    rows = []
    for cell in results.cells:
        done = _done(cell, results.measure)  # (seeds, episodes, events)
        for moment in moments:
            so_far = (done <= moment).sum(-1).astype(float)
            low, high = interval(so_far, f"{cell.task}/{cell.method}", resamples=RESAMPLES)
            rows.append((cell.task, cell.method, int(moment), so_far.mean(), low, high))
    data = pd.DataFrame(rows, columns=("task", "method", "step", "mean", "lo", "hi"))
    figure, axes = panels(len(results.tasks), sharex=True, sharey=True)
    for axis, task in zip(axes, results.tasks, strict=True):
        of_task = data[data.task == task]
        _lines(axis, of_task, "step", "mean", results.methods)
        axis.set(title=words(task), xlabel="environment step", ylim=(0, results.top * 1.03))
    axes[0].set_ylabel(f"{results.label}, so far")
    legend(figure, axes)
    return figure, data


def draw_profile(results: Results) -> tuple[Figure, pd.DataFrame]:
    """Draw the share of training runs whose mean score is at least so much, over all tasks."""
    thresholds = np.linspace(0, results.top, POINTS)
    rows = []
    for method in results.methods:
        runs = [
            results.measure.of(cell).mean(1, keepdims=True)
            for cell in results.cells
            if cell.method == method
        ]
        if len({run.shape for run in runs}) > 1:
            continue  # tasks with other numbers of runs cannot be strata
        for threshold in thresholds:
            above = (np.stack(runs) >= threshold - 1e-9).astype(float)
            low, high = interval(above, method, resamples=RESAMPLES)
            rows.append((method, threshold, above.mean(), low, high))
    data = pd.DataFrame(rows, columns=("method", "threshold", "mean", "lo", "hi"))
    figure, [axis] = panels(1, size=(3.4, 2.4))
    _lines(axis, data, "threshold", "mean", results.methods)
    axis.set(xlabel=f"{results.label}, at least", ylabel="share of training runs", ylim=(0, 1.03))
    legend(figure, [axis])
    return figure, data


def draw_demonstrations(results: Results) -> tuple[Figure, pd.DataFrame]:
    """Draw the score over the number of demonstrations, one panel for every task."""
    missing = [method for method in results.methods if method not in results.demos]
    if missing:
        raise ValueError(f"how many demonstrations has {', '.join(missing)}? (option: demos)")
    rows = []
    for cell in results.cells:
        scores = results.measure.of(cell)
        low, high = interval(scores, f"{cell.task}/{cell.method}")
        n = results.demos[cell.method]
        rows.append((cell.task, cell.method, n, scores.mean(), low, high))
    data = pd.DataFrame(rows, columns=("task", "method", "demonstrations", "mean", "lo", "hi"))
    data = data.sort_values(["task", "demonstrations"], kind="stable")
    figure, axes = panels(len(results.tasks), sharex=True, sharey=True)
    counts = sorted(set(data.demonstrations))
    for axis, task in zip(axes, results.tasks, strict=True):
        of_task = data[data.task == task]
        error = (of_task["mean"] - of_task.lo, of_task.hi - of_task["mean"])
        axis.errorbar(
            of_task.demonstrations,
            of_task["mean"],
            yerr=np.maximum(error, 0),
            color="black",
            marker="o",
            capsize=2,
        )
        axis.set(title=words(task), xlabel="demonstrations", ylim=(0, results.top * 1.03))
        axis.set_xscale("log")
        axis.set_xticks(counts, map(str, counts))
        axis.minorticks_off()
    axes[0].set_ylabel(results.label)
    return figure, data


DRAWINGS: dict[Kind, Callable[[Results], tuple[Figure, pd.DataFrame]]] = {
    "scores": draw_scores,
    "progress": draw_progress,
    "profile": draw_profile,
    "demonstrations": draw_demonstrations,
}


def _done(cell: Cell, measure: Measure) -> Float[np.ndarray, "seeds episodes events"]:
    """Return the steps at which a cell's episodes earned their scores; infinite where never."""
    if measure is not SUBTASKS:
        return np.where(cell.successes > 0, cell.lengths, np.inf)[..., None]
    steps = [[list(row.steps.values()) for row in seed] for seed in cell.rows]
    done = np.array(steps, dtype=float)  # None becomes NaN
    return np.where(np.isnan(done), np.inf, done)


def _lines(axis, data: pd.DataFrame, x: str, y: str, methods: Sequence[str]) -> None:
    """Draw a line with a band for every method."""
    for method, look in zip(methods, looks(len(methods)), strict=True):
        line = data[data.method == method]
        if len(line):
            axis.plot(line[x], line[y], label=words(method), markevery=5, **look._asdict())
            axis.fill_between(line[x], line.lo, line.hi, color=look.color, alpha=0.15, lw=0)
