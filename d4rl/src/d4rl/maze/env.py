"""The maze environment: one episode, simulated by MuJoCo."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import mujoco
import numpy as np

from ..checks import finite, need_reset, reset_options
from ..rendering import RenderedEnv
from .law import MAX_SPEED
from .layouts import Drawing, Sections, layout
from .model import ORIGIN, camera_above, maze_model
from .task import MazeElements, Task, reached, spaces


class MazeEnv(MazeElements, RenderedEnv):
    """A ball in a maze, simulated by MuJoCo.

    Observation (4,) float64: position and velocity in D4RL's coordinates, see `layouts`.
    Action (2,) in [-1, 1]: forces over 100 N, for 0.01 s.
    Reward: 1 at every step that ends within 0.5 of the target, else 0.
    Terminated once the target is reached, if `targets` names one; else never, as in D4RL.

    `info`, at reset and at every step:
        target: (2,) the place to be reached.
        success: bool, whether the point is within 0.5 of it.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 100}
    _mark = np.array([ORIGIN, ORIGIN, -0.08])
    """Where the target's disc is drawn, from its place."""

    def __init__(
        self,
        maze: Drawing = "large",
        sections: Sections = None,
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
            render_mode, width, height: of pictures from above, see `RenderedEnv`.

        Raises:
            ValueError, TypeError: an argument is out of its range; the message names it.
        """
        here = layout(maze, sections)
        task = Task(here, targets, starts)
        self._make(task, maze_model(here), spaces(), render_mode, width, height)
        self.camera = camera_above(here, width, height)

    def _make(
        self,
        task: Task,
        model: mujoco.MjModel,
        spaces: tuple[gymnasium.spaces.Box, gymnasium.spaces.Box],
        render_mode: str | None,
        width: int,
        height: int,
    ) -> None:
        """Take over a task in a maze, the model of it, and the spaces of what moves there."""
        self.task, self.layout = task, task.layout
        self.observation_space, self.action_space = spaces
        super().__init__(model, render_mode, width, height)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode, see `task.Task`.

        Args:
            seed: seeds the target's place in its cell and the start.
            options: {"state": (S,)} starts there instead; {"target": (2,)} puts the target there.

        Raises:
            ValueError: an unknown option, or a place of another shape, not finite or in a wall.
        """
        super().reset(seed=seed)
        target, state = self.task.draw(self.np_random, seed)
        state, target = reset_options(options, {"state": state, "target": target})
        self.task.check(state, target)
        self.target, self._begun = target, True
        self._place(state)
        return self._observe()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Act for one step.

        Args:
            action: (A,), clipped to [-1, 1].

        Raises:
            ValueError: the action has another shape or is not finite.
            gymnasium.error.ResetNeeded: there has been no reset.
        """
        need_reset(self._begun, "step")
        self.data.ctrl[:] = finite("an action", action, (self.model.nu,)).clip(-1.0, 1.0)
        self._move()
        observation, info = self._observe()
        success = info["success"]
        return observation, float(success), self.task.ends and success, False, info

    def _place(self, state: np.ndarray) -> None:
        """Begin with a state (S,)."""
        self.data.qpos[:], self.data.qvel[:] = state[:2], state[2:]
        self.data.qacc_warmstart[:] = 0.0

    def _move(self) -> None:
        """Step the simulation."""
        self.data.qvel[:] = self.data.qvel.clip(-MAX_SPEED, MAX_SPEED)
        mujoco.mj_step(self.model, self.data)

    def render(self) -> np.ndarray | None:
        """Return the maze from above, see `RenderedEnv.render`.

        The first coordinate points right, the second up; the green disc is the target.
        """
        if self.render_mode is not None:
            mujoco.mj_kinematics(self.model, self.data)
        return super().render()

    @staticmethod
    def state_options(observation: np.ndarray) -> dict[str, Any]:
        """Return the options with which `reset` starts from what an (S,) observation shows."""
        return {"state": np.asarray(observation, dtype=np.float64)}

    def _observe(self) -> tuple[np.ndarray, dict[str, Any]]:
        """Return observation and info, and show the target where it is."""
        self.data.mocap_pos[0] = self._mark + (*self.target, 0.0)
        success = bool(reached(self.data.qpos[:2], self.target))
        observation = np.concatenate([self.data.qpos, self.data.qvel])
        return observation, {"target": self.target.copy(), "success": success}
