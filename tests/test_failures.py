"""Laws of how episodes are said to have failed."""

import numpy as np
import pytest

from fist.evaluation.failures import BLOCK, END, SMOOTHED, Course

MOVING = np.cumsum(np.full((201, 3), 0.01), axis=0)
RESTING = np.concatenate([MOVING[:120], np.repeat(MOVING[119:120], 81, axis=0)])


def failure(states, steps, completed):
    course = Course()
    for state in states:
        course.see(state)
    return course.failure(len(states) - 1, steps, completed)


def action_change(actions):
    course = Course()
    for action in actions:
        course.act(action)
    return course.action_change()


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


def test_who_never_moves_is_stuck():
    assert failure(np.ones((201, 3)), {}, completed=None) == "stuck"


@pytest.mark.filterwarnings("error")
def test_states_too_large_to_be_added_up_tell_nothing():
    states = np.random.default_rng(0).uniform(-1, 1, (201, 2))
    for size in (1e200, 1e308):
        assert failure(size * states, {}, completed=None) == "lost"


@pytest.mark.parametrize("steps", [1, 2, 59, 60, 61, BLOCK, BLOCK + 1, 2 * BLOCK + 61])
def test_what_is_looked_at_block_by_block_is_that_of_the_whole_episode(steps):
    rng = np.random.default_rng(steps)
    states, actions = rng.normal(size=(steps + 1, 3)), rng.uniform(-1, 1, (steps, 2))
    course = Course()
    course.see(states[0])
    for state, action in zip(states[1:], actions, strict=True):
        course.see(state)
        course.act(action)
    course.failure(steps, {}, None)
    means = np.cumsum(states, axis=0)
    means = (means[SMOOTHED:] - means[:-SMOOTHED]) / SMOOTHED
    moved = np.linalg.norm(means[END:] - means[:-END], axis=1)
    if len(moved):
        assert (course._moved, course._most) == (moved[-1], moved.max())
    changes = np.sqrt(np.square(np.diff(actions.astype(np.float32), axis=0)).mean(axis=1))
    assert course.action_change() == (round(float(changes.mean()), 4) if steps > 1 else None)
    held = [*course._states, *course._actions, *(() if course._sums is None else course._sums)]
    assert len(held) <= BLOCK + END + SMOOTHED


def test_actions_too_large_to_be_squared_change_by_nothing_known():
    assert action_change(np.array([[1e30], [-1e30]])) is None
