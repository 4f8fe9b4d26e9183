"""Laws of episodes that are followed step by step."""

import gymnasium
import numpy as np
import pandas as pd
import pytest
import torch
from untrained import spec, untrained

from fist.evaluation.episode_results import Labels
from fist.evaluation.evaluate import Trial, evaluate
from fist.evaluation.rollout import RolloutSettings
from fist.evaluation.trace import Recorder, trace
from fist.methods.chunk import GoalChunk
from fist.methods.cloning import GoalBC
from fist.methods.labelled import TaskBC
from fist.methods.nearest import Neighbours, Replay
from fist.methods.skills import SPiRL

LABELS = Labels(env="marks", task="all", method="fist", seed=3, data_source="generated")
SETTINGS = RolloutSettings(episodes=3, max_steps=20)
ACT = {"replan_every": 4}
WAYS = [
    {},
    {"method": SPiRL},
    {"method": GoalBC},
    {"method": GoalChunk},
    {"method": TaskBC, "task": 1},
    {"act": {"search": "track", "replan_every": 2}},
    {"method": GoalBC, "act": {"search": "track"}},
    {"method": GoalChunk, "act": {"search": "track", "replan_every": 2}},
    {"method": Replay},
    {"method": Neighbours, "lookup": "euclidean"},
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("files"))


def follow(folder, way, episodes=3):
    """Trace a method; return the rows as they stand in the file."""
    out = folder / "trace.csv"
    trace(out, Trial(LABELS, "marks:Marks-v0", {}, way, SETTINGS), episodes)
    return pd.read_csv(out)


def states_of(table, kind="state"):
    return table[[f"{kind}_0", f"{kind}_1"]].to_numpy(np.float32)


@pytest.mark.parametrize("changes", WAYS)
def test_an_episode_that_is_followed_is_the_tested_episode(files, tmp_path, changes):
    way = spec(files, **changes)
    rows = evaluate(tmp_path / "episodes.csv", Trial(LABELS, "marks:Marks-v0", {}, way, SETTINGS))
    table = follow(tmp_path, way)
    for row in rows:
        steps = table[table.episode == row.episode]
        assert list(steps.step) == list(range(row.length))
        assert set(steps.test_seed) == {row.test_seed}
        # Counted before each step; what the last step counts is in no row any more.
        in_time = [step for step in row.steps.values() if step and step < row.length]
        assert [(steps.counted > n).idxmax() - steps.index[0] for n in range(len(in_time))] == (
            in_time
        )


def test_a_look_up_holds_until_the_next_and_is_the_nearest_state_when_it_is_made(files, tmp_path):
    table = follow(tmp_path, spec(files, act=ACT))
    assert list(table.looked_up) == list((table.step % 4 == 0).astype(int))
    index = spec(files, act=ACT).policy(0).index
    asked = table[table.looked_up == 1]
    demo, step, distance = index.nearest(torch.from_numpy(states_of(asked)))
    assert list(asked.demo) == demo.tolist() and list(asked.demo_step) == step.tolist()
    assert np.allclose(asked.distance, distance, rtol=1e-3, atol=1e-6)
    for columns in (["demo", "demo_step", "distance"], ["target_0", "target_1"]):
        kept = table[columns].where(table.looked_up == 1).ffill()
        assert np.array_equal(kept, table[columns])


def test_a_tracked_place_is_written_down_with_its_own_distance_and_target(files, tmp_path):
    table = follow(tmp_path, spec(files, GoalBC, {"search": "track"}))
    index = spec(files, GoalBC).policy(0).index
    demo, step, _ = index.nearest(torch.from_numpy(states_of(table)))
    assert ((table.demo_step != step.numpy()) | (table.demo != demo.numpy())).any()
    rows = index.starts[torch.tensor(table.demo.to_numpy())] + torch.tensor(table.demo_step)
    seen, there = (index.features(s) for s in (torch.tensor(states_of(table)), index.states[rows]))
    assert np.allclose(
        table.distance, (seen - there).square().sum(1).detach(), rtol=1e-3, atol=1e-5
    )
    begins = table[table.step == 0]
    demo, step, _ = index.nearest(torch.from_numpy(states_of(begins)))
    assert list(begins.demo) == demo.tolist() and list(begins.demo_step) == step.tolist()


def test_a_target_is_the_state_a_skill_after_the_nearest_one(files, tmp_path):
    table = follow(tmp_path, spec(files, act=ACT))
    index = spec(files, act=ACT).policy(0).index
    demo, step = (torch.tensor(table[name].to_numpy(int)) for name in ("demo", "demo_step"))
    ahead = torch.minimum(step + 4, index.lengths[demo] - 1)
    assert np.allclose(states_of(table, "target"), index.states[index.starts[demo] + ahead])


def test_a_replay_looks_up_once_an_episode(files, tmp_path):
    table = follow(tmp_path, spec(files, Replay))
    assert list(table.looked_up) == list((table.step == 0).astype(int))


def test_without_a_look_up_its_columns_are_empty(files, tmp_path):
    table = follow(tmp_path, spec(files, SPiRL))
    columns = ["demo", "demo_step", "distance", "target_0", "target_1"]
    assert table[columns].isna().all(axis=None)
    assert not table.looked_up.any()


def test_the_policy_that_is_recorded_is_left_as_it_was(files):
    policy = spec(files, act=ACT).policy(0)
    index = policy.index
    Recorder(policy)
    assert policy.index is index


def test_no_episode_is_refused(files, tmp_path):
    with pytest.raises(ValueError, match=r"traced is 0, must be at least 1"):
        follow(tmp_path, spec(files, act=ACT), episodes=0)


def test_the_kitchen_names_its_states_and_starts_from_one_it_has_shown():
    env = gymnasium.make("d4rl:kitchen-mixed-v0", observation_noise=0)
    names = env.get_wrapper_attr("state_names")
    assert len(set(names)) == 30 and names[22] == "microwave_0"
    env.reset(seed=0)
    for _ in range(20):
        observation, *_ = env.step(env.action_space.high)
    again, _ = env.reset(options=env.get_wrapper_attr("state_options")(observation))
    assert np.array_equal(again, observation)


def test_the_maze_names_its_states_and_starts_from_one_it_has_shown():
    env = gymnasium.make("d4rl:maze2d-large-v1")
    assert env.get_wrapper_attr("state_names") == ("x", "y", "vx", "vy")
    env.reset(seed=0)
    for _ in range(20):
        observation, *_ = env.step(env.action_space.high)
    again, _ = env.reset(options=env.get_wrapper_attr("state_options")(observation))
    assert np.array_equal(again, observation)
