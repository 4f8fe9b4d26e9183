"""Following a demonstration, with learnt skills to come back to it.

A goal tells a learnt policy where to be in H steps, not how: it goes there as the play on average
did. Where a demonstration is at hand, its own actions say more:

    followed    a_k + K (s - s_k)
    learnt      pi(a | s, z), z from p(z | s, target): FIST's
    acted       w followed + (1 - w) learnt, w = exp(-d^2 / 2 within^2)

k is the step of the demonstrations at which the robot is. It is tracked (`Tracker`): it moves on
about as fast as time does, waits where the robot or an object is late, and jumps back where a
sub-task was not done. d is how far the robot and what it is about to move are from where they were
at k. K is the operator's feedback, which corrects the recorded action for being elsewhere than
then; it is estimated from play (`fist.methods.feedback`).

Distances are in shares of the range that each dimension has in the demonstrations; dimensions that
only have noise do not count. A demonstration that ends elsewhere than most is not followed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fist.data.episodes import Episodes
from fist.methods.lanes import as_actions, by_rows
from fist.methods.retrieval import DemoIndex, Tracker
from fist.methods.skills import FIST, FISTActing
from fist.stage.settings import Positive, settings

SEEN = 0.1
"""Standard deviation of what is seen at a step, around what it was, in shares of the range."""
OUT_OF_STEP = (1.0, 0.0, 1.0)
"""What it costs, in nats, to stay for a step, to move on by one, by two."""
NOISE, MOVES = 8.0, 5.0
"""A dimension's range that is more than noise, and that is a movement, in median single steps."""
ELSEWHERE = 3.0
"""How much farther than the others an end is, by the median, that is elsewhere."""


@settings
class FollowActing(FISTActing):
    """How one follows."""

    within: Positive = 0.3
    """How near a demonstration is that is followed: shares of the range of every dimension."""


class Follow(FIST):
    """Follow the demonstrations where they are near, and act through skills where they are not."""

    Settings = FollowActing

    def __init__(self, model: Any, index: DemoIndex, act: Any):
        demos = Episodes(index.states, index.actions, index.lengths)
        span = demos.states.amax(0) - demos.states.amin(0)
        step = _steps(demos).median(0).values
        floor = torch.full_like(span, model.settings.scale_floor)
        self._scale = torch.where(span > NOISE * step, 1 / span.maximum(floor), 0.0)
        self._demos = demos.take(_ending_alike(demos, self._scale).nonzero()[:, 0].tolist())
        self._moving = _moving(self._demos, model.settings.horizon, MOVES * step)
        self._near = DemoIndex(self._demos, lambda s: s * self._scale, 1)
        super().__init__(model, index, act)

    def reset(self, seeds: Sequence[int]) -> None:
        super().reset(seeds)
        self._tracker = Tracker(self._near, 1, 2 * SEEN**2, OUT_OF_STEP)

    @torch.inference_mode()
    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        learnt = torch.from_numpy(super().act(states, lanes))
        s, normalise = self.seen(states), self.model.normaliser
        k = self._tracker.places(s, lanes)
        at = self._demos.states[k]
        off = (self._scale * (s - at)).square() * self._moving[k]
        w = torch.exp(-off.sum(1, keepdim=True) / (2 * self.settings.within**2))
        corrected = by_rows(lambda s: s @ self.model.slope.T, normalise(s) - normalise(at))
        followed = (self._demos.actions[k] + corrected).clamp(-1, 1)
        return as_actions(w * followed + (1 - w) * learnt)


def _steps(demos: Episodes) -> Float[Tensor, "M S"]:
    """Return by how much every dimension changes from one step to the next."""
    first = torch.zeros(len(demos.states), dtype=torch.bool)
    first[demos.starts] = True
    return demos.states.diff(dim=0).abs()[~first[1:]]


def _ending_alike(demos: Episodes, scale: Float[Tensor, " S"]) -> Bool[Tensor, " E"]:
    """Tell which demonstrations end where most of them do; of two, both."""
    ends = scale * demos.states[demos.starts + demos.lengths - 1]
    away = torch.cdist(ends, ends).median(1).values
    return away <= ELSEWHERE * away.median()


def _moving(demos: Episodes, horizon: int, noise: Float[Tensor, " S"]) -> Float[Tensor, "N S"]:
    """Return 1 where a dimension moves within H steps before and after a state, else 0."""
    rows, lengths = torch.arange(len(demos.states))[:, None], demos.lengths
    first = demos.starts.repeat_interleave(lengths)[:, None]
    last = (demos.starts + lengths - 1).repeat_interleave(lengths)[:, None]
    around = (rows + torch.arange(-horizon, horizon + 1)).maximum(first).minimum(last)
    seen = demos.states[around]
    return (seen.amax(1) - seen.amin(1) > noise).to(demos.states.dtype)
