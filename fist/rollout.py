"""Run a policy in an environment: one row of results per test episode.

Any Gymnasium environment will do. Its info tells success (`success`; without it, that the episode
terminated). Where the task has sub-tasks, the environment's attribute `subtasks` names them, in
order, and info holds two boolean vectors over them, `completed_ordered` and `completed_any_order`.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from tqdm import tqdm

from fist.policy import Choice, Policy
from fist.results import EpisodeRow

Observer = Callable[[int, gymnasium.Env, Mapping[str, Any]], None]
"""Called with (episode, environment, info) after every reset and every step."""


@dataclass(frozen=True)
class RolloutSettings:
    """How policies are tested; the defaults are the reference's, but for fixed test seeds."""

    episodes: int = 20
    """Test episodes."""
    first_test_seed: int = 100_000
    """Episode i has the test seed first_test_seed + i, for every method and training seed."""
    replan_every: int = 2
    """Environment steps that a skill is kept for."""
    skill: Choice = "sample"
    """Skill (of a cloned policy: action): a "sample" of its distribution, or its "mean"."""
    max_steps: int = 0
    """Longest episode in environment steps; 0 for the environment's own limit."""
    batch: int = 20
    """Episodes that run at once in a process, their actions computed together."""

    def __post_init__(self) -> None:
        for name in ("episodes", "first_test_seed", "replan_every", "max_steps", "batch"):
            least = 0 if name in ("first_test_seed", "max_steps") else 1
            if getattr(self, name) < least:
                raise ValueError(
                    f"rollout.{name} is {getattr(self, name)}, must be at least {least}"
                )
        if self.skill not in ("sample", "mean"):
            raise ValueError(f'rollout.skill is {self.skill!r}, must be "sample" or "mean"')

    @property
    def test_seeds(self) -> range:
        """Test seed of every episode."""
        return range(self.first_test_seed, self.first_test_seed + self.episodes)


def rollout(
    env_id: str,
    env_kwargs: Mapping[str, Any],
    policy: Policy,
    seeds: Sequence[int],
    max_steps: int = 0,
    batch: int = 20,
    observer: Observer | None = None,
) -> list[EpisodeRow]:
    """Run one episode per seed and return their rows, in the order of the seeds.

    Every episode gets an environment of its own, closed at its end; at most `batch` exist at once.
    Neither `batch` nor the other episodes have an influence on an episode.

    Args:
        env_id: Gymnasium id, "module:Name-v0" to import the module that registers it.
        env_kwargs: arguments for `gymnasium.make`.
        policy: acts for all running episodes at once.
        seeds: test seed of each episode, for its environment and its policy noise.
        max_steps: length limit; 0 for the environment's own.
        batch: episodes that run at once.
        observer: watches every reset and step, see `Observer`.

    Raises:
        ValueError: no limit ends an episode.
        FloatingPointError: an observation is not finite.
    """
    policy.reset(seeds)
    waiting = deque(enumerate(seeds))
    running: list[_Episode] = []
    rows: list[EpisodeRow] = []
    # A log file wants a line now and then, a terminal a bar that moves.
    interval = 0.5 if sys.stderr.isatty() else 30.0
    try:
        with tqdm(total=len(seeds), desc="rollout", unit="episode", mininterval=interval) as bar:
            while waiting or running:
                while waiting and len(running) < batch:
                    running.append(_Episode(env_id, env_kwargs, *waiting.popleft(), max_steps))
                    running[-1].start(observer)
                lanes = [episode.number for episode in running]
                actions = policy.act(np.stack([episode.state for episode in running]), lanes)
                for episode, action in zip(running, actions, strict=True):
                    episode.step(action, observer)
                for episode in [episode for episode in running if episode.done]:
                    running.remove(episode)
                    episode.env.close()
                    rows.append(episode.row())
                    bar.set_postfix_str(_score(rows), refresh=False)
                    bar.update()
    finally:
        for episode in running:
            episode.env.close()
    return sorted(rows, key=lambda row: row.episode)


class _Episode:
    """One running episode: its environment, its present state and what it has achieved."""

    def __init__(
        self, env_id: str, env_kwargs: Mapping[str, Any], number: int, seed: int, max_steps: int
    ):
        self.env = gymnasium.make(env_id, max_episode_steps=max_steps or None, **env_kwargs)
        if self.env.spec.max_episode_steps is None:
            self.env.close()
            raise ValueError(
                f"{env_id} has no limit on the length of an episode: set max_steps "
                "(config: rollout.max_steps)"
            )
        self.number, self.seed = number, seed
        self.length, self.total, self.success, self.done = 0, 0.0, False, False
        self.steps: dict[str, int | None] = {}

    def start(self, observer: Observer | None) -> None:
        """Reset the environment."""
        state, info = self.env.reset(seed=self.seed)
        if "completed_ordered" in info:
            self.steps = dict.fromkeys(self.env.get_wrapper_attr("subtasks"))
        self._observe(state, info, observer)

    def step(self, action: np.ndarray, observer: Observer | None) -> None:
        """Take one step and note what it completed."""
        state, reward, terminated, truncated, info = self.env.step(action)
        self.length += 1
        self.total += float(reward)
        self.success = bool(info.get("success", terminated))
        self.done = terminated or truncated
        counted = info["completed_ordered"] if self.steps else ()
        for subtask, now in zip(self.steps, counted, strict=True):
            if now and self.steps[subtask] is None:
                self.steps[subtask] = self.length
        self._observe(state, info, observer)

    def row(self) -> EpisodeRow:
        """Return how the episode went."""
        ordered = any_order = None
        if self.steps:
            ordered = sum(step is not None for step in self.steps.values())
            any_order = int(np.sum(self.info["completed_any_order"]))
        return EpisodeRow(
            episode=self.number,
            test_seed=self.seed,
            length=self.length,
            episode_return=self.total,
            subtasks_ordered=ordered,
            subtasks_any_order=any_order,
            success=self.success,
            steps=self.steps,
        )

    def _observe(
        self, state: np.ndarray, info: Mapping[str, Any], observer: Observer | None
    ) -> None:
        self.state, self.info = np.asarray(state), info
        if not np.isfinite(self.state).all():
            raise FloatingPointError(
                f"{self.env.spec.id}, test seed {self.seed}, step {self.length}: the observation "
                "is not finite; the simulation diverged"
            )
        if observer is not None:
            observer(self.number, self.env, info)


def _score(rows: Sequence[EpisodeRow]) -> str:
    """Return the running averages for the progress bar."""
    score = f"success {np.mean([row.success for row in rows]):.2f}"
    counted = [row.subtasks_ordered for row in rows if row.subtasks_ordered is not None]
    return f"{score}, sub-tasks {np.mean(counted):.2f}" if counted else score
