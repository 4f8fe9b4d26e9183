"""Policies that act in several episodes at once.

Every episode has a lane: its own skill, step counter and noise. What a lane does depends on its
seed and its states alone, never on the lanes it shares a batch with or on when they joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor

from fist.methods.cloning import BCPolicy
from fist.methods.networks import Gaussian, by_rows
from fist.methods.retrieval import DemoIndex
from fist.methods.skills import Prior, SkillVAE

Choice = Literal["sample", "mean"]
"""What to take from a distribution: a sample of it, or its mean."""


class Policy(Protocol):
    """What a rollout needs of a policy."""

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin len(seeds) episodes, one lane each; a lane's noise comes from its seed alone."""

    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        """Return actions (B, A) in [-1, 1], float32, for the present states of some lanes."""


class SkillPolicy:
    """Act through skills: z from a prior every `replan_every` steps, a = pi(a | s, z) at each.

    prior "goal" is FIST: p(z | s, target), the target looked up in the demonstrations.
    prior "state" is SPiRL: p(z | s), no look-up.
    """

    def __init__(
        self,
        model: SkillVAE,
        prior: Prior,
        index: DemoIndex | None = None,
        replan_every: int = 2,
        skill: Choice = "sample",
    ):
        """Make the policy.

        Args:
            model: a trained skill model; put into eval mode (batch norm's running statistics).
            prior: which of its priors chooses the skill.
            index: the demonstrations to look targets up in, with prior "goal" only.
            replan_every: environment steps that a skill is kept for, at least 1.
            skill: take a sample of the prior, or its mean.
        """
        if (prior == "goal") != (index is not None):
            raise ValueError(
                f"prior {prior!r} {'needs' if index is None else 'does not take'} demonstrations "
                'to look targets up in: use prior "goal" with them, "state" without'
            )
        if replan_every < 1:
            raise ValueError(
                f"replan_every is {replan_every}, must be at least 1 (config: rollout.replan_every)"
            )
        self.model = model.eval()
        self.index = index
        self.replan_every = replan_every
        self.skill = _choice(skill)
        self.reset([])

    def reset(self, seeds: Sequence[int]) -> None:
        self._noise = LaneNoise(seeds)
        self._skills = torch.zeros(len(seeds), self.model.settings.z_dim)
        self._steps = torch.zeros(len(seeds), dtype=torch.long)

    @torch.inference_mode()
    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        s, lanes = _states(states, self.model.state_dim), torch.as_tensor(lanes)
        step = self._steps[lanes] % self.replan_every
        due = step == 0
        if due.any():
            self._skills[lanes[due]] = self._choose(s[due], lanes[due])
        self._steps[lanes] += 1
        return _actions(by_rows(self.model.decode, s, self._skills[lanes], step))

    def _choose(self, s: Float[Tensor, "B S"], lanes: Tensor) -> Float[Tensor, "B Z"]:
        """Take a new skill for every one of these lanes."""
        if self.index is None:
            prior = by_rows(self.model.prior_state, s)
        else:
            prior = by_rows(self.model.prior_goal, s, self.index.target(s))
        return self._noise.pick(prior, self.skill, lanes)


class ActionPolicy:
    """Act without skills: every action from a cloned policy, pi(a | s) or pi(a | s, target)."""

    def __init__(self, model: BCPolicy, index: DemoIndex | None = None, action: Choice = "sample"):
        """Make the policy.

        Args:
            model: a cloned policy.
            index: the demonstrations to look targets up in, for a policy with goals only.
            action: take a sample of the policy, or its mean.
        """
        if model.settings.goal != (index is not None):
            raise ValueError(
                "a cloned policy with goals needs demonstrations to look them up in, one without "
                f"takes none: goal is {model.settings.goal}, demonstrations are "
                f"{'missing' if index is None else 'given'}"
            )
        self.model, self.index = model.eval(), index
        self.action = _choice(action)
        self.reset([])

    def reset(self, seeds: Sequence[int]) -> None:
        self._noise = LaneNoise(seeds)

    @torch.inference_mode()
    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        s = _states(states, self.model.state_dim)
        goals = () if self.index is None else (self.index.target(s),)
        return _actions(self._noise.pick(by_rows(self.model, s, *goals), self.action, lanes))


class ReplayPolicy:
    """Replay the demonstration that is nearest to the first state, open loop, then do nothing."""

    def __init__(self, index: DemoIndex):
        self.index = index
        self.reset([])

    def reset(self, seeds: Sequence[int]) -> None:
        self._rows = torch.full((len(seeds),), -1)
        self._ends = torch.zeros(len(seeds), dtype=torch.long)

    @torch.inference_mode()
    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        s, lanes = _states(states, self.index.states.shape[1]), torch.as_tensor(lanes)
        new = self._rows[lanes] < 0
        if new.any():
            demo, step, _ = self.index.nearest(s[new])
            self._rows[lanes[new]] = self.index.starts[demo] + step
            self._ends[lanes[new]] = self.index.starts[demo] + self.index.lengths[demo]
        rows, ends = self._rows[lanes], self._ends[lanes]
        actions = self.index.actions[torch.minimum(rows, ends - 1)]
        self._rows[lanes] = rows + 1
        return _actions(torch.where((rows < ends)[:, None], actions, 0.0))


class NeighbourPolicy:
    """Act as the k nearest demonstration states did (VINN): their actions, weighted by exp(-d)."""

    def __init__(self, index: DemoIndex, k: int = 5):
        """Make the policy; `k` is at least 1, d is the Euclidean distance in the look-up space."""
        if k < 1:
            raise ValueError(f"neighbours is {k}, must be at least 1 (config: rollout.neighbours)")
        self.index, self.k = index, k

    def reset(self, seeds: Sequence[int]) -> None:
        """Nothing to begin with: the policy draws no noise and remembers nothing."""

    @torch.inference_mode()
    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        s = _states(states, self.index.states.shape[1])
        distances, actions = self.index.neighbours(s, self.k)
        weights = torch.softmax(-distances, dim=1)
        return _actions((weights[:, :, None] * actions).sum(1))


class LaneNoise:
    """Standard normal noise, one stream per lane."""

    def __init__(self, seeds: Sequence[int]):
        """Seed the streams."""
        self._generators = [Generator().manual_seed(int(seed)) for seed in seeds]

    def pick(
        self, distribution: Gaussian, choice: Choice, lanes: Sequence[int] | Tensor
    ) -> Float[Tensor, "B D"]:
        """Return one sample per lane, drawn with the lane's own noise, or the means."""
        if choice == "mean":
            return distribution.mean
        noise = torch.empty_like(distribution.mean)
        for row, lane in zip(noise, lanes, strict=True):
            row.normal_(generator=self._generators[int(lane)])
        return distribution.sample(noise)


def _choice(value: str) -> Choice:
    if value not in ("sample", "mean"):
        raise ValueError(f'{value!r} must be "sample" or "mean" (config: rollout.skill)')
    return value


def _states(states: np.ndarray, dims: int) -> Float[Tensor, "B S"]:
    """Turn observations into float32 states; ValueError where the model knows another kind."""
    if states.ndim != 2 or states.shape[1] != dims:
        raise ValueError(
            f"observations have shape {states.shape}, the policy was made from states of {dims} "
            "dimensions: was it made for this environment?"
        )
    return torch.from_numpy(np.asarray(states, dtype=np.float32))


def _actions(mean: Float[Tensor, "B A"]) -> np.ndarray:
    return mean.clamp(-1.0, 1.0).numpy()
