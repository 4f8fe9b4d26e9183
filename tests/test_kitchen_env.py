"""Laws of the kitchen environment and of its elements."""

import re
import subprocess
import sys
import warnings
from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import d4rl  # noqa: F401  (registers the environments)
from d4rl.contact import margins_add_up
from d4rl.kitchen import elements
from d4rl.kitchen.elements import ELEMENTS, GOALS, INITIAL_QPOS, NOISE, OBSERVATION_INDICES
from d4rl.kitchen.env import SET_POINT_HIGH, SET_POINT_LOW, KitchenEnv
from d4rl.kitchen.model import kitchen_model

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "d4rl" / "README.md").read_text(encoding="utf-8")
TASK = ("microwave", "kettle", "top_burner", "light_switch")
REST = np.zeros(9, dtype=np.float32)


def qpos_with(*done: str) -> np.ndarray:
    """Return start positions at which these elements are at their goals."""
    qpos = INITIAL_QPOS.copy()
    for name in done:
        qpos[list(OBSERVATION_INDICES[name])] = GOALS[name]
    return qpos


def put(env: KitchenEnv, qpos: np.ndarray) -> None:
    """Move objects by hand in the middle of an episode, and let them rest."""
    env.data.qpos[9:] = qpos[9:]
    env.data.qvel[:] = 0.0


def roll(env: gymnasium.Env, seed: int | None, steps: int = 15, **reset_arguments):
    """Return observations, rewards and infos of an episode of reproducible random actions."""
    actions = np.random.default_rng(0).uniform(-1, 1, (steps, 9)).astype(np.float32)
    observation, info = env.reset(seed=seed, **reset_arguments)
    observations, rewards, infos = [observation], [], [info]
    for action in actions:
        observation, reward, _, _, info = env.step(action)
        observations.append(observation)
        rewards.append(reward)
        infos.append(info)
    return np.array(observations), rewards, infos


def test_import_from_the_repository_root_finds_the_package_and_leaves_mujoco_alone():
    program = "import sys, d4rl; print(d4rl.__file__, 'mujoco' in sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    assert printed == [str(REPOSITORY / "d4rl/src/d4rl/__init__.py"), "False"]


@pytest.mark.parametrize(
    ("env_id", "task"),
    [
        ("kitchen-complete-v0", ("microwave", "kettle", "light_switch", "slide_cabinet")),
        ("kitchen-partial-v0", ("microwave", "kettle", "light_switch", "slide_cabinet")),
        ("kitchen-mixed-v0", ("microwave", "kettle", "bottom_burner", "light_switch")),
    ],
)
def test_every_id_passes_gymnasiums_check_without_a_warning(env_id, task):
    env = gymnasium.make(env_id)
    assert env.get_wrapper_attr("subtasks") == task
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=True)


def test_rendering_passes_gymnasiums_check(egl):
    check_env(gymnasium.make("kitchen-mixed-v0", render_mode="rgb_array").unwrapped)


def test_an_observation_is_positions_and_the_constant_goal_of_the_default_task():
    env = KitchenEnv(task_elements=["hinge cabinet"], observation_noise=0.0)
    observation, _ = env.reset(seed=0)
    expected = np.zeros(30)
    for name in ("microwave", "kettle", "bottom_burner", "light_switch"):
        expected[list(OBSERVATION_INDICES[name])] = GOALS[name]
    np.testing.assert_array_equal(observation, np.concatenate([INITIAL_QPOS, expected]))


def test_the_same_seed_gives_the_same_episode():
    one, other = KitchenEnv(TASK), KitchenEnv(TASK)
    roll(other, seed=5, steps=3)
    np.testing.assert_array_equal(roll(one, seed=1)[0], roll(other, seed=1)[0])


def test_another_seed_changes_the_noise_and_through_it_the_motion():
    env = KitchenEnv(TASK)
    first, _, _ = roll(env, seed=1)
    robot = env.data.qpos[:9].copy()
    second, _, _ = roll(env, seed=2)
    assert (first[0, :30] != second[0, :30]).all()
    assert (robot != env.data.qpos[:9]).all()


