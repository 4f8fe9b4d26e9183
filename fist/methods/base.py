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

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import torch
from annotated_types import Le
from jaxtyping import Float
from torch import Generator, Tensor, nn

from fist.data.actions import ActionScale
from fist.data.episodes import Episodes
from fist.methods.lanes import as_states
from fist.methods.networks import Normaliser
from fist.methods.retrieval import DemoIndex
from fist.stage.functions import function
from fist.stage.settings import Count, Flag, Positive, settings

T = TypeVar("T")
TAKEN = ("play", "demos", "init", "model", "episodes", "trace", "cell")
"""What a model cannot be called: names of files and options beside it."""
Batch = tuple[Tensor, ...]
Sampler = Callable[[Generator], Batch]
"""Draws a batch."""
Terms = dict[str, Tensor]
"""Terms of a loss, each a scalar; their sum is minimised."""
Losses = Callable[..., Terms]
"""Maps a batch to the terms of its loss."""


@settings
class ModelSettings:
    """What every model has a setting for."""

    horizon: Annotated[Count, Le(100_000)] = 10
    """H: steps between a state and its goal, actions in a skill, pairs that BC draws together."""
    normalise: Flag = False
    """Shift and scale states by the training data's mean and standard deviation."""
    scale_floor: Positive = 0.1
    """Smallest standard deviation to divide a state by, in the state's units."""


@settings
class NoSettings:
    """Nothing can be set."""


@dataclass(frozen=True)
class Material:
    """What a stage gives to a model; what the model did not ask for is missing."""

    play: Episodes | None = None
    demos: Episodes | None = None
    tasks: tuple[int, ...] = ()
    """Of each demonstration, the number of its task: that of its file, from 0."""
    models: Mapping[str, Model] = field(default_factory=dict)
    """Other models, trained on the same play, by their names."""

    @property
    def main(self) -> Episodes:
        """The episodes that the model is mostly about: play, where there is play."""
        main = self.demos if self.play is None else self.play
        assert main is not None  # every stage reads play or demonstrations
        return main

    def hold_out(self, share: float) -> tuple[Material, Material | None]:
        """Split off the last episodes, int(share * E) of each part; None where that is none."""
        first: dict[str, Any] = {}
        last: dict[str, Any] = {}
        for name in ("play", "demos"):
            if (part := getattr(self, name)) is not None:
                kept = len(part) - int(share * len(part))
                if kept == len(part):
                    return self, None
                first[name] = part.take(range(kept))
                last[name] = part.take(range(kept, len(part)))
                if name == "demos":
                    first["tasks"], last["tasks"] = self.tasks[:kept], self.tasks[kept:]
        return replace(self, **first), replace(self, **last)


class Objective(NamedTuple):
    """What a training minimises, and over what."""

    losses: Losses
    parameters: list[nn.Parameter]
    apart: Sequence[list[nn.Parameter]] = ()
    """The same parameters in groups, each of which has a term of the loss of its own, if any."""


class Model(nn.Module):
    """A network that one stage trains on play and another one fine-tunes on demonstrations."""

    name: ClassVar[str]
    """What its checkpoints and its section of the configuration are called: skills, …"""
    Settings: ClassVar[type] = ModelSettings
    """Its settings: a subclass of `ModelSettings`."""
    trains_on: ClassVar[tuple[str, ...]] = ("play",)
    """What its training reads: "play", and names of other models. Empty: it has no such stage, and
    begins when it is fine-tuned."""
    finetunes_on: ClassVar[tuple[str, ...]] = ("demos",)
    """What its fine-tuning reads: "demos", "play", and names of other models."""
    parts: ClassVar[tuple[str, ...]] = ("all", "scratch")
    """What fine-tuning can train: "all" of the model, a new one of its shape from "scratch", …"""
    recipe: ClassVar[Mapping[str, Mapping[str, Any]]] = {"train": {}, "finetune": {"validation": 0}}
    """What its two stages set otherwise than `fist.training.settings.TrainSettings` does."""

    def __init__(self, settings: Any, state_dim: int, action_dim: int | None = None):
        """Make a model of its settings and of the sizes of states and actions."""
        super().__init__()
        self.settings, self.state_dim, self.action_dim = settings, state_dim, action_dim
        self.normaliser = Normaliser(state_dim, settings.scale_floor)

    @classmethod
    def span(cls, settings: Any) -> int:
        """Return how many steps a training window covers; it has one state more."""
        return settings.horizon

    def prepare(self, material: Material) -> None:
        """Take from the data what is not learnt by gradients: the scale of the states."""
        if self.settings.normalise:
            self.normaliser.fit(material.main.states)

    def conclude(self, material: Material) -> None:
        """Take from the data, after training, what depends on what has been learnt."""

    def sampler(self, material: Material, batch: int, device: torch.device | str) -> Sampler:
        """Return a function that draws a batch for `losses`, on a device, from its generator."""
        raise NotImplementedError

    def items(self, material: Material, validation: float) -> int:
        """Return how many samples make an epoch, where a share of the episodes is held out.

        By default, as in the reference, all windows of demonstrations, and of play one from every
        H+1 rows.
        """
        span = self.span(self.settings)
        if material.play is not None:
            return int((1 - validation) * len(material.play.states) / (span + 1))
        return int((material.main.lengths - span).clamp(min=0).sum())

    def represent(
        self, s: Float[Tensor, "B H1 S"], a: Float[Tensor, "B H A"]
    ) -> Float[Tensor, "B F"]:
        """Return what windows are compared by where play is retrieved.

        By default, their first and last states, as the model sees them.
        """
        return self.normaliser(s[:, [0, -1]]).flatten(1)

    def measures(self, *batch: Tensor) -> Terms:
        """Return what else stands in the learning curve, of a batch of held-out episodes."""
        return {}

    losses: Losses
    """The method that gives the terms of a batch's loss."""

    def objective(self, part: str) -> Objective:
        """Return what a training of a part of the model minimises, see `parts`."""
        return Objective(self.losses, list(self.parameters()))


