"""Small made-up episodes for tests."""

import torch

from fist.data.episodes import Episodes


def random_episodes(lengths, state_dim=4, action_dim=2, seed=0) -> Episodes:
    """Return smooth random walks whose first state dimension counts rows over all episodes."""
    generator = torch.Generator().manual_seed(seed)
    rows = sum(lengths)
    states = 0.1 * torch.randn(rows, state_dim, generator=generator).cumsum(0)
    states[:, 0] = torch.arange(rows, dtype=torch.float32)
    actions = torch.rand(rows, action_dim, generator=generator) * 2 - 1
    return Episodes(states, actions, torch.tensor(lengths))
