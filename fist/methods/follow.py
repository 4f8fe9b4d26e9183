"""Following a demonstration, with learnt skills to come back to it.

A goal tells a learnt policy where to be in H steps, not how: it goes there as the play on average
did. Where a demonstration is at hand, its own actions say more:

    followed    a_k + K (s - s_k)
    learnt      pi(a | s, z), z from p(z | s, target): FIST's
    acted       w followed + (1 - w) learnt, w = exp(-d^2 / within^2)

k is the step of the demonstrations at which the robot is. It is tracked (`Tracker`): it moves on
about as fast as time does, or jumps to another place that is clearly nearer. d is the distance of
the present state from s_k in the space of the look-up, in steps: the distance that demonstrations
cover in one. K is the operator's feedback, which corrects the recorded action for being elsewhere
than then; it is estimated from play (`fist.methods.feedback`).

Who does not get on for 2 H steps lets go of the demonstration for 3 H. A demonstration that ends
elsewhere than most is not followed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from fist.data.episodes import Episodes
from fist.methods.base import Policy
from fist.methods.chunk import GoalChunk, GoalChunkActing
from fist.methods.lanes import as_actions, by_rows
from fist.methods.retrieval import DemoIndex, Tracker
from fist.methods.skills import FIST, FISTActing
from fist.stage.settings import Positive, settings

OUT_OF_STEP = (0.2, 0.0, 0.2)
"""What it costs, in nats, to stay for a step, to move on by one, by two."""
PATIENCE, FREE = 2, 3
"""Horizons without getting on, until the demonstration is let go of, and for how long it is."""
BACK = 5
"""Steps back that are no noise: one begins again there."""
ELSEWHERE = 3.0
"""How much farther from the others than the median an end is that is elsewhere."""


@settings
class Nearness:
    """When one follows."""

    within: Positive = 2.4
    """Distance, in steps of the demonstrations, within which a demonstration is followed."""


class Following(Policy):
    """Follow the demonstrations where they are near; act as another policy does where they are not.

    For a class that is derived from it and from a policy that looks up, with a `FeedbackModel`.
    """

    def __init__(self, model: Any, index: DemoIndex, act: Any):
        demos = Episodes(index.states, index.actions, index.lengths)
        alike = _ending_alike(index).nonzero()[:, 0].tolist()
        self._followed = DemoIndex(demos.take(alike), index.features, model.settings.horizon)
        super().__init__(model, index, act)

    def reset(self, seeds: Sequence[int]) -> None:
        super().reset(seeds)
        self._tracker = Tracker(self._followed, 1, moves=OUT_OF_STEP)
        self._farthest = torch.full((len(seeds),), -1)
        self._waited = torch.zeros(len(seeds), dtype=torch.long)

    @torch.inference_mode()
    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        learnt = torch.from_numpy(super().act(states, lanes))  # of the other policy
        s, normalise = self.seen(states), self.model.normaliser
        k, distance = self._tracker.places(s, lanes)
        w = torch.exp(-distance / (self.settings.within**2 * self._tracker.stride))
        w = torch.where(self._lets_go(k, torch.as_tensor(lanes)), 0.0, w)[:, None]
        away = normalise(s) - normalise(self._followed.states[k])
        correction = by_rows(lambda away: away @ self.model.slope.T, away)
        followed = (self._followed.actions[k] + correction).clamp(-1, 1)
        return as_actions(w * followed + (1 - w) * learnt)

    def _lets_go(self, k: Int[Tensor, " B"], lanes: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        """Tell which lanes, now at rows k, have not got on for too long, and take note."""
        farthest, horizon = self._farthest[lanes], self.model.settings.horizon
        demo = self._followed.demo
        moved = (k > farthest) | (k < farthest - BACK) | (demo[k] != demo[farthest.clamp(min=0)])
        waited = torch.where(moved, 0, self._waited[lanes] + 1)
        self._farthest[lanes] = torch.where(moved, k, farthest)
        over = waited > (PATIENCE + FREE) * horizon
        self._waited[lanes] = torch.where(over, 0, waited)
        return waited > PATIENCE * horizon


@settings
class FollowActing(Nearness, FISTActing):
    """How one follows, and acts through skills."""


class Follow(Following, FIST):
    """Follow the demonstrations where they are near, and act through skills where they are not."""

    Settings = FollowActing


@settings
class FollowChunkActing(Nearness, GoalChunkActing):
    """How one follows, and acts in chunks."""


class FollowChunk(Following, GoalChunk):
    """Follow the demonstrations where they are near, and act in chunks where they are not."""

    Settings = FollowChunkActing


def _ending_alike(index: DemoIndex) -> Bool[Tensor, " E"]:
    """Tell which demonstrations end where most of them do; of two, both."""
    ends = by_rows(index.features, index.states[index.starts + index.lengths - 1])
    away = torch.cdist(ends, ends).median(1).values
    return away <= ELSEWHERE * away.median()