def test_starts_spread_as_asked_within_the_joints_limits_and_by_the_seed_alone():
    env = KitchenEnv(TASK, observation_noise=0.0, start_spread=0.2)
    starts = np.array([env.reset(seed=seed)[0][:30] for seed in range(200)])
    np.testing.assert_array_equal(starts[:, 7:], np.tile(INITIAL_QPOS[7:], (200, 1)))
    differences = starts[:, :7] - INITIAL_QPOS[:7]
    assert differences[:, [0, 2, 3, 4, 5, 6]].std(0) == pytest.approx(np.full(6, 0.2), rel=0.2)
    assert (differences[:, 1] >= 0).all()  # it usually begins at its limit
    wide = KitchenEnv(TASK, observation_noise=0.0, start_spread=50.0)
    low, high = kitchen_model().jnt_range[:7].T
    for seed in range(20):
        joints = wide.reset(seed=seed)[0][:7]
        assert (np.minimum(low, INITIAL_QPOS[:7]) <= joints).all() and (joints <= high).all()
    np.testing.assert_array_equal(env.reset(seed=3)[0][:30], starts[3])
    np.testing.assert_array_equal(
        env.reset(seed=3, options={"qpos": INITIAL_QPOS})[0][:30], INITIAL_QPOS
    )


def test_without_a_new_seed_the_next_episode_has_other_noise():
    env = KitchenEnv(TASK)
    first, _ = env.reset(seed=1)
    second, _ = env.reset()
    assert (first[:30] != second[:30]).all()


@pytest.mark.parametrize("ratio", [0.0, 1.0, 2.0])
def test_observation_noise_is_uniform_with_the_amplitudes_of_the_table(ratio):
    env = KitchenEnv(TASK, observation_noise=ratio)
    env.reset(seed=0)
    noise = np.array([env.reset()[0][:30] for _ in range(2000)]) - INITIAL_QPOS
    half_width = ratio * NOISE + 1e-15
    assert (np.abs(noise) <= half_width).all()
    assert (np.abs(noise).max(axis=0) >= 0.98 * ratio * NOISE).all()
    np.testing.assert_allclose(noise.std(axis=0), ratio * NOISE / np.sqrt(3), rtol=0.05)
    np.testing.assert_allclose(noise.mean(axis=0), 0.0, atol=0.06 * ratio * NOISE.max())


def test_the_set_point_lies_one_action_away_from_the_last_observation():
    env = KitchenEnv(TASK, observation_noise=3.0)
    observation, _ = env.reset(seed=0)
    for step, action in enumerate(np.random.default_rng(1).uniform(-1, 1, (5, 9)), start=1):
        expected = np.clip(observation[:9] + 0.16 * action, SET_POINT_LOW, SET_POINT_HIGH)
        observation, *_ = env.step(action)
        np.testing.assert_allclose(env.data.ctrl, expected, rtol=0, atol=1e-15)
        assert env.data.time == pytest.approx(0.08 * step)


def test_actions_beyond_one_count_as_one():
    env = KitchenEnv(TASK)
    direction = np.array([1, -1, 1, 1, -1, 1, 1, -1, 1.0])
    env.reset(seed=0)
    clipped, *_ = env.step(direction)
    env.reset(seed=0)
    np.testing.assert_array_equal(env.step(7 * direction)[0], clipped)


def test_set_points_stay_within_the_joint_bounds():
    env = KitchenEnv(TASK)
    for action in (np.ones(9), -np.ones(9)):
        env.reset(seed=0)
        for _ in range(40):
            env.step(action)
            assert (env.data.ctrl >= SET_POINT_LOW).all()
            assert (env.data.ctrl <= SET_POINT_HIGH).all()


@pytest.mark.parametrize("action", [np.zeros(8), np.full(9, np.nan), np.zeros((1, 9))])
def test_an_action_of_another_shape_or_not_finite_is_refused(action):
    env = KitchenEnv(TASK)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="9 finite numbers"):
        env.step(action)


