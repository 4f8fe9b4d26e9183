"""Disturbances of test episodes: Gymnasium wrappers, for any environment with a box of actions.

`Trial.wrappers` names them, the innermost first, as {"wrapper": "module:Class", **settings}. What a
disturbance draws comes from the seed of the reset alone, so that an episode is the same whatever
runs beside it and whatever else disturbs it.
"""

from collections import deque
from typing import Any, ClassVar
from zlib import crc32

import gymnasium
import numpy as np
from gymnasium import spaces

from fist.stage.settings import Count, Natural, NonNegative, settings


class Disturbance(gymnasium.Wrapper):
    """What all disturbances share: settings that are checked, and draws of their own."""

    Settings: ClassVar[type]
    """What can be set."""

    def __init__(self, env: gymnasium.Env, **given: Any):
        """Wrap an environment; ValueError for another setting, or for actions without bounds."""
        super().__init__(env)
        space = env.action_space
        if not (isinstance(space, spaces.Box) and space.is_bounded()):
            name = type(self).__name__
            raise ValueError(f"{name} needs a bounded box of actions, the environment has {space}")
        self.settings = self.Settings(**given)
        self.draws = np.random.default_rng()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; without a seed, the draws go on."""
        if seed is not None:
            kind = crc32(type(self).__name__.encode())
            self.draws = np.random.default_rng([seed, kind])
        self.begin()
        return self.env.reset(seed=seed, options=options)

    def begin(self) -> None:
        """Get ready for an episode."""


@settings
class RandomActionsSettings:
    """When actions are random."""

    steps: Count = 5
    """How many in a row."""
    between: tuple[Natural, Natural] = (0, 100)
    """The first of them is drawn between these two steps, counted from 0, both included."""


class RandomActions(Disturbance):
    """Once in an episode, uniform random actions stand in the place of the policy's."""

    Settings = RandomActionsSettings

    def begin(self) -> None:
        low, high = sorted(self.settings.between)
        self._since = -int(self.draws.integers(low, high + 1))

    def step(self, action: Any) -> Any:
        if 0 <= self._since < self.settings.steps:
            space: Any = self.action_space
            action = self.draws.uniform(space.low, space.high).astype(space.dtype)
        self._since += 1
        return self.env.step(action)


@settings
class ActionDelaySettings:
    """How late actions are."""

    steps: Count = 1
    """Environment steps from an action to its effect."""


class ActionDelay(Disturbance):
    """Actions take effect some steps later; until the first one does, they are zero."""

    Settings = ActionDelaySettings

    def begin(self) -> None:
        assert isinstance(self.action_space, spaces.Box)  # see __init__
        self._queue = deque([np.zeros_like(self.action_space.low)] * self.settings.steps)

    def step(self, action: Any) -> Any:
        self._queue.append(np.array(action))
        return self.env.step(self._queue.popleft())


@settings
class ObservationNoiseSettings:
    """How noisy observations are."""

    std: NonNegative | tuple[NonNegative, ...]
    """Standard deviation, in the observation's units: of all entries, or of each."""


class ObservationNoise(Disturbance):
    """Observations are vectors with Gaussian noise; those that are dictionaries are laid flat."""

    Settings = ObservationNoiseSettings

    def __init__(self, env: gymnasium.Env, **given: Any):
        super().__init__(env, **given)
        size = spaces.flatdim(env.observation_space)
        if np.shape(self.settings.std) not in ((), (size,)):
            found = len(self.settings.std)
            raise ValueError(f"ObservationNoise.std has {found} entries, observations have {size}")
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float64)

    def reset(self, **how: Any) -> tuple[np.ndarray, dict[str, Any]]:
        observation, info = super().reset(**how)
        return self._noisy(observation), info

    def step(self, action: Any) -> Any:
        observation, *rest = self.env.step(action)
        return self._noisy(observation), *rest

    def _noisy(self, observation: Any) -> np.ndarray:
        exact = spaces.flatten(self.env.observation_space, observation)
        return exact + self.draws.normal(size=len(exact)) * self.settings.std


@settings
class SetBackSettings:
    """When an object is put back."""

    after: Natural = 20
    """Steps from the completion of its subtask until then, or more: until its place is free."""


class SetBack(Disturbance):
    """Once in an episode, a finished object is put back where it was, to be done again.

    It is that of a drawn subtask, any but the last, which has to be counted in order first. The
    environment says how: its method `set_back(subtask)` also takes back that it was counted, and
    returns whether that was possible.
    """

    Settings = SetBackSettings

    def __init__(self, env: gymnasium.Env, **given: Any):
        super().__init__(env, **given)
        if not (self.has_wrapper_attr("set_back") and self.has_wrapper_attr("subtasks")):
            name = type(env.unwrapped).__name__
            raise ValueError(f"SetBack needs `subtasks` and a method `set_back`, {name} lacks them")
        self._subtasks = self.get_wrapper_attr("subtasks")
        if len(self._subtasks) < 2:
            raise ValueError("SetBack needs a task of two subtasks or more: the last one ends it")

    def begin(self) -> None:
        self._drawn = int(self.draws.integers(len(self._subtasks) - 1))
        self._left: int | None = None

    def step(self, action: Any) -> Any:
        if self._left == 0 and not self.get_wrapper_attr("set_back")(self._subtasks[self._drawn]):
            self._left += 1
        result = self.env.step(action)
        if self._left is not None:
            self._left -= 1
        elif result[-1]["completed_ordered"][self._drawn]:
            self._left = self.settings.after
        return result
