"""A method of somebody else: an action chunk, predicted from the state and carried out in part.

Nothing of the repository knows it: tests put this file beside a run and name it in a configuration.
"""

import torch

from fist.data.windows import Windows
from fist.methods.base import Model, ModelSettings, Policy
from fist.methods.lanes import as_actions, as_states, by_rows
from fist.methods.networks import MLP
from fist.stage.settings import Count, settings


@settings
class ChunkSettings(ModelSettings):
    """Shape of the network."""

    hidden: Count = 32
    """Width of the hidden layers."""


class ChunkModel(Model):
    """Maps a state to the next H actions."""

    name = "outside"
    Settings = ChunkSettings

    def __init__(self, settings, state_dim, action_dim):
        super().__init__(settings, state_dim, action_dim)
        outputs = settings.horizon * action_dim
        self.net = MLP(state_dim, outputs, settings.hidden, blocks=2, batch_norm=False)

    def sampler(self, material, batch, device):
        windows = Windows(material.main, self.settings.horizon, device)
        return lambda generator: windows.sample(batch, generator)

    def forward(self, s):
        return self.net(self.normaliser(s)).unflatten(1, (-1, self.action_dim))

    def losses(self, s, a):
        return {"mse": (self(s[:, 0]) - a).square().mean()}


@settings
class ChunkActing:
    """How a chunk is carried out."""

    kept: Count = 5
    """Actions of a chunk that are carried out before the next is predicted."""


class Chunk(Policy):
    """Carries out the first actions of a chunk, then predicts the next."""

    Model = ChunkModel
    Settings = ChunkActing

    def reset(self, seeds):
        horizon, actions = self.model.settings.horizon, self.model.action_dim
        self.chunks = torch.zeros(len(seeds), horizon, actions)
        self.steps = torch.zeros(len(seeds), dtype=torch.long)

    @torch.inference_mode()
    def act(self, states, lanes):
        s, lanes = as_states(states, self.model.state_dim), torch.as_tensor(lanes)
        step = self.steps[lanes] % self.settings.kept
        due = step == 0
        if due.any():
            self.chunks[lanes[due]] = by_rows(self.model, s[due])
        self.steps[lanes] += 1
        return as_actions(self.chunks[lanes, step])
