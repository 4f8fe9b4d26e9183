"""Methods against each other: means, interquartile means, and how likely one beats a baseline.

One row per measure, task and method, and one over all tasks ("all") for every method that was run
on each of them. ± is said with two numbers, the ends of a 95 % bootstrap interval over training
seeds and test episodes (`fist.analysis.bootstrap`).

    mean, iqm     of the score of every episode; iqm is without the lowest and the highest quarter
    against       the strongest baseline: the one (of a baseline: the other one) with the best mean
    difference    by how much the mean is better than the baseline's
    improvement   the probability that a training run is better than one of the baseline's
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fist.analysis.bootstrap import (
    Comparison,
    bootstrap_interval,
    comparison_interval,
    difference,
    improvement,
    iqm,
)
from fist.evaluation.episode_results import Results
from fist.stage.text import Record

RESAMPLES = 2_000
"""Resamples of the bootstrap of everything but the mean: tables have hundreds of comparisons."""

ALL = "all"
"""Name of the row over all tasks."""

COMPARED = (
    *("iqm", "iqm_lo", "iqm_hi", "against", "difference", "difference_lo", "difference_hi"),
    *("improvement", "improvement_lo", "improvement_hi"),
)
STATISTICS = (
    *("measure", "task", "method", "n_seeds", "n_episodes", "mean", "mean_lo", "mean_hi"),
    *(*COMPARED, "data_source"),
)
"""Columns of the CSV of statistics."""

Scores = Float[np.ndarray, "tasks seeds episodes"]


@dataclass(frozen=True)
class Measure:
    """Something that is measured in every episode."""

    name: str
    """What it is called in the CSV of statistics."""
    column: str
    """Its column in episodes.csv."""
    label: str
    """What it is called on an axis."""
    sign: int = 1
    """1 where more is better, -1 where less is."""

    def of(self, results: Results) -> Float[np.ndarray, "seeds episodes"]:
        """Return its values; NaN where it does not exist."""
        return results.of(self.column)


SUBTASKS = Measure("subtasks_ordered", "subtasks_ordered", "sub-tasks in order")
SUCCESS = Measure("success", "success", "success")
LENGTH = Measure("episode_length", "length", "environment steps", -1)
MEASURES = {"subtasks": SUBTASKS, "success": SUCCESS}
"""What a table may be about, by the names of its layouts."""


def compare(
    results: Sequence[Results],
    measures: Sequence[Measure],
    baselines: Sequence[str],
    rows: Sequence[str],
) -> list[Record]:
    """Return the rows of the statistics, formatted.

    Args:
        results: the results, those of the baselines among them.
        measures: what is compared; results that lack one are left out.
        baselines: methods of which the strongest is what the others are measured against.
        rows: the methods that get a row.
    """
    sources = {of_one.method: of_one.data_source for of_one in reversed(results)}
    sources |= {(of_one.task, of_one.method): of_one.data_source for of_one in results}
    records = []
    for measure in measures:
        everything = _scores(results, measure)
        for (task, method), scores in everything.items():
            if method in rows:
                rivals = {
                    other: theirs
                    for (where, other), theirs in everything.items()
                    if where == task and other in baselines and other != method
                }
                records.append(
                    {"measure": measure.name, "task": task, "method": method}
                    | _compared(f"{task}/{method}", scores, rivals, measure.sign)
                    | {"data_source": sources.get((task, method), sources[method])}
                )
    return records


def interval(
    scores: np.ndarray, name: str, statistic: Callable = np.mean, resamples: int = 10_000
) -> tuple[float, float]:
    """Return the 95 % stratified bootstrap interval of a statistic.

    The resamples depend on the name alone, so that adding a method changes no other row.
    """
    return bootstrap_interval(scores, _rng(name), statistic, resamples=resamples)


def contrast(
    scores: Scores, others: Scores, name: str, comparison: Comparison
) -> tuple[float, float, float]:
    """Return a comparison of two samples and the ends of its 95 % bootstrap interval.

    Both are of the same tasks in the same order.
    """
    value = float(comparison(scores, others))
    rng = _rng(name)
    return value, *comparison_interval(scores, others, rng, comparison, resamples=RESAMPLES)


def _scores(results: Sequence[Results], measure: Measure) -> dict[tuple[str, str], Scores]:
    """Return the scores of every task and method, then those over all tasks."""
    scores = {(of_one.task, of_one.method): measure.of(of_one)[None] for of_one in results}
    scores = {key: values for key, values in scores.items() if not np.isnan(values).any()}
    tasks = list(dict.fromkeys(task for task, _ in scores))
    over_all = {}
    for method in [method for task, method in scores if task == tasks[0] and len(tasks) > 1]:
        of_method = [scores[task, method] for task in tasks if (task, method) in scores]
        if len(of_method) == len(tasks) and len({values.shape for values in of_method}) == 1:
            over_all[ALL, method] = np.concatenate(of_method)
    return scores | over_all


def _compared(name: str, scores: Scores, rivals: dict[str, Scores], sign: int) -> Record:
    record = {"n_seeds": str(scores.shape[1]), "n_episodes": str(scores.size)}
    record |= _numbers("mean", (float(scores.mean()), *interval(scores, name)))
    record |= _numbers("iqm", (float(iqm(scores.ravel())), *interval(scores, name, iqm, RESAMPLES)))
    if rivals:
        best = max(rivals, key=lambda other: sign * rivals[other].mean())
        record["against"] = best
        for comparison in (difference, improvement):
            values = contrast(sign * scores, sign * rivals[best], name, comparison)
            record |= _numbers(comparison.__name__, values)
    return record


def _numbers(name: str, values: tuple[float, float, float]) -> Record:
    ends = zip((name, f"{name}_lo", f"{name}_hi"), values, strict=True)
    return {key: f"{value:.3f}" for key, value in ends}


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))