def test_nothing_leaks_from_one_episode_into_the_next():
    env = KitchenEnv(TASK)
    _, rewards, infos = roll(env, seed=0, options={"qpos": qpos_with(*TASK)})
    assert sum(rewards) == 4 and infos[-1]["success"]
    again, fresh = roll(env, seed=3), roll(KitchenEnv(TASK), seed=3)
    np.testing.assert_array_equal(again[0], fresh[0])
    assert again[1] == fresh[1] == [0.0] * 15
    for info in again[2]:
        assert not info["completed_ordered"].any()
        assert not info["completed_any_order"].any()
        assert not info["success"]


def test_ordered_counting_waits_for_every_element_before_it():
    env = KitchenEnv(TASK, counting="ordered")
    env.reset(seed=0, options={"qpos": qpos_with("kettle")})
    _, reward, _, _, info = env.step(REST)
    assert reward == 0
    assert info["completed_ordered"].tolist() == [False] * 4
    assert info["completed_any_order"].tolist() == [False, True, False, False]
    put(env, qpos_with("kettle", "microwave"))
    _, reward, terminated, _, info = env.step(REST)
    assert reward == 2 and not terminated
    assert info["completed_ordered"].tolist() == [True, True, False, False]


def test_ordered_counting_forgets_what_was_done_early_and_undone():
    env = KitchenEnv(TASK, counting="ordered")
    env.reset(seed=0, options={"qpos": qpos_with("kettle")})
    env.step(REST)
    put(env, qpos_with("microwave"))
    _, reward, _, _, info = env.step(REST)
    assert reward == 1
    assert info["completed_ordered"].tolist() == [True, False, False, False]
    assert info["completed_any_order"].tolist() == [True, True, False, False]


def test_unordered_counting_takes_each_element_once_when_it_is_first_complete():
    env = KitchenEnv(TASK, counting="unordered")
    env.reset(seed=0, options={"qpos": qpos_with("light_switch", "kettle")})
    assert [env.step(REST)[1] for _ in range(3)] == [2, 0, 0]
    put(env, qpos_with("microwave", "top_burner"))
    _, reward, terminated, _, info = env.step(REST)
    assert reward == 2 and terminated and info["success"]
    assert info["completed_ordered"].tolist() == [True, False, False, False]


def test_an_episode_terminates_when_every_element_is_counted():
    env = gymnasium.make("kitchen-mixed-v0", task_elements=TASK)
    _, info = env.reset(seed=0, options={"qpos": qpos_with(*TASK)})
    assert not info["success"]
    _, reward, terminated, truncated, info = env.step(REST)
    assert (reward, terminated, truncated, info["success"]) == (4.0, True, False, True)


def test_completion_is_judged_on_the_noisy_observation():
    # just out of reach of the threshold, so that only the noise of +-0.01 completes it
    qpos = INITIAL_QPOS.copy()
    qpos[22] = GOALS["microwave"][0] + 0.3 + 0.002
    env = KitchenEnv(["microwave"])
    outcomes = set()
    for seed in range(20):
        env.reset(seed=seed, options={"qpos": qpos})
        observation, reward, *_ = env.step(REST)
        assert reward == float(abs(observation[22] + 0.75) < 0.3)
        outcomes.add(reward)
    assert outcomes == {0.0, 1.0}


def test_an_episode_is_cut_off_after_280_steps():
    env = gymnasium.make("kitchen-mixed-v0")
    env.reset(seed=0)
    ends = [env.step(REST)[2:4] for _ in range(280)]
    assert ends == [(False, False)] * 279 + [(False, True)]


def test_reset_starts_at_rest_from_the_given_positions():
    env = KitchenEnv(TASK, observation_noise=0.0)
    roll(env, seed=0, steps=5)
    qpos = qpos_with("slide_cabinet")
    observation, _ = env.reset(options={"qpos": qpos})
    np.testing.assert_array_equal(observation[:30], qpos)
    np.testing.assert_array_equal(env.data.qvel, 0.0)
    assert env.data.time == 0.0
    np.testing.assert_array_equal(env.reset()[0][:30], INITIAL_QPOS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"qpos": np.zeros(29)}, "30 finite numbers"),
        ({"qpos": np.full(30, np.inf)}, "30 finite numbers"),
        ({"qpos": None}, "option qpos must be 30 finite numbers, got None"),
        ({"qpos": np.full(30, 100.0)}, "option qpos holds 100.0: the observation space is ±8.0"),
        ({"positions": np.zeros(30)}, "unknown reset option 'positions'; known: qpos"),
    ],
)
def test_reset_refuses_options_it_cannot_follow(options, words):
    with pytest.raises(ValueError, match=words):
        KitchenEnv(TASK).reset(options=options)


