"""Play beside the demonstrations: which of it is learnt from again in fine-tuning.

A few demonstrations say little of what happens off their path; play that is like them may say more.
Half of each batch is then windows of play:

    all       any of them
    nearest   the tenth that is most like a window of a demonstration
    iwr       each as often as demonstrations are denser than play where it lies (importance
              weighted retrieval, Xie et al., 2025)

What is alike is told by the model (`Model.represent`): a skill model compares skills, others
compare where a window begins and ends. Directions in which play hardly varies do not count; the
others count alike.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from fist.data.episodes import Episodes
from fist.data.windows import Windows
from fist.methods.base import Batch, Model, Sampler

Retrieve = Literal["none", "all", "nearest", "iwr"]
SHARE = 0.1
"""Share of the windows of play that is nearest."""
DIRECTIONS, LEAST = 10, 0.01
"""Directions that are compared, at most, and the variance of the last of them, over the first's."""
KERNELS = 4096
"""Windows that stand for all of them where others are compared with them; evenly spaced."""
BLOCK = 1024
"""Windows that are looked at at once."""


@torch.no_grad()
def retrieved(how: Retrieve, model: Model, play: Episodes, demos: Episodes) -> Episodes:
    """Return play with the weights that its windows are drawn with, see above."""
    if how == "all":
        return play
    horizon = model.eval().settings.horizon
    windows = Windows(play, horizon)
    features, shown = (_features(model, of) for of in (windows, Windows(demos, horizon)))
    features, shown = _whitened(features, shown)
    weights = nearest(features, shown) if how == "nearest" else density_ratio(features, shown)
    everywhere = torch.zeros(len(play.states), dtype=weights.dtype)
    everywhere[windows.starts] = weights
    return replace(play, weights=everywhere)


def nearest(play: Float[Tensor, "N F"], demos: Float[Tensor, "M F"]) -> Float[Tensor, " N"]:
    """Return 1 for the share of play that is nearest to one of the demonstrations' windows."""
    kernels = _some(demos)
    away = torch.cat([torch.cdist(block, kernels).amin(1) for block in play.split(BLOCK)])
    chosen = away.argsort(stable=True)[: math.ceil(SHARE * len(play))]
    return torch.zeros(len(play)).index_fill(0, chosen, 1.0)


def density_ratio(play: Float[Tensor, "N F"], demos: Float[Tensor, "M F"]) -> Float[Tensor, " N"]:
    """Return the density of demonstrations over that of play, at play; the largest is 1.

    Both are sums of Gaussians of one width, Scott's for the demonstrations: with two, the wider
    would win wherever nothing is. Every window of play is a kernel at its own place, so that its
    density there is never nothing.
    """
    width = len(demos) ** (-1 / (play.shape[1] + 4))

    def log_density(of: Tensor) -> Tensor:
        kernels = _some(of)
        sums = [
            (torch.cdist(block, kernels).square() / (-2 * width**2)).logsumexp(1)
            for block in play.split(BLOCK)
        ]
        return torch.cat(sums).double() - math.log(len(kernels))

    own = torch.full((len(play),), -math.log(len(play)), dtype=torch.double)
    ratio = log_density(demos) - torch.logaddexp(log_density(play), own)
    return (ratio - ratio.max()).exp()


def beside(first: Sampler, second: Sampler) -> Sampler:
    """Return what draws from both, one batch of the two."""

    def sample(generator: torch.Generator) -> Batch:
        parts = zip(first(generator), second(generator), strict=True)
        return tuple(torch.cat(both) for both in parts)

    return sample


def _features(model: Model, windows: Windows) -> Float[Tensor, "N F"]:
    blocks = windows.starts.split(BLOCK)
    return torch.cat([model.represent(*windows.gather(block)) for block in blocks])


def _whitened(play: Float[Tensor, "N F"], demos: Float[Tensor, "M F"]) -> Iterator[Tensor]:
    """Return both along play's main directions, in each of which play has a variance of 1."""
    centre = play.mean(0)
    variances, directions = torch.linalg.eigh((play - centre).T.cov())
    largest = variances.argsort(descending=True)[:DIRECTIONS]
    kept = largest[variances[largest] > LEAST * variances.max()]
    scaled = directions[:, kept] / variances[kept].sqrt()
    return ((part - centre) @ scaled for part in (play, demos))


def _some(features: Float[Tensor, "N F"]) -> Float[Tensor, "M F"]:
    steps = torch.linspace(0, len(features) - 1, min(KERNELS, len(features))).round().long()
    return features[steps]
