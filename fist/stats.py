"""Interquartile mean and bootstrap confidence intervals over seeds and episodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

Statistic = Callable[..., np.ndarray]
"""Reduces the axis given as `axis=`: np.mean, np.median, iqm, …"""

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
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim < 2 or scores.size == 0 or not np.isfinite(scores).all():
        raise ValueError(
            f"scores have shape {scores.shape}, must be finite numbers (…, seeds, episodes), "
            "at least one of each"
        )
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, must lie between 0 and 1")
    scores = scores.reshape(-1, *scores.shape[-2:])
    per_block = max(1, BLOCK // scores.size)
    blocks = [min(per_block, resamples - done) for done in range(0, resamples, per_block)]
    values = np.concatenate([statistic(_resample(scores, n, rng), axis=-1) for n in blocks])
    tail = (1 - level) / 2
    low, high = np.quantile(values, (tail, 1 - tail))
    return float(low), float(high)


def _resample(
    scores: Float[np.ndarray, "tasks seeds episodes"], n: int, rng: np.random.Generator
) -> Float[np.ndarray, "n values"]:
    """Draw n resamples, each laid out flat."""
    tasks, seeds, episodes = scores.shape
    task = np.arange(tasks)[:, None, None]
    seed = rng.integers(seeds, size=(n, tasks, seeds, 1))
    episode = rng.integers(episodes, size=(n, tasks, seeds, episodes))
    return scores[task, seed, episode].reshape(n, -1)
