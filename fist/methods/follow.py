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

What demonstrations change for good (`fist.methods.effects`) is done or it is not: a knob that was
turned a bit farther than shown must not take one off the way. What is undone is done again, and so
is what was missed.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from fist.data.episodes import Episodes
from fist.methods.base import Policy
from fist.methods.chunk import GoalChunk, GoalChunkActing
from fist.methods.effects import AFTER, DoneSoFar, Effect, as_at, effects, part
from fist.methods.lanes import as_actions, by_rows
from fist.methods.retrieval import DemoIndex, Tracker, first_nearest
from fist.methods.skills import FIST, FISTActing
from fist.stage.settings import Flag, Positive, settings

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
    effects: Flag = True
    """Know what the demonstrations change for good (`fist.methods.effects`): what is done counts as
    done as it is shown, and what is undone or was missed is done again."""


class Following(Policy):
    """Follow the demonstrations where they are near; act as another policy does where they are not.

    For a class that is derived from it and from a policy that looks up, with a `FeedbackModel`.
    """

    def __init__(self, model: Any, index: DemoIndex, act: Any):
        demos = Episodes(index.states, index.actions, index.lengths)
        demos = demos.take(_ending_alike(index).nonzero()[:, 0].tolist())
        horizon = model.settings.horizon
        self._followed = DemoIndex(demos, index.features, horizon)
        self._effects = effects(demos, horizon) if act.effects else []
        self._again = [
            Again(type(self), model, index, demos, self._effects, n, act)
            for n in range(len(self._effects))
        ]
        super().__init__(model, index, act)

    def reset(self, seeds: Sequence[int]) -> None:
        super().reset(seeds)
        self._so_far = DoneSoFar(self._effects, self.model.settings.horizon, len(seeds))
        for again in self._again:
            again.reset(seeds)
        self._tracker = Tracker(self._followed, 1, moves=OUT_OF_STEP)
        self._farthest = torch.full((len(seeds),), -1)
        self._waited = torch.zeros(len(seeds), dtype=torch.long)

    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        seen = self.seen(states)
        which, settled = self._so_far.see(seen, lanes)
        actions = np.empty((len(states), self.model.action_dim), np.float32)
        for n in which.unique().tolist():
            rows = (which == n).nonzero()[:, 0].tolist()
            here = [lanes[row] for row in rows]
            if n < 0:
                actions[rows] = self._follow(settled[rows], here)
            else:
                shown = as_at(self._effects, n, seen[rows])
                actions[rows] = self._again[n].act(shown, here)
        return actions

    @torch.inference_mode()
    def _follow(self, s: Float[Tensor, "B S"], lanes: Sequence[int]) -> np.ndarray:
        learnt = torch.from_numpy(super().act(s.numpy(), lanes))  # of the other policy
        k, distance = self._tracker.places(s, lanes)
        demo = self._followed.demo[k]
        self._so_far.passes(demo, k - self._followed.starts[demo], lanes)
        w = torch.exp(-distance / self.near)
        w = torch.where(self._lets_go(k, torch.as_tensor(lanes)), 0.0, w)[:, None]
        correction = self.correction(s, self._followed.states[k])
        followed = (self._followed.actions[k] + correction).clamp(-1, 1)
        return as_actions(w * followed + (1 - w) * learnt)

    def correction(
        self, s: Float[Tensor, "B S"], place: Float[Tensor, "B S"]
    ) -> Float[Tensor, "B A"]:
        """Return what the operator would add to an action for being at s and not at a place."""
        away = self.model.normaliser(s) - self.model.normaliser(place)
        return by_rows(lambda away: away @ self.model.slope.T, away)

    def waited(self, lanes: Sequence[int]) -> Int[Tensor, " B"]:
        """Return for how many steps some lanes have not got on."""
        return self._waited[lanes]

    @property
    def near(self) -> float:
        """Squared distance within which a demonstration is followed, in the look-up's space."""
        return self.settings.within**2 * self._tracker.stride

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


class Again:
    """Does again what was undone or missed: goes straight to where the demonstrations begin, from
    there to a place before it, and follows them from that place.

    Who does not get on for 2 H steps goes on to the next of these; after the last, to the first.
    """

    def __init__(
        self,
        cls: type[Following],
        model: Any,
        index: DemoIndex,
        demos: Episodes,
        found: Sequence[Effect],
        n: int,
        act: Any,
    ):
        """Take what the demonstrations do for their n-th effect; no other effect changes then."""
        horizon = model.settings.horizon
        shown = part(demos, found, n, horizon)
        self._follower = cls(
            model, DemoIndex(shown, index.features, horizon), replace(act, effects=False)
        )
        begins = as_at(found, n, demos.states[demos.starts])
        # AFTER H before the half of the effect
        before = shown.starts + (shown.lengths - 2 * AFTER * horizon).clamp(min=0)
        ones = torch.ones_like(before)
        self._ways = [
            DemoIndex(Episodes(places, shown.actions[before], ones), index.features, horizon)
            for places in (begins, shown.states[before])
        ]
        self._patience = PATIENCE * horizon
        self.reset([])

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin len(seeds) episodes."""
        self._follower.reset(seeds)
        self._stage, self._steps = torch.zeros(2, len(seeds), dtype=torch.long)

    @torch.inference_mode()
    def act(self, s: Float[Tensor, "B S"], lanes: Sequence[int]) -> np.ndarray:
        """Return the actions (B, A) of some lanes."""
        rows, follower = torch.as_tensor(lanes), self._follower
        stage = self._stage[rows]
        actions = np.empty((len(s), follower.model.action_dim), np.float32)
        for n, way in enumerate(self._ways):
            place, distance = way.place(s, first_nearest)
            stage = torch.where((stage == n) & (distance < follower.near), n + 1, stage)
            goes = (stage == n).numpy()
            actions[goes] = as_actions(follower.correction(s, way.states[place]))[goes]
        steps = torch.where(stage == self._stage[rows], self._steps[rows] + 1, 0)
        follows = stage == len(self._ways)
        if here := [lane for lane, on in zip(lanes, follows.tolist(), strict=True) if on]:
            actions[follows.numpy()] = follower.act(s[follows].numpy(), here)
            steps[follows] = follower.waited(here)
        over = steps > self._patience
        self._stage[rows] = torch.where(over, (stage + 1) % (len(self._ways) + 1), stage)
        self._steps[rows] = torch.where(over, 0, steps)
        return actions


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
