"""What demonstrations change for good: a door that stays open, a kettle that stays where it is put.

An entry of the state is changed for good where it rests at one value at first and at another one
from some step on. The robot's own entries are not: they move all the time. Entries that change
together, within a horizon, are one effect.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fist.data.episodes import Episodes

ENDS = 5
"""Steps at either end of a demonstration whose mean counts as its first, or last, value."""
NOISES = 8.0
"""Changes of fewer medians of what an entry changes by in a step are none."""
NEAR, REST = 0.12, 0.8
"""An entry rests within this share of its change from either value, in this share of the steps."""
AFTER = 2
"""Horizons for which one goes on after the half of an effect, so that all of it is done."""
DONE, MOST, UNDONE = 0.85, 2.0, 0.5
"""Shares between which an effect counts as done, and below which what was done is undone."""
MISSED = 0.5
"""Horizons after the half of an effect by which whoever has not done it has missed it."""
SURE = 3
"""Steps of being undone, until that is believed."""
ALIKE = 0.5
"""By what share of its mean a change may differ between demonstrations."""


class Effect(NamedTuple):
    """Entries of the state that are changed for good, together."""

    entries: Int[Tensor, " D"]
    steps: Int[Tensor, " E"]
    """The step of each demonstration from which on half of the change is done."""
    before: Float[Tensor, " D"]
    after: Float[Tensor, " D"]

    def done(self, s: Float[Tensor, "B S"]) -> Float[Tensor, " B"]:
        """Return how much of it is done in some states: 0 is none of it, 1 all."""
        return ((s[:, self.entries] - self.before) / (self.after - self.before)).mean(1)


def effects(demos: Episodes, horizon: int) -> list[Effect]:
    """Return the effects that all of some demonstrations have; none if their orders differ."""
    ends, steps, lasting = [], [], []
    for start, length in zip(demos.starts.tolist(), demos.lengths.tolist(), strict=True):
        s = demos.states[start : start + length]
        before, after = s[:ENDS].mean(0), s[-ENDS:].mean(0)
        done = (s - before) / (after - before)  # not finite where nothing changes
        rests = torch.minimum(done.abs(), (done - 1).abs()) < NEAR
        moves = s.diff(dim=0).abs().median(0).values
        lasting.append((rests.float().mean(0) > REST) & ((after - before).abs() > NOISES * moves))
        steps.append((torch.arange(1, length + 1)[:, None] * (done < 0.5)).amax(0))
        ends.append(torch.stack((before, after)))
    before, after = torch.stack(ends).unbind(1)
    change = (after - before).mean(0)
    alike = ((after - before - change).abs() <= ALIKE * change.abs()).all(0)
    found = (torch.stack(lasting).all(0) & alike).nonzero()[:, 0]
    when = torch.stack(steps)[:, found].float()
    order = when.mean(0).argsort(stable=True)
    apart = (when[:, order].diff(dim=1).abs() > horizon).any(0)
    cuts = apart.nonzero()[:, 0] + 1
    made = [
        Effect(
            found[together],
            when[:, together].mean(1).long(),
            before.mean(0)[found[together]],
            after.mean(0)[found[together]],
        )
        for together in order.tensor_split(cuts)
        if len(together)
    ]
    in_order = all((b.steps > a.steps).all() for a, b in pairwise(made))
    return made if in_order else []


def as_at(found: Sequence[Effect], n: int, s: Float[Tensor, "B S"]) -> Float[Tensor, "B S"]:
    """Return states with all effects before the n-th one done, and all after it not."""
    s = s.clone()
    for other, effect in enumerate(found):
        if other != n:
            s[:, effect.entries] = effect.after if other < n else effect.before
    return s


def part(demos: Episodes, found: Sequence[Effect], n: int, horizon: int) -> Episodes:
    """Return what each demonstration does for its n-th effect.

    It begins where the effect before is half done, and ends `AFTER` horizons after this one is.
    """
    begins = found[n - 1].steps if n else torch.zeros_like(demos.lengths)
    ends = torch.minimum(found[n].steps + AFTER * horizon, demos.lengths)
    first, stop = (step.repeat_interleave(demos.lengths) for step in (begins, ends))
    rows = (demos.steps >= first) & (demos.steps < stop)
    return Episodes(as_at(found, n, demos.states[rows]), demos.actions[rows], ends - begins)


class DoneSoFar:
    """Tells of every lane which effects are done in it, and which are undone or were missed."""

    def __init__(self, found: Sequence[Effect], horizon: int, lanes: int):
        """Begin with lanes in which nothing has been done."""
        self._effects, self._horizon = found, horizon
        self._done, self._undone = torch.zeros(2, lanes, len(found), dtype=torch.long)
        self._was = torch.zeros(lanes, len(found), dtype=torch.bool)

    def see(
        self, s: Float[Tensor, "B S"], lanes: Sequence[int]
    ) -> tuple[Int[Tensor, " B"], Float[Tensor, "B S"]]:
        """Take note of the present states of some lanes.

        Returns:
            of each the first effect, from 0, that is undone or was missed; -1 where none is.
            the states in which effects that have been done for H steps are so as they are shown.
        """
        if not self._effects:
            return torch.full((len(s),), -1), s
        rows, s = torch.as_tensor(lanes), s.clone()
        share = torch.stack([effect.done(s) for effect in self._effects], 1)
        done = (share > DONE) & (share < MOST)
        self._was[rows] |= done
        self._done[rows] = torch.where(done, self._done[rows] + 1, 0)
        undone = self._undone[rows] + (self._was[rows] & (share < UNDONE))
        self._undone[rows] = torch.where(done, 0, undone)
        for n, effect in enumerate(self._effects):
            rests = self._done[rows, n, None] > self._horizon
            s[:, effect.entries] = torch.where(rests, effect.after, s[:, effect.entries])
        undone = self._undone[rows] >= SURE
        return torch.where(undone.any(1), undone.int().argmax(1), -1), s

    def passes(
        self, demo: Int[Tensor, " B"], step: Int[Tensor, " B"], lanes: Sequence[int]
    ) -> None:
        """Take note that some lanes are where some demonstrations are at a step of theirs.

        What these have done by then is to be done again where it is not.
        """
        if self._effects:
            half = torch.stack([effect.steps[demo] for effect in self._effects], 1)
            self._was[torch.as_tensor(lanes)] |= step[:, None] > half + MISSED * self._horizon
