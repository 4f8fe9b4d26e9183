"""Laws of means, comparisons and their intervals."""

import numpy as np
import pytest
import scipy.stats

from fist.analysis.intervals import improvement, mean, p_value
from intervals_hold import World, around, check


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def width(estimate) -> float:
    low, high = estimate.ends()
    return float(high - low)


def test_intervals_hold_the_truth_where_a_percentile_bootstrap_did_not():
    """It held it in 80 % of 3 x 50 with a spread of 0.15; few and equal runs are the hardest."""
    for seeds, episodes in ((2, 50), (3, 50), (3, 10), (5, 100), (10, 50)):
        for rate, spread in ((0.5, 0.15), (0.8, 0.15), (0.95, 0.0), (0.99, 0.15), (1.0, 0.05)):
            for what, more in (("success", {}), ("subtasks", {"levels": 4}), ("difference", {})):
                world = World(seeds, episodes, repeats=400, **more)
                share, _ = check(what, world, around(rate, spread))
                assert share >= 0.93, (what, seeds, episodes, rate, spread)


def test_intervals_hold_the_truth_over_tasks_and_where_test_seeds_decide():
    for decided in (False, True):
        for rate, spread in ((0.5, 0.0), (0.8, 0.15), (1.0, 0.15)):
            world = World(5, 50, decided, tasks=4, repeats=400)
            assert check("mean of four tasks", world, around(rate, spread))[0] >= 0.93


def test_where_no_run_can_be_unlike_it_is_the_t_interval_of_the_runs():
    runs = rng(5).normal(50, 5, 20)
    none = 1e-9
    found = mean(runs.reshape(1, 20, 1), none, 100.0).ends()
    assert np.allclose(found, scipy.stats.t.interval(0.95, 19, runs.mean(), scipy.stats.sem(runs)))


def test_runs_and_test_episodes_add_up_in_squares():
    scores = rng(6).normal(50, 1, (1, 9, 1)) + rng(7).normal(0, 2, (1, 1, 25))
    low, high = mean(scores, 1e-9, 100.0).ends()
    parts = [scipy.stats.sem(scores.mean(axis).ravel()) for axis in (2, 1)]
    widths = [
        scipy.stats.t.ppf(0.975, n - 1) * part for n, part in zip((9, 25), parts, strict=True)
    ]
    assert high - low == pytest.approx(2 * np.hypot(*widths))


def test_all_and_nothing_have_a_width_that_shrinks_with_runs_and_episodes():
    for score in (0.0, 1.0):
        sizes = ((3, 10), (5, 10), (5, 100), (20, 100))
        widths = [width(mean(np.full((1, *size), score), 1.0)) for size in sizes]
        assert widths == sorted(widths, reverse=True) and widths[-1] > 0.01
    low, high = mean(np.ones((1, 5, 50)), 1.0).ends()
    assert high == 1 and low > 0.8


def test_an_interval_stays_on_the_scale_and_around_its_value():
    generator = rng(3)
    for _ in range(50):
        scores = generator.integers(0, 5, (2, generator.integers(2, 6), 7)).astype(float)
        estimate = mean(scores, 4.0)
        low, high = estimate.ends()
        assert 0 <= low <= estimate.value <= high <= 4


def test_of_one_run_there_is_no_interval():
    one, two = np.ones((1, 1, 50)), np.ones((1, 2, 50))
    for estimate in (mean(one, 1.0), improvement(one, two), improvement(two, one)):
        assert np.isfinite(estimate.value) and np.isnan(estimate.ends()).all()
    assert np.isnan(mean(two, 1.0, seeds=(0, 1)).minus(mean(one, 1.0, seeds=(0,))).ends()).all()


def test_runs_that_differ_and_test_episodes_that_differ_both_widen_the_interval():
    even = np.tile([0.0, 1.0], 20)
    same = mean(np.stack([even] * 4)[None], 1.0)
    runs = mean(np.stack([even, even, np.ones(40), np.zeros(40)])[None], 1.0)
    free = mean(np.stack([even, 1 - even] * 2)[None], 1.0)
    assert width(runs) > width(same) > width(free)


def test_pairs_cancel_what_they_share():
    """Two methods are equal in every run and episode: paired, that is known; apart, it is not."""
    scores = rng(4).integers(0, 2, (1, 8, 60)).astype(float)
    ours = mean(scores, 1.0, seeds=tuple(range(8)), test_seeds=tuple(range(60)))
    others = mean(scores, 1.0, seeds=tuple(range(8, 16)), test_seeds=tuple(range(60, 120)))
    paired, apart = ours.minus(ours), ours.minus(others)
    assert paired.value == apart.value == 0 and width(paired) < width(apart)


def test_the_estimates_are_scipys():
    ours, theirs = rng(12).integers(0, 5, (1, 9, 4)), rng(13).integers(0, 5, (1, 7, 4))
    assert mean(ours, 4.0).value == ours.mean()
    u = scipy.stats.mannwhitneyu(ours[0].mean(-1), theirs[0].mean(-1)).statistic
    assert improvement(ours, theirs).value == pytest.approx(u / (9 * 7))


def test_improvement_is_the_share_of_pairs_of_runs_that_are_won_ties_half():
    """Runs score 1, 2, 3 against 2: one loses, one ties, one wins. Every task counts the same."""
    ours = np.array([[[0.0, 2.0], [2.0, 2.0], [4.0, 2.0]]])
    assert improvement(ours, np.array([[[1.0, 3.0]]])).value == 0.5
    assert improvement(ours, np.array([[[0.0, 0.0]]])).value == 1.0
    assert improvement(ours, np.array([[[0.0], [2.5]]])).value == (3 + 1) / 6
    two = np.stack([np.ones((3, 2)), np.zeros((3, 2))])
    assert improvement(two, np.full((2, 3, 2), 0.5)).value == 0.5


@pytest.mark.parametrize("scores", [np.zeros((5, 5)), np.zeros((1, 0, 5)), [[[1.0, np.nan]]]])
def test_scores_without_seeds_or_with_nan_are_refused(scores):
    with pytest.raises(ValueError, match="tasks, seeds, episodes"):
        mean(np.asarray(scores), 1.0)


def test_a_p_value_is_the_error_at_which_a_t_interval_begins_to_hold_zero():
    runs = np.array([20.0, 30.0, 40.0, 50.0, 60.0])
    estimate = mean(runs.reshape(1, 5, 1), 1000.0).above(10.0)
    found = p_value(lambda error: bool(estimate.ends(1 - error)[0] > 0))
    assert estimate.ends(1 - found)[0] == pytest.approx(0, abs=1e-6)
    assert p_value(lambda error: False) == 1
