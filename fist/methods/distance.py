"""The contrastive distance (section 4.1 of the FIST paper): how many skills away is a state?

An encoder f is trained so that f(s_t) picks out f(s_{t+H}) among the batch's other futures. States
that lie on the same path at the same progress end up close, whatever their noise; at test time the
squared Euclidean distance between features finds the demonstration state that is most like the
present one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn

from fist.data.windows import Windows
from fist.methods.networks import Normaliser, at_least_float32


@dataclass(frozen=True)
class DistanceSettings:
    """Shape of the encoder and choice of pairs; the defaults are the reference's."""

    horizon: int = 10
    """H: steps between an anchor and its positive."""
    hidden: int = 128
    """Width of the two hidden layers."""
    feature_dim: int = 32
    """Dimensions of the features."""
    mode: Literal["exact", "reachable"] = "exact"
    """Positive of s_t: s_{t+H} ("exact"), or s_{t+k} with k uniform on 1..H ("reachable")."""
    noise: float = 0.0
    """Standard deviation of the noise added to states in training, in units of the normalised
    state. Without it f may read progress off the arm alone, and believe in a sub-task that the arm
    has gone through the motions of, but missed."""
    normalise: bool = False
    """Shift and scale states by the pretraining data's mean and standard deviation."""
    scale_floor: float = 0.1
    """Smallest standard deviation to divide a state by, in the state's units."""

    def __post_init__(self) -> None:
        for name in ("horizon", "hidden", "feature_dim"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"distance.model.{name} is {getattr(self, name)}, must be at least 1"
                )


class Distance(nn.Module):
    """Encoder f and the bilinear form W of the contrastive score f(s)ᵀ W f(s')."""

    def __init__(self, settings: DistanceSettings, state_dim: int):
        super().__init__()
        self.settings, self.state_dim = settings, state_dim
        self.normaliser = Normaliser(state_dim, settings.scale_floor)
        self.encoder = nn.Sequential(
            nn.Linear(state_dim, settings.hidden),
            nn.ReLU(),
            nn.Linear(settings.hidden, settings.hidden),
            nn.ReLU(),
            nn.Linear(settings.hidden, settings.feature_dim),
        )
        self.W = nn.Parameter(torch.rand(settings.feature_dim, settings.feature_dim))

    def fit_normaliser(self, states: Float[Tensor, "N S"]) -> None:
        """Take the states' scale from the pretraining data, if the settings ask for it."""
        if self.settings.normalise:
            self.normaliser.fit(states)

    def features(self, s: Float[Tensor, "N S"]) -> Float[Tensor, "N F"]:
        """Return f(s); d(s, s') is the squared Euclidean distance between features."""
        return at_least_float32(self.encoder(self.normaliser(s)))

    def losses(
        self,
        anchor: Float[Tensor, "B S"],
        positive: Float[Tensor, "B S"],
        noise: Float[Tensor, "2 B S"],
    ) -> dict[str, Float[Tensor, ""]]:
        """Return the InfoNCE loss: each anchor against every positive of the batch, in nats.

        Args:
            anchor: states s_t.
            positive: states s_{t+k} of the same episodes.
            noise: standard normal, scaled by `settings.noise` and added to both.
        """
        noise = noise * self.settings.noise / self.normaliser.scale
        anchor, positive = anchor + noise[0], positive + noise[1]
        logits = self.features(anchor) @ self.W @ self.features(positive).T  # (B, B)
        own = torch.arange(len(logits), device=logits.device)
        return {"contrastive": F.cross_entropy(logits, own)}


def sample_pairs(
    windows: Windows, mode: str, batch: int, generator: Generator
) -> tuple[Float[Tensor, "B S"], Float[Tensor, "B S"]]:
    """Draw anchors s_t and positives s_{t+k}; a pair never crosses an episode's end."""
    first = windows.draw(batch, generator)
    if mode == "exact":
        ahead = windows.horizon
    else:
        ahead = torch.randint(
            1, windows.horizon + 1, (batch,), generator=generator, device=first.device
        )
    return windows.states[first], windows.states[first + ahead]


def sample_mixed_pairs(
    play: Windows, demos: Windows, mode: str, batch: int, generator: Generator
) -> tuple[Float[Tensor, "B S"], Float[Tensor, "B S"]]:
    """Draw half of the pairs from play and half from the demonstrations, for fine-tuning."""
    half = batch // 2
    a, p = sample_pairs(play, mode, batch - half, generator)
    a_demo, p_demo = sample_pairs(demos, mode, half, generator)
    return torch.cat((a, a_demo)), torch.cat((p, p_demo))
