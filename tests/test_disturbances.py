"""Laws of disturbances: wrappers that make test episodes harder, the same for every method."""

import re
import sys
from dataclasses import replace

import gymnasium
import marks  # noqa: F401  registers the environments
import numpy as np
import pytest
from untrained import spec, untrained

import d4rl  # noqa: F401  (registers the environments)
from d4rl.kitchen.elements import GOALS, INITIAL_QPOS, OBSERVATION_INDICES
from d4rl.kitchen.env import KitchenEnv
from d4rl.kitchen.teleop import TeleOperator
from fist.evaluation.disturbances import ActionDelay, ObservationNoise, RandomActions, SetBack
from fist.evaluation.episode_results import Labels
from fist.evaluation.evaluate import PolicySpec, Trial, evaluate
from fist.evaluation.export import evaluate_exported, export_policy, load_exported
from fist.evaluation.rollout import RolloutSettings, rollout
from fist.evaluation.trace import trace
from fist.evaluation.video import record_video
from fist.methods.nearest import Neighbours
from fist.stage.files import read_json, write_json
from fist.training.checkpoint import CheckpointError

HOUSE = "fist.evaluation.disturbances:"
BURST = {"wrapper": HOUSE + "RandomActions", "steps": 5, "between": [0, 20]}
DELAY = {"wrapper": HOUSE + "ActionDelay", "steps": 2}
NOISE = {"wrapper": HOUSE + "ObservationNoise", "std": 0.1}
SET_BACK = {"wrapper": HOUSE + "SetBack"}
ALL = [[BURST], [DELAY], [NOISE], [NOISE, DELAY, BURST]]
TASK = ("microwave", "light_switch")
LABELS = Labels(env="marks", task="all", method="neighbours", seed=3, data_source="generated")


