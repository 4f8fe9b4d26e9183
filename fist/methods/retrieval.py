"""Where in the demonstrations am I, and where do they go from here?

The look-up of semi-parametric control: the demonstration state nearest to the current one, and the
state H steps later in the same demonstration, which becomes the goal of the next skill. With H = 3:

    demo 0   s0  s1  s2  s3  s4  s5  s6         nearest s1  ->  target s4
                                                nearest s5  ->  target s6, the demo's last state
    demo 1   s0  s1  s2  s3                     nearest s2  ->  target s3, never a state of demo 2
"""

import math
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fist.data.episodes import Episodes
from fist.methods.lanes import by_rows
from fist.methods.roadmap import Roadmap, onward
from fist.stage.settings import settings

Features = Callable[[Tensor], Tensor]
"""Maps states (N, S) to the space (N, F) in which squared Euclidean distance is measured."""
Choice = Callable[[Float[Tensor, "B N"]], Int[Tensor, " B"]]
"""Chooses a demonstration state for each of B states, by squared distances to all N of them, up to
a number for each of the B."""
Search = Literal["nearest", "track", "graph"]
JUMP = 0.01
"""Probability that a tracked place is anywhere at all at the next look-up."""


@settings
class LookupActing:
    """How one looks up."""

    search: Search = "nearest"
    """Which state of the demonstrations is retrieved: the "nearest", or, with "track", the end of
    the most likely path through the demonstrations, which moves on about as fast as time. With
    "graph", as with "nearest", but from where no demonstration passes one first goes there, by the
    ways of play (`fist.methods.roadmap`; needs `models.distance.model.nodes`)."""


class Nearest(NamedTuple):
    """The demonstration states nearest to a batch of states."""

    demo: Int[Tensor, " B"]
    """Episode, counted from 0 in the order of the demonstrations."""
    step: Int[Tensor, " B"]
    """Step within that episode, from 0."""
    distance: Float[Tensor, " B"]
    """Squared Euclidean distance between the features."""


def first_nearest(distances: Float[Tensor, "B N"]) -> Int[Tensor, " B"]:
    """Choose the nearest states, see `Choice`."""
    return distances.min(dim=1).indices


def raw_states(states: Float[Tensor, "N S"]) -> Float[Tensor, "N S"]:
    """Return the states themselves: the look-up is then Euclidean in state space."""
    return states


