"""The maze environment for many episodes at once."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from ..checks import finite
from .law import Law
from .layouts import Drawing, Sections, layout
from .task import ACTION_SPACE, OBSERVATION_SPACE, MazeElements, Task, reached


class MazeVectorEnv(MazeElements, gymnasium.vector.VectorEnv):
    """Many episodes of `MazeEnv` at once, by the law written out; MuJoCo is not loaded.

    An episode that has ended stays where it is until the next `reset`.
    """

    metadata = {"autoreset_mode": AutoresetMode.DISABLED}
    single_observation_space, single_action_space = OBSERVATION_SPACE, ACTION_SPACE

    def __init__(
        self,
        num_envs: int,
        max_episode_steps: int,
        maze: Drawing = "large",
        sections: Sections = None,
        targets: Sequence[str] = (),
        starts: int = 0,
    ):
        """Make `num_envs` lanes of at most `max_episode_steps` steps; the rest as `MazeEnv`."""
        self.num_envs, self.max_episode_steps = num_envs, max_episode_steps
        self.layout = layout(maze, sections)
        self.task = Task(self.layout, targets, starts)
        self.observation_space = batch_space(OBSERVATION_SPACE, num_envs)
        self.action_space = batch_space(ACTION_SPACE, num_envs)
        self._law = Law(self.layout)
        self._rngs: dict[int, np.random.Generator] = {}

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode in every lane.

        Args:
            seed: one per lane, each as for `MazeEnv.reset`; one number s stands for s, s + 1, …
            options: as for `MazeEnv.reset`, for all lanes.
        """
        if seed is None or isinstance(seed, int):
            seeds = [seed if seed is None else seed + lane for lane in range(self.num_envs)]
        else:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"{self.num_envs} lanes need as many seeds, got {len(seeds)}")
        begun = []
        for lane, own_seed in enumerate(seeds):
            if own_seed is not None or lane not in self._rngs:
                self._rngs[lane], _ = seeding.np_random(own_seed)
            begun.append(self.task.begin(self._rngs[lane], own_seed, options))
        self._targets, states = map(np.array, zip(*begun, strict=True))
        self._position, self._velocity = states[:, :2], states[:, 2:]
        self._steps = np.zeros(self.num_envs, dtype=np.int64)
        self._ended = np.zeros(self.num_envs, dtype=bool)
        return self._observe()

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Push the points of all lanes that have not ended for 0.01 s.

        Args:
            actions: (num_envs, 2), clipped to [-1, 1].

        Raises:
            ValueError: the actions have another shape or are not finite.
        """
        actions = finite("actions", actions, (self.num_envs, 2))
        position, velocity = self._law.step(self._position, self._velocity, actions)
        stays = self._ended[:, None]
        self._position = np.where(stays, self._position, position)
        self._velocity = np.where(stays, self._velocity, velocity)
        self._steps += ~self._ended
        observations, info = self._observe()
        success = info["success"]
        terminated = success & self.task.ends
        truncated = self._steps >= self.max_episode_steps
        self._ended = self._ended | terminated | truncated
        return observations, success.astype(np.float64), terminated, truncated, info

    def _observe(self) -> tuple[np.ndarray, dict[str, Any]]:
        observations = np.concatenate((self._position, self._velocity), axis=1)
        success = reached(self._position, self._targets)
        return observations, {"target": self._targets.copy(), "success": success}
