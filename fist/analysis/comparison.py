"""Methods against each other: means, and how likely a training run beats one of a baseline.

One row per measure, task and method, and one over all tasks ("all") for every method that was run
on each of them. The ends of a 95 % interval (`fist.analysis.intervals`) stand beside every number;
they are empty where a method has one training run.

    mean          of the score of every episode
    against       the strongest baseline: the one (of a baseline: the other one) with the best mean
    difference    by how much the mean is better than the baseline's
    improvement   the probability that a training run is better than one of the baseline's; empty
                  where either has one training run, which is no frequency
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fist.analysis.intervals import Estimate, Sample, improvement, mean
from fist.evaluation.episode_results import Results
from fist.stage.text import Record

ALL = "all"
"""Name of the row over all tasks."""

COMPARED = (
    *("against", "difference", "difference_lo", "difference_hi"),
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

    def scale(self, results: Sequence[Results]) -> float:
        """Return how far apart the scores of two episodes can be; of lengths, the longest."""
        if self is SUBTASKS:
            return max(len(of_one.subtasks) for of_one in results)
        return 1.0 if self is SUCCESS else max(of_one.of(self.column).max() for of_one in results)


class Scores:
    """What a method has scored in the test episodes of its tasks.

    Raises:
        ValueError: the tasks have other numbers of training seeds or of episodes.
    """

    def __init__(self, results: Sequence[Results], measure: Measure):
        self.each: Sample = np.stack([of_one.of(measure.column) for of_one in results])
        scales = [measure.scale([of_one]) for of_one in results]
        self._range = max(scales), float(np.mean(scales)) if measure.sign > 0 else np.inf
        self._seeds = tuple(of_one.seeds for of_one in results)
        self._tested = tuple(of_one.test_seeds for of_one in results)

    def mean(self) -> Estimate:
        """Estimate the mean over tasks, training runs and test episodes."""
        return mean(self.each, *self._range, self._seeds, self._tested)


SUBTASKS = Measure("subtasks_ordered", "subtasks_ordered", "subtasks in order")
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
    known = [name for name in dict.fromkeys(one.method for one in results) if name in baselines]
    records = []
    for measure in measures:
        everything = scores_of(results, measure)
        means = {key: scores.mean() for key, scores in everything.items()}
        for (task, method), scores in everything.items():
            if method not in rows:
                continue
            ours = means[task, method]
            record = {"measure": measure.name, "task": task, "method": method}
            record |= {"n_seeds": str(scores.each.shape[1]), "n_episodes": str(scores.each.size)}
            record |= told("mean", ours)
            rivals = [name for name in known if name != method and (task, name) in means]
            if rivals:
                best = max(rivals, key=lambda name: measure.sign * means[task, name].value)
                better, worse = (ours, means[task, best])[:: measure.sign]
                record |= {"against": best} | told("difference", better.minus(worse))
                won = [measure.sign * everything[task, name].each for name in (method, best)]
                if min(scores.shape[1] for scores in won) > 1:
                    record |= told("improvement", improvement(*won))
            records.append(record | {"data_source": sources[task, method]})
    return records


def scores_of(results: Sequence[Results], measure: Measure) -> dict[tuple[str, str], Scores]:
    """Return the scores of every task and method, then those over all tasks."""
    found = {
        (of_one.task, of_one.method): of_one
        for of_one in results
        if not np.isnan(of_one.of(measure.column)).any()
    }
    tasks = list(dict.fromkeys(task for task, _ in found))
    scores = {key: Scores([of_one], measure) for key, of_one in found.items()}
    for method in [method for task, method in found if task == tasks[0] and len(tasks) > 1]:
        of_method = [found[task, method] for task in tasks if (task, method) in found]
        shapes = {scores[of_one.task, method].each.shape for of_one in of_method}
        if len(of_method) == len(tasks) and len(shapes) == 1:
            scores[ALL, method] = Scores(of_method, measure)
    return scores


def told(name: str, estimate: Estimate) -> Record:
    """Return the columns of an estimate: its value and the ends of its 95 % interval, if any."""
    numbers = zip(("", "_lo", "_hi"), (estimate.value, *estimate.ends()), strict=True)
    return {name + end: "" if np.isnan(number) else f"{number:.3f}" for end, number in numbers}