class DemoIndex:
    """Every state of the demonstrations, ready for nearest-neighbour look-up.

    Several demonstration states at the same distance: the first of them wins (lowest demo, then
    lowest step).
    """

    def __init__(
        self,
        episodes: Episodes,
        features: Features,
        horizon: int,
        roadmap: Roadmap | None = None,
    ):
        """Index the demonstrations.

        Args:
            episodes: the demonstrations; all states of all of them are candidates.
            features: space of the look-up, see `Features`.
            horizon: H, how many steps ahead of the nearest state the target lies; at least 1.
            roadmap: the ways of play, see `Guide`.
        """
        if horizon < 1:
            where = "(config: models.skills.model.horizon)"
            raise ValueError(f"horizon is {horizon}, must be at least 1 {where}")
        if len(episodes) == 0:
            raise ValueError("no demonstrations to look up in: the data set holds no episode")
        self.features, self.roadmap = features, roadmap
        self.states, self.actions = episodes.states, episodes.actions
        self.starts, self.lengths = starts, lengths = episodes.starts, episodes.lengths
        rows = torch.arange(len(self.states))
        self.demo = torch.arange(len(lengths)).repeat_interleave(lengths)
        self._step = episodes.steps
        self._last = (starts + lengths - 1)[self.demo]
        self._ahead = torch.arange(horizon + 1)
        self._targets = self.states[self.window(rows)[:, -1]]  # (N, S)
        candidates = self._embed(self.states)
        # Distances do not depend on the origin, but the rounding error of |f|^2 - 2 f.F does:
        # measured from the centre of the candidates it is smallest.
        self._centre = candidates.mean(0)
        candidates = candidates - self._centre
        self._norms = candidates.square().sum(1)  # (N,)
        self._minus_twice = -2 * candidates.T.contiguous()  # (F, N)

    def __len__(self) -> int:
        return len(self.states)

    @cached_property
    def guide(self) -> "Guide":
        """The shortest ways to the demonstrations, for all episodes."""
        return Guide(self)

    def nearest(self, s: Float[Tensor, "B S"]) -> Nearest:
        """Find the nearest demonstration states; ValueError where a state is not finite."""
        row, distance = self.place(s, first_nearest)
        return Nearest(self.demo[row], self._step[row], distance)

    def target(
        self, s: Float[Tensor, "B S"], choose: Choice = first_nearest
    ) -> Float[Tensor, "B S"]:
        """Return the states H steps after those that are chosen, at most the end of their demo."""
        row, _ = self.place(s, choose)
        return self._targets[row]

    def stride(self) -> float:
        """Return the median squared distance between neighbouring steps of a demonstration."""
        neighbours = self._minus_twice.diff(dim=1).square().sum(0) / 4
        return float(neighbours[self._step[1:] > 0].median())

    def behind(self, steps: int) -> Int[Tensor, " N"]:
        """Return, for every state, the row of that so many steps before, at least its demo's 0."""
        return torch.arange(len(self)) - self._step.clamp(max=steps)

    def neighbours(
        self, s: Float[Tensor, "B S"], k: int
    ) -> tuple[Float[Tensor, "B k"], Int[Tensor, "B k"]]:
        """Find the k nearest demonstration states: distances (Euclidean) and rows, nearest first.

        Where the demonstrations have fewer than k states, all of them.
        """
        scores, norms = self._scores(s)
        best, rows = scores.topk(min(k, len(self)), dim=1, largest=False)
        return (best + norms).clamp(min=0).sqrt(), rows

    def window(self, rows: Int[Tensor, "*B"]) -> Int[Tensor, "*B H1"]:
        """Return the rows of the H steps from some rows on, at most the end of their demo."""
        return torch.minimum(rows[..., None] + self._ahead, self._last[rows][..., None])

    def place(self, s: Float[Tensor, "B S"], choose: Choice) -> tuple[Tensor, Tensor]:
        """Return the rows of the states that are chosen (B,), and their squared distances (B,)."""
        scores, norms = self._scores(s)
        row = choose(scores)
        return row, (scores.gather(1, row[:, None]) + norms)[:, 0].clamp(min=0)

    @torch.inference_mode()
    def _scores(self, s: Float[Tensor, "B S"]) -> tuple[Float[Tensor, "B N"], Float[Tensor, "B 1"]]:
        """Return |F|^2 - 2 f.F for every candidate F, and |f|^2; their sum is (f - F)^2."""
        if s.ndim != 2 or s.shape[1] != self.states.shape[1]:
            raise ValueError(
                f"states have shape {tuple(s.shape)}, the demonstrations' are "
                f"(B, {self.states.shape[1]}): were both recorded in the same environment?"
            )
        f = self._embed(s) - self._centre  # (B, F)
        scores = by_rows(lambda f: torch.addmm(self._norms, f, self._minus_twice), f)
        return scores, f.square().sum(1, keepdim=True)

    @torch.inference_mode()
    def _embed(self, states: Float[Tensor, "N S"]) -> Float[Tensor, "N F"]:
        """Map states into the look-up space; ValueError where a state or a feature is not finite.

        NaN compares as neither near nor far, so the search would answer with an arbitrary row.
        """
        for what, values in (("state", states), ("feature", f := by_rows(self.features, states))):
            bad = ~torch.isfinite(values)
            if bad.any():
                row, dim = bad.nonzero()[0].tolist()
                raise ValueError(
                    f"{what} {row} of {len(values)} is {values[row, dim].item()} in dimension "
                    f"{dim}: the look-up needs finite values (a diverged simulation or encoder?)"
                )
        return f


