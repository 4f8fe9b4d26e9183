"""Behaviour cloning: a plain policy, the yardstick for data and for skills."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fist.networks import MLP, Gaussian, Normaliser, gaussian


@dataclass(frozen=True)
class BCSettings:
    """Shape of the policy; the defaults are the reference's for the kitchen."""

    hidden: int = 128
    """Width of every hidden layer."""
    blocks: int = 5
    """Hidden blocks, without batch norm (3 in the mazes)."""
    normalise: bool = False
    """Shift and scale states by the training data's mean and standard deviation."""
    scale_floor: float = 0.1
    """Smallest standard deviation to divide a state by, in the state's units."""


class BCPolicy(nn.Module):
    """pi(a | s), a diagonal Gaussian."""

    def __init__(self, settings: BCSettings, state_dim: int, action_dim: int):
        super().__init__()
        self.settings, self.state_dim, self.action_dim = settings, state_dim, action_dim
        self.normaliser = Normaliser(state_dim, settings.scale_floor)
        self.net = MLP(
            state_dim, 2 * action_dim, settings.hidden, settings.blocks, batch_norm=False
        )

    def fit_normaliser(self, states: Float[Tensor, "N S"]) -> None:
        """Take the states' scale from the training data, if the settings ask for it."""
        if self.settings.normalise:
            self.normaliser.fit(states)

    def forward(self, s: Float[Tensor, "B S"]) -> Gaussian:
        """Return the Gaussian over actions at states s."""
        return gaussian(self.net(self.normaliser(s)))

    def losses(
        self, s: Float[Tensor, "B S"], a: Float[Tensor, "B A"]
    ) -> dict[str, Float[Tensor, ""]]:
        """Return the negative log-likelihood of the actions, summed over their dimensions."""
        return {"nll": self(s).nll(a).sum(-1).mean()}


def flatten_windows(s: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """Turn windows (B, H+1, S), (B, H, A) into the B·H (state, action) pairs they hold."""
    return torch.flatten(s[:, :-1], 0, 1), torch.flatten(a, 0, 1)
