"""Small models, each with all that training it takes."""

import torch
from recordings import random_episodes

from fist.data.windows import Windows
from fist.methods.base import Material
from fist.methods.chunk import ChunkSettings, GoalChunkModel
from fist.methods.cloning import BCModel, BCSettings
from fist.methods.skills import SkillSettings, SkillVAE


def build(kind, seed=0, device="cpu", **changes):
    """Return a model, its sampler and its losses; `changes` are of the model's settings."""
    episodes = random_episodes([40, 30])
    windows = Windows(episodes, 10, device)
    torch.manual_seed(seed)
    if kind == "bc":
        model = BCModel(BCSettings(hidden=16, blocks=2, **changes), 4, 2).to(device)
        return model, lambda g: windows.sample(16, g), model.losses
    if kind == "chunk":
        chunk = GoalChunkModel(ChunkSettings(hidden=16, **changes), 4, 2).to(device)
        return chunk, chunk.sampler(Material(play=episodes), 16, device), chunk.losses
    settings = SkillSettings(hidden=16, readout=16, z_dim=3, **changes)
    model = SkillVAE(settings, 4, 2).to(device)
    return (
        model,
        lambda g: (*windows.sample(16, g), torch.randn(16, 3, generator=g, device=device)),
        model.losses,
    )
