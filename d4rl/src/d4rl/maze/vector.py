"""The maze environment for many episodes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from .law import Law
from .layouts import layout
from .task import ACTION_SPACE, OBSERVATION_SPACE, Sections, Task, first_state, reached


class MazeVectorEnv(Sections, gymnasium.vector.VectorEnv):
    """Many episodes of `MazeEnv` at once, by the law written out; MuJoCo is not loaded.

    An episode that has ended stays where it is until the next `reset`.
    """

    metadata: ClassVar[dict[str, Any]] = {"autoreset_mode": AutoresetMode.DISABLED}

    def __init__(
        self,
        num_envs: int,
        max_episode_steps: int,
        maze: str | Sequence[str] = "large",
        sections: Mapping[str, Mapping[str, Any]] | None = None,
        targets: Sequence[str] = (),
        starts: int = 0,
    ):
        """Make `num_envs` lanes of at most `max_episode_steps` steps; the rest as `MazeEnv`."""
        self.num_envs, self.max_episode_steps = num_envs, max_episode_steps
        self.layout = layout(maze, sections)
        self.task = Task(self.layout, targets, starts)
        self.ends = bool(targets)
        self.single_observation_space, self.single_action_space = OBSERVATION_SPACE, ACTION_SPACE
        self.observation_space = batch_space(OBSERVATION_SPACE, num_envs)
        self.action_space = batch_space(ACTION_SPACE, num_envs)
        self._law = Law(self.layout)
        self._rngs: list[np.random.Generator | None] = [None] * num_envs

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode in every lane.

        Args:
            seed: one per lane, each as for `MazeEnv.reset`; one number s stands for s, s + 1, …
            options: as for `MazeEnv.reset`, for all lanes.
        """
        lanes = range(self.num_envs)
        seeds = [seed] * self.num_envs if seed is None else seed
        seeds = [seed + lane for lane in lanes] if isinstance(seed, int) else list(seeds)
        if len(seeds) != self.num_envs:
            raise ValueError(f"{self.num_envs} lanes need as many seeds, got {len(seeds)}")
        begun = []
        for lane in lanes:
            if seeds[lane] is not None or self._rngs[lane] is None:
                self._rngs[lane], _ = seeding.np_random(seeds[lane])
            target, state = self.task.begin(self._rngs[lane], seeds[lane])
            begun.append((target, first_state(self.layout, state, options)))
        self._targets = np.array([target for target, _ in begun])
        states = np.array([state for _, state in begun])
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
        actions = np.asarray(actions, dtype=np.float64)
        if actions.shape != self.action_space.shape or not np.isfinite(actions).all():
            raise ValueError(
                f"actions are {self.action_space.shape} finite numbers, got {actions.shape}"
            )
        position, velocity = self._law.step(self._position, self._velocity, actions)
        stays = self._ended[:, None]
        self._position = np.where(stays, self._position, position)
        self._velocity = np.where(stays, self._velocity, velocity)
        self._steps += ~self._ended
        observations, info = self._observe()
        success = info["success"]
        terminated = success & self.ends
        truncated = self._steps >= self.max_episode_steps
        self._ended = self._ended | terminated | truncated
        return observations, success.astype(np.float64), terminated, truncated, info

    def _observe(self) -> tuple[np.ndarray, dict[str, Any]]:
        observations = np.concatenate((self._position, self._velocity), axis=1)
        info = {
            "target": self._targets.copy(),
            "success": reached(self._position, self._targets),
        }
        return observations, info
