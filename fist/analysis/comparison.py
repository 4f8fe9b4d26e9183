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
from collections.abc import Callable, Iterator, Sequence
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
from fist.analysis.tabular import Record, pipe_table
from fist.evaluation.episode_results import Cell

RESAMPLES = 2_000
"""Resamples of the bootstrap of everything but the mean: tables have hundreds of comparisons."""

ALL = "all"
"""Name of the row over all tasks."""

COMPARISONS: dict[str, Comparison] = {"difference": difference, "improvement": improvement}

COLUMNS = (
    *("measure", "task", "method", "n_seeds", "n_episodes"),
    *("mean", "mean_lo", "mean_hi", "iqm", "iqm_lo", "iqm_hi", "against"),
    *("difference", "difference_lo", "difference_hi"),
    *("improvement", "improvement_lo", "improvement_hi", "data_source"),
)


@dataclass(frozen=True)
class Measure:
    """Something that is measured in every episode."""

    name: str
    """What it is called in the CSV."""
    of: Callable[[Cell], Float[np.ndarray, "seeds episodes"]]
    """Its values in a cell."""
    sign: int = 1
    """1 where more is better, -1 where less is."""


SUBTASKS = Measure("subtasks_ordered", lambda cell: cell.ordered)
SUCCESS = Measure("success", lambda cell: cell.successes)
LENGTH = Measure("episode_length", lambda cell: cell.lengths, -1)


@dataclass(frozen=True)
class Sample:
    """The scores of one method on one task, or on all."""

    task: str
    method: str
    data_source: str
    scores: Float[np.ndarray, "tasks seeds episodes"]


def compare(
    cells: Sequence[Cell],
    measures: Sequence[Measure],
    baselines: Sequence[str],
    rows: Sequence[str],
) -> list[Record]:
    """Return the rows of the statistics, formatted.

    Args:
        cells: the results, those of the baselines among them.
        measures: what is compared; a measure that a cell lacks is left out.
        baselines: methods of which the strongest is what the others are measured against.
        rows: the methods that get a row.
    """
    records = []
    for measure in measures:
        samples = list(_samples(cells, measure))
        for sample in samples:
            if sample.method in rows:
                rivals = [
                    other
                    for other in samples
                    if other.task == sample.task
                    and other.method in baselines
                    and other.method != sample.method
                ]
                records.append(_record(sample, rivals, measure))
    return records


def describe(statistics: Sequence[Record], measure: Measure, rows: str) -> str:
    """Lay out the statistics of one measure in Markdown; `rows` is what a task is called."""

    def cell(record: Record, name: str) -> str:
        if name not in record:
            return ""
        value, low, high = (float(record[name + end]) for end in ("", "_lo", "_hi"))
        return f"{value:.2f} [{low:.2f}, {high:.2f}]"

    names = ("mean", "iqm", "difference", "improvement")
    head = (rows, "method", "mean", "interquartile mean", "against", "difference")
    lines = [
        (record["task"], record["method"], *found[:2], record.get("against", ""), *found[2:])
        for record in statistics
        if record["measure"] == measure.name
        for found in [[cell(record, name) for name in names]]
    ]
    note = (
        f"Of {measure.name}: means over training seeds and test episodes, with 95 % bootstrap "
        "intervals in brackets. Against: the strongest baseline in that row's tasks, with the "
        "difference of the means and P(better), the probability that a training run has a better "
        "mean than one of the baseline."
    )
    return "\n".join((pipe_table((*head, "P(better)"), lines), "", note))


def interval(
    scores: np.ndarray, name: str, statistic: Callable = np.mean, resamples: int = 10_000
) -> tuple[float, float]:
    """Return the 95 % stratified bootstrap interval of a statistic.

    The resamples depend on the name alone, so that adding a method changes no other row.
    """
    return bootstrap_interval(scores, _rng(name), statistic, resamples=resamples)


def contrast(
    scores: np.ndarray, others: np.ndarray, name: str, comparison: Comparison
) -> tuple[float, float, float]:
    """Return a comparison of two samples and the ends of its 95 % bootstrap interval.

    Both are (tasks, seeds, episodes), of the same tasks in the same order.
    """
    value = float(comparison(scores, others))
    rng = _rng(name)
    return value, *comparison_interval(scores, others, rng, comparison, resamples=RESAMPLES)


def _samples(cells: Sequence[Cell], measure: Measure) -> Iterator[Sample]:
    """Yield the scores of every cell, then those over all tasks."""
    cells = [cell for cell in cells if measure is not SUBTASKS or cell.subtasks]
    tasks = list(dict.fromkeys(cell.task for cell in cells))
    scores = {(cell.task, cell.method): measure.of(cell) for cell in cells}
    for cell in cells:
        own = scores[cell.task, cell.method][None]
        yield Sample(cell.task, cell.method, cell.data_source, own)
    for cell in cells:
        of_method = [scores.get((task, cell.method)) for task in tasks]
        whole = all(values is not None for values in of_method)
        if len(tasks) > 1 and cell.task == tasks[0] and whole:
            if len({values.shape for values in of_method}) == 1:
                yield Sample(ALL, cell.method, cell.data_source, np.stack(of_method))


def _record(sample: Sample, rivals: Sequence[Sample], measure: Measure) -> Record:
    scores, sign = sample.scores, measure.sign
    name = f"{sample.task}/{sample.method}"
    record = {
        "measure": measure.name,
        "task": sample.task,
        "method": sample.method,
        "n_seeds": str(scores.shape[1]),
        "n_episodes": str(scores.size),
        "data_source": sample.data_source,
    }
    record |= _numbers("mean", (float(scores.mean()), *interval(scores, name)))
    record |= _numbers("iqm", (float(iqm(scores.ravel())), *interval(scores, name, iqm, RESAMPLES)))
    if rivals:
        best = max(rivals, key=lambda other: sign * other.scores.mean())
        record["against"] = best.method
        for what, comparison in COMPARISONS.items():
            values = contrast(sign * scores, sign * best.scores, name, comparison)
            record |= _numbers(what, values)
    return record


def _numbers(name: str, values: tuple[float, float, float]) -> Record:
    return {
        key: f"{value:.3f}"
        for key, value in zip((name, f"{name}_lo", f"{name}_hi"), values, strict=True)
    }


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))
