"""Laws of how episodes are said to have failed."""

import numpy as np
import pytest

from fist.evaluation.failures import action_change, failure

MOVING = np.cumsum(np.full((201, 3), 0.01), axis=0)
RESTING = np.concatenate([MOVING[:120], np.repeat(MOVING[119:120], 81, axis=0)])


def noisy(states, seed=0):
    return states + np.random.default_rng(seed).uniform(-0.05, 0.05, states.shape)


def test_who_does_what_is_not_due_fails_by_the_order():
    assert failure(MOVING, {"a": 30, "b": None}, completed=2) == "wrong order"
    assert failure(RESTING, {"a": None}, completed=1) == "wrong order"


@pytest.mark.parametrize("seed", range(5))
def test_who_rests_at_the_end_is_stuck_and_noise_does_not_hide_it(seed):
    assert failure(noisy(RESTING, seed), {"a": 30, "b": None}, completed=1) == "stuck"
    assert failure(noisy(RESTING, seed), {}, completed=None) == "stuck"


@pytest.mark.parametrize("seed", range(5))
def test_who_moves_is_late_if_a_subtask_was_just_counted_and_otherwise_lost(seed):
    moving = noisy(MOVING, seed)
    assert failure(moving, {"a": 30, "b": 180, "c": None}, completed=2) == "late"
    assert failure(moving, {"a": 30, "b": None}, completed=1) == "lost"
    assert failure(moving, {}, completed=None) == "lost"


def test_an_episode_of_a_few_steps_has_a_failure_too():
    assert failure(MOVING[:2], {"a": None}, completed=0) == "lost"


def test_the_change_of_actions_is_that_between_neighbouring_steps():
    assert action_change(np.array([[0.0, 0.0], [0.3, 0.4], [0.3, 0.4]])) == pytest.approx(0.1768)
    assert action_change(np.zeros((1, 2))) is None
