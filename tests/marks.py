"""A small deterministic environment for tests: walk over three marks on the plane, in order."""

from typing import ClassVar

import gymnasium
import numpy as np

MARKS = {"left": (-0.5, 0.0), "right": (0.5, 0.0), "top": (0.0, 0.5)}


class MarksEnv(gymnasium.Env):
    """Observation: (x, y) plus a little noise; action: displacement / 0.1.

    A mark is complete while the walker is within 0.2 of it. The start is random, the noise is
    drawn at every step, both from the reset's seed. With `named=False` there are no subtasks and
    no success in info. `nan_at`: the step at which the observation becomes NaN.
    """

    metadata: ClassVar[dict] = {"render_modes": ["rgb_array"], "render_fps": 10}
    alive: ClassVar[int] = 0
    most_alive: ClassVar[int] = 0

    def __init__(self, named=True, nan_at=None, render_mode=None, width=64, height=64):
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.named, self.nan_at = named, nan_at
        self.render_mode, self.size = render_mode, (height, width)
        if named:
            self.subtasks = tuple(MARKS)
        self._open = True
        MarksEnv.alive += 1
        MarksEnv.most_alive = max(MarksEnv.most_alive, MarksEnv.alive)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position = self.np_random.uniform(-1, 1, 2)
        self.ordered, self.any_order, self.steps = 0, np.zeros(len(MARKS), bool), 0
        return self._observe(), self._info()

    def step(self, action):
        assert self._open and np.abs(action).max() <= 1
        self.position = np.clip(self.position + 0.1 * action, -1, 1)
        self.steps += 1
        complete = np.linalg.norm(self.position - np.array(list(MARKS.values())), axis=1) < 0.2
        self.any_order |= complete
        before = self.ordered
        while self.ordered < len(MARKS) and complete[self.ordered]:
            self.ordered += 1
        terminated = self.ordered == len(MARKS)
        return self._observe(), float(self.ordered - before), terminated, False, self._info()

    def render(self):
        return np.full((*self.size, 3), 40, dtype=np.uint8)

    def close(self):
        MarksEnv.alive -= self._open
        self._open = False

    def _observe(self):
        noisy = self.position + 0.01 * self.np_random.uniform(-1, 1, 2)
        return noisy * np.nan if self.steps == self.nan_at else noisy

    def _info(self):
        if not self.named:
            return {}
        return {
            "completed_ordered": np.arange(len(MARKS)) < self.ordered,
            "completed_any_order": self.any_order.copy(),
            "success": self.ordered == len(MARKS),
        }


class MarksVectorEnv(gymnasium.vector.SyncVectorEnv):
    """Several walks at once, in any of Gymnasium's ways to go on after an episode."""

    def __init__(self, num_envs, max_episode_steps, autoreset_mode="NextStep", env=MarksEnv, **kw):
        def walk():
            return gymnasium.wrappers.TimeLimit(env(**kw), max_episode_steps)

        super().__init__([walk] * num_envs, autoreset_mode=autoreset_mode)
        self.subtasks = tuple(MARKS)


class MarksDictEnv(MarksEnv):
    """The observation as a dictionary; success is told as robots of Gymnasium-Robotics tell it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        box = gymnasium.spaces.Box(-np.inf, np.inf, (1,), np.float64)
        self.observation_space = gymnasium.spaces.Dict({"y": box, "x": box})

    def _observe(self):
        x, y = super()._observe()
        return {"y": np.array([y]), "x": np.array([x])}

    def _info(self):
        info = super()._info()
        return info | {"is_success": float(info.pop("success"))}


class MarksShownEnv(MarksEnv):
    """Starts where it is told to, and is the brighter the further right the walker is."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position = (options or {}).get("position", self.position)
        self.drawn = self.np_random.integers(256)
        return self._observe(), self._info()

    def render(self):
        picture = np.full((*self.size, 3), 100 + 100 * self.position[0], dtype=np.uint8)
        picture[:, -1] = self.drawn  # as a maze shows where its target is
        return picture

    @staticmethod
    def state_options(observation):
        return {"position": np.array(observation)}


gymnasium.register("Marks-v0", MarksEnv, max_episode_steps=60)
gymnasium.register("MarksWithoutLimit-v0", MarksEnv)
gymnasium.register("MarksShown-v0", MarksShownEnv, max_episode_steps=60)
gymnasium.register("MarksDict-v0", MarksDictEnv, max_episode_steps=60)
