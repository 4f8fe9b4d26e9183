"""Laws of the scripted tele-operator, of its arm and of its scripts."""

import numpy as np
import pytest

from d4rl.kitchen.arm import ARM_SIZE, MAX_LEAD, Arm, orientation, rotation_vector
from d4rl.kitchen.elements import ELEMENTS
from d4rl.kitchen.env import SET_POINT_PER_ACTION, KitchenEnv, start_posture
from d4rl.kitchen.generate import START_SPREAD
from d4rl.kitchen.script import POSTURES, moves
from d4rl.kitchen.sequences import PLAY_SEQUENCES, sequence_name
from d4rl.kitchen.teleop import MAX_ACTION, TeleOperator

PATIENCE = 120
"""Steps in which one element is done, retries included."""


def work(env: KitchenEnv, operator: TeleOperator, observation: np.ndarray, steps: int):
    """Let the operator work; return the observations, the actions and the last info."""
    observations, actions = [], []
    for _ in range(steps):
        actions.append(operator.act(observation))
        observations.append(observation)
        observation, _, done, _, info = env.step(actions[-1])
        if done:
            break
    return np.array(observations), np.array(actions), info


@pytest.mark.parametrize("element", ELEMENTS)
def test_every_element_gets_done_alone_from_many_starts(element):
    """Each element is done by itself, whatever the noise and the start posture."""
    env = KitchenEnv([element])
    for seed in range(4):
        rng = np.random.default_rng(seed)
        start = start_posture(rng, START_SPREAD)
        observation, _ = env.reset(seed=seed, options={"qpos": start})
        _, _, info = work(env, TeleOperator(env, [element], rng), observation, PATIENCE)
        assert info["success"], f"{element}, seed {seed}"


def test_the_operator_moves_as_people_do():
    """Actions stay inside their range, change little from step to step and rarely saturate."""
    sequence = ("microwave", "kettle", "top_burner", "light_switch")
    env = KitchenEnv(sequence)
    rng = np.random.default_rng(0)
    observation, _ = env.reset(seed=0)
    _, actions, info = work(env, TeleOperator(env, sequence, rng), observation, 280)
    assert info["success"]
    assert actions.dtype == np.float32 and np.abs(actions).max() <= MAX_ACTION
    assert np.abs(np.diff(actions, axis=0)).mean() < 0.10
    assert np.corrcoef(actions[1:].ravel(), actions[:-1].ravel())[0, 1] > 0.90
    assert (np.abs(actions) >= 0.99).mean() < 0.10


def test_actions_close_the_loop_on_the_noisy_observation():
    """One step's set-point is the same whatever the noise: the action takes the noise back."""
    env = KitchenEnv(["kettle"])
    observation, _ = env.reset(seed=0)
    noise = np.zeros(observation.shape)
    noise[:ARM_SIZE] = 0.01
    set_points = []
    for offset in (0.0, noise):
        operator = TeleOperator(env, ["kettle"], np.random.default_rng(0))
        seen = observation + offset
        set_points.append(seen[:ARM_SIZE] + SET_POINT_PER_ACTION * operator.act(seen)[:ARM_SIZE])
    np.testing.assert_allclose(*set_points, atol=1e-6)


def test_the_operator_starts_again_when_the_handle_slips_away():
    """A microwave door shut in the middle of its opening is opened again."""
    env = KitchenEnv(["microwave", "kettle"])
    observation, _ = env.reset(seed=1)
    operator = TeleOperator(env, ["microwave", "kettle"], np.random.default_rng(1))
    while env.data.joint("microwave").qpos[0] > -0.3:
        observation = env.step(operator.act(observation))[0]
    env.data.joint("microwave").qpos[0] = 0.0
    env.data.qvel[:] = 0.0
    _, _, info = work(env, operator, observation, 2 * PATIENCE)
    assert info["success"]


def test_performances_differ_with_the_random_source_alone():
    """The same source gives the same path, another one a clearly different path."""

    def path(seed: int) -> np.ndarray:
        env = KitchenEnv(["microwave"])
        observation, _ = env.reset(seed=0)
        operator = TeleOperator(env, ["microwave"], np.random.default_rng(seed))
        return work(env, operator, observation, 20)[0][:, :ARM_SIZE]

    np.testing.assert_array_equal(path(0), path(0))
    assert np.abs(path(0) - path(1)).max() > 0.05


def test_set_points_move_the_hand_the_way_that_was_asked():
    """A wanted hand velocity is what the hand has a step later, in direction and in size."""
    env = KitchenEnv(["kettle"])
    env.reset(seed=0)
    arm = Arm(env.model, env.data)
    wanted = np.array([-0.01, 0.01, -0.01, 0.0, 0.0, 0.0])
    posture = env.data.qpos[:ARM_SIZE].copy()
    for _ in range(3):
        before = arm.pose()[0]
        set_point = arm.set_points(wanted, posture, np.zeros(ARM_SIZE))
        assert np.abs(set_point - env.data.qpos[:ARM_SIZE]).max() <= MAX_LEAD + 1e-12
        action = np.zeros(9)
        seen = env.data.qpos[:ARM_SIZE]
        # noise-free stand-in for one step: hand the set-points straight to the actuators
        env._observation[:ARM_SIZE] = seen
        action[:ARM_SIZE] = (set_point - seen) / SET_POINT_PER_ACTION
        env.step(action)
    np.testing.assert_allclose(arm.pose()[0] - before, wanted[:3], atol=0.003)


def test_a_hand_orientation_is_a_rotation_that_points_as_told():
    """Yaw turns the pointing direction to the right, pitch up, roll leaves it alone."""
    rng = np.random.default_rng(0)
    for yaw, pitch, roll in rng.uniform(-1.0, 1.0, (20, 3)):
        rotation = orientation(yaw, pitch, roll)
        np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1.0)
        x, y, z = rotation[:, 2]
        assert np.arctan2(x, y) == pytest.approx(yaw) and np.arcsin(z) == pytest.approx(pitch)
        turned = rotation @ orientation(yaw, pitch, 0.0).T
        assert np.linalg.norm(rotation_vector(turned)) == pytest.approx(abs(roll))


def test_scripts_end_with_an_open_hand_off_the_handle():
    """Each script has a driving leg, lets go at its end, and has a posture for the arm."""
    for element in ELEMENTS:
        script = moves(element, np.random.default_rng(0))
        assert any(move.until is not None or move.place is not None for move in script)
        assert script[-1].leave and script[-1].fingers > 0.03
        assert len(POSTURES[element]) == ARM_SIZE


def test_play_sequences_are_24_orders_in_which_the_hinge_comes_last():
    """The play sequences differ; none does anything after the hinge cabinet."""
    assert len({frozenset(sequence) for sequence in PLAY_SEQUENCES}) == len(PLAY_SEQUENCES) == 24
    for sequence in PLAY_SEQUENCES:
        assert len(sequence) == 4 and "hinge_cabinet" not in sequence[:-1]
    assert sequence_name(["top burner", "kettle"]) == "top_burner-kettle"
