"""Laws of pictures and of copies, in every environment."""

import copy
import pickle
import threading

import gymnasium
import numpy as np
import pytest

import d4rl  # noqa: F401  (registers the environments)

IDS = ("kitchen-mixed-v0", "maze2d-large-v1", "antmaze-large-diverse-v2")
SMALL = {"render_mode": "rgb_array", "width": 40, "height": 32}


def single(env_id):
    return gymnasium.make(env_id, max_episode_steps=12, **SMALL)


def vector(env_id):
    return gymnasium.make_vec(env_id, 2, max_episode_steps=12, **SMALL)


def go_on(env, steps=15):
    """Return all that an environment says in some steps, and the reset after its time limit."""
    rng, told = np.random.default_rng(7), []
    for _ in range(steps):
        told.append(env.step(rng.uniform(-1, 1, env.action_space.shape).astype(np.float32)))
        if told[-1][3] is True:
            told.append(env.reset())
    return told


@pytest.fixture(params=IDS)
def env(request, egl):
    with single(request.param) as env:
        env.reset(seed=0)
        yield env


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize(
    ("make", "env_id"), [*((single, env) for env in IDS), *((vector, env) for env in IDS[1:])]
)
def test_a_copy_goes_on_as_the_original_bit_for_bit_and_draws_for_itself(egl, env_id, make, copied):
    """Also its random numbers and its time limit; a copy of what has drawn is one, too."""
    env = make(env_id)
    env.reset(seed=0)
    go_on(env, 5)
    seen = env.render()
    other = copied(env)
    np.testing.assert_array_equal(other.render(), seen)
    expected = go_on(env)
    np.testing.assert_equal(go_on(other), expected)
    env.close()
    np.testing.assert_equal(go_on(other), go_on(env))
    assert np.any(np.array(other.render()) != np.array(seen))


@pytest.mark.parametrize("env_id", IDS)
def test_pictures_have_no_influence_on_an_episode(egl, env_id):
    told = []
    for look in (False, True):
        with single(env_id) as env:
            env.reset(seed=0)
            rng = np.random.default_rng(7)
            for _ in range(10):
                if look:
                    env.render()
                action = rng.uniform(-1, 1, env.action_space.shape).astype(np.float32)
                told.append(env.step(action)[0])
    np.testing.assert_array_equal(told[:10], told[10:])


def test_copies_share_the_model_alone(env):
    one, other = env.unwrapped, copy.deepcopy(env).unwrapped
    assert other.model is one.model and other.data is not one.data
    assert other.np_random is not one.np_random
    assert other.action_space is not one.action_space


def test_any_thread_may_draw(env):
    seen, drawn = env.render(), []
    threads = [threading.Thread(target=lambda: drawn.append(env.render())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(drawn, [seen] * 3)
    thread = threading.Thread(target=env.close)
    thread.start()
    thread.join()
    np.testing.assert_array_equal(env.render(), seen)


def test_closing_twice_is_closing_once_and_a_picture_after_it_is_drawn_anew(env):
    seen = env.render()
    for _ in range(2):
        env.close()
        env.close()
        np.testing.assert_array_equal(env.render(), seen)


@pytest.mark.parametrize("mode", ["async", None])
def test_a_vector_of_environments_draws_every_lane(env, mode):
    """Also in processes that are forked from one that has drawn."""
    seen = env.render()
    lanes = gymnasium.make_vec(env.spec.id, 2, vectorization_mode=mode, **SMALL)
    lanes.reset(seed=[0, 1])
    frames = lanes.render()
    assert type(frames) is tuple and [frame.shape for frame in frames] == [(32, 40, 3)] * 2
    np.testing.assert_array_equal(frames[0], seen)
    lanes.close()


@pytest.mark.parametrize("make", [gymnasium.make, gymnasium.make_vec])
@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"render_mode": "ansi"}, "or 'rgb_array', not 'ansi'"),
        ({"width": 0}, "width must be 1 or more, a whole number, not 0"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*possible render_modes")
def test_pictures_that_there_are_not_are_refused_at_once(make, env_id, arguments, words):
    with pytest.raises(ValueError, match=words):
        make(env_id, **arguments)
