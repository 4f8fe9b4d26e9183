"""Plans: what is decided every few steps and carried out, step by step, on the live state."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fist.methods.base import Policy
from fist.methods.lanes import as_actions, by_rows
from fist.stage.settings import Count, settings


@settings
class Replanning:
    """How often one plans."""

    replan_every: Count = 2
    """Replanning interval: environment steps that a plan (a skill, a chunk) is kept for."""


class Planner(Policy):
    """Make a plan every `replan_every` steps, and carry it out at each."""

    Settings = Replanning

    def reset(self, seeds: Sequence[int]) -> None:
        self._plans: Tensor | None = None
        self._steps = torch.zeros(len(seeds), dtype=torch.long)

    @torch.inference_mode()
    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        s, at = self.seen(states), torch.as_tensor(lanes)
        step = self._steps[at] % self.settings.replan_every
        due = step == 0
        if due.any():
            plans = self.plan(s[due], at[due])
            if self._plans is None:
                self._plans = plans.new_zeros(len(self._steps), *plans.shape[1:])
            self._plans[at[due]] = plans
        assert self._plans is not None  # a lane's first step is due
        self._steps[at] += 1
        return as_actions(by_rows(self.carry_out, s, self._plans[at], step))

    def plan(self, s: Float[Tensor, "B S"], lanes: Int[Tensor, " B"]) -> Float[Tensor, "B *P"]:
        """Return plans for some lanes at states s."""
        raise NotImplementedError

    def carry_out(
        self, s: Float[Tensor, "B S"], plans: Float[Tensor, "B *P"], step: Int[Tensor, " B"]
    ) -> Float[Tensor, "B A"]:
        """Return actions at states s, `step` steps after the plans were made."""
        raise NotImplementedError
