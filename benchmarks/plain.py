"""The plain implementation: what one would write first.

A data set that slices one window per item behind a DataLoader with four workers, `nn.LSTM`, inputs
that are concatenated, one operation after the other in float32, and PyTorch's default RAdam. It has
the network, the loss, the batch and the data of this library, so the two can be compared: in speed
(the benchmarks) and in every loss and gradient (`tests/test_skills.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

from fist.data.episodes import Episodes
from fist.methods.networks import MLP, SequenceEncoder
from fist.methods.skills import SkillVAE


class WindowPerItem(Dataset):
    """One window of H+1 states and H actions per item, sliced from NumPy arrays."""

    def __init__(self, episodes: Episodes, horizon: int):
        self.states, self.actions = episodes.states.numpy(), episodes.actions.numpy()
        self.starts, self.lengths = episodes.starts.numpy(), episodes.lengths.numpy()
        self.horizon = horizon

    def __len__(self) -> int:
        return int((self.lengths - self.horizon).clip(0).sum())

    def __getitem__(self, _: int) -> tuple[np.ndarray, np.ndarray]:
        episode = np.random.randint(len(self.lengths))
        first = self.starts[episode] + np.random.randint(self.lengths[episode] - self.horizon)
        last = first + self.horizon
        return self.states[first : last + 1], self.actions[first:last]


class PairPerItem(WindowPerItem):
    """A state and the one H steps later, per item."""

    def __getitem__(self, _: int) -> tuple[np.ndarray, np.ndarray]:
        states, _ = super().__getitem__(_)
        return states[0], states[-1]


def batches(items: Dataset, batch: int, workers: int = 4) -> Iterator:
    """Yield batches for ever, in epochs of 500."""
    while True:
        sampler = RandomSampler(items, replacement=True, num_samples=500 * batch)
        yield from DataLoader(items, batch, sampler=sampler, num_workers=workers, drop_last=True)


class Posterior(nn.Module):
    """Linear, nn.LSTM, two Linears, with the parameters of an encoder of the library."""

    def __init__(self, encoder: SequenceEncoder):
        super().__init__()
        self.embed, self.output, self.readout = encoder.embed, encoder.output, encoder.readout
        width = encoder.lstm.hidden_size
        self.lstm = nn.LSTM(width, width, batch_first=True)
        for name, _ in list(self.lstm.named_parameters()):
            setattr(self.lstm, name, getattr(encoder.lstm, name.removesuffix("_l0")))

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(self.output(self.lstm(self.embed(x))[0][:, -1]))


def sequential(mlp: MLP) -> nn.Sequential:
    """Return Linears, batch norms and activations in a row, with the parameters of an MLP."""
    layers = [mlp.input, nn.LeakyReLU(0.2)]
    for linear, norm in zip(mlp.blocks, mlp.norms, strict=True):
        layers += [linear, norm, nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, mlp.head)


class PlainSkillVAE(nn.Module):
    """The skill VAE with the parameters of one of the library, without normaliser or feedback."""

    def __init__(self, model: SkillVAE):
        super().__init__()
        lstm, encoder = model.settings.encoder == "lstm", model.posterior
        self.posterior = (
            Posterior(encoder) if lstm else nn.Sequential(nn.Flatten(), sequential(encoder))
        )
        self.decoder = sequential(model.decoder)
        self.priors = nn.ModuleDict({n: sequential(prior) for n, prior in model.priors.items()})
        self.kl_weight, self.phase = model.settings.kl_weight, model.settings.phase

    def losses(self, s: Tensor, a: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """Return the terms of `SkillVAE.losses`."""
        batch, horizon = a.shape[:2]
        mean, log_sigma = self.posterior(torch.cat((a, s[:, :-1]), -1)).chunk(2, -1)
        log_sigma = log_sigma.clamp(-10, 2)
        z = mean + log_sigma.exp() * noise
        inputs = torch.cat((s[:, :-1], z[:, None].expand(-1, horizon, -1)), -1)
        if self.phase:
            phases = torch.eye(horizon, dtype=s.dtype).expand(batch, -1, -1)
            inputs = torch.cat((inputs, phases), -1)
        a_hat = self.decoder(inputs.flatten(0, 1)).unflatten(0, (batch, horizon))
        kl = 0.5 * ((2 * log_sigma).exp() + mean.square() - 1) - log_sigma
        terms = {
            "reconstruction": 0.5 * (a_hat - a).square().mean(),
            "kl": self.kl_weight * kl.mean(),
        }
        seen = {"goal": torch.cat((s[:, 0], s[:, -1]), -1), "state": s[:, 0]}
        for name, prior in self.priors.items():
            mean, log_sigma = prior(seen[name]).chunk(2, -1)
            skill = torch.distributions.Normal(mean, log_sigma.clamp(-10, 2).exp())
            terms[f"prior_{name}"] = -skill.log_prob(z.detach()).sum(-1).mean()
        return terms