def test_names_with_spaces_mean_the_same_elements():
    env = KitchenEnv(task_elements=["top burner", "Light Switch"])
    assert env.subtasks == ("top_burner", "light_switch")
    assert env.elements == ELEMENTS


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"task_elements": ["toaster"]}, ValueError, "no element is called 'toaster'; choose from"),
        ({"task_elements": ["kettle", "kettle"]}, ValueError, "each element once"),
        ({"task_elements": []}, ValueError, "at least one element"),
        ({"task_elements": "kettle"}, TypeError, "a list of names"),
        ({"task_elements": None}, TypeError, "a list of names, not None"),
        ({"task_elements": [1]}, TypeError, "a list of names, not [1]"),
        ({"observation_noise": 10**400}, ValueError, "observation_noise must be 0 to 1000000"),
        ({"counting": "any"}, ValueError, "counting must be 'ordered' or 'unordered', not 'any'"),
        (
            {"observation_noise": -1.0},
            ValueError,
            "observation_noise must be 0 to 1000000, a finite number, not -1.0",
        ),
        (
            {"observation_noise": float("inf")},
            ValueError,
            "observation_noise must be 0 to 1000000, a finite number, not inf",
        ),
        (
            {"observation_noise": None},
            ValueError,
            "observation_noise must be 0 to 1000000, a finite number, not None",
        ),
        (
            {"start_spread": -0.1},
            ValueError,
            "start_spread must be 0 to 1000000, a finite number, not -0.1",
        ),
        (
            {"start_spread": float("nan")},
            ValueError,
            "start_spread must be 0 to 1000000, a finite number, not nan",
        ),
        ({"render_mode": "human"}, ValueError, "render_mode must be None or 'rgb_array'"),
        ({"width": 0}, ValueError, "width must be 1 or more, a whole number, not 0"),
    ],
)
def test_arguments_out_of_range_are_refused_by_name(arguments, error, words):
    with pytest.raises(error, match=re.escape(words)):
        KitchenEnv(**arguments)


def test_a_step_before_the_first_reset_is_refused():
    for env in (KitchenEnv(TASK), gymnasium.make("kitchen-mixed-v0").unwrapped):
        with pytest.raises(gymnasium.error.ResetNeeded, match="call reset before step"):
            env.step(np.zeros(9))


def test_environments_share_one_model_and_nothing_else():
    one, other = KitchenEnv(TASK), KitchenEnv(TASK)
    assert one.model is other.model is kitchen_model()
    alone, _, _ = roll(KitchenEnv(TASK), seed=1)
    actions = np.random.default_rng(0).uniform(-1, 1, (15, 9)).astype(np.float32)
    together = [one.reset(seed=1)[0]]
    other.reset(seed=2)
    for action in actions:
        together.append(one.step(action)[0])
        other.step(-action)
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_vector_of_environments_gives_the_episodes_of_single_ones(mode):
    envs = gymnasium.make_vec(
        "d4rl:kitchen-mixed-v0", num_envs=2, vectorization_mode=mode, task_elements=TASK
    )
    observations, _ = envs.reset(seed=[3, 4])
    actions = np.random.default_rng(0).uniform(-1, 1, (4, 2, 9)).astype(np.float32)
    singles = [KitchenEnv(TASK), KitchenEnv(TASK)]
    expected = [env.reset(seed=seed)[0] for env, seed in zip(singles, (3, 4), strict=True)]
    np.testing.assert_array_equal(observations, expected)
    for pair in actions:
        observations, _, _, _, infos = envs.step(pair)
        expected = [env.step(action)[0] for env, action in zip(singles, pair, strict=True)]
        np.testing.assert_array_equal(observations, expected)
        assert infos["completed_ordered"].shape == (2, 4)
    envs.close()


