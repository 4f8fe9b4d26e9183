"""Episodes step by step: what the policy saw, and what it looked up in the demonstrations.

`trace_rows` says what a row holds. The policy acts exactly as the one that is wrapped.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from fist.evaluation.evaluate import Trial
from fist.evaluation.rollout import rollout
from fist.evaluation.trace_rows import COLUMNS
from fist.methods.base import Policy
from fist.methods.retrieval import Choice, DemoIndex
from fist.stage.columns import write_table

DIGITS = "%.6g"
"""Digits of every number that is not whole."""


class Retrieval(NamedTuple):
    """What one look-up answered: demo, demo_step, distance and target of a row."""

    demo: int
    step: int
    distance: float
    target: Float[np.ndarray, " S"]
    """The state H steps later in that demonstration, at most its last."""


class WatchedIndex(DemoIndex):
    """An index of demonstrations that remembers the last look-up of a single state."""

    def __init__(self, index: DemoIndex):
        vars(self).update(vars(index))
        self.asked = False
        self.last: Retrieval | None = None

    def neighbours(self, s: Float[Tensor, "1 S"], k: int) -> tuple[Tensor, Tensor]:
        self.nearest(s)
        return super().neighbours(s, k)

    def place(self, s: Float[Tensor, "1 S"], choose: Choice) -> tuple[Tensor, Tensor]:
        row, distance = super().place(s, choose)
        place = int(self.demo[row]), int(self._step[row]), float(distance)
        self.last, self.asked = Retrieval(*place, self._targets[row][0].numpy()), True
        return row, distance


class Recorder(Policy):
    """A policy that acts as another one does, and keeps what it acted on, one lane at a time.

    Its `watch` is to be the observer of the rollout.
    """

    def __init__(self, policy: Policy):
        self.rows: list[dict[str, Any]] = []
        """What the CSV says of every step, but for the labels."""
        self.found: list[Retrieval | None] = []
        """The look-up that is followed at every step; None where there is none."""
        self._names: tuple[str, ...] = ()
        self._policy = copy.copy(policy)  # leaves the given one as it is
        self.action_scale = getattr(policy, "action_scale", None)
        self._index = None
        if getattr(policy, "index", None) is not None:
            self._policy.index = self._index = WatchedIndex(policy.index)

    def watch(self, _episode: int, env: gymnasium.Env, info: Mapping[str, Any]) -> None:
        """See a reset or a step."""
        known = "completed_ordered" in info
        self._counted = int(np.sum(info["completed_ordered"])) if known else None
        if not self._names:
            named = env.has_wrapper_attr("state_names")
            [dims] = env.observation_space.shape or ()
            names = env.get_wrapper_attr("state_names") if named else map(str, range(dims))
            self._names = tuple(names)

    def reset(self, seeds: Sequence[int]) -> None:
        self._seeds = seeds
        self.rows.clear()
        self.found.clear()
        self._policy.reset(seeds)

    def act(self, states: Float[np.ndarray, "1 S"], lanes: Sequence[int]) -> np.ndarray:
        [state], [lane] = states, lanes
        first = not self.rows or self.rows[-1]["episode"] != lane
        if self._index is not None:
            self._index.asked = False
            if first:
                self._index.last = None
        actions = self._policy.act(states, lanes)
        found = None if self._index is None else self._index.last
        demo, demo_step, distance, target = found or (None, None, None, [None] * len(self._names))
        row = {
            "episode": lane,
            "test_seed": self._seeds[lane],
            "step": 0 if first else self.rows[-1]["step"] + 1,
            "counted": self._counted,
            **{f"state_{name}": x for name, x in zip(self._names, state, strict=False)},
            "demo": demo,
            "demo_step": demo_step,
            "distance": distance,
            "looked_up": int(self._index is not None and self._index.asked),
            **{f"target_{name}": x for name, x in zip(self._names, target, strict=False)},
        }
        self.rows.append(row)
        self.found.append(found)
        return actions


def trace(out: str | Path, trial: Trial, episodes: int) -> pd.DataFrame:
    """Run the first test episodes of a trained method, write their steps to `out` and return them.

    Args:
        out: the CSV to write; columns as in `trace_rows`.
        trial: what is run; the test seeds begin at its first_test_seed.
        episodes: how many test episodes, at least 1: those of the same number in episodes.csv.

    Raises:
        ValueError: no episode is asked for.
    """
    if episodes < 1:
        raise ValueError(f"traced is {episodes}, must be at least 1 (config: figures.traced)")
    recorder = Recorder(trial.policy())
    first, limit = trial.rollout.first_test_seed, trial.rollout.max_steps
    rollout(
        trial.env_id,
        trial.env_kwargs,
        recorder,
        range(first, first + episodes),
        limit,
        batch=1,
        observer=recorder.watch,
        wrappers=trial.wrappers,
    )
    what = {key: value for key, value in asdict(trial.labels).items() if key != "data_source"}
    table = pd.DataFrame([what | row for row in recorder.rows])
    text = table.to_csv(index=False, float_format=DIGITS, lineterminator="\n")
    write_table(out, COLUMNS, text)
    return table
