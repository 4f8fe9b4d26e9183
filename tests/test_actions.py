"""Laws of actions of any range: what is learnt is in [-1, 1], what is executed is as recorded."""

import gymnasium
import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from recordings import random_episodes

from d4rl_layout import write
from fist.data.actions import ActionScale
from fist.data.actions import executed as executed_by
from fist.data.episodes import DataError, Episodes, concatenate, load_episodes, save_episodes
from fist.data.split import make_demos
from fist.evaluation.episode_results import Labels
from fist.evaluation.evaluate import PolicySpec, Trial
from fist.evaluation.export import export_policy, load_exported
from fist.evaluation.rollout import RolloutSettings, rollout
from fist.methods.cloning import BC, BCModel, BCSettings
from fist.methods.nearest import Replay
from fist.training.checkpoint import action_scale
from fist.training.settings import TrainSettings
from fist.training.stages import Inputs, Job, finetune_model, train_model

LOW, HIGH = (0.0, 7.0, -3.0), (512.0, 7.0, 0.5)
"""A wide range, one of nothing, one to both sides of 0."""
TRAIN = TrainSettings(epochs=1, batch_size=8, validation=0)


class Wide(gymnasium.Env):
    """Observes how many steps were taken; keeps the actions."""

    observation_space = gymnasium.spaces.Box(-9, 999, (1,))
    action_space = gymnasium.spaces.Box(np.float32(LOW), np.float32(HIGH))

    def reset(self, *, seed=None, options=None):
        self.taken = []
        return np.zeros(1, np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.taken.append(action)
        return np.full(1, len(self.taken), np.float32), 0.0, False, False, {}


class Endless(Wide):
    action_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,))


for cls in (Wide, Endless):
    gymnasium.register(f"{cls.__name__}-v0", f"{__name__}:{cls.__name__}", max_episode_steps=12)


def record(path, low=LOW, high=HIGH, rows=12, labels=(), seed=0):
    """Write one episode of actions in a range; return them."""
    actions = np.random.default_rng(seed).uniform(low, high, (rows, len(low))).astype("f4")
    states = np.arange(rows, dtype="f4")[:, None]
    write(
        path,
        {"observations": states, "actions": actions, "terminals": states[:, 0] == rows - 1},
        dict(labels),
    )
    return actions


def executed(trial, policy):
    """Run a trial's policy in its environment; return the actions of the first episode."""
    seen = []

    def observe(_, env, info):
        seen[:] = env.unwrapped.taken

    rollout(trial.env_id, {}, policy, [0], observer=observe)
    return np.array(seen)


@given(
    ends=st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 2),
    learnt=arrays.arrays(np.float32, (5, 1), elements=st.floats(-1, 1, width=32)),
)
def test_what_is_mapped_out_and_in_again_is_the_same(ends, learnt):
    scale = ActionScale((min(ends),), (max(ends),))
    recorded = scale.from_unit(learnt)
    assert (recorded >= scale.low).all() and (recorded <= scale.high).all()
    expected = np.zeros_like(learnt) if scale.still else learnt
    np.testing.assert_allclose(scale.to_unit(recorded), expected, atol=1e-6)


def test_actions_are_executed_as_they_were_recorded(tmp_path):
    """Scaled by the environment's range where it has one, else by that of the data."""
    for env_id, origin in (("Wide-v0", "space"), ("Endless-v0", "data")):
        labels = {"action_scale": ActionScale.of_data(np.array(LOW), np.array(HIGH)).label()}
        actions = record(tmp_path / "raw.hdf5", labels=labels)
        demos = tmp_path / "demos.hdf5"
        make_demos([tmp_path / "raw.hdf5"], gymnasium.make(env_id), (), demos)
        loaded = load_episodes(demos)
        assert loaded.actions.abs().max() <= 1 and (loaded.actions[:, 1] == 0).all()
        assert loaded.scale.origin == origin and loaded.scale.still == [1]
        spec = PolicySpec(Replay, demos=demos, lookup="euclidean", n_demos=1)
        labelled = Labels("wide", "task", "replay", 0, "local")
        trial = Trial(labelled, env_id, {}, spec, RolloutSettings(episodes=1))
        np.testing.assert_allclose(executed(trial, trial.policy()), actions, rtol=1e-6, atol=1e-4)
        export_policy(tmp_path / env_id, trial)
        there = load_exported(tmp_path / env_id, trusted=("test_actions",))
        assert np.array_equal(executed(trial, there.policy()), executed(trial, trial.policy()))


