"""Laws of the interquartile mean and the bootstrap."""

import numpy as np
import pytest
import scipy.stats

from fist.analysis.bootstrap import (
    bootstrap_interval,
    difference,
    improvement,
    iqm,
    mean,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 10, 39, 40])
def test_iqm_is_scipys_trimmed_mean(n):
    values = rng(n).normal(size=(6, n))
    for shape in ((6, 1, 1, n), (6, 1, n, 1)):
        expected = scipy.stats.trim_mean(values, 0.25, axis=-1)
        assert np.allclose(iqm(values.reshape(shape)), expected)


def test_iqm_ignores_an_outlier_at_each_end():
    assert iqm(np.array([1.0, -1e9, 2.0, 3.0, 1e9, 2.0, 3.0, 1.0])) == 2.0


def test_a_constant_sample_gives_an_interval_of_no_width():
    assert bootstrap_interval(np.full((3, 20), 2.5), rng=rng()) == (2.5, 2.5)


def test_with_one_seed_it_is_the_ordinary_bootstrap_over_episodes():
    values = rng(1).integers(0, 5, size=40).astype(float)
    ours = bootstrap_interval(values[None], rng=rng(2), resamples=20_000)
    scipys = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=rng(3)
    ).confidence_interval
    assert np.allclose(ours, scipys, atol=0.04)


def test_with_one_episode_each_it_is_the_ordinary_bootstrap_over_seeds():
    values = rng(4).normal(size=15)
    ours = bootstrap_interval(values[:, None], rng=rng(5), statistic=iqm, resamples=20_000)
    scipys = scipy.stats.bootstrap(
        (values,), iqm, method="percentile", n_resamples=20_000, rng=rng(6)
    ).confidence_interval
    assert np.allclose(ours, scipys, atol=0.04)


def test_two_seeds_that_each_always_score_the_same_are_resampled_as_seeds():
    """Means 0, 1/2, 1 come up with probability 1/4, 1/2, 1/4: the 40 % interval is (1/2, 1/2)."""
    scores = np.stack([np.zeros(20), np.ones(20)])
    assert bootstrap_interval(scores, rng=rng()) == (0.0, 1.0)
    assert bootstrap_interval(scores, rng=rng(), level=0.4) == (0.5, 0.5)


def test_the_spread_between_seeds_widens_the_interval():
    episodes = rng(7).normal(size=(4, 20))
    shifted = episodes + np.array([-1.0, -1.0, 1.0, 1.0])[:, None]
    narrow, wide = (bootstrap_interval(scores, rng=rng(8)) for scores in (episodes, shifted))
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def test_every_task_keeps_its_share():
    """Two tasks, one always 0 and one always 4: resampling them together would spread the mean."""
    scores = np.stack([np.zeros((2, 10)), np.full((2, 10), 4.0)])
    assert bootstrap_interval(scores, rng=rng()) == (2.0, 2.0)


def test_an_interval_of_95_percent_covers_the_mean_about_that_often():
    generator = rng(9)
    covered = 0
    for _ in range(300):
        scores = generator.normal(size=(10, 1)) + generator.normal(size=(10, 10))
        low, high = bootstrap_interval(scores, rng=generator, resamples=500)
        covered += low <= 0 <= high
    assert 0.85 < covered / 300 < 0.98


def test_the_same_generator_state_gives_the_same_interval():
    scores = rng(10).normal(size=(2, 3, 5))
    assert bootstrap_interval(scores, rng=rng(11)) == bootstrap_interval(scores, rng=rng(11))
    assert bootstrap_interval(scores, rng=rng(11)) != bootstrap_interval(scores, rng=rng(12))


def test_working_in_blocks_draws_as_many_resamples_as_asked_for(monkeypatch):
    drawn = []

    def counting_mean(scores):
        drawn.append(len(scores))
        return mean(scores)

    scores = rng(10).normal(size=(2, 3, 5))
    monkeypatch.setattr("fist.analysis.bootstrap.BLOCK", scores.size * 7)
    bootstrap_interval(scores, rng=rng(11), statistic=counting_mean, resamples=300)
    assert sum(drawn) == 300 and max(drawn) == 7


@pytest.mark.parametrize("scores", [np.zeros(5), np.zeros((0, 5)), np.array([[1.0, np.nan]])])
def test_scores_without_seeds_or_with_nan_are_refused(scores):
    with pytest.raises(ValueError, match="seeds, episodes"):
        bootstrap_interval(scores, rng=rng())


def test_a_level_in_percent_is_refused():
    with pytest.raises(ValueError, match="level is 95"):
        bootstrap_interval(np.zeros((2, 2)), rng=rng(), level=95)


def test_improvement_is_the_share_of_pairs_of_runs_that_are_won_ties_half():
    """Runs score 1, 2, 3 against 2: one loses, one ties, one wins."""
    ours = np.array([[[0.0, 2.0], [2.0, 2.0], [4.0, 2.0]]])
    assert improvement(ours, np.array([[[1.0, 3.0]]])) == 0.5
    assert improvement(ours, np.array([[[0.0, 0.0]]])) == 1.0
    assert improvement(ours, np.array([[[0.0], [2.5]]])) == (3 + 1) / 6


def test_improvement_is_the_u_statistic_of_mann_and_whitney():
    ours, theirs = rng(12).integers(0, 5, (1, 9, 4)), rng(13).integers(0, 5, (1, 7, 4))
    u = scipy.stats.mannwhitneyu(ours[0].mean(-1), theirs[0].mean(-1)).statistic
    assert improvement(ours, theirs) == pytest.approx(u / (9 * 7))


def test_improvement_counts_every_task_the_same():
    ours = np.stack([np.ones((3, 2)), np.zeros((3, 2))])
    assert improvement(ours, np.full((2, 3, 2), 0.5)) == 0.5


def test_better_by_any_chance_is_an_interval_at_one_and_the_other_way_round_at_zero():
    high, low = np.full((1, 3, 8), 3.0) + rng(14).uniform(0, 1, (1, 3, 8)), np.zeros((1, 2, 8))
    assert bootstrap_interval(high, low, rng=rng(), statistic=improvement) == (1.0, 1.0)
    assert bootstrap_interval(low, high, rng=rng(), statistic=improvement) == (0.0, 0.0)


def test_the_interval_of_a_difference_is_scipys():
    ours, theirs = rng(15).normal(1, 1, 30), rng(16).normal(0, 2, 40)
    found = bootstrap_interval(
        ours[None], theirs[None], rng=rng(17), statistic=difference, resamples=20_000
    )
    scipys = scipy.stats.bootstrap(
        (ours, theirs),
        lambda a, b, axis: a.mean(axis) - b.mean(axis),
        method="percentile",
        n_resamples=20_000,
        rng=rng(18),
    ).confidence_interval
    assert np.allclose(found, scipys, atol=0.04)


def test_a_difference_between_seeds_is_resampled_as_seeds():
    """Against a constant, two seeds at 0 and 1 are 0, 1/2 or 1 better: 1/4, 1/2, 1/4."""
    scores = np.stack([np.zeros(20), np.ones(20)])
    interval = bootstrap_interval(
        scores, np.zeros((1, 20)), rng=rng(), statistic=difference, level=0.4
    )
    assert interval == (0.5, 0.5)
