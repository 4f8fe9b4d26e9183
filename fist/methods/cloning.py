"""Behaviour cloning: a plain policy, the yardstick for data and for skills.

BC       pi(a | s)                  learns from all pairs of a window of H steps
goal-BC  pi(a | s_t, s_{t+H})    takes the look-up of FIST, but acts without skills
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fist.data.windows import Windows
from fist.methods.base import Material, Model, ModelSettings, Policy, Sampler, Terms
from fist.methods.lanes import Choice, LaneNoise, as_actions, by_rows
from fist.methods.networks import MLP, Gaussian, gaussian
from fist.methods.retrieval import LookupActing, lookup
from fist.stage.settings import Count, Natural, settings


@settings
class BCSettings(ModelSettings):
    """Shape of the policy; the defaults are the reference's for the kitchen."""

    hidden: Count = 128
    """Width of every hidden layer (32 in the mazes)."""
    blocks: Natural = 5
    """Hidden blocks, without batch norm (3 in the mazes)."""


class BCModel(Model):
    """pi(a | s), a diagonal Gaussian."""

    name = "bc"
    Settings = BCSettings
    recipe: ClassVar = {"train": {"epochs": 200}, "finetune": {"epochs": 50, "validation": 0}}
    sees_goal: ClassVar[bool] = False
    """Whether the policy also sees the state H steps ahead."""

    def __init__(self, settings: BCSettings, state_dim: int, action_dim: int):
        super().__init__(settings, state_dim, action_dim)
        inputs = 2 * state_dim if self.sees_goal else state_dim
        self.net = MLP(inputs, 2 * action_dim, settings.hidden, settings.blocks, batch_norm=False)

    def sampler(self, material: Material, batch: int, device: torch.device | str) -> Sampler:
        """Return what draws windows."""
        windows = Windows(material.main, self.span(self.settings), device)
        return lambda generator: windows.sample(batch, generator)

    def forward(self, s: Float[Tensor, "B S"], *goal: Float[Tensor, "B S"]) -> Gaussian:
        """Return the Gaussian over actions at states s, on the way to goals if it sees any."""
        return gaussian(self.net(torch.cat([self.normaliser(part) for part in (s, *goal)], -1)))

    def losses(self, s: Float[Tensor, "B H1 S"], a: Float[Tensor, "B H A"]) -> Terms:
        """Return the negative log-likelihood of a window's actions, summed over dimensions.

        With goals that is its first action: the goal is H steps from there.
        """
        if self.sees_goal:
            actions, a = self(s[:, 0], s[:, -1]), a[:, 0]
        else:
            actions, a = self(s[:, :-1].flatten(0, 1)), a.flatten(0, 1)
        return {"nll": actions.nll(a).sum(-1).mean()}


class GoalBCModel(BCModel):
    """pi(a | s_t, s_{t+H})."""

    name = "goal_bc"
    sees_goal = True


@settings
class BCActing:
    """How a cloned policy acts."""

    skill: Choice = "sample"
    """Take a "sample" of the policy's actions, or their "mean"."""


@settings
class GoalBCActing(LookupActing, BCActing):
    """How a policy acts that is cloned with what is looked up."""


class BC(Policy):
    """Act without skills: every action from pi(a | s)."""

    Model = BCModel
    Settings = BCActing

    def reset(self, seeds: Sequence[int]) -> None:
        self._noise = LaneNoise(seeds)

    @torch.inference_mode()
    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        s = self.seen(states)
        actions = by_rows(self.model, s, *self.goals(s, lanes))
        return as_actions(self._noise.pick(actions, self.settings.skill, lanes))

    def goals(self, s: Float[Tensor, "B S"], lanes: Sequence[int]) -> tuple[Tensor, ...]:
        """Return the goals (B, S) that the policy also sees at some lanes' states, if any."""
        return ()


class GoalBC(BC):
    """Every action from pi(a | s, target), the target looked up in the demonstrations."""

    Model = GoalBCModel
    looks_up = True
    Settings = GoalBCActing

    def reset(self, seeds: Sequence[int]) -> None:
        super().reset(seeds)
        self._target = lookup(self.index, self.settings.search, 1)

    def goals(self, s: Float[Tensor, "B S"], lanes: Sequence[int]) -> tuple[Tensor, ...]:
        return (self._target(s, lanes),)