def test_a_model_keeps_the_scale_that_it_has_learnt_with(tmp_path):
    """Demonstrations of another range are mapped as play was; refused where that is narrower."""
    wide, narrow = ActionScale((-4.0,) * 2, (4.0,) * 2), ActionScale((-2.0,) * 2, (2.0,) * 2)
    for name, scale in (("play", wide), ("demos", narrow)):
        save_episodes(tmp_path / f"{name}.hdf5", random_episodes([30, 30]).rescaled(scale))
    play, demos = tmp_path / "play.hdf5", (tmp_path / "demos.hdf5",)
    settings = BCSettings(horizon=4, hidden=16, blocks=1)
    train_model(BCModel, Inputs(play), settings, TRAIN, Job(tmp_path / "bc.pt"))
    job = Job(tmp_path / "tuned.pt")
    finetune_model(BCModel, Inputs(play, demos, tmp_path / "bc.pt"), 2, "all", TRAIN, job)
    assert action_scale(tmp_path / "bc.pt") == action_scale(job.out) == wide
    policy = PolicySpec(BC, model=job.out, lookup="none").policy(0)
    states = np.zeros((1, 4), np.float32)
    policy.reset([0])
    acted = policy.act(states, [0])
    assert np.array_equal(executed_by(acted, policy.action_scale), 4 * acted)
    save_episodes(
        demos[0], random_episodes([30, 30]).rescaled(ActionScale((-9.0,) * 2, (9.0,) * 2))
    )
    beyond = load_episodes(demos[0])
    beyond.actions[3, 1] = 0.75
    save_episodes(demos[0], beyond)
    with pytest.raises(DataError, match=r"demos.hdf5: actions\[3, 1\] is 6.75, outside \[-4.0, 4"):
        finetune_model(BCModel, Inputs(play, demos, tmp_path / "bc.pt"), 2, "all", TRAIN, job)


def test_a_rounding_beyond_the_range_is_clipped_and_counted(tmp_path):
    path = tmp_path / "play.hdf5"
    save_episodes(path, random_episodes([10]))
    for value in (1.000001, -1.0001):
        with h5py.File(path, "r+") as file:
            file["actions"][3:5, 1] = value
        loaded = load_episodes(path)
        assert loaded.clipped == 2 and (loaded.actions[3:5, 1] == np.sign(value)).all()
    with h5py.File(path, "r+") as file:
        file["actions"][3, 1] = 1.00012
    with pytest.raises(DataError, match=r"actions\[3, 1\] is 1.00012, outside \[-1, 1\]: name"):
        load_episodes(path)


def test_sets_of_several_ranges_are_joined_in_one_that_holds_them_all():
    parts = [random_episodes([5], seed=seed) for seed in range(3)]
    scales = (None, ActionScale((-5.0, 0.0), (1.0, 1.0)), ActionScale((0.0, 0.0), (3.0, 9.0)))
    parts = [
        Episodes(p.states, p.actions, p.lengths, scale=s)
        for p, s in zip(parts, scales, strict=True)
    ]
    joined = concatenate(parts)
    assert (joined.scale.low, joined.scale.high) == ((-5.0, -1.0), (3.0, 9.0))
    recorded = np.concatenate([part.recorded for part in parts])
    np.testing.assert_allclose(joined.recorded, recorded, atol=1e-6)
    assert concatenate(parts[:1] * 2).scale is None


def test_rewards_time_outs_and_the_scale_stay_with_the_episodes(tmp_path):
    path, scale = tmp_path / "play.hdf5", ActionScale((-2.0, 0.0), (2.0, 10.0))
    kept = random_episodes([4, 6])
    ends = {"rewards": torch.arange(10.0), "timeouts": torch.tensor([False, True])}
    kept = Episodes(kept.states, kept.actions, kept.lengths, scale=scale, **ends)
    save_episodes(path, kept)
    with h5py.File(path) as file:
        assert np.flatnonzero(file["terminals"]).tolist() == [3]
        assert np.flatnonzero(file["timeouts"]).tolist() == [9]
        assert file["actions"][:, 1].max() > 1  # in the environment's units
    taken = concatenate([load_episodes(path).take([1]), load_episodes(path)])
    assert taken.rewards.tolist() == [*range(4, 10), *range(10)]
    assert taken.timeouts.tolist() == [True, False, True] and taken.scale == scale
    assert torch.equal(taken.actions[6:], kept.actions)


@pytest.mark.parametrize(
    ("label", "fault"),
    {
        "[1": "not JSON",
        '{"low": [0], "high": [1]}': "actions have 2 dimensions, their range 1",
        '{"low": [1, 1], "high": [0, 0]}': "no range",
        '{"low": [0, NaN], "high": [0, 0]}': "no finite number",
        '{"low": "x", "high": []}': "low",
        "{}": "low is missing",
    }.items(),
)
def test_a_label_that_is_no_range_is_refused_in_a_line(tmp_path, label, fault):
    path = tmp_path / "play.hdf5"
    save_episodes(path, random_episodes([10]))
    with h5py.File(path, "r+") as file:
        file.attrs["action_scale"] = label
    with pytest.raises(DataError, match=fault) as error:
        load_episodes(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
