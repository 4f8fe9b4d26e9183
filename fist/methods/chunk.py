"""Action chunks by two-step regression: is a space of skills needed?

A network predicts the next H actions at once, in two steps: a first guess, and that guess refined.
It is the minimal iterative policy (Pan et al., "Much Ado About Noising", 2025), which does what
flow and diffusion policies do on many tasks of behaviour cloning, without their many steps:

    x1 = f(c, 0, 0)         learns the actions, knowing the condition alone
    x2 = f(c, x1, 0.9)      learns the actions, knowing them with noise: it corrects a guess

chunk         c = s_t
goal chunk    c = (s_t, s_{t+H})    takes the look-up of FIST, but acts without skills

What is predicted are the actions less their linear feedback (`fist.methods.feedback`), which is
added again at every step, on the live state: a chunk is not carried out blindly.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from fist.data.windows import Windows
from fist.methods.base import Batch, Material, Sampler, Terms
from fist.methods.feedback import FeedbackModel, FeedbackSettings
from fist.methods.lanes import by_rows
from fist.methods.networks import at_least_float32
from fist.methods.plans import Planner, Replanning
from fist.methods.retrieval import LookupActing, lookup
from fist.stage.settings import Count, Natural, settings

REFINED = 0.9
"""Time of the second step: how much of its input is signal. The first step's is 0."""


@settings
class ChunkSettings(FeedbackSettings):
    """Shape of the network."""

    hidden: Count = 256
    """Width of every hidden layer."""
    blocks: Natural = 3
    """Hidden blocks of Linear, layer norm, SiLU."""


class ChunkModel(FeedbackModel):
    """The next H actions, from the state."""

    name = "chunk"
    Settings = ChunkSettings
    sees_goal: ClassVar[bool] = False
    """Whether it also sees the state H steps ahead."""

    def __init__(self, settings: ChunkSettings, state_dim: int, action_dim: int):
        super().__init__(settings, state_dim, action_dim)
        self.chunk_dim = settings.horizon * action_dim
        width = (1 + self.sees_goal) * state_dim + self.chunk_dim + 1
        layers: list[nn.Module] = []
        for _ in range(settings.blocks):
            layers += [nn.Linear(width, settings.hidden), nn.LayerNorm(settings.hidden), nn.SiLU()]
            width = settings.hidden
        self.net = nn.Sequential(*layers, nn.Linear(width, self.chunk_dim))

    def sampler(self, material: Material, batch: int, device: torch.device | str) -> Sampler:
        """Return what draws windows, with the noise on what the second step sees."""
        windows = Windows(material.main, self.settings.horizon, device)

        def sample(generator: Generator) -> Batch:
            s, a = windows.sample(batch, generator)
            return s, a, torch.randn(a.shape, generator=generator, device=a.device)

        return sample

    def forward(
        self, s: Float[Tensor, "B S"], *goal: Float[Tensor, "B S"]
    ) -> Float[Tensor, "B H A"]:
        """Return chunks at states s, on the way to goals if it sees any, without the feedback."""
        c = self._condition(s, *goal)
        guess = self._predict(c, c.new_zeros(len(c), self.chunk_dim), 0.0)
        return self._predict(c, guess, REFINED).unflatten(1, (-1, self.action_dim))

    def losses(
        self, s: Float[Tensor, "B H1 S"], a: Float[Tensor, "B H A"], noise: Float[Tensor, "B H A"]
    ) -> Terms:
        """Return the mean squared errors of the first guess and of what is made of a noisy one.

        Args:
            s: states s_t .. s_{t+H}.
            a: actions a_t .. a_{t+H-1}.
            noise: standard normal.
        """
        residual = (a - self.feedback(self.normaliser(s[:, :-1]))).flatten(1)
        c = self._condition(s[:, 0], *((s[:, -1],) if self.sees_goal else ()))
        near = residual + (1 - REFINED) * noise.flatten(1)
        guess = self._predict(c, torch.zeros_like(near), 0.0)
        refined = self._predict(c, near, REFINED)
        return {
            "guess": (guess - residual).square().mean(),
            "refined": (refined - residual).square().mean(),
        }

    def _condition(self, *states: Float[Tensor, "B S"]) -> Float[Tensor, "B C"]:
        return torch.cat([self.normaliser(s) for s in states], -1)

    def _predict(self, c: Tensor, x: Float[Tensor, "B HA"], time: float) -> Float[Tensor, "B HA"]:
        inputs = torch.cat((c, x, c.new_full((len(c), 1), time)), -1)
        return at_least_float32(self.net(inputs))


class GoalChunkModel(ChunkModel):
    """The next H actions, from the state and the one H steps ahead."""

    name = "goal_chunk"
    sees_goal = True


class Chunk(Planner):
    """Act in chunks, without a goal."""

    Model: ClassVar[type[FeedbackModel]] = ChunkModel

    def plan(self, s: Float[Tensor, "B S"], lanes: Int[Tensor, " B"]) -> Float[Tensor, "B H A"]:
        return by_rows(self.model, s)

    def carry_out(
        self, s: Float[Tensor, "B S"], plans: Float[Tensor, "B H A"], step: Int[Tensor, " B"]
    ) -> Float[Tensor, "B A"]:
        # What a chunk says of its last step holds for those after it, too.
        now = plans[torch.arange(len(plans)), step.clamp(max=plans.shape[1] - 1)]
        return now + self.model.feedback(self.model.normaliser(s))


@settings
class GoalChunkActing(LookupActing, Replanning):
    """How one acts in chunks that lead to what is looked up."""


class GoalChunk(Chunk):
    """Act in chunks towards targets, looked up in the demonstrations."""

    Model = GoalChunkModel
    looks_up = True
    Settings = GoalChunkActing

    def reset(self, seeds: Sequence[int]) -> None:
        super().reset(seeds)
        self._target = lookup(self.index, self.settings.search, self.settings.replan_every)

    def plan(self, s: Float[Tensor, "B S"], lanes: Int[Tensor, " B"]) -> Float[Tensor, "B H A"]:
        return by_rows(self.model, s, self._target(s, lanes.tolist()))
