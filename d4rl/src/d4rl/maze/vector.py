"""The maze environment for many episodes at once."""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces.utils import flatdim
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from ..checks import MOST, check_pictures, finite, need_reset, options_dict, reset_options, whole
from .law import Law
from .layouts import Drawing, Sections, layout
from .task import EPISODE_STEPS, MazeElements, Task, reached, spaces


class MazeVectorEnv(MazeElements, gymnasium.vector.VectorEnv):
    """Many episodes of `MazeEnv` at once, by the law written out; only pictures need MuJoCo.

    It keeps to Gymnasium's vector protocol, as `gymnasium.vector.SyncVectorEnv` does. A lane whose
    episode has ended begins a new one at the next step, whatever its action: `NEXT_STEP`.
    """

    metadata = {
        "render_modes": ["rgb_array"],
        "render_fps": 100,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    _drawn: dict[str, Any]
    """Arguments of the single environment that draws the pictures."""

    def __init__(
        self,
        num_envs: int,
        max_episode_steps: int | None = -1,
        maze: Drawing = "large",
        sections: Sections = None,
        targets: Sequence[str] = (),
        starts: int = 0,
        render_mode: str | None = None,
        width: int = 256,
        height: int = 256,
    ):
        """Make `num_envs` lanes of at most `max_episode_steps` steps.

        Args:
            num_envs: number of lanes.
            max_episode_steps: limit on the length of an episode, -1 for none, None for the usual
                one, as `gymnasium.make` has it.
            maze, sections, targets, starts, render_mode, width, height: as for `MazeEnv`.

        Raises:
            ValueError, TypeError: an argument is out of its range; the message names it.
        """
        task = Task(layout(maze, sections), targets, starts)
        self._make(task, spaces(), num_envs, max_episode_steps, render_mode, width, height)
        self._drawn = {"maze": maze, "width": width, "height": height}
        self._law = Law(self.layout)

    def _make(
        self,
        task: Task,
        spaces: tuple[gymnasium.spaces.Box, gymnasium.spaces.Box],
        num_envs: int,
        max_episode_steps: int | None,
        render_mode: str | None,
        width: int,
        height: int,
    ) -> None:
        """Take over a task in a maze, and the spaces of what moves there."""
        if max_episode_steps is None:
            max_episode_steps = EPISODE_STEPS
        whole("num_envs", num_envs, 1, MOST)
        if max_episode_steps != -1:
            whole("max_episode_steps, if not -1,", max_episode_steps, 1)
        check_pictures(render_mode, width, height)
        self.num_envs, self.max_episode_steps = num_envs, max_episode_steps
        self.task, self.layout = task, task.layout
        self.single_observation_space, self.single_action_space = spaces
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.render_mode = render_mode
        self._viewer: Any = None
        self._rngs = [seeding.np_random()[0] for _ in range(num_envs)]
        self._targets = np.zeros((num_envs, 2))
        self._states = np.zeros((num_envs, len(self.state_names)))
        self._steps = np.zeros(num_envs, dtype=np.int64)
        self._ended = np.zeros(num_envs, dtype=bool)
        self._begun = False

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode in every lane, or in some.

        Args:
            seed: one per lane, each as for `MazeEnv.reset`; one number s stands for s, s + 1, …
            options: as for `MazeEnv.reset`, for all lanes or with a row for each; and
                {"reset_mask": (num_envs,) bool} resets these lanes only.

        Raises:
            ValueError: another number of seeds, a mask of another shape or type or of no lane, or
                an option as for `MazeEnv.reset`.
            gymnasium.error.ResetNeeded: the first reset is one of some lanes.
        """
        if isinstance(seed, Sequence | np.ndarray):
            seeds = np.asarray(seed, dtype=object).tolist()
        else:
            seeds = [None if seed is None else seed + lane for lane in range(self.num_envs)]
        if len(seeds) != self.num_envs:
            raise ValueError(f"{self.num_envs} lanes need as many seeds, got {len(seeds)}")
        options = options_dict(options)
        lanes = options.pop("reset_mask", np.ones(self.num_envs, dtype=bool))
        known = isinstance(lanes, np.ndarray) and lanes.dtype == bool
        if not (known and lanes.shape == (self.num_envs,) and lanes.any()):
            kind = f"NumPy array of {self.num_envs} bools, not all False"
            raise ValueError(f"option reset_mask must be a {kind}, got {lanes!r}")
        if not (self._begun or lanes.all()):
            raise gymnasium.error.ResetNeeded("the first reset is one of all lanes")
        self._begin(lanes, seeds, options)
        return self._observe(lanes)

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Act for one step in all lanes, but for those that begin an episode.

        Args:
            actions: (num_envs, A), clipped to [-1, 1].

        Raises:
            ValueError: the actions have another shape or are not finite.
            gymnasium.error.ResetNeeded: there has been no reset.
        """
        need_reset(self._begun, "step")
        actions = finite("actions", actions, (self.num_envs, flatdim(self.single_action_space)))
        self._states = self._move(actions)
        self._steps += 1
        again = self._ended
        if again.any():
            self._begin(again, [None] * self.num_envs)
        observations, info = self._observe(np.ones(self.num_envs, dtype=bool))
        success = info["success"] & ~again
        terminated = success & self.task.ends
        truncated = self._steps == self.max_episode_steps
        self._ended = terminated | truncated
        return observations, success.astype(np.float64), terminated, truncated, info

    def render(self) -> tuple[np.ndarray, ...] | None:
        """Return a frame of every lane, each as of `MazeEnv.render`; None without a render mode.

        Raises:
            RuntimeError: EGL does not work here.
            gymnasium.error.ResetNeeded: there has been no reset.
        """
        if self.render_mode is None:
            return None
        need_reset(self._begun, "render")
        if self._viewer is None:
            self._viewer = self._single()(**self._drawn, render_mode=self.render_mode)
        frames = []
        for state, target in zip(self._states, self._targets, strict=True):
            self._viewer.reset(options={"state": state, "target": target})
            frames.append(self._viewer.render())
        return tuple(frames)

    def _place(self, lanes: np.ndarray) -> None:
        """Begin with the states of the lanes of a mask (num_envs,)."""

    def _move(self, actions: np.ndarray) -> np.ndarray:
        """Return the states (num_envs, S) after a step."""
        return np.concatenate(
            self._law.step(self._states[:, :2], self._states[:, 2:], actions), axis=1
        )

    @staticmethod
    def _single() -> Callable[..., gymnasium.Env]:
        """Return the class of the single environment, which draws the pictures."""
        from .env import MazeEnv  # and MuJoCo, which nothing else here needs

        return MazeEnv

    def close_extras(self, **_: Any) -> None:
        """Give the rendering context back, if there is one."""
        if self._viewer is not None:
            self._viewer.close()

    def _begin(
        self, lanes: np.ndarray, seeds: Sequence[int | None], options: dict | None = None
    ) -> None:
        """Start an episode in the lanes of a mask (num_envs,)."""
        targets, states = self._targets.copy(), self._states.copy()
        for lane in np.flatnonzero(lanes).tolist():
            if seeds[lane] is not None:
                self._rngs[lane], _ = seeding.np_random(seeds[lane])
            targets[lane], states[lane] = self.task.draw(self._rngs[lane], seeds[lane])
        states, targets = reset_options(options, {"state": states, "target": targets})
        self.task.check(states[lanes], targets[lanes])
        self._targets[lanes], self._states[lanes] = targets[lanes], states[lanes]
        self._place(lanes)
        self._ended, self._begun = self._ended & ~lanes, True
        self._steps[lanes] = 0

    def _observe(self, lanes: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the observations, and an info that speaks of the lanes of a mask (num_envs,)."""
        success = reached(self._states[:, :2], self._targets) & lanes
        target = np.where(lanes[:, None], self._targets, 0.0)
        info = {"target": target, "_target": lanes.copy(), "success": success}
        return self._states.copy(), info | {"_success": lanes.copy()}
