"""Where in the demonstrations am I, and where do they go from here?

The look-up of semi-parametric control: the demonstration state nearest to the current one, and the
state H steps later in the same demonstration, which becomes the goal of the next skill. With H = 3:

    demo 0   s0  s1  s2  s3  s4  s5  s6         nearest s1  ->  target s4
                                                nearest s5  ->  target s6, the demo's last state
    demo 1   s0  s1  s2  s3                     nearest s2  ->  target s3, never a state of demo 2
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fist.data.episodes import Episodes
from fist.methods.lanes import by_rows

Features = Callable[[Tensor], Tensor]
"""Maps states (N, S) to the space (N, F) in which squared Euclidean distance is measured."""


class Nearest(NamedTuple):
    """The demonstration states nearest to a batch of states."""

    demo: Int[Tensor, " B"]
    """Episode, counted from 0 in the order of the demonstrations."""
    step: Int[Tensor, " B"]
    """Step within that episode, from 0."""
    distance: Float[Tensor, " B"]
    """Squared Euclidean distance between the features."""


def raw_states(states: Float[Tensor, "N S"]) -> Float[Tensor, "N S"]:
    """Return the states themselves: the look-up is then Euclidean in state space."""
    return states


class DemoIndex:
    """Every state of the demonstrations, ready for nearest-neighbour look-up.

    Several demonstration states at the same distance: the first of them wins (lowest demo, then
    lowest step).
    """

    def __init__(self, episodes: Episodes, features: Features, horizon: int):
        """Index the demonstrations.

        Args:
            episodes: the demonstrations; all states of all of them are candidates.
            features: space of the look-up, see `Features`.
            horizon: H, how many steps ahead of the nearest state the target lies; at least 1.
        """
        if horizon < 1:
            where = "(config: models.skills.model.horizon)"
            raise ValueError(f"horizon is {horizon}, must be at least 1 {where}")
        if len(episodes) == 0:
            raise ValueError("no demonstrations to look up in: the data set holds no episode")
        self.features = features
        self.states, self.actions = episodes.states, episodes.actions
        self.starts, self.lengths = starts, lengths = episodes.starts, episodes.lengths
        rows = torch.arange(len(self.states))
        self._demo = torch.arange(len(lengths)).repeat_interleave(lengths)
        self._step = rows - starts[self._demo]
        self._last = (starts + lengths - 1)[self._demo]
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

    def nearest(self, s: Float[Tensor, "B S"]) -> Nearest:
        """Find the nearest demonstration states; ValueError where a state is not finite."""
        row, distance = self._lookup(s)
        return Nearest(self._demo[row], self._step[row], distance)

    def target(self, s: Float[Tensor, "B S"]) -> Float[Tensor, "B S"]:
        """Return the states H steps after the nearest ones, at most the end of their demo."""
        row, _ = self._lookup(s)
        return self._targets[row]

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

    def _lookup(self, s: Float[Tensor, "B S"]) -> tuple[Tensor, Tensor]:
        """Return rows of the index (B,) and squared distances (B,)."""
        scores, norms = self._scores(s)
        best, row = scores.min(dim=1)
        return row, (best + norms[:, 0]).clamp(min=0)

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
