"""Run a policy in an environment: one row of results per test episode.

Any Gymnasium environment will do. Observations that are dictionaries are flattened, in the order of
Gymnasium's `FlattenObservation`. Success is `info["success"]` or `info["is_success"]` of the last
step, otherwise `terminated`. Where the task has subtasks, the environment's attribute `subtasks`
names them, in order, and info has two boolean vectors over them, `completed_ordered` and
`completed_any_order`. Vector environments have the same, with the lanes as the first axis, in any
of Gymnasium's autoreset modes.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Annotated, Any

import gymnasium
import numpy as np
from annotated_types import Le
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec, WrapperSpec
from gymnasium.vector import AutoresetMode

from fist.data.actions import executed
from fist.evaluation.episode_results import EpisodeRow
from fist.evaluation.failures import Course
from fist.methods.base import Policy
from fist.stage.files import reason
from fist.stage.functions import env_spec, function
from fist.stage.progress import Progress
from fist.stage.settings import Count, Natural, Seed, settings

log = logging.getLogger(__name__)

Wrappers = Sequence[Mapping[str, Any]]
"""Gymnasium wrappers around an environment, from the inside to the outside: each the name of its
class and its arguments, {"wrapper": "module:Class", **arguments}."""
Observer = Callable[[int, gymnasium.Env, Mapping[str, Any]], None]
"""Called with (episode, environment, info) after every reset and every step."""


@settings
class RolloutSettings:
    """On which episodes policies are tested."""

    episodes: Annotated[Count, Le(100_000)] = 20
    """Test episodes of every task, method and training seed."""
    first_test_seed: Seed = 100_000
    """Episode i has the test seed first_test_seed + i, for every method and training seed."""
    max_steps: Annotated[Natural, Le(1_000_000)] = 0
    """Longest episode in environment steps; 0 for the environment's own limit."""
    batch: Annotated[Count, Le(1_000)] = 20
    """Episodes that run at once in a process, their actions computed together."""

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
    finished: Sequence[EpisodeRow] = (),
    keep: Callable[[list[EpisodeRow]], None] | None = None,
    wrappers: Wrappers = (),
) -> list[EpisodeRow]:
    """Run one episode per seed and return their rows, in the order of the seeds.

    The episodes run `batch` at a time: in a vector environment where there is one (Gymnasium's
    `vector_entry_point`) and nothing wraps it, otherwise each in an environment of its own. Neither
    `batch` nor the other episodes have an influence on an episode.

    Args:
        env_id: Gymnasium id, "module:Name-v0" to import the module that registers it.
        env_kwargs: arguments for `gymnasium.make`.
        policy: acts for all running episodes at once.
        seeds: test seed of each episode, for its environment and its policy noise.
        max_steps: length limit; 0 for the environment's own.
        batch: episodes that run at once.
        observer: watches every reset and step, see `Observer`; the environments are then single.
        finished: rows of whole batches that an earlier call has kept; these are not run again.
        keep: called after every batch with all rows so far.
        wrappers: what is put around each environment, see `Wrappers`.

    Raises:
        ValueError: no limit ends an episode.
        FloatingPointError: an observation is not finite.
    """
    spec = make_spec(env_id, env_kwargs, max_steps, wrappers)
    policy.reset(seeds)
    vector = spec.vector_entry_point is not None and observer is None
    run = _together if vector else partial(_singly, observer=observer)
    rows = list(finished)
    with closing(Progress(len(seeds), len(rows), "episode")) as progress:
        for first in range(len(rows), len(seeds), batch):
            numbers = range(first, min(first + batch, len(seeds)))
            episodes = [_Episode(spec.id, number, seeds[number]) for number in numbers]
            for row in run(spec, policy, episodes):
                rows.append(row)
                progress.update(_score(rows))
            rows.sort(key=lambda row: row.episode)
            if keep is not None:
                keep(rows)
    return rows


def make_env(env_id: str | EnvSpec, env_kwargs: Mapping[str, Any] = {}) -> gymnasium.Env:
    """Make an environment whose observations are vectors; ValueError where it cannot be made."""
    with _making(env_id):
        env = gymnasium.make(env_id, **env_kwargs)
    if isinstance(env.observation_space, spaces.Dict):
        env = gymnasium.wrappers.FlattenObservation(env)
    return env


@contextmanager
def _making(env_id: str | EnvSpec) -> Iterator[None]:
    """While an environment is made: ValueError where its arguments are not its own."""
    try:
        yield
    except (TypeError, AttributeError) as error:
        name = env_id.id if isinstance(env_id, EnvSpec) else env_id
        raise ValueError(f"{name} cannot be made: {reason(error)}") from error