class Box(gymnasium.Env):
    """Shows the last action, and keeps all of them."""

    def __init__(self, low=-1.0, high=1.0):
        self.observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = gymnasium.spaces.Box(low, high, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.taken = []
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.taken.append(action)
        return np.array(action), 0.0, False, False, {}


class Still:
    """Keeps where it is, and what it has seen of each episode."""

    def reset(self, seeds):
        self.seen = {lane: [] for lane in range(len(seeds))}

    def act(self, states, lanes):
        for state, lane in zip(states, lanes, strict=True):
            self.seen[lane].append(state)
        return np.zeros((len(lanes), 2), np.float32)


def actions_taken(env, seed, steps=40):
    """Return what reaches the environment of the actions asked for, and these, (steps, 2) each."""
    asked = np.random.default_rng(0).uniform(-1, 1, (steps, 2)).astype(np.float32)
    env.reset(seed=seed)
    for action in asked:
        env.step(action)
    return np.array(env.unwrapped.taken), asked


@pytest.mark.parametrize("wrappers", ALL)
@pytest.mark.parametrize("env_id", ["marks:Marks-v0", "marks:MarksDict-v0"])
def test_the_same_seed_is_disturbed_alike_whatever_runs_beside_it(env_id, wrappers):
    seen = []
    for batch, seeds in ((1, range(7)), (5, range(7)), (1, range(3, 4))):
        policy = Still()
        rollout(env_id, {}, policy, seeds, batch=batch, wrappers=wrappers)
        seen.append(policy.seen)
    assert np.array_equal(seen[0][3], seen[1][3]) and np.array_equal(seen[0][3], seen[2][0])
    plain = Still()
    rollout(env_id, {}, plain, range(7))
    assert len(plain.seen[3]) == len(seen[0][3])
    assert (wrappers == [DELAY]) == np.array_equal(plain.seen[3], seen[0][3])
    assert not np.array_equal(seen[0][3], seen[0][4])


@pytest.mark.parametrize("steps", [1, 3])
def test_delayed_actions_are_the_same_ones_so_many_steps_later(steps):
    taken, asked = actions_taken(ActionDelay(Box(), steps=steps), seed=0)
    assert np.array_equal(taken[steps:], asked[:-steps])
    assert not taken[:steps].any() and taken.dtype == asked.dtype


def test_random_actions_are_so_many_in_a_row_and_begin_in_the_range_that_was_asked_for():
    begins = set()
    for seed in range(60):
        taken, asked = actions_taken(RandomActions(Box(), steps=4, between=(3, 6)), seed)
        [rows] = np.nonzero((taken != asked).any(1))
        assert list(rows) == list(range(rows[0], rows[0] + 4))
        assert np.abs(taken[rows]).max() <= 1 and taken.dtype == asked.dtype
        begins.add(int(rows[0]))
    assert begins == {3, 4, 5, 6}


def test_a_disturbance_is_the_same_beside_another_one():
    alone, asked = actions_taken(RandomActions(Box()), 5)
    env = RandomActions(ObservationNoise(Box(), std=1.0))
    assert np.array_equal(actions_taken(env, 5)[0], alone) and not np.array_equal(alone, asked)


def test_episodes_without_a_seed_of_their_own_are_each_disturbed_otherwise():
    env = RandomActions(Box(), between=(0, 0))
    first = actions_taken(env, 0)[0]
    assert not np.array_equal(first, actions_taken(env, None)[0])


def test_noise_has_the_deviation_that_was_asked_for_in_each_entry():
    env = ObservationNoise(Box(), std=(0.0, 0.5))
    env.reset(seed=0)
    seen = np.array([env.step(np.ones(2, np.float32))[0] for _ in range(2000)])
    assert np.array_equal(seen[:, 0], np.ones(2000))
    assert seen[:, 1].mean() == pytest.approx(1.0, abs=0.05)
    assert seen[:, 1].std() == pytest.approx(0.5, rel=0.05)
    assert env.observation_space.contains(seen[0])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RandomActions(Box(), steps=0), "steps is 0"),
        (lambda: RandomActions(Box(), between=[1]), "between.1 is missing"),
        (lambda: ActionDelay(Box(), delay=1), "delay is 1: Unexpected"),
        (lambda: ActionDelay(Box(high=np.inf)), "needs a bounded box of actions"),
        (lambda: ActionDelay(gymnasium.make("CartPole-v1")), "needs a bounded box of actions"),
        (lambda: ObservationNoise(Box()), "std is missing"),
        (lambda: ObservationNoise(Box(), std=-1.0), "std.* is -1.0"),
        (lambda: ObservationNoise(Box(), std=[1.0]), "std has 1 entries, observations have 2"),
        (lambda: SetBack(Box()), "SetBack needs `subtasks` and a method `set_back`, Box lacks"),
        (lambda: SetBack(KitchenEnv(["kettle"])), "two subtasks or more"),
    ],
)
def test_what_cannot_be_disturbed_so_is_refused_in_a_line(make, words):
    with pytest.raises(ValueError, match=words) as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"steps": 1}, 'a wrapper is {"wrapper": "module:Class"'),
        ("ActionDelay", 'a wrapper is {"wrapper": "module:Class"'),
        ({"wrapper": "ActionDelay"}, "no class 'ActionDelay'"),
        ({"wrapper": HOUSE + "deque"}, "is no subclass of gymnasium.Wrapper"),
    ],
)
def test_what_is_no_wrapper_is_refused_in_a_line(told, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Trial(LABELS, "marks:Marks-v0", {}, None, wrappers=[told])


def test_an_element_that_is_set_back_is_where_it_was_and_counts_no_longer_nor_do_those_after_it():
    sequence = ("slide_cabinet", "kettle", "microwave")
    env = KitchenEnv(sequence, observation_noise=0.0)
    env.reset(seed=0)
    for name in sequence:
        env.data.qpos[list(OBSERVATION_INDICES[name])] = GOALS[name]
    info = env.step(np.zeros(9))[-1]
    assert info["completed_ordered"].tolist() == [True, True, True]
    env.data.qvel[:] = 0.1
    env.set_back("kettle")
    kettle = list(OBSERVATION_INDICES["kettle"])
    assert np.array_equal(env.data.qpos[kettle], INITIAL_QPOS[kettle])
    assert not env.data.qvel[-6:].any() and (env.data.qvel[:-6] == 0.1).all()
    info = env._info()
    assert info["completed_ordered"].tolist() == [True, False, False]
    assert info["completed_any_order"].tolist() == [True, False, True]
    assert not info["success"]
    with pytest.raises(ValueError, match="no element is called 'toaster'"):
        env.set_back("toaster")


def test_an_element_is_not_put_back_into_the_robot():
    """The hand is at the kettle's handle: nothing changes until it is gone."""
    env = KitchenEnv(["kettle", "microwave"], observation_noise=0.0)
    env.reset(seed=0)
    operator = TeleOperator(env, env.subtasks, np.random.default_rng(0))
    kettle = list(OBSERVATION_INDICES["kettle"])
    while np.abs(env.data.qpos[kettle] - INITIAL_QPOS[kettle]).max() < 0.01:
        env.step(operator.act(env._observation))
    env.data.qpos[kettle] = GOALS["kettle"]
    info = env.step(np.zeros(9))[-1]
    before = env.data.qpos.copy(), env.data.qvel.copy()
    assert info["completed_ordered"].tolist() == [True, False]
    assert not env.set_back("kettle")
    now = env.data.qpos, env.data.qvel
    assert all(np.array_equal(*both) for both in zip(before, now, strict=True))
    assert env._info()["completed_ordered"].tolist() == [True, False]
    env.data.qpos[:7] = INITIAL_QPOS[:7]
    assert env.set_back("kettle")
    assert np.array_equal(env.data.qpos[kettle], INITIAL_QPOS[kettle])
    assert not env._info()["completed_ordered"].any()


class Occupied(Box):
    """Has two subtasks, of which the first is done at once; its place is free at the third try."""

    subtasks = ("first", "second")

    def step(self, action):
        return *super().step(action)[:-1], {"completed_ordered": np.array([True, False])}

    def set_back(self, subtask):
        self.tried = [*getattr(self, "tried", []), (subtask, len(self.taken))]
        return len(self.tried) == 3


def test_what_cannot_be_put_back_yet_is_put_back_once_as_soon_as_it_can():
    env = SetBack(Occupied(), after=4)
    env.reset(seed=0)
    for _ in range(20):
        env.step(np.zeros(2, np.float32))
    assert env.unwrapped.tried == [("first", 5), ("first", 6), ("first", 7)]


class Operator:
    """The tele-operator as a policy; it begins anew, or does not, when what it has done is gone."""

    def __init__(self, begins_anew):
        self.begins_anew, self.operator = begins_anew, None

    def watch(self, _, env, info):
        counted = info["completed_ordered"]
        undone = self.operator is not None and (self.before & ~counted).any()
        if self.operator is None or (undone and self.begins_anew):
            self.operator = TeleOperator(env.unwrapped, TASK, np.random.default_rng(0))
        self.before = counted

    def reset(self, seeds):
        pass

    def act(self, states, lanes):
        return self.operator.act(states[0])[None]


@pytest.mark.parametrize("begins_anew", [True, False])
def test_the_score_tells_whether_what_was_set_back_has_been_redone(begins_anew):
    policy = Operator(begins_anew)
    [row] = rollout(
        "d4rl:kitchen-mixed-v0",
        {"task_elements": TASK},
        policy,
        [7],
        200,
        observer=policy.watch,
        wrappers=[SET_BACK],
    )
    assert row.subtasks_ordered == (2 if begins_anew else 0)
    assert row.subtasks_any_order == (2 if begins_anew else 1)
    assert row.success == begins_anew and row.episode_return == (3 if begins_anew else 1)
    assert all((step is not None) == begins_anew for step in row.steps.values())


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    """A disturbed trial of a method on the marks."""
    files = untrained(tmp_path_factory.mktemp("files"))
    way: PolicySpec = spec(files, Neighbours, lookup="euclidean")
    around = [NOISE, BURST | {"steps": 50, "between": [0, 0]}]
    return Trial(LABELS, "marks:Marks-v0", {}, way, RolloutSettings(10), around)


def test_traces_videos_and_exported_cells_are_disturbed_as_the_episodes_are(trial, tmp_path):
    rows = evaluate(tmp_path / "a.csv", trial)
    plain = evaluate(tmp_path / "plain.csv", replace(trial, wrappers=()))
    other = next(row for row, before in zip(rows, plain, strict=True) if row != before)
    table = trace(tmp_path / "trace.csv", trial, 10)
    exact = trace(tmp_path / "exact.csv", replace(trial, wrappers=()), 10)
    first, undisturbed = (t[t.step == 0][["state_0", "state_1"]] for t in (table, exact))
    assert (first.to_numpy() != undisturbed.to_numpy()).all()
    assert [len(table[table.episode == row.episode]) for row in rows] == [r.length for r in rows]
    filmed = record_video(tmp_path / "film.mp4", trial, other.episode, 64)
    assert filmed == replace(other, episode=0)
    export_policy(tmp_path / "cell", trial)
    assert evaluate_exported(tmp_path / "cell", tmp_path / "b.csv", trusted=["marks"]) == rows


def test_episodes_of_another_disturbance_are_not_resumed(trial, tmp_path):
    resume = tmp_path / "resume.pt"
    still = [DELAY | {"steps": 60}]
    first = evaluate(tmp_path / "a.csv", replace(trial, wrappers=still), resume)
    rows = evaluate(tmp_path / "b.csv", trial, resume)
    assert first != rows == evaluate(tmp_path / "c.csv", trial)


def test_a_wrapper_of_a_module_that_is_not_trusted_is_not_imported(trial, tmp_path):
    export_policy(tmp_path, trial)
    content = read_json(tmp_path / "cell.json")
    for told in ({"wrapper": "antigravity:Wrapper"}, {}, {"wrapper": ["os"]}):
        write_json(tmp_path / "cell.json", content | {"wrappers": [told]})
        with pytest.raises(CheckpointError, match="is not of a trusted module"):
            load_exported(tmp_path, ["marks"])
    assert "antigravity" not in sys.modules
