"""Rivals that are told which task it is, though not where it leads.

One model that has learnt several tasks has to be asked for one of them. FIST is asked by the
demonstrations that it looks up in. A policy that looks nothing up can only do what the
demonstrations do on average, unless it is told the task by its number:

    p(z | s, task)     SPiRL, told the task; its posterior and its decoder are not
    pi(a | s, task)    BC, told the task

The number stands behind every state, one-hot. In play, which is of no task, zeros stand there.
"""

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from annotated_types import Le, Len
from jaxtyping import Float, Int
from torch import Tensor

from fist.data.episodes import DataError, Episodes
from fist.methods.base import Material, Model, Policy, Sampler
from fist.methods.cloning import BC, BCModel, BCSettings
from fist.methods.networks import Gaussian
from fist.methods.skills import Prior, SkillSettings, SkillVAE, SPiRL
from fist.stage.settings import Count, settings


@settings
class LabelSettings:
    """How many tasks there may be."""

    tasks: Annotated[Count, Le(10_000)] = 16
    """Tasks that can be told apart, at most: entries of the label."""


@settings
class TaskBCSettings(LabelSettings, BCSettings):
    """Shape of a policy that is told the task."""


@settings
class TaskSkillSettings(LabelSettings, SkillSettings):
    """Shape and loss of a skill VAE whose priors are told the task."""

    priors: Annotated[tuple[Prior, ...], Len(1)] = ("state",)
    """Priors to train: "goal" is FIST's, "state" is SPiRL's; one VAE serves both."""


class Labelled(Model):
    """A model that sees states with a label of their task behind them."""

    def __init__(self, settings: Any, state_dim: int, action_dim: int):
        super().__init__(settings, state_dim + settings.tasks, action_dim)
        self.state_dim = state_dim

    def label(
        self, s: Float[Tensor, "*B S"], task: Int[Tensor, "*B"] | int | None
    ) -> Float[Tensor, "*B SL"]:
        """Return states with the labels of their tasks, of one task, or of none behind them.

        Raises:
            DataError: there are more tasks than entries of the label.
        """
        entries = self.settings.tasks
        if task is None:
            return F.pad(s, (0, entries))
        number = torch.as_tensor(task, device=s.device)
        if not 0 <= int(number.min()) <= int(number.max()) < entries:
            raise DataError(
                f"tasks {int(number.min())} to {int(number.max())} are learnt or tested, the label "
                f"has {entries} entries (config: models.{self.name}.model.tasks)"
            )
        return torch.cat((s, F.one_hot(number, entries).to(s.dtype).expand(*s.shape[:-1], -1)), -1)

    def prepare(self, material: Material) -> None:
        """Take from the data what the model takes; the labels are seen as they are."""
        super().prepare(self._labelled(replace(material, tasks=())))
        self.normaliser.scale[self.state_dim :] = 1

    def sampler(self, material: Material, batch: int, device: torch.device | str) -> Sampler:
        """Return what draws a batch of states with labels."""
        return super().sampler(self._labelled(material), batch, device)

    def represent(self, s: Tensor, a: Tensor) -> Tensor:
        """Return what windows are compared by, whatever their task."""
        return super().represent(self.label(s, None), a)

    def _labelled(self, material: Material) -> Material:
        play, demos, tasks = material.play, material.demos, None
        if demos is not None and material.tasks:
            tasks = torch.tensor(material.tasks).repeat_interleave(demos.lengths)

        def labelled(part: Episodes | None, tasks: Tensor | None) -> Episodes | None:
            return part and replace(part, states=self.label(part.states, tasks))

        return replace(material, play=labelled(play, None), demos=labelled(demos, tasks))


class TaskBCModel(Labelled, BCModel):
    """pi(a | s, task)."""

    name = "task_bc"
    Settings = TaskBCSettings


class TaskSkillVAE(Labelled, SkillVAE):
    """A skill VAE whose priors see the label; its posterior and its decoder do not."""

    name = "task_skills"
    Settings = TaskSkillSettings

    def _encode(self, s: Tensor, a: Tensor) -> Gaussian:
        return super()._encode(self._without(s), a)

    def _decode(self, s: Tensor, z: Tensor, step: Tensor) -> Tensor:
        return super()._decode(self._without(s), z, step)

    def _without(self, s: Float[Tensor, "*B SL"]) -> Float[Tensor, "*B SL"]:
        return self.label(s[..., : self.state_dim], None)


class ToldTask(Policy):
    """A policy whose states have the label of its task behind them."""

    told_task = True

    def seen(self, states: Float[np.ndarray, "B S"]) -> Float[Tensor, "B SL"]:
        return self.model.label(super().seen(states), self.task)


class TaskBC(ToldTask, BC):
    """Act without skills, told the task: every action from pi(a | s, task)."""

    Model = TaskBCModel


class TaskSPiRL(ToldTask, SPiRL):
    """Act through skills, told the task: the prior is p(z | s, task)."""

    Model = TaskSkillVAE
