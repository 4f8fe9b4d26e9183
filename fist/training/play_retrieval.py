"""Play beside the demonstrations: which of it is learnt from again in fine-tuning.

A few demonstrations say little of what happens off their path; play that is like them may say more.
Half of each batch is then windows of play:

    all       any of them
    nearest   the tenth that is most like a window of a demonstration
    iwr       each as often as demonstrations are denser than play where it lies (importance
              weighted retrieval, Xie et al., 2025)
    sdtw      the stretches that run like a stretch of a demonstration, faster or slower
              (subsequence dynamic time warping, after STRAP, Memmel et al., 2025)

For `nearest` and `iwr`, what is alike is told by the model (`Model.represent`): a skill model
compares skills, others compare where a window begins and ends. Directions in which play hardly
varies do not count; the others count alike. `sdtw` compares states.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fist.data.episodes import Episodes
from fist.data.windows import Windows
from fist.methods.base import Batch, Model, Sampler
from fist.training.settings import Retrieve

SHARE = 0.1
"""Share of the windows of play that is nearest."""
DIRECTIONS, LEAST = 10, 0.01
"""Directions that are compared, at most, and the variance of the last of them, over the first's."""
KERNELS = 4096
"""Windows that stand for all of them where others are compared with them; evenly spaced."""
BLOCK = 1024
"""Windows that are looked at at once."""
STRETCH = 20
"""Steps of the shortest stretch that a demonstration is cut into."""
SPEED_OVER = 5
"""Steps over which speed is measured."""
CHANGES = 0.1
"""Standard deviation within a stretch, over that in play, from which on a dimension is compared."""
STRETCHES, WORSE = 100, 3.0
"""Stretches of play that are retrieved, at most, and how much farther from the demonstrations the
worst may be than the median of the best for each stretch."""
FASTEST = 2
"""Steps that play may move on by while a demonstration moves on by one; at least 0."""


@torch.no_grad()
def retrieved(how: Retrieve, model: Model, play: Episodes, demos: Episodes) -> Episodes:
    """Return play with the weights that its windows are drawn with, see above."""
    if how == "all":
        return play
    if how == "sdtw":
        return replace(play, weights=warped(play, demos))
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


def warped(play: Episodes, demos: Episodes) -> Float[Tensor, " N"]:
    """Return 1 for the rows of play in stretches that run like one of the demonstrations.

    Demonstrations are cut where they are slowest. A dimension that rests within a stretch is not
    compared there: an object that play never moves is elsewhere once it has been moved.
    """
    deviation = play.states.std(0)
    varies = deviation > 0
    states, shown = (of.states[:, varies] / deviation[varies] for of in (play, demos))
    steps = play.steps
    found: list[tuple[float, int, int]] = []
    best: list[float] = []
    for demo in shown.split(demos.lengths.tolist()):
        for stretch in demo.tensor_split(slowest(demo)):
            changes = stretch.std(0, correction=0) > CHANGES
            if changes.any():
                costs, begins = warp(states[:, changes], stretch[:, changes], steps)
                of_episodes = costs.split(play.lengths.tolist())
                ends = play.starts + torch.stack([cost.argmin() for cost in of_episodes])
                cheapest = costs[ends]
                best.append(float(cheapest.min()))
                rows = (cheapest.tolist(), begins[ends].tolist(), ends.tolist())
                found += zip(*rows, strict=True)
    weights = torch.zeros(len(states))
    worst = WORSE * float(torch.tensor(best).median()) if best else 0.0
    for cost, begin, end in sorted(found)[:STRETCHES]:
        if cost <= worst:
            weights[begin : end + 1] = 1
    return weights if weights.any() else torch.ones(len(states))


def slowest(states: Float[Tensor, "T S"]) -> list[int]:
    """Return the steps at which an episode is slower than at any within `STRETCH` steps of them."""
    if len(states) <= SPEED_OVER + 2 * STRETCH:
        return []
    speed = (states[SPEED_OVER:] - states[:-SPEED_OVER]).norm(dim=1)
    least = -torch.nn.functional.max_pool1d(-speed[None], 2 * STRETCH + 1, 1, STRETCH)[0]
    cuts = [0]
    for step in ((speed == least).nonzero()[:, 0] + SPEED_OVER // 2).tolist():
        if step - cuts[-1] >= STRETCH and len(states) - step >= STRETCH:
            cuts.append(step)
    return cuts[1:]


def warp(
    play: Float[Tensor, "N F"], stretch: Float[Tensor, "L F"], steps: Int[Tensor, " N"]
) -> tuple[Float[Tensor, " N"], Int[Tensor, " N"]]:
    """Align a stretch with play, from any row on: subsequence dynamic time warping.

    While the stretch moves on by one step, play moves on by 0 to `FASTEST`, within its episode.

    Args:
        play: episodes, one after another.
        stretch: states of a demonstration.
        steps: step of each row of play within its episode.

    Returns:
        For each row the mean squared distance of the best alignment that ends there, and the row at
        which that begins.
    """

    def apart(state: Tensor) -> Tensor:
        return (play - state).square().mean(1)

    ahead = range(FASTEST + 1)
    cannot = [torch.where(steps < k, torch.inf, 0.0) for k in ahead]
    costs, begins = apart(stretch[0]), torch.arange(len(play))
    for state in stretch[1:]:
        before = torch.stack([costs.roll(k) + cannot[k] for k in ahead])
        costs, k = before.min(0)
        begins = torch.stack([begins.roll(k) for k in ahead]).gather(0, k[None])[0]
        costs = costs + apart(state)
    return costs / len(stretch), begins


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
