"""What a method is made of: a model, which is trained, and a policy, which acts with it.

A method is one file. It holds the settings and the network of a `Model`, unless it takes those of
another file, and a `Policy` that acts with it; both say in class attributes what they need. The
configuration names the policy's class, `module:Class`, and everything else follows from it: which
stages there are, what they read, what can be fine-tuned, what is looked up.

    play ──> train ──> model ──> fine-tune ──> model ──> policy ──> actions
                                   ^                       ^
             demonstrations ───────┴──> index ─────────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from fist.data.episodes import Episodes
from fist.stage.settings import Count, Flag, Positive, settings

Batch = tuple[Tensor, ...]
Terms = dict[str, Tensor]
"""Terms of a loss, each a scalar; their sum is minimised."""


@settings
class ModelSettings:
    """What every model has a setting for."""

    horizon: Count = 10
    """H: steps between a state and its goal, and actions in a skill."""
    normalise: Flag = False
    """Shift and scale states by the training data's mean and standard deviation."""
    scale_floor: Positive = 0.1
    """Smallest standard deviation to divide a state by, in the state's units."""


@dataclass(frozen=True)
class Material:
    """What a stage gives to a model; what the model did not ask for is None."""

    play: Episodes | None = None
    demos: Episodes | None = None
    models: Mapping[str, Model] | None = None
    """Other models, trained on the same play, by their names."""

    @property
    def main(self) -> Episodes:
        """The episodes that the model is mostly about: play, where there is play."""
        return self.play if self.play is not None else self.demos


class Objective(NamedTuple):
    """What one training minimises, and over what."""

    losses: Callable[..., Terms]
    parameters: list[nn.Parameter]


class Model(nn.Module):
    """A network that one stage trains on play and another one fine-tunes on demonstrations."""

    name: ClassVar[str]
    """What its checkpoints and its section of the configuration are called: skills, …"""
    Settings: ClassVar[type] = ModelSettings
    """Its settings class."""
    trains_on: ClassVar[tuple[str, ...]] = ("play",)
    """What its training reads: "play", and the names of other models. Empty: it has no such stage,
    and is made when it is fine-tuned."""
    finetunes_on: ClassVar[tuple[str, ...]] = ("demos",)
    """What its fine-tuning reads: "demos", "play", and the names of other models."""
    parts: ClassVar[tuple[str, ...]] = ("all", "scratch")
    """What fine-tuning can be asked to train: "all" of the model, a new one from "scratch", …"""
    train: ClassVar[dict[str, Any]] = {}
    """What its training on play sets otherwise than `TrainSettings`."""
    finetune: ClassVar[dict[str, Any]] = {"validation": 0}
    """The same of its fine-tuning."""
    ...