class Policy:
    """Acts in several episodes at once, each in a lane of its own (`fist.methods.lanes`).

    What a lane does depends on its seed and its states alone, never on the lanes it shares a batch
    with or on when they joined.
    """

    Model: ClassVar[type[Model] | None] = None
    """The model that it acts with, if any."""
    looks_up: ClassVar[bool] = False
    """Whether it looks up in demonstrations."""
    told_task: ClassVar[bool] = False
    """Whether it is told its `task`."""
    task: int | None = None
    """The number of the task that it is tested on, among those that its model was fine-tuned on, as
    in `Material.tasks`; None: it is none of them."""
    Settings: ClassVar[type] = NoSettings
    """How it acts."""
    action_scale: ActionScale | None = None
    """What its actions are mapped by where they are executed (`fist.data.actions.executed`)."""

    def __init__(self, model: Any, index: DemoIndex | None, act: Any):
        """Make the policy.

        Args:
            model: a trained model of class `Model`, put into eval mode; None without one.
            index: the demonstrations, exactly where it looks up.
            act: its `Settings`.
        """
        if (index is not None) != self.looks_up:
            needs = "needs demonstrations to look up in" if self.looks_up else "looks nothing up"
            raise ValueError(f"{type(self).__name__} {needs}")
        self.model: Any = None if model is None else model.eval()
        self.index: Any = index
        self.settings = act
        self.reset([])

    @classmethod
    def slim(cls, model: Any) -> Any:
        """Return a model that acts in the same way, without what only training needs.

        By default, the model itself.
        """
        return model

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin len(seeds) episodes, one lane each; a lane's noise comes from its seed alone."""

    def act(self, states: Float[np.ndarray, "B S"], lanes: Sequence[int]) -> np.ndarray:
        """Return actions (B, A) in [-1, 1], float32, for the present states of some lanes."""
        raise NotImplementedError

    def seen(self, states: Float[np.ndarray, "B S"]) -> Float[Tensor, "B _"]:
        """Return what the model sees of observations; ValueError where it knows others."""
        return as_states(states, self.model.state_dim)


def name_of(cls: type) -> str:
    """Return the name by which configurations and checkpoints refer to a class: module:Class."""
    return f"{cls.__module__}:{cls.__qualname__}"


def is_trusted(module: str, trusted: Sequence[str]) -> bool:
    """Tell whether a module is one of those that are trusted, or in one of these packages."""
    return f"{module}.".startswith(tuple(f"{place}." for place in trusted))


def class_named(name: str, base: type[T], trusted: Sequence[str] | None = None) -> type[T]:
    """Import the class that module:Class names.

    Args:
        name: the class.
        base: what it must be a subclass of: `Model` or `Policy`.
        trusted: modules and packages that may be imported beside `fist`; None: any. A name that
            stands in a file is trusted no further than the configuration's own.

    Raises:
        ValueError: the name is none, is not trusted, or names no such class.
    """
    module = name.partition(":")[0]
    if trusted is not None and not is_trusted(module, ("fist", *trusted)):
        raise ValueError(
            f"{name!r} is not of fist, and not of a module that is trusted (--trusted {module})"
        )
    found = function(name, "module:Class")
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ValueError(f"{name!r} is no subclass of {name_of(base)}")
    check_declaration(found)
    return found


def check_declaration(cls: type) -> None:
    """Raise ValueError where a class of policy, or of model, lacks what it has to declare."""
    faults: dict[str, bool]
    if issubclass(cls, Policy):
        model = cls.Model
        faults = {
            "has no method `act`": cls.act is Policy.act,
            "has a `Model` that is none": not (model is None or _is(model, Model)),
            "has a `looks_up` that is not true or false": not isinstance(cls.looks_up, bool),
            "has a `told_task` that is not true or false": not isinstance(cls.told_task, bool),
            "has `Settings` that are no settings class": not is_dataclass(cls.Settings),
        }
    elif issubclass(cls, Model):
        name, losses = getattr(cls, "name", None), getattr(cls, "losses", None)
        faults = {
            "has no `name`": name is None,
            f"is called {name!r:.40}: take another name, of a-z, 0-9 and _": not _is_name(name)
            or name in TAKEN,
            "has `Settings` that are no subclass of ModelSettings": not (
                _is(cls.Settings, ModelSettings) and is_dataclass(cls.Settings)
            ),
            "has no method `sampler`": cls.sampler is Model.sampler,
            "has no method `losses`": cls.objective is Model.objective and not callable(losses),
            "has a `recipe` that is not of `train` and `finetune`": not (
                isinstance(cls.recipe, Mapping) and set(cls.recipe) == {"train", "finetune"}
            ),
        }
        for listed in ("trains_on", "finetunes_on", "parts"):
            given = getattr(cls, listed)
            faults[f"has `{listed}` {given!r:.60}, which is no tuple of names"] = not (
                isinstance(given, tuple) and all(map(_is_name, given))
            )
        faults["has no `parts`"] = not cls.parts
    for fault, is_there in faults.items():
        if is_there:
            raise ValueError(f"{name_of(cls)} {fault}")
    if issubclass(cls, Policy) and cls.Model is not None:
        check_declaration(cls.Model)


def _is(cls: Any, base: type) -> bool:
    return isinstance(cls, type) and issubclass(cls, base)


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and re.fullmatch("[a-z][a-z0-9_]*", name) is not None