class Tracker:
    """Where lanes are in the demonstrations: the end of the likeliest path, look-up by look-up.

    A hidden Markov model's forward filter, of maxima. From one look-up to the next, n steps later,
    the place moves on by 0 to 2n steps of its demonstration or, with probability `JUMP`, to any
    state of any. A state is seen at a place with a likelihood of exp(-d / T): d is the squared
    distance, T the demonstrations' `stride`. So a place that is passed twice is told by what came
    before, and one look-up that is off is not followed.
    """

    def __init__(self, index: DemoIndex, steps: int, moves: Sequence[float] | None = None):
        """Begin with lanes that may be anywhere.

        Args:
            index: the demonstrations.
            steps: from one look-up to the next.
            moves: what it costs to move on by 0, 1, … 2n steps; by default they cost nothing.
        """
        self._index, reach = index, 2 * steps
        self.stride = max(index.stride(), torch.finfo(torch.float32).tiny)
        self._moves = [0.0] * (reach + 1) if moves is None else moves
        self._behind = [index.behind(k) for k in range(reach + 1)]
        self._jump = math.log((1 - JUMP) / JUMP * len(index) / (reach + 1))
        self._costs: dict[int, Tensor] = {}  # by lane: what it costs to be at each state, (N,)

    def target(self, s: Float[Tensor, "B S"], lanes: Sequence[int]) -> Float[Tensor, "B S"]:
        """Look up for some lanes; return the states H steps after those that were found."""
        return self._index.target(s, lambda distances: self._choose(distances, lanes))

    def places(self, s: Float[Tensor, "B S"], lanes: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Look up for some lanes; return the rows that were found, their squared distances (B,)."""
        return self._index.place(s, lambda distances: self._choose(distances, lanes))

    def _choose(self, distances: Float[Tensor, "B N"], lanes: Sequence[int]) -> Int[Tensor, " B"]:
        anywhere = torch.zeros(distances.shape[1])
        prior = torch.stack([self._costs.get(lane, anywhere) for lane in lanes])
        costs = prior + (distances - distances.amin(1, keepdim=True)) / self.stride
        costs = costs - costs.amin(1, keepdim=True)
        moves = zip(self._behind, self._moves, strict=True)
        moved = torch.stack([costs[:, rows] + cost for rows, cost in moves]).amin(0)
        self._costs.update(zip(lanes, moved.clamp(max=self._jump), strict=True))
        return first_nearest(costs)


class Guide:
    """Where to go from anywhere: to the demonstrations by the ways of play, then along them."""

    def __init__(self, index: DemoIndex):
        """Find the shortest ways; ValueError where the ways of play are not known."""
        if index.roadmap is None:
            raise ValueError(
                "search graph needs lookup distance, and a distance with a roadmap (config: "
                "models.distance.model.nodes)"
            )
        self._index, nodes = index, index.roadmap.nodes
        places = Episodes(nodes, nodes.new_zeros(len(nodes), 1), torch.tensor([len(nodes)]))
        self._places = DemoIndex(places, index.features, 1)
        passed = self._places.nearest(index.states).step
        self._goes, following = onward(index.roadmap, passed)
        self._goals = nodes[following]

    def target(self, s: Float[Tensor, "B S"], lanes: Sequence[int]) -> Float[Tensor, "B S"]:
        """Return the next goal of each state."""
        node = self._places.nearest(s).step
        goes = self._goes[node][:, None]
        return torch.where(goes, self._goals[node], self._index.target(s))


def lookup(
    index: DemoIndex, search: Search, steps: int
) -> Callable[[Tensor, Sequence[int]], Tensor]:
    """Return what maps states (B, S) of some lanes to targets (B, S), asked every `steps` steps."""
    if search == "track":
        return Tracker(index, steps).target
    if search == "graph":
        return index.guide.target
    return partial(_memoryless, index)


def _memoryless(index: DemoIndex, s: Tensor, _lanes: Sequence[int]) -> Tensor:
    return index.target(s)
