"""Behaviour cloning: a plain policy, the yardstick for data and for skills.

BC       pi(a | s)
goal-BC  pi(a | s_t, s_{t+H})    takes the look-up of FIST, but acts without skills
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fist.methods.networks import MLP, Gaussian, Normaliser, gaussian


@dataclass(frozen=True)
class BCSettings:
    """Shape of the policy; the defaults are the reference's for the kitchen."""

    goal: bool = False
    """Whether the policy also sees the state H steps ahead (goal-BC)."""
    horizon: int = 10
    """H: steps between a state and its goal; of no effect without goals."""
    hidden: int = 128
    """Width of every hidden layer (32 in the mazes)."""
    blocks: int = 5
    """Hidden blocks, without batch norm (3 in the mazes)."""
    normalise: bool = False
    """Shift and scale states by the training data's mean and standard deviation."""
    scale_floor: float = 0.1
    """Smallest standard deviation to divide a state by, in the state's units."""

    def __post_init__(self) -> None:
        for name in ("horizon", "hidden"):
            if getattr(self, name) < 1:
                raise ValueError(f"bc.model.{name} is {getattr(self, name)}, must be at least 1")

    @property
    def span(self) -> int:
        """Steps that a training window covers."""
        return self.horizon if self.goal else 1


class BCPolicy(nn.Module):
    """pi(a | s) or pi(a | s, goal), a diagonal Gaussian."""

    def __init__(self, settings: BCSettings, state_dim: int, action_dim: int):
        super().__init__()
        self.settings, self.state_dim, self.action_dim = settings, state_dim, action_dim
        self.normaliser = Normaliser(state_dim, settings.scale_floor)
        inputs = 2 * state_dim if settings.goal else state_dim
        self.net = MLP(inputs, 2 * action_dim, settings.hidden, settings.blocks, batch_norm=False)

    def fit_normaliser(self, states: Float[Tensor, "N S"]) -> None:
        """Take the states' scale from the training data, if the settings ask for it."""
        if self.settings.normalise:
            self.normaliser.fit(states)

    def forward(
        self, s: Float[Tensor, "B S"], goal: Float[Tensor, "B S"] | None = None
    ) -> Gaussian:
        """Return the Gaussian over actions at states s, on the way to goals if there are any."""
        if (goal is not None) != self.settings.goal:
            raise ValueError(
                f"this policy was trained {'with' if self.settings.goal else 'without'} goals, "
                f"and was asked {'with' if goal is not None else 'without'} them"
            )
        s = self.normaliser(s)
        return gaussian(self.net(s if goal is None else torch.cat((s, self.normaliser(goal)), -1)))

    def losses(
        self, s: Float[Tensor, "B H1 S"], a: Float[Tensor, "B H A"]
    ) -> dict[str, Float[Tensor, ""]]:
        """Return the negative log-likelihood of a window's first action, summed over dimensions."""
        goal = s[:, -1] if self.settings.goal else None
        return {"nll": self(s[:, 0], goal).nll(a[:, 0]).sum(-1).mean()}