def wrapper_spec(told: Mapping[str, Any]) -> WrapperSpec:
    """Return the registration of a wrapper, see `Wrappers`; ValueError where it is none."""
    if not (isinstance(told, Mapping) and isinstance(told.get("wrapper"), str)):
        raise ValueError(f'a wrapper is {{"wrapper": "module:Class", …}}, not {told!r:.99}')
    name, arguments = told["wrapper"], {key: told[key] for key in told if key != "wrapper"}
    found = function(name, "module:Class")
    if not (isinstance(found, type) and issubclass(found, gymnasium.Wrapper)):
        raise ValueError(f"{name!r} is no subclass of gymnasium.Wrapper")
    return WrapperSpec(found.__name__, name, arguments)


def make_spec(
    env_id: str, env_kwargs: Mapping[str, Any], max_steps: int, wrappers: Wrappers = ()
) -> EnvSpec:
    """Return the registration of an environment, with its arguments and the limit on its length.

    With `wrappers` around it, an environment is a single one.

    Raises:
        ValueError: there is no such environment or wrapper, or no limit.
        ImportError: its module cannot be imported.
    """
    spec = copy.deepcopy(env_spec(env_id))
    spec.kwargs |= env_kwargs
    spec.max_episode_steps = max_steps or spec.max_episode_steps
    if spec.max_episode_steps is None:
        raise ValueError(
            f"{env_id} has no limit on the length of an episode: set max_steps "
            "(config: rollout.max_steps)"
        )
    if wrappers:
        spec.additional_wrappers = (*spec.additional_wrappers, *map(wrapper_spec, wrappers))
        spec.vector_entry_point = None
    return spec


def _singly(
    spec: EnvSpec, policy: Policy, episodes: Sequence[_Episode], observer: Observer | None
) -> Iterator[EpisodeRow]:
    """Run episodes in environments of their own; yield each row as its episode ends."""

    def see(episode: _Episode, env: gymnasium.Env, state: np.ndarray, info: Mapping) -> None:
        episode.see(state, info)
        if observer is not None:
            observer(episode.number, env, info)

    with ExitStack() as stack:
        envs = [stack.enter_context(make_env(spec)) for _ in episodes]
        running = list(zip(episodes, envs, strict=True))
        for episode, env in running:
            state, info = env.reset(seed=episode.seed)
            if "completed_ordered" in info:
                episode.steps = dict.fromkeys(env.get_wrapper_attr("subtasks"))
            see(episode, env, state, info)
        while running:
            lanes = [episode.number for episode, _ in running]
            states = np.stack([episode.state for episode, _ in running])
            actions = _act(policy, states, lanes, spaces.flatdim(running[0][1].action_space))
            for (episode, env), action in zip(running, actions, strict=True):
                state, reward, terminated, truncated, info = env.step(action)
                episode.count(action, reward, terminated, truncated, info)
                see(episode, env, state, info)
                if episode.done:
                    yield episode.row()
            running = [lane for lane in running if not lane[0].done]
        if episodes[0].number == 0:
            episodes[0].compare(envs[-1].reset(seed=episodes[0].seed)[0])


def _together(spec: EnvSpec, policy: Policy, episodes: Sequence[_Episode]) -> Iterator[EpisodeRow]:
    """Run episodes in one vector environment; yield each row as its episode ends."""
    mode = "vector_entry_point"
    with _making(spec):
        made: Any = gymnasium.make_vec(spec, len(episodes), vectorization_mode=mode)
    if isinstance(made.single_observation_space, spaces.Dict):
        made = gymnasium.wrappers.vector.FlattenObservation(made)
    with closing(made) as env:
        seeds = [episode.seed for episode in episodes]
        states, info = env.reset(seed=seeds)
        for lane, episode in enumerate(episodes):
            if "completed_ordered" in info:
                episode.steps = dict.fromkeys(env.unwrapped.subtasks)
            episode.see(*_lane(states, info, lane))
        disabled = env.metadata.get("autoreset_mode") == AutoresetMode.DISABLED
        running = list(range(len(episodes)))
        actions = np.zeros(env.action_space.shape, env.action_space.dtype)
        while running:
            lanes = [episodes[lane].number for lane in running]
            actions[running] = _act(policy, states[running], lanes, actions.shape[1])
            states, rewards, terminated, truncated, info = env.step(actions)
            for lane in running:
                episode, (state, of_lane) = episodes[lane], _lane(states, info, lane)
                told = rewards[lane], terminated[lane], truncated[lane], of_lane
                episode.count(actions[lane], *told)
                episode.see(state, of_lane)
                if episode.done:
                    yield episode.row()
            running = [lane for lane in running if not episodes[lane].done]
            ended = terminated | truncated
            if running and ended.any() and disabled:
                env.reset(options={"reset_mask": ended})
        if episodes[0].number == 0:
            episodes[0].compare(env.reset(seed=[*seeds[1:], seeds[0]])[0][-1])


