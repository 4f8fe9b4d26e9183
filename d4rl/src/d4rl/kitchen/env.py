"""The kitchen environment: D4RL's control law, observation noise and task counting."""

from collections.abc import Sequence
from typing import Any, Literal

import gymnasium
import mujoco
import numpy as np

from ..checks import finite, need_reset, not_negative, reset_options
from ..rendering import Camera, RenderedEnv
from . import elements
from .arm import ARM_SIZE
from .elements import INITIAL_QPOS, NOISE, OBSERVATION_SIZE, QPOS_SIZE, ROBOT_SIZE
from .model import kitchen_model

SUBSTEPS = 40
"""Physics steps of 2 ms in one environment step: 12.5 Hz."""
SET_POINT_PER_ACTION = 0.16
"""How far an action of 1 puts the set-point from the observed position (rad; the fingers: m)."""
SET_POINT_LOW = np.array([-2.9, -1.8, -2.9, -3.1, -2.9, 0.0, -2.9, 0.0, 0.0])
SET_POINT_HIGH = np.array([2.9, 1.8, 2.9, 0.0, 2.9, 3.8, 2.9, 0.04, 0.04])
"""Range of the set-points that reach the actuators (rad, m)."""
LIMIT = 8.0
"""Largest position of the observation space (rad, m)."""


def start_posture(rng: np.random.Generator, spread: float) -> np.ndarray:
    """Return start positions (30,): the usual ones, with the arm's joints a little elsewhere.

    Args:
        rng: source of the differences, which are normal.
        spread: their standard deviation (rad). Joints stay within their limits; the second, which
            usually begins a little beyond its own, goes no further.
    """
    usual, limits = INITIAL_QPOS[:ARM_SIZE], kitchen_model().jnt_range[:ARM_SIZE].T
    low, high = np.minimum(limits[0], usual), np.maximum(limits[1], usual)
    qpos = INITIAL_QPOS.copy()
    qpos[:ARM_SIZE] = (usual + rng.normal(0.0, spread, ARM_SIZE)).clip(low, high)
    return qpos


