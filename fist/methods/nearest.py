"""No learnt policy at all: what a sceptic would hold a method against.

Both act on the demonstrations alone, looked up like FIST's.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from fist.methods.base import Policy
from fist.methods.lanes import as_actions, as_states
from fist.stage.settings import Count, settings


class Replay(Policy):
    """Replay the demonstration that is nearest to the first state, open loop, then do nothing."""

    looks_up = True

    def reset(self, seeds: Sequence[int]) -> None:
        self._rows = torch.full((len(seeds),), -1)
        self._ends = torch.zeros(len(seeds), dtype=torch.long)

    @torch.inference_mode()
    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        s, at = as_states(states, self.index.states.shape[1]), torch.as_tensor(lanes)
        new = self._rows[at] < 0
        if new.any():
            demo, step, _ = self.index.nearest(s[new])
            self._rows[at[new]] = self.index.starts[demo] + step
            self._ends[at[new]] = self.index.starts[demo] + self.index.lengths[demo]
        rows, ends = self._rows[at], self._ends[at]
        actions = self.index.actions[torch.minimum(rows, ends - 1)]
        self._rows[at] = rows + 1
        return as_actions(torch.where((rows < ends)[:, None], actions, 0.0))


@settings
class NeighbourSettings:
    """How neighbours act."""

    neighbours: Count = 5
    """Demonstration states whose actions are averaged."""


class Neighbours(Policy):
    """Act as the k nearest demonstration states did (VINN): their actions, weighted by exp(-d).

    d is the Euclidean distance in the space of the look-up.
    """

    looks_up = True
    Settings = NeighbourSettings

    @torch.inference_mode()
    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        s = as_states(states, self.index.states.shape[1])
        distances, rows = self.index.neighbours(s, self.settings.neighbours)
        weights = torch.softmax(-distances, dim=1)
        return as_actions((weights[:, :, None] * self.index.actions[rows]).sum(1))