def test_no_pair_of_geoms_touches_beyond_the_larger_of_their_margins():
    """The assets say 1 mm for every geom that has a margin, whatever rule this MuJoCo follows."""
    env = KitchenEnv(TASK)
    env.reset(seed=0)
    assert env.data.ncon > 0  # the kettle stands on the stove
    assert max(contact.includemargin for contact in env.data.contact) == pytest.approx(0.001)
    assert kitchen_model().geom_margin.max() == (0.0005 if margins_add_up() else 0.001)


def test_rendering_gives_a_picture_of_the_size_asked_for_and_changes_nothing(egl):
    env = KitchenEnv(TASK, render_mode="rgb_array", width=96, height=64)
    plain, _, _ = roll(env, seed=1)
    env.reset(seed=1)
    at_start = env.render()
    assert at_start.shape == (64, 96, 3) and at_start.dtype == np.uint8
    assert at_start.std() > 10  # not one flat colour
    np.testing.assert_array_equal(roll(env, seed=1)[0], plain)
    assert (env.render() != at_start).any()
    env.close()
    env.reset(seed=1)
    np.testing.assert_array_equal(env.render(), at_start)
    env.close()


def test_without_a_render_mode_there_is_no_picture():
    env = KitchenEnv(TASK)
    env.reset(seed=0)
    assert env.render() is None


def test_rendering_without_egl_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco.egl", None)
    env = KitchenEnv(TASK, render_mode="rgb_array")
    env.reset(seed=0)
    with pytest.raises(RuntimeError, match="does not work here.*Install libEGL"):
        env.render()


def test_a_frame_larger_than_the_buffer_is_refused():
    env = KitchenEnv(TASK, render_mode="rgb_array", width=9999)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="asked for 9999 x 256"):
        env.render()


def test_each_element_is_complete_at_its_own_goal_only():
    states = np.array([qpos_with(name) for name in ELEMENTS])
    np.testing.assert_array_equal(elements.element_complete(states), np.eye(7, dtype=bool))


def test_noise_alone_never_looks_like_a_movement():
    noise = np.random.default_rng(0).choice([-1.0, 1.0], (5000, 30)) * NOISE
    assert not KitchenEnv.element_moved(INITIAL_QPOS + noise).any()


def test_an_element_that_moves_and_returns_has_moved():
    away = INITIAL_QPOS.copy()
    away[19] += 0.12
    still = INITIAL_QPOS.copy()
    moved = KitchenEnv.element_moved(np.array([still, away, still]))
    assert moved.tolist() == [name == "slide_cabinet" for name in ELEMENTS]


def table_after(heading: str) -> list[list[str]]:
    """Return the cells of the README's table under a heading, without its two header rows."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def numbers(cell: str) -> list[float]:
    return [float(text.replace("−", "-")) for text in re.findall(r"[−-]?\d+(?:\.\d+)?", cell)]


def test_the_readme_lists_every_observation_with_its_range_and_noise():
    rows = table_after("Observations")
    assert [row[0] for row in rows] == [*map(str, range(30)), "30–59"]
    assert [float(row[4]) for row in rows] == pytest.approx([*NOISE, 0.0])
    model = kitchen_model()
    hinge = int(mujoco.mjtJoint.mjJNT_HINGE)
    for joint in range(model.njnt - 1):  # all but the kettle's free joint
        _, _, unit, limits, _ = rows[model.jnt_qposadr[joint]]
        assert numbers(limits) == pytest.approx(model.jnt_range[joint].tolist())
        assert unit == ("rad" if model.jnt_type[joint] == hinge else "m")


def test_the_readme_lists_every_element_with_its_goal_and_threshold():
    rows = table_after("Task elements")
    assert [row[0] for row in rows] == list(ELEMENTS)
    for name, indices, goal, threshold in rows:
        assert tuple(numbers(indices)) == OBSERVATION_INDICES[name]
        assert tuple(numbers(goal)) == GOALS[name]
        assert float(threshold) == elements.COMPLETION_THRESHOLD