def _act(policy: Policy, states: np.ndarray, lanes: list[int], size: int) -> np.ndarray:
    """Return the actions of a policy; one column would otherwise be taken for all of them."""
    actions = policy.act(states, lanes)
    if actions.shape != (len(lanes), size):
        name = type(policy).__name__
        raise ValueError(f"{name}.act returned {actions.shape} actions, not {(len(lanes), size)}")
    return executed(actions, getattr(policy, "action_scale", None))


def _lane(
    states: np.ndarray, info: Mapping[str, Any], lane: int
) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the state of one lane and what a vector environment's info says of it.

    Where the lane has already begun its next episode, both are the last ones of the one before.
    """
    if "final_info" in info and info["_final_info"][lane]:
        return _lane(info["final_obs"], info["final_info"], lane)
    keys = ("success", "is_success", "completed_ordered", "completed_any_order")
    every = np.ones(len(states), dtype=bool)
    told = [key for key in keys if key in info and info.get(f"_{key}", every)[lane]]
    return states[lane], {key: info[key][lane] for key in told}


class _Episode:
    """One running episode: its present state and what it has achieved."""

    def __init__(self, env_id: str, number: int, seed: int):
        self.env_id, self.number, self.seed = env_id, number, seed
        self.length, self.total, self.success, self.done = 0, 0.0, False, False
        self.steps: dict[str, int | None] = {}
        self.first = np.zeros(0)
        self.course = Course()

    def count(
        self, action: np.ndarray, reward: Any, terminated: bool, truncated: bool, info: Mapping
    ) -> None:
        """Note what a step has done, earned and completed."""
        self.length += 1
        self.course.act(action)
        self.total += float(reward)
        self.success = bool(info.get("success", info.get("is_success", terminated)))
        self.done = bool(terminated or truncated)
        counted = info["completed_ordered"] if self.steps else ()
        for subtask, now in zip(self.steps, counted, strict=True):
            if not now:
                self.steps[subtask] = None
            elif self.steps[subtask] is None:
                self.steps[subtask] = self.length

    def see(self, state: np.ndarray, info: Mapping[str, Any]) -> None:
        """Take in what a reset or a step shows."""
        self.state, self.info = np.array(state), info
        self.first = self.first if self.length else self.state
        if not np.isfinite(self.state).all():
            raise FloatingPointError(
                f"{self.env_id}, test seed {self.seed}, step {self.length}: the observation "
                "is not finite; the simulation diverged"
            )
        self.course.see(self.state)

    def compare(self, again: np.ndarray) -> None:
        """Warn where another reset with the episode's seed begins elsewhere."""
        if not np.allclose(self.first, again):
            log.warning(
                "warning: %s does not begin where the seed says: after two resets with seed %d the "
                "first observations differ by up to %.2g. Methods are not tested on the same "
                "episodes, and another run has others: let reset(seed=…) decide all that is drawn",
                self.env_id,
                self.seed,
                np.abs(again - self.first).max(),
            )

    def row(self) -> EpisodeRow:
        """Return how the episode went."""
        ordered = sum(step is not None for step in self.steps.values()) if self.steps else None
        any_order = int(np.sum(self.info["completed_any_order"])) if self.steps else None
        told = self.length, self.steps, any_order
        return EpisodeRow(
            episode=self.number,
            test_seed=self.seed,
            length=self.length,
            episode_return=self.total,
            subtasks_ordered=ordered,
            subtasks_any_order=any_order,
            success=self.success,
            steps=self.steps,
            action_change=self.course.action_change(),
            failure="" if self.success else self.course.failure(*told),
        )


def _score(rows: Sequence[EpisodeRow]) -> str:
    """Return the running averages."""
    score = f"success {np.mean([row.success for row in rows]):.2f}"
    counted = [row.subtasks_ordered for row in rows if row.subtasks_ordered is not None]
    return f"{score}, subtasks {np.mean(counted):.2f}" if counted else score