class KitchenEnv(RenderedEnv):
    """A Franka arm in a kitchen whose elements are to be brought to their goals.

    Observation (60,) float64: robot qpos 0..8, object qpos 9..29, constant goal 30..59.
    Action (9,) in [-1, 1]: joint velocities over 2 rad/s (fingers: 2 m/s). The set-point of the
    position actuators is the last *observed* qpos plus the action's step, so observation noise
    acts on the control loop, as it did when the demonstrations were recorded.
    Reward: the number of task elements newly counted at this step.
    Terminated when every task element has been counted.

    `info`, at reset and at every step, for the K task elements in their order:
        completed_ordered: (K,) bool, counted so far, each only after all before it.
        completed_any_order: (K,) bool, within threshold at some step since the reset.
        success: bool, every element counted under `counting`.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 12.5}
    camera = Camera(lookat=(-0.2, 0.5, 2.0), distance=2.2, azimuth=70.0, elevation=-35.0)
    element_complete = staticmethod(elements.element_complete)
    element_moved = staticmethod(elements.element_moved)

    def __init__(
        self,
        task_elements: Sequence[str] = elements.DEFAULT_GOAL_ELEMENTS,
        counting: Literal["ordered", "unordered"] = "ordered",
        observation_noise: float = 1.0,
        start_spread: float = 0.0,
        render_mode: str | None = None,
        width: int = 256,
        height: int = 256,
    ):
        """Make the environment.

        Args:
            task_elements: elements to complete, in order; see `elements.ELEMENTS`.
            counting: "ordered" counts an element only while every element before it is counted,
                and then only if it holds at that step (FIST); "unordered" counts each element
                when it is first complete (D4RL).
            observation_noise: factor on the observation noise; 0 observes exactly.
            start_spread: standard deviation of the arm's joints at reset (rad), see
                `start_posture`; 0 always starts alike.
            render_mode, width, height: of pictures, see `RenderedEnv`.

        Raises:
            ValueError: an argument is out of its range; the message names it.
            TypeError: `task_elements` is no list of texts.
        """
        if counting not in ("ordered", "unordered"):
            raise ValueError(f"counting must be 'ordered' or 'unordered', not {counting!r}")
        not_negative("observation_noise", observation_noise)
        not_negative("start_spread", start_spread)
        super().__init__(kitchen_model(), render_mode, width, height)
        self.elements = elements.ELEMENTS
        self.state_names = elements.STATE_NAMES
        self.subtasks = elements.canonical_sequence(task_elements)
        self.counting, self.start_spread = counting, start_spread
        shape = (OBSERVATION_SIZE,)
        self.observation_space = gymnasium.spaces.Box(-LIMIT, LIMIT, shape, np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (ROBOT_SIZE,), np.float32)
        self._noise = observation_noise * NOISE
        self._subtask_columns = [elements.ELEMENTS.index(name) for name in self.subtasks]
        self._observation = np.concatenate([np.zeros(QPOS_SIZE), elements.goal_vector()])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode at rest.

        Args:
            seed: seeds the start and the observation noise, the only randomness there is.
            options: {"qpos": (30,)} starts at exactly these positions instead of the usual ones.

        Raises:
            ValueError: an unknown option, or positions of another shape, not finite, or outside of
                the observation space.
        """
        [qpos] = reset_options(options, {"qpos": INITIAL_QPOS})
        if (far := np.abs(qpos).max()) > LIMIT:
            raise ValueError(f"option qpos holds {far}: the observation space is ±{LIMIT}")
        super().reset(seed=seed)
        if self.start_spread and not options:
            qpos = start_posture(self.np_random, self.start_spread)
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = self._start = qpos
        mujoco.mj_forward(self.model, self.data)
        self._in_order = self._in_any_order = np.zeros(len(self.subtasks), dtype=np.bool_)
        self._begun = True
        self._observe()
        return self._observation.copy(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Chase the set-point that `action` asks for during 0.08 s.

        Args:
            action: (9,), clipped to [-1, 1].

        Raises:
            ValueError: the action has another shape or is not finite.
            gymnasium.error.ResetNeeded: there has been no reset.
        """
        need_reset(self._begun, "step")
        action = finite("an action", action, (ROBOT_SIZE,)).clip(-1.0, 1.0)
        set_point = self._observation[:ROBOT_SIZE] + SET_POINT_PER_ACTION * action
        self.data.ctrl[:] = set_point.clip(SET_POINT_LOW, SET_POINT_HIGH)
        mujoco.mj_step(self.model, self.data, SUBSTEPS)
        self._observe()
        before = self._counted().sum()
        complete = elements.element_complete(self._observation)[self._subtask_columns]
        self._in_order = np.logical_and.accumulate(self._in_order | complete)
        self._in_any_order = self._in_any_order | complete
        reward, info = float(self._counted().sum() - before), self._info()
        return self._observation.copy(), reward, info["success"], False, info

    def set_back(self, element: str) -> bool:
        """Put an element back where it was at reset, at rest, and count it no longer.

        In order, what was counted after it is not counted either, until the element is done again.

        Returns:
            whether it could be: where the robot would be in its way, nothing changes.

        Raises:
            ValueError: no element has this name.
        """
        name, data = elements.canonical(element), self.data
        entries = list(elements.OBSERVATION_INDICES[name])
        speeds = np.isin(self.model.jnt_qposadr[self.model.dof_jntid], entries)
        before = data.qpos.copy(), data.qvel.copy(), data.geom_xpos.copy()
        data.qpos[entries], data.qvel[speeds] = self._start[entries], 0.0
        mujoco.mj_forward(self.model, data)
        roots = self.model.body_rootid[self.model.geom_bodyid]
        robot = roots == self.model.body_rootid[self.model.jnt_bodyid[0]]
        moved = (data.geom_xpos != before[-1]).any(axis=1)
        pairs = data.contact.geom[data.contact.dist < 0]
        if (moved[pairs] & robot[pairs[:, ::-1]]).any():
            data.qpos[:], data.qvel[:], _ = before
            mujoco.mj_forward(self.model, data)
            return False
        if name in self.subtasks:
            place = self.subtasks.index(name)
            self._in_order[place:] = False
            self._in_any_order[place] = False
        return True

    @staticmethod
    def state_options(observation: np.ndarray) -> dict[str, Any]:
        """Return the options with which `reset` starts from what a (60,) observation shows."""
        return {"qpos": np.asarray(observation, dtype=np.float64)[:QPOS_SIZE]}

    def _observe(self) -> None:
        noise = self._noise * self.np_random.uniform(-1.0, 1.0, QPOS_SIZE)
        self._observation[:QPOS_SIZE] = self.data.qpos + noise

    def _counted(self) -> np.ndarray:
        return self._in_order if self.counting == "ordered" else self._in_any_order

    def _info(self) -> dict[str, Any]:
        return {
            "completed_ordered": self._in_order.copy(),
            "completed_any_order": self._in_any_order.copy(),
            "success": bool(self._counted().all()),
        }
