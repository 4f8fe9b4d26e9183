"""Interquartile mean, comparisons, and bootstrap confidence intervals over seeds and episodes.

A sample is one score per episode, (tasks, seeds, episodes). A statistic reduces one sample, or two
of the same tasks, over these three axes; before them may stand others.
"""

import zlib
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

Sample = Float[np.ndarray, "... tasks seeds episodes"]
Statistic = Callable[..., np.ndarray]

BLOCK = 2_000_000
"""Values that are resampled at once: bounds the memory to some tens of megabytes."""


def mean(scores: Sample) -> np.ndarray:
    """Return the mean of all scores."""
    return scores.reshape(*scores.shape[:-3], -1).mean(-1)


def iqm(scores: Sample) -> np.ndarray:
    """Return the interquartile mean: the mean without the lowest and the highest quarter.

    Of n scores floor(n / 4) are left out at each end.
    """
    ranked = np.sort(scores.reshape(*scores.shape[:-3], -1))
    out = ranked.shape[-1] // 4
    return ranked[..., out : ranked.shape[-1] - out].mean(-1)


def difference(scores: Sample, others: Sample) -> np.ndarray:
    """Return by how much the mean of `scores` is above the mean of `others`."""
    return scores.mean((-3, -2, -1)) - others.mean((-3, -2, -1))


def improvement(scores: Sample, others: Sample) -> np.ndarray:
    """Return the probability that a training run scores higher than a training run of `others`.

    A run's score is its mean over episodes; of two equal scores each is the higher one half the
    time. Every task counts the same (Agarwal et al., 2021).
    """
    ours, theirs = scores.mean(-1)[..., :, None], others.mean(-1)[..., None, :]
    return ((ours > theirs) + 0.5 * (ours == theirs)).mean((-3, -2, -1))


def bootstrap_interval(
    *samples: np.ndarray,
    rng: np.random.Generator,
    statistic: Statistic = mean,
    level: float = 0.95,
    resamples: int = 10_000,
) -> tuple[float, float]:
    """Return the ends of a stratified bootstrap confidence interval (percentile method).

    Training seeds are resampled with replacement, then the episodes within each seed drawn: the
    interval covers both a new training run and a new set of test episodes. Tasks, where there are
    several, are strata: each keeps its share in every resample. Of two samples each is resampled on
    its own.

    Args:
        samples: as many as the statistic takes; of one task also (seeds, episodes).
        rng: source of the resamples; the same generator state gives the same interval.
        statistic: what the interval is of.
        level: coverage of the interval, in (0, 1).
        resamples: how many resamples to draw.

    Raises:
        ValueError: a sample is empty, or not of finite numbers; or the level is not in (0, 1).
    """
    for scores in samples:
        if scores.ndim < 2 or scores.size == 0 or not np.isfinite(scores).all():
            raise ValueError(
                f"scores have shape {scores.shape}, must be finite numbers (…, seeds, episodes), "
                "at least one of each"
            )
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, must lie between 0 and 1")
    by_task = [scores.reshape(-1, *scores.shape[-2:]) for scores in samples]
    per_block = max(1, BLOCK // max(scores.size for scores in samples))
    blocks = [min(per_block, resamples - done) for done in range(0, resamples, per_block)]
    values = [statistic(*(_resample(scores, n, rng) for scores in by_task)) for n in blocks]
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(values), (tail, 1 - tail))
    return float(low), float(high)


def estimate(
    name: str, *samples: np.ndarray, statistic: Statistic = mean, resamples: int = 10_000
) -> tuple[float, float, float]:
    """Return a statistic of samples and the ends of its 95 % stratified bootstrap interval.

    The resamples depend on the name alone, so that adding a method changes no other row.
    """
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    low, high = bootstrap_interval(*samples, rng=rng, statistic=statistic, resamples=resamples)
    return float(statistic(*samples)), low, high


def _resample(
    scores: Float[np.ndarray, "tasks seeds episodes"], n: int, rng: np.random.Generator
) -> Float[np.ndarray, "n tasks seeds episodes"]:
    """Draw n resamples: seeds, then episodes within each seed drawn."""
    tasks, seeds, episodes = scores.shape
    task = np.arange(tasks)[:, None, None]
    seed = rng.integers(seeds, size=(n, tasks, seeds, 1))
    episode = rng.integers(episodes, size=(n, tasks, seeds, episodes))
    return scores[task, seed, episode]
