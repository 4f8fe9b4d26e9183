"""Interquartile mean, comparisons, and bootstrap confidence intervals over seeds and episodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

Statistic = Callable[..., np.ndarray]
"""Reduces the axis given as `axis=`: np.mean, np.median, iqm, …"""

Comparison = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Reduces two samples (..., tasks, seeds, episodes) to (...): difference, improvement, …"""

BLOCK = 2_000_000
"""Values that are resampled at once: bounds the memory to some tens of megabytes."""


def iqm(values: Float[np.ndarray, "..."], axis: int = -1) -> np.ndarray:
    """Return the interquartile mean: the mean without the lowest and the highest quarter.

    Of n values floor(n / 4) are left out at each end.
    """
    values = np.sort(values, axis=axis)
    n = values.shape[axis]
    return values.take(np.arange(n // 4, n - n // 4), axis=axis).mean(axis=axis)


def bootstrap_interval(
    scores: Float[np.ndarray, "*tasks seeds episodes"],
    rng: np.random.Generator,
    statistic: Statistic = np.mean,
    level: float = 0.95,
    resamples: int = 10_000,
) -> tuple[float, float]:
    """Return the ends of a stratified bootstrap confidence interval (percentile method).

    Training seeds are resampled with replacement, then the episodes within each seed drawn: the
    interval covers both a new training run and a new set of test episodes. Tasks, where there are
    several, are strata: each keeps its share in every resample.

    Args:
        scores: one score per episode; leading axes, if any, are tasks.
        rng: source of the resamples; the same generator state gives the same interval.
        statistic: of all the scores of a resample.
        level: coverage of the interval, in (0, 1).
        resamples: how many resamples to draw.
    """
    scores = _by_task(scores)
    return _interval(
        lambda n: statistic(_resample(scores, n, rng).reshape(n, -1), axis=-1),
        scores.size,
        level,
        resamples,
    )


def comparison_interval(
    scores: Float[np.ndarray, "*tasks seeds episodes"],
    others: Float[np.ndarray, "*tasks others_seeds others_episodes"],
    rng: np.random.Generator,
    comparison: Comparison,
    level: float = 0.95,
    resamples: int = 10_000,
) -> tuple[float, float]:
    """Return the ends of the same interval for a comparison of two samples of the same tasks.

    Both are resampled, each on its own; the other arguments are those of `bootstrap_interval`.
    """
    scores, others = _by_task(scores), _by_task(others)
    return _interval(
        lambda n: comparison(_resample(scores, n, rng), _resample(others, n, rng)),
        max(scores.size, others.size),
        level,
        resamples,
    )


def difference(
    scores: Float[np.ndarray, "... tasks seeds episodes"],
    others: Float[np.ndarray, "... tasks others_seeds others_episodes"],
) -> np.ndarray:
    """Return by how much the mean of `scores` is above the mean of `others`."""
    return scores.mean((-3, -2, -1)) - others.mean((-3, -2, -1))


def improvement(
    scores: Float[np.ndarray, "... tasks seeds episodes"],
    others: Float[np.ndarray, "... tasks others_seeds others_episodes"],
) -> np.ndarray:
    """Return the probability that a training run scores higher than a training run of `others`.

    A run's score is its mean over episodes; of two equal scores each is the higher one half the
    time. Every task counts the same (Agarwal et al., 2021).
    """
    ours, theirs = scores.mean(-1)[..., :, None], others.mean(-1)[..., None, :]
    return ((ours > theirs) + 0.5 * (ours == theirs)).mean((-3, -2, -1))


def _interval(
    draw: Callable[[int], np.ndarray], size: int, level: float, resamples: int
) -> tuple[float, float]:
    """Return the percentiles of values that are drawn n at a time, each from `size` scores."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, must lie between 0 and 1")
    per_block = max(1, BLOCK // size)
    blocks = [min(per_block, resamples - done) for done in range(0, resamples, per_block)]
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate([draw(n) for n in blocks]), (tail, 1 - tail))
    return float(low), float(high)


def _by_task(scores: np.ndarray) -> Float[np.ndarray, "tasks seeds episodes"]:
    """Check scores and give them one axis of tasks."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim < 2 or scores.size == 0 or not np.isfinite(scores).all():
        raise ValueError(
            f"scores have shape {scores.shape}, must be finite numbers (…, seeds, episodes), "
            "at least one of each"
        )
    return scores.reshape(-1, *scores.shape[-2:])


def _resample(
    scores: Float[np.ndarray, "tasks seeds episodes"], n: int, rng: np.random.Generator
) -> Float[np.ndarray, "n tasks seeds episodes"]:
    """Draw n resamples: seeds, then episodes within each seed drawn."""
    tasks, seeds, episodes = scores.shape
    task = np.arange(tasks)[:, None, None]
    seed = rng.integers(seeds, size=(n, tasks, seeds, 1))
    episode = rng.integers(episodes, size=(n, tasks, seeds, episodes))
    return scores[task, seed, episode]
