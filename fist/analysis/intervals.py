"""Means and comparisons, and the 95 % intervals that training runs and test episodes leave them.

A score of every episode is a sample (..., tasks, seeds, episodes). Test episode i is the same for
every training seed, so a mean is open in two ways: by the training runs, and by the test episodes.
Each is a t interval over the means of its units, and their half-widths are added in squares.

Few units can be alike by chance. An end therefore also allows for one more unit that is unlike the
others, and is the farther of the two: one that is worse (better) by `UNLIKE` of the scale, or by
one episode of one run where that is more; of runs not by more than the largest standard error that
so many can leave. So 0/N and N/N have a width. With one training run nothing is known of others:
there is no interval (NaN).

`benchmarks/intervals_hold.py` says how often these intervals hold the truth.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit

Sample = Float[np.ndarray, "... tasks seeds episodes"]

UNLIKE = 0.2
"""Share of the scale by which one more run, or test episode, is taken to be unlike the others."""


@dataclass(frozen=True)
class Units:
    """Means over parts of the results that are independent: training runs, or test episodes."""

    means: Float[np.ndarray, "... units"]
    unlike: float
    """How far one more unit may be away from their mean."""
    labels: tuple = ()
    """What they are: seeds. Units with the same labels are pairs."""

    def half_width(self, room: np.ndarray, level: float) -> np.ndarray:
        """Return how far an end lies from the mean, where the scale goes on for `room`."""
        n = self.means.shape[-1]
        squares = np.square(self.means - self.means.mean(-1, keepdims=True)).sum(-1)
        unlike = np.clip(self.unlike, 0, np.maximum(room, 0))
        seen = stdtrit(n - 1, (1 + level) / 2) * np.sqrt(squares / (n - 1) / n)
        more = squares + unlike**2 * n / (n + 1)
        shifted = unlike / (n + 1) + stdtrit(n, (1 + level) / 2) * np.sqrt(more / n / (n + 1))
        return np.maximum(seen, shifted)


@dataclass(frozen=True)
class Estimate:
    """A number that results give, and what leaves it open."""

    value: np.ndarray
    units: tuple[Units, ...]
    """The training runs, then the test episodes."""
    least: float
    most: float

    def ends(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the interval, both NaN where a method has one training run alone."""
        if min(units.means.shape[-1] for units in self.units) < 2:
            return np.full_like(self.value, np.nan), np.full_like(self.value, np.nan)
        below, above = (
            np.sqrt(sum(np.square(units.half_width(room, level)) for units in self.units))
            for room in (self.value - self.least, self.most - self.value)
        )
        lowest, highest = self.value - below, self.value + above
        return np.maximum(lowest, self.least), np.minimum(highest, self.most)

    def above(self, score: float) -> "Estimate":
        """Return by how much it is above a score that is known."""
        least, most = self.least - score, self.most - score
        return replace(self, value=self.value - score, least=least, most=most)

    def minus(self, other: "Estimate") -> "Estimate":
        """Return by how much it is above another; what has the same seeds is paired."""
        units: list[Units] = []
        for ours, theirs in zip_longest(self.units, other.units):
            if ours and theirs and ours.labels == theirs.labels:
                unlike = max(ours.unlike, theirs.unlike)
                units.append(Units(ours.means - theirs.means, unlike, ours.labels))
            else:
                units += [ours] if ours else []
                units += [replace(theirs, means=-theirs.means)] if theirs else []
        ends = self.least - other.most, self.most - other.least
        return Estimate(self.value - other.value, tuple(units), *ends)


def mean(
    scores: Sample,
    scale: float,
    most: float | None = None,
    seeds: tuple = (),
    test_seeds: tuple = (),
) -> Estimate:
    """Estimate the mean of all scores.

    Args:
        scores: at least one of each; where there is one episode, it is not a unit: as are scores
            of whole runs.
        scale: how far apart the scores of two episodes can be.
        most: best score; the scale by default. The least is 0.
        seeds: training seeds, for pairs.
        test_seeds: seeds of the test episodes, for pairs.

    Raises:
        ValueError: there are no scores, or some are not finite.
    """
    if scores.ndim < 3 or scores.size == 0 or not np.isfinite(scores).all():
        raise ValueError(
            f"scores have shape {scores.shape}, must be finite numbers (tasks, seeds, episodes), "
            "at least one of each"
        )
    tasks, runs, episodes = scores.shape[-3:]
    unlike = scale * max(min(UNLIKE, 0.5 / runs**0.5), 1 / (tasks * episodes))
    units = [Units(scores.mean((-3, -1)), unlike, seeds)]
    if episodes > 1:
        unlike = scale * max(UNLIKE, 1 / runs) / tasks
        units.append(Units(scores.mean((-3, -2)), unlike, test_seeds))
    return Estimate(scores.mean((-3, -2, -1)), tuple(units), 0, scale if most is None else most)


def improvement(scores: Sample, others: Sample) -> Estimate:
    """Estimate the probability that a training run scores higher than one of `others`.

    A run's score is its mean over episodes; of two equal scores each is the higher one half the
    time. Every task counts the same (Agarwal et al., 2021).
    """
    ours, theirs = scores.mean(-1)[..., :, None], others.mean(-1)[..., None, :]
    won = (ours > theirs) + 0.5 * (ours == theirs)  # (..., tasks, seeds, other seeds)
    units = Units(won.mean((-3, -1)), 1.0), Units(-won.mean((-3, -2)), 1.0)
    return Estimate(won.mean((-3, -2, -1)), units, 0, 1)


def p_value(decides: Callable[[float], bool]) -> float:
    """Return the smallest error at which something is decided; what is, stays so at larger ones."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high
