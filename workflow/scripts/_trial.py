"""The options that say what is tested, for every script that runs a method."""

from collections.abc import Callable
from functools import partial
from inspect import Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from tyro.conf import arg

import _cli
from fist.evaluation.episode_results import Labels
from fist.evaluation.evaluate import Lookup, PolicySpec, Trial
from fist.evaluation.rollout import RolloutSettings
from fist.methods.base import Policy, class_named
from fist.stage.files import parse_json

main = partial(_cli.main, base=Policy, named=class_named)
"""`_cli.main` for options that depend on a method's class."""


def with_trial(function: Callable[..., Any]) -> Callable[[type[Policy]], Callable[..., Any]]:
    """Return `function` for a method's class: what makes up its `trial` are options."""

    def command(cls: type[Policy]) -> Callable[..., Any]:
        def run(**given: Any) -> Any:
            return function(**given)

        trial = Annotated[Trial, arg(name="", constructor=_trial_of(cls))]
        hints = get_type_hints(function) | {"trial": trial}
        parameters = signature(function).parameters.values()
        run.__signature__ = Signature([p.replace(annotation=hints[p.name]) for p in parameters])
        run.__annotations__, run.__doc__ = hints, function.__doc__
        return run

    return command


def _trial_of(cls: type[Policy]) -> Callable[..., Trial]:
    acting, testing = cls.Settings(), RolloutSettings()

    def trial(
        method: str,
        labels: Labels,
        env_id: str = "d4rl:kitchen-mixed-v0",
        env_kwargs: str = "{}",
        wrappers: str = "[]",
        model: Path | None = None,
        lookup: Lookup = "distance" if cls.looks_up else "none",
        demos: Path | None = None,
        n_demos: int = 10,
        distance: Path | None = None,
        task: int | None = None,
        act: cls.Settings = acting,
        rollout: RolloutSettings = testing,
    ) -> Trial:
        """Make a trial.

        Args:
            method: Class of the policy, module:Class; how it acts are options (--act.*).
            labels: What it is called, and the training seed.
            env_id: Gymnasium id of the environment.
            env_kwargs: Arguments of the environment, as JSON: '{"task_elements": ["kettle"]}'.
            wrappers: What is put around it, from the inside to the outside, as JSON:
                '[{"wrapper": "fist.evaluation.disturbances:ActionDelay", "steps": 1}]'.
            model: Checkpoint of its model, where it has one.
            lookup: Space to look the present state up in, among the demonstrations: the features of
                the "distance", "euclidean" (the states themselves), the features of a "random"
                encoder of the distance's shape; "none": no look-up.
            demos: Demonstrations to look up in.
            n_demos: How many of them: the first ones that have at least H+1 steps.
            distance: Checkpoint of the distance, for lookup "distance" or "random".
            task: Number of the task among those that the model was fine-tuned on, from 0, for a
                method that is told it.
            act: How it acts.
            rollout: On which episodes.
        """
        spec = PolicySpec(cls, act, model, lookup, demos, n_demos, distance, task)
        arguments = parse_json(env_kwargs, "--env-kwargs")
        around = parse_json(wrappers, "--wrappers", list)
        return Trial(labels, env_id, arguments, spec, rollout, around)

    return trial
