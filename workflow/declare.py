"""Print as JSON what the classes, functions and environments of a configuration declare.

See `declarations`, which gives them as JSON on the standard input: [[what for, name], ...].
"""

import inspect
import json
import os
import sys
from collections.abc import Callable, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, get_type_hints

from gymnasium.envs.registration import load_env_creator
from pydantic import TypeAdapter

from fist.evaluation.rollout import RolloutSettings, wrapper_spec
from fist.methods.base import Model, Policy, class_named, name_of
from fist.methods.distance import Distance
from fist.stage.functions import env_spec, function
from fist.stage.provenance import registered
from fist.stage.settings import schema_of
from fist.training.settings import TrainSettings

PASSED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "generator": (("path", "sequence", "episodes", "seed"), ("workers",)),
    "source": (("files", "what", "out"), ()),
    "converter of relay": (("logs", "out"), ()),
    "converter of minari": (("observations",), ()),
    "wrapper": (("env",), ()),
}
"""What functions are passed whatever the configuration says: by position, and by name."""


def describe(named: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return what is declared, by what it is for; of the first that cannot be used, its fault."""
    found: dict[str, Any] = {kind: {} for kind in ("policy", "environment", *PASSED)}
    models = {Distance.name: of_model(Distance)}
    kind, name = "", ""
    try:
        for kind, name in named:
            if kind == "policy":
                found[kind][name] = of_policy(name, models)
            elif kind == "environment":
                found[kind][name] = of_environment(name)
            else:
                found[kind][name] = of_function(name, kind)
        for kind, name in named:
            if kind == "policy" and found[kind][name]["model"]:
                check_reading(found[kind][name]["model"], models)
    except (Exception, SystemExit) as error:  # whatever the user's module raises
        where = "modules are looked for in PYTHONPATH and in the folder of the run"
        lacks = ModuleNotFoundError in map(type, (error, error.__context__))
        hint = f"; {where}" if lacks else ""
        why = " ".join(str(error).split())
        return {"named": (kind, name), "fault": f"{name} cannot be used: {why}{hint}"}
    return found | {"models": models, "rollout": schema_of(RolloutSettings)}


def of_policy(path: str, models: dict[str, Any]) -> dict[str, Any]:
    """Return what a policy declares, and enter its model among the others."""
    cls = class_named(path, Policy)
    found = {"class": path, "looks_up": cls.looks_up, "told_task": cls.told_task}
    found |= {"acts": schema_of(cls.Settings)}
    if cls.Model is None:
        return found | {"model": None}
    name, new = cls.Model.name, of_model(cls.Model)
    other = models.setdefault(name, new)["class"]
    if other != new["class"]:
        raise TypeError(f"its model {new['class']} is called {name} like {other}: rename it")
    return found | {"model": name}


def of_model(cls: type[Model]) -> dict[str, Any]:
    """Return what a model declares."""
    found = {name: getattr(cls, name) for name in ("trains_on", "finetunes_on", "parts")}
    found |= {"class": name_of(cls), "model": schema_of(cls.Settings)}
    for stage, own in cls.recipe.items():
        TrainSettings(**own)
        found[stage] = schema_of(TrainSettings)
        for key, value in own.items():
            found[stage]["properties"][key]["default"] = value
    return found


def check_reading(model: str, models: dict[str, Any]) -> None:
    """Raise ValueError where a model reads another that there is not when it is needed."""
    for name in (*models[model]["trains_on"], *models[model]["finetunes_on"]):
        if name not in ("play", "demos", *models):
            known = ", ".join(models)
            raise ValueError(f"its model reads {name}, which is no method's model: {known}")
        if name in models and not models[name]["trains_on"]:
            raise ValueError(f"its model reads {name}, which is not trained on play")
    try:
        TopologicalSorter({name: entry["trains_on"] for name, entry in models.items()}).prepare()
    except CycleError as error:
        raise ValueError(f"models train on each other: {', '.join(error.args[1])}") from None


def of_environment(env_id: str) -> dict[str, Any]:
    """Return the arguments of an environment, and what its id registers."""
    found = registered(env_id)
    spec = env_spec(env_id)
    if (point := spec.entry_point) is None:
        raise TypeError("it is registered without an entry point")
    creator: Callable[..., Any] = load_env_creator(point) if isinstance(point, str) else point
    schema = arguments(creator, (), ())
    schema["required"] = [name for name in schema["required"] if name not in spec.kwargs]
    return {"arguments": schema, "registered": found}


def of_function(path: str, kind: str) -> dict[str, Any]:
    """Return what a function takes beside what it is passed; TypeError if it does not take that."""
    if kind == "wrapper":
        wrapper_spec({"wrapper": path})  # an error where it is none
    called, (by_position, by_name) = function(path), PASSED[kind]
    if kind == "wrapper" and hasattr(called, "Settings"):  # a disturbance of ours, or one like it
        return schema_of(called.Settings)
    if not callable(called):
        raise TypeError("it is no function")
    schema = arguments(called, by_position, by_name)
    schema["properties"].pop("finished", None)  # generators are given it, if they take it
    if kind.startswith("converter") and schema["required"]:
        raise TypeError(f"it needs {', '.join(schema['required'])}, too, which nothing gives it")
    return schema


def arguments(
    called: Callable[..., Any], by_position: Sequence[str], by_name: Sequence[str]
) -> dict[str, Any]:
    """Return the schema of the arguments that are left, by their names and annotations.

    Raises:
        TypeError: those that are passed do not fit.
    """
    try:
        signature = inspect.signature(called)
    except ValueError:  # of some built-in functions nothing is known
        return {"type": "object", "properties": {}, "required": []}
    try:
        passed = signature.bind_partial(*by_position, **dict.fromkeys(by_name)).arguments
    except TypeError as error:
        said = ", ".join((*by_position, *(f"{name}=" for name in by_name)))
        raise TypeError(f"it is called with ({said}, ...): {error}") from None
    try:
        initial = called.__init__ if isinstance(called, type) else called  # type: ignore[misc]
        hints = get_type_hints(initial)
    except Exception:  # names that only a type checker knows
        hints = {}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    every = signature.parameters.values()
    left = [entry for entry in every if entry.kind in named and entry.name not in passed]
    return {
        "type": "object",
        "properties": {entry.name: of_hint(hints.get(entry.name, Any)) for entry in left},
        "required": [entry.name for entry in left if entry.default is entry.empty],
        "additionalProperties": any(entry.kind is entry.VAR_KEYWORD for entry in every),
    }


def of_hint(hint: Any) -> dict[str, Any]:
    """Return the schema of an annotation; one that allows all where it cannot be told in JSON."""
    try:
        schema = TypeAdapter(hint).json_schema()
    except Exception:  # whatever an annotation may be
        return {}
    return {} if "$defs" in schema else schema


if __name__ == "__main__":
    sys.path.append(os.getcwd())
    answer = os.dup(1)
    os.dup2(2, 1)  # where modules print to, whatever way, is no answer
    said = json.dumps(describe(json.load(sys.stdin)))
    with os.fdopen(answer, "w") as file:
        file.write(said)
