"""The maze environment: one episode, simulated by MuJoCo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import mujoco
import numpy as np

from ..rendering import Camera, RenderedEnv
from .law import MAX_SPEED
from .layouts import layout
from .model import ORIGIN, camera_above, maze_model
from .task import ACTION_SPACE, OBSERVATION_SPACE, Sections, Task, first_state, reached


class MazeEnv(Sections, RenderedEnv):
    """A ball in a maze, simulated by MuJoCo.

    Observation (4,) float64: position and velocity in D4RL's coordinates, see `layouts`.
    Action (2,) in [-1, 1]: forces over 100 N, for 0.01 s.
    Reward: 1 at every step that ends within 0.5 of the target, else 0.
    Terminated once the target is reached, if `targets` names one; else never, as in D4RL.

    `info`, at reset and at every step:
        target: (2,) the place to be reached.
        success: bool, whether the point is within 0.5 of it.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 100}
    state_names = ("x", "y", "vx", "vy")

    def __init__(
        self,
        maze: str | Sequence[str] = "large",
        sections: Mapping[str, Mapping[str, Any]] | None = None,
        targets: Sequence[str] = (),
        starts: int = 0,
        render_mode: str | None = None,
        width: int = 256,
        height: int = 256,
    ):
        """Make the environment.

        Args:
            maze, sections: the maze, see `layouts.layout`.
            targets, starts: what is to be reached, and from where, see `task.Task`.
            render_mode: "rgb_array" to allow `render`, from above, which needs EGL.
            width, height: size of a rendered frame in pixels.

        Raises:
            ValueError, TypeError: an argument is out of its range; the message names it.
        """
        super().__init__(render_mode, width, height)
        self.layout = layout(maze, sections)
        self.task = Task(self.layout, targets, starts)
        self.ends = bool(targets)
        self.observation_space, self.action_space = OBSERVATION_SPACE, ACTION_SPACE
        self.model = maze_model(self.layout)
        self.data = mujoco.MjData(self.model)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode, see `task.Task.begin`.

        Args:
            seed: seeds the target's place in its cell and the start.
            options: {"state": (4,)} starts there instead.

        Raises:
            ValueError: an unknown option, or a state in a wall or not finite.
        """
        super().reset(seed=seed)
        self.target, state = self.task.begin(self.np_random, seed)
        state = first_state(self.layout, state, options)
        self.data.qpos[:], self.data.qvel[:] = state[:2], state[2:]
        self.data.qacc_warmstart[:] = 0.0
        return self._observe()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Push the point for 0.01 s.

        Args:
            action: (2,), clipped to [-1, 1].

        Raises:
            ValueError: the action has another shape or is not finite.
        """
        action = np.asarray(action, dtype=np.float64)
        if action.shape != (2,) or not np.isfinite(action).all():
            raise ValueError(f"an action is 2 finite numbers, got {action}")
        self.data.ctrl[:] = action.clip(-1.0, 1.0)
        self.data.qvel[:] = self.data.qvel.clip(-MAX_SPEED, MAX_SPEED)
        mujoco.mj_step(self.model, self.data)
        observation, info = self._observe()
        success = info["success"]
        return observation, float(success), self.ends and success, False, info

    @property
    def camera(self) -> Camera:
        """Where pictures are taken from: above the middle of the maze."""
        return camera_above(self.layout, *self._frame_size)

    def render(self) -> np.ndarray | None:
        """Return the maze from above, see `RenderedEnv.render`.

        The first coordinate points right, the second up; the green disc is the target.
        """
        if self.render_mode is not None:
            mujoco.mj_forward(self.model, self.data)
        return super().render()

    @staticmethod
    def state_options(observation: np.ndarray) -> dict[str, Any]:
        """Return the options with which `reset` starts from what a (4,) observation shows."""
        return {"state": np.asarray(observation, dtype=np.float64)}

    def _observe(self) -> tuple[np.ndarray, dict[str, Any]]:
        """Return observation and info, and show the target where it is."""
        self.data.mocap_pos[0] = (*(self.target + ORIGIN), -0.08)
        success = bool(reached(self.data.qpos, self.target))
        observation = np.concatenate([self.data.qpos, self.data.qvel])
        return observation, {"target": self.target.copy(), "success": success}
