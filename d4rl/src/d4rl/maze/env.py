"""The maze environment: one episode, simulated by MuJoCo."""

from collections.abc import Sequence
from typing import Any

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
        self.observation_space, self.action_space = spaces()
        self.layout = layout(maze, sections)
        self.task = Task(self.layout, targets, starts)
        super().__init__(maze_model(self.layout), render_mode, width, height)
        self.camera = camera_above(self.layout, width, height)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode, see `task.Task`.

        Args:
            seed: seeds the target's place in its cell and the start.
            options: {"state": (4,)} starts there instead; {"target": (2,)} puts the target there.

        Raises:
            ValueError: an unknown option, or a place of another shape, not finite or in a wall.
        """
        super().reset(seed=seed)
        target, state = self.task.draw(self.np_random, seed)
        state, target = reset_options(options, {"state": state, "target": target})
        self.task.check(state, target)
        self.target, self._begun = target, True
        self.data.qpos[:], self.data.qvel[:] = state[:2], state[2:]
        self.data.qacc_warmstart[:] = 0.0
        return self._observe()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Push the point for 0.01 s.

        Args:
            action: (2,), clipped to [-1, 1].

        Raises:
            ValueError: the action has another shape or is not finite.
            gymnasium.error.ResetNeeded: there has been no reset.
        """
        need_reset(self._begun, "step")
        self.data.ctrl[:] = finite("an action", action, (2,)).clip(-1.0, 1.0)
        self.data.qvel[:] = self.data.qvel.clip(-MAX_SPEED, MAX_SPEED)
        mujoco.mj_step(self.model, self.data)
        observation, info = self._observe()
        success = info["success"]
        return observation, float(success), self.task.ends and success, False, info

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
