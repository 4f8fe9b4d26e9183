"""Methods against each other: means, interquartile means, and how likely one beats a baseline.

One row per measure, task and method, and one over all tasks ("all") for every method that was run
on each of them. ± is said with two numbers, the ends of a 95 % bootstrap interval over training
seeds and test episodes (`fist.analysis.bootstrap`).

    mean, iqm     of the score of every episode; iqm is without the lowest and the highest quarter
    against       the strongest baseline: the one (of a baseline: the other one) with the best mean
    difference    by how much the mean is better than the baseline's
    improvement   the probability that a training run is better than one of the baseline's
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fist.analysis.bootstrap import Sample, difference, estimate, improvement, iqm
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


SUBTASKS = Measure("subtasks_ordered", "subtasks_ordered", "sub-tasks in order")
SUCCESS = Measure("success", "success", "success")
LENGTH = Measure("episode_length", "length", "environment steps", -1)
MEASURES = {"subtasks": (SUBTASKS, SUCCESS), "success": (SUCCESS, LENGTH)}
"""What is compared in each layout of a table, which is about the first."""


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
    sources = {(ALL, of_one.method): of_one.data_source for of_one in reversed(results)}
    sources |= {(of_one.task, of_one.method): of_one.data_source for of_one in results}
    records = []
    for measure in measures:
        everything = _scores(results, measure)
        for (task, method), scores in everything.items():
            if method not in rows:
                continue
            name = f"{task}/{method}"
            record = {"measure": measure.name, "task": task, "method": method}
            record |= {"n_seeds": str(scores.shape[1]), "n_episodes": str(scores.size)}
            record |= _numbers("mean", estimate(name, scores))
            record |= _numbers("iqm", estimate(name, scores, statistic=iqm, resamples=RESAMPLES))
            rivals = {
                other: measure.sign * theirs
                for (where, other), theirs in everything.items()
                if where == task and other in baselines and other != method
            }
            if rivals:
                best = max(rivals, key=lambda other: rivals[other].mean())
                pair = measure.sign * scores, rivals[best]
                record["against"] = best
                for comparison in (difference, improvement):
                    told = estimate(name, *pair, statistic=comparison, resamples=RESAMPLES)
                    record |= _numbers(comparison.__name__, told)
            records.append(record | {"data_source": sources[task, method]})
    return records


def _scores(results: Sequence[Results], measure: Measure) -> dict[tuple[str, str], Sample]:
    """Return the scores of every task and method, then those over all tasks."""
    found = {(of_one.task, of_one.method): of_one.of(measure.column)[None] for of_one in results}
    scores = {key: values for key, values in found.items() if not np.isnan(values).any()}
    tasks = list(dict.fromkeys(task for task, _ in scores))
    over_all = {}
    for method in [method for task, method in scores if task == tasks[0] and len(tasks) > 1]:
        of_method = [scores[task, method] for task in tasks if (task, method) in scores]
        if len(of_method) == len(tasks) and len({values.shape for values in of_method}) == 1:
            over_all[ALL, method] = np.concatenate(of_method)
    return scores | over_all


def _numbers(name: str, values: tuple[float, float, float]) -> Record:
    ends = zip((name, f"{name}_lo", f"{name}_hi"), values, strict=True)
    return {key: f"{value:.3f}" for key, value in ends}
