"""A policy that learns to use what is looked up, and is shown a new task at test time alone.

After REGENT (Sridhar et al., 2025): the nearest demonstration is a strong policy; a network that
sees it, and a few more, corrects it where it is far. Tokens are the present state and its nearest
neighbours, each with what was done there; two layers of attention make a chunk of them:

    chunk = w · nearest chunk + (1 - w) · network(tokens),     w = exp(-λ · distance of the nearest)

It is trained on play, every episode of which is told by others that end alike, as demonstrations
will tell of a task. Chunks are without their linear feedback, as in `fist.methods.chunk`.
"""

from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from fist.data.episodes import DataError
from fist.data.windows import Windows
from fist.methods.base import Batch, Material, Sampler, Terms
from fist.methods.chunk import Chunk
from fist.methods.feedback import FeedbackModel, FeedbackSettings
from fist.methods.lanes import by_rows
from fist.methods.networks import at_least_float32
from fist.methods.retrieval import DemoIndex
from fist.stage.settings import Count, Natural, NonNegative, settings

HEADS = 4


@settings
class InContextSettings(FeedbackSettings):
    """Shape of the network, and what it is shown."""

    hidden: Count = 32
    """Width of a head of attention; there are four."""
    blocks: Natural = 2
    """Layers of attention."""
    neighbours: Count = 8
    """Retrieved states that the network sees."""
    context: Count = 10
    """Episodes of play from which the neighbours of an episode are retrieved, in training."""
    decay: NonNegative = 30.0
    """λ: how fast the weight of the nearest neighbour falls with its distance, the root mean square
    over the dimensions of the (normalised) state."""


class InContextModel(FeedbackModel):
    """The next H actions, from the state and from what was done in states like it."""

    name = "in_context"
    Settings = InContextSettings
    recipe: ClassVar = {"train": {"validation": 0}, "finetune": {"validation": 0}}

    def __init__(self, settings: InContextSettings, state_dim: int, action_dim: int):
        super().__init__(settings, state_dim, action_dim)
        width, chunk = HEADS * settings.hidden, settings.horizon * action_dim
        self.query = nn.Linear(state_dim, width)
        self.neighbour = nn.Linear(2 * state_dim + chunk + 1, width)
        self.layers = nn.Sequential(
            *[
                nn.TransformerEncoderLayer(
                    width, HEADS, 2 * width, 0.0, batch_first=True, norm_first=True
                )
                for _ in range(settings.blocks)
            ]
        )
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, chunk))

    def sampler(self, material: Material, batch: int, device: torch.device | str) -> Sampler:
        """Return what draws windows, with windows that begin at the neighbours of their states."""
        episodes, horizon = material.main, self.settings.horizon
        if len(episodes) < 2:
            raise DataError("one episode has no others to be told by: in_context needs two or more")
        windows = Windows(episodes, horizon, device)
        near = self._neighbours(material).to(device)  # (N, k, H+1)

        def sample(generator: Generator) -> Batch:
            first = windows.draw(batch, generator)
            rows = near[first]
            shown = windows.states[rows], windows.actions[rows[..., :-1]]
            return (*windows.gather(first), *shown)

        return sample

    @torch.no_grad()
    def _neighbours(self, material: Material) -> Int[Tensor, "N k H1"]:
        """Return, of every row, its neighbours in the episodes that end most like its own."""
        episodes = material.main
        starts = episodes.starts
        normaliser = self.normaliser.cpu()
        ends = normaliser(episodes.states[starts + episodes.lengths - 1])
        apart = torch.cdist(ends, ends).fill_diagonal_(torch.inf)
        alike = apart.topk(min(self.settings.context, len(episodes) - 1), largest=False).indices
        k = min(self.settings.neighbours, alike.shape[1] * int(episodes.lengths.min()))
        found = []
        for own, others in enumerate(alike.tolist()):
            index = DemoIndex(episodes.take(others), normaliser, self.settings.horizon)
            span = slice(int(starts[own]), int(starts[own] + episodes.lengths[own]))
            rows = index.window(index.neighbours(episodes.states[span], k)[1])
            at = torch.cat([torch.arange(int(episodes.lengths[o])) + starts[o] for o in others])
            found.append(at[rows])
        return torch.cat(found)

    def forward(
        self,
        s: Float[Tensor, "B S"],
        near_s: Float[Tensor, "B k H1 S"],
        near_a: Float[Tensor, "B k H A"],
    ) -> Float[Tensor, "B H A"]:
        """Return chunks at states s, given windows that begin at its neighbours, nearest first."""
        s, near_s = self.normaliser(s), self.normaliser(near_s)
        chunks = (near_a - self.feedback(near_s[:, :, :-1])).flatten(2)
        away, ahead = (near_s[:, :, at] - s[:, None] for at in (0, -1))
        distance = away.square().mean(-1, keepdim=True).sqrt()  # (B, k, 1)
        shown = self.neighbour(torch.cat((away, ahead, chunks, distance), -1))
        tokens = self.layers(torch.cat((self.query(s)[:, None], shown), 1))
        own = at_least_float32(self.head(tokens[:, 0]))
        w = torch.exp(-self.settings.decay * distance[:, 0])
        return (w * chunks[:, 0] + (1 - w) * own).unflatten(1, (-1, self.action_dim))

    def losses(
        self,
        s: Float[Tensor, "B H1 S"],
        a: Float[Tensor, "B H A"],
        near_s: Float[Tensor, "B k H1 S"],
        near_a: Float[Tensor, "B k H A"],
    ) -> Terms:
        """Return the mean squared error of the chunk, its feedback left out.

        Args:
            s: states s_t .. s_{t+H}.
            a: actions a_t .. a_{t+H-1}.
            near_s: states of windows that begin at the neighbours of s_t, nearest first.
            near_a: their actions.
        """
        residual = a - self.feedback(self.normaliser(s[:, :-1]))
        return {"chunk": (self(s[:, 0], near_s, near_a) - residual).square().mean()}


class InContext(Chunk):
    """Act in chunks that are made of what was done in the nearest demonstration states."""

    Model = InContextModel
    looks_up = True

    def plan(self, s: Float[Tensor, "B S"], lanes: Int[Tensor, " B"]) -> Float[Tensor, "B H A"]:
        index, k = self.index, self.model.settings.neighbours
        rows = index.window(index.neighbours(s, k)[1])
        return by_rows(self.model, s, index.states[rows], index.actions[rows[..., :-1]])
