"""Skills whose space knows of time, and play retrieved in it (after SAILOR).

SAILOR (Nasiriany et al., 2022) learns a space of skills in which what is alike lies close, and has
a policy learn from the play that lies close to the demonstrations. To the skill VAE it adds

    slowness    windows that begin within 5 steps of each other have like skills
    time        how far apart in time two windows of an episode are can be told from their skills

The policy, here a prior over skills, learns from the demonstrations and from retrieved play at
once (`retrieve: nearest`), and is told by a flag which of the two a state is from; when it acts,
the flag says demonstration.

    p(z | s, flag)             as published: it is not told what for
    p(z | s, s_goal, flag)     its twin, which takes the look-up of FIST
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import torch
from annotated_types import Le, Len
from jaxtyping import Float, Int
from torch import Generator, Tensor

from fist.data.windows import Windows
from fist.methods.base import Batch, Material, Sampler, Terms
from fist.methods.labelled import TaskSkillSettings, TaskSkillVAE, ToldTask
from fist.methods.lanes import by_rows
from fist.methods.networks import MLP, Gaussian, at_least_float32
from fist.methods.skills import FIST, Prior, SPiRL
from fist.stage.settings import Count, NonNegative, settings

SLOW, APART = 5, 50
"""Steps within which skills are alike, and the most whose number is told."""
DEMONSTRATION = 0
"""The flag's only entry."""


@settings
class SailorSettings(TaskSkillSettings):
    """Shape and loss of the skills."""

    tasks: Annotated[Count, Le(1)] = 1
    """Entries of the flag: it tells demonstrations from play."""
    priors: Annotated[tuple[Prior, ...], Len(1)] = ("state", "goal")
    """Policies to train: without a goal ("state"), and with one."""
    slowness: NonNegative = 1e-3
    """Weight of the squared distance between the skills of windows that begin close together."""
    time: NonNegative = 1.0
    """Weight of the squared error of the time between windows, in units of 50 steps."""


class SailorModel(TaskSkillVAE):
    """A skill VAE with slowness and a head for time; its priors see the flag."""

    name = "sailor"
    Settings = SailorSettings

    def __init__(self, settings: Any, state_dim: int, action_dim: int):
        super().__init__(settings, state_dim, action_dim)
        self.time = MLP(2 * settings.z_dim, 1, settings.hidden, 1, batch_norm=False)
        with torch.no_grad():  # a flag that was never seen, as before fine-tuning, says nothing
            for prior in self.priors.values():
                weight: Any = prior.get_parameter("input.weight")
                weight.unflatten(1, (-1, state_dim + settings.tasks))[..., -1] = 0

    def sampler(self, material: Material, batch: int, device: torch.device | str) -> Sampler:
        """Return what draws windows, each with another one of its episode, and their flags."""
        if material.demos is not None:
            material = replace(material, tasks=(DEMONSTRATION,) * len(material.demos))
        episodes, horizon = self._labelled(material).main, self.settings.horizon
        windows, z = Windows(episodes, horizon, device), self.settings.z_dim
        earliest = episodes.starts.repeat_interleave(episodes.lengths).to(device)
        latest = (episodes.starts + episodes.lengths - 1 - horizon).clamp(min=0)
        latest = latest.repeat_interleave(episodes.lengths).to(device)

        def sample(generator: Generator) -> Batch:
            first = windows.draw(batch, generator)
            given: Any = {"generator": generator, "device": first.device}
            apart = torch.randint(-APART, APART + 1, (batch,), **given)
            apart[::2] = apart[::2].fmod(SLOW + 1)
            other = (first + apart).maximum(earliest[first]).minimum(latest[first])
            noise = torch.randn(batch, z, **given)
            return *windows.gather(first), noise, *windows.gather(other), other - first

        return sample

    def losses(  # type: ignore[override]
        self,
        s: Float[Tensor, "B H1 SL"],
        a: Float[Tensor, "B H A"],
        noise: Float[Tensor, "B Z"],
        other_s: Float[Tensor, "B H1 SL"],
        other_a: Float[Tensor, "B H A"],
        apart: Int[Tensor, " B"],
    ) -> Terms:
        """Return the terms of the skill VAE, slowness, and the error of the time.

        Args:
            s, a, noise: as for `SkillVAE.losses`, with flags.
            other_s, other_a: of each window, another one of its episode.
            apart: by how many steps that one is later.
        """
        pairs = torch.cat((s, other_s))[:, :-1], torch.cat((a, other_a))
        z, other = self.encode(*pairs).mean.chunk(2)
        near = (apart.abs() <= SLOW).to(z.dtype)
        slow = (near * (z - other).square().sum(-1)).sum() / near.sum().clamp(min=1)
        error = at_least_float32(self.time(z, other))[:, 0] - apart / APART
        terms = {"slowness": self.settings.slowness * slow}
        terms["time"] = self.settings.time * error.square().mean()
        return super().losses(s, a, noise) | terms

    def prior_losses(  # type: ignore[override]
        self, s: Tensor, a: Tensor, noise: Tensor, *pairs: Tensor, **which: Any
    ) -> Terms:
        """Return the priors' terms alone; the other windows do not matter."""
        return super().prior_losses(s, a, noise, **which)


class Sailor(ToldTask, SPiRL):
    """Act through skills, flagged as in the demonstrations."""

    Model = SailorModel
    told_task = False
    task = DEMONSTRATION


class GoalSailor(ToldTask, FIST):
    """The same on the way to targets, looked up in the demonstrations."""

    Model = SailorModel
    told_task = False
    task = DEMONSTRATION

    def prior(self, s: Float[Tensor, "B SL"], lanes: Sequence[int]) -> Gaussian:
        target = self._target(s[:, : self.model.state_dim], lanes)
        return by_rows(self.model.prior_goal, s, self.model.label(target, self.task))
