"""What the figures of test results share. Bands and bars are 95 % intervals.

With one training seed there are none.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from fist.analysis.comparison import MEASURES, Scores
from fist.analysis.figures.plot import Table
from fist.analysis.figures.style import looks, words
from fist.analysis.intervals import Estimate
from fist.evaluation.episode_results import of_one_environment

POINTS = 41
"""Moments or thresholds at which a curve is drawn."""


class Scored:
    """The results of a table, and what they are scored by.

    Raises:
        ResultsError: the files cannot be read or do not fit together; says which and why.
    """

    def __init__(self, files: Iterable[Path], table: Table):
        self.results = of_one_environment(files)
        self.measure = MEASURES[table["measure"]][0]
        self.tasks = list(dict.fromkeys(results.task for results in self.results))
        self.methods = list(dict.fromkeys(results.method for results in self.results))
        self.top = self.measure.scale(self.results)
        """The best score there can be."""

    def sizes(self, what: str) -> str:
        """Say how many runs and episodes there are, and what shows their intervals."""
        shapes = sorted({of_one.of(self.measure.column).shape for of_one in self.results})
        runs = " or ".join(f"{seeds} training seeds x {n} test episodes" for seeds, n in shapes)
        some = shapes[-1][0] > 1
        return f"{runs}; {what}: 95 % intervals" if some else f"one seed, no interval; {runs}"

    def means(self) -> pd.DataFrame:
        """Return the mean score of every task and method, and the ends of its interval."""
        rows = [
            (of_one.task, of_one.method, *numbers(Scores([of_one], self.measure).mean()))
            for of_one in self.results
        ]
        return pd.DataFrame(rows, columns=("task", "method", "mean", "lo", "hi"))


def numbers(estimate: Estimate) -> tuple[float, float, float]:
    """Return the value of an estimate, and the ends of its interval; NaN without one."""
    low, high = estimate.ends()
    return float(estimate.value), float(low), float(high)


def lines(axis: Axes, data: pd.DataFrame, x: str, methods: Sequence[str]) -> None:
    """Draw a line of means over `x`, with a band, for every method."""
    for method, look in looks(methods).items():
        line = data[data.method == method]
        if len(line):
            axis.plot(line[x], line["mean"], label=words(method), markevery=5, **look._asdict())
            axis.fill_between(line[x], line.lo, line.hi, color=look.color, alpha=0.15, lw=0)
