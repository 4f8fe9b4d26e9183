"""The contrastive distance (section 4.1 of the FIST paper): how many skills away is a state?

An encoder f is trained so that f(s_t) picks out f(s_{t+H}) among the batch's other futures. States
that lie on the same path at the same progress end up close, whatever their noise; at test time the
squared Euclidean distance between features finds the demonstration state that is most like the
present one.
"""

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Generator, Tensor, nn

from fist.data.windows import Windows
from fist.methods.base import Batch, Material, Model, ModelSettings, Sampler, Terms
from fist.methods.networks import at_least_float32
from fist.methods.roadmap import Roadmap, roadmap
from fist.stage.settings import Count, Natural, NonNegative, settings


@settings
class DistanceSettings(ModelSettings):
    """Shape of the encoder and choice of pairs; the defaults are the reference's."""

    hidden: Count = 128
    """Width of the two hidden layers."""
    feature_dim: Count = 32
    """Dimensions of the features."""
    mode: Literal["exact", "reachable"] = "exact"
    """Positive of a state: exactly H steps ahead ("exact"), or k steps with k uniform on 1..H
    ("reachable")."""
    noise: NonNegative = 0.0
    """Standard deviation of the noise added to states in training, in units of the normalised
    state. Without noise, f may read progress off the arm alone and take a missed subtask for a
    finished one."""
    nodes: Natural = 0
    """Nodes of the roadmap of play (`fist.methods.roadmap`), for `search: graph`; 0: no roadmap."""


class Distance(Model):
    """Encoder f and the bilinear form W of the contrastive score f(s)ᵀ W f(s')."""

    nodes: Float[Tensor, "K S"]
    linked: Bool[Tensor, "K K"]
    name = "distance"
    Settings = DistanceSettings
    finetunes_on = ("play", "demos")
    parts = ("all",)
    recipe: ClassVar = {
        "train": {"optimizer": "adam", "batch_size": 1024, "epochs": 200, "validation": 0},
        "finetune": {"optimizer": "adam", "batch_size": 1024, "epochs": 20, "validation": 0},
    }

    def __init__(self, settings: DistanceSettings, state_dim: int, action_dim: int | None = None):
        super().__init__(settings, state_dim, action_dim)
        self.encoder = nn.Sequential(
            nn.Linear(state_dim, settings.hidden),
            nn.ReLU(),
            nn.Linear(settings.hidden, settings.hidden),
            nn.ReLU(),
            nn.Linear(settings.hidden, settings.feature_dim),
        )
        self.W = nn.Parameter(torch.rand(settings.feature_dim, settings.feature_dim))
        if settings.nodes:
            self.register_buffer("nodes", torch.zeros(settings.nodes, state_dim))
            self.register_buffer("linked", torch.zeros(settings.nodes, settings.nodes).bool())

    def conclude(self, material: Material) -> None:
        """Draw the roadmap of play, which depends on what has been learnt."""
        if self.settings.nodes and material.play is not None:
            where = self.W.device
            found = roadmap(
                material.play,
                lambda s: self.features(s.to(where)).cpu(),
                self.settings.horizon,
                self.settings.nodes,
            )
            self.nodes.copy_(found.nodes)
            self.linked.copy_(found.linked)

    def roadmap(self) -> Roadmap | None:
        """Return the roadmap of play, if there is one."""
        return Roadmap(self.nodes, self.linked) if self.settings.nodes else None

    def features(self, s: Float[Tensor, "N S"]) -> Float[Tensor, "N F"]:
        """Return f(s); d(s, s') is the squared Euclidean distance between features."""
        return at_least_float32(self.encoder(self.normaliser(s)))

    def losses(
        self,
        anchor: Float[Tensor, "B S"],
        positive: Float[Tensor, "B S"],
        noise: Float[Tensor, "2 B S"],
    ) -> Terms:
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

    def sampler(self, material: Material, batch: int, device: torch.device | str) -> Sampler:
        """Return what draws pairs: of play, or half of play and half of the demonstrations."""
        parts = [part for part in (material.play, material.demos) if part is not None]
        windows = [Windows(part, self.settings.horizon, device) for part in parts]
        sizes = [batch - batch // 2, batch // 2] if len(parts) == 2 else [batch]

        def sample(generator: Generator) -> Batch:
            drawn = [
                sample_pairs(of, self.settings.mode, size, generator)
                for of, size in zip(windows, sizes, strict=True)
            ]
            anchor, positive = (torch.cat(states) for states in zip(*drawn, strict=True))
            noise = torch.randn((2, *anchor.shape), generator=generator, device=anchor.device)
            return anchor, positive, noise

        return sample

    def items(self, material: Material, validation: float) -> int:
        """Return how many states can be an anchor, as the reference counts them."""
        return len(material.main.states) - self.settings.horizon


def sample_pairs(
    windows: Windows, mode: str, batch: int, generator: Generator
) -> tuple[Float[Tensor, "B S"], Float[Tensor, "B S"]]:
    """Draw anchors s_t and positives s_{t+k}; a pair never crosses an episode's end."""
    first, horizon, at = windows.draw(batch, generator), windows.horizon, windows.states.device
    ahead: int | Tensor = horizon
    if mode == "reachable":
        ahead = torch.randint(1, horizon + 1, (batch,), generator=generator, device=at)
    return windows.states[first], windows.states[first + ahead]
