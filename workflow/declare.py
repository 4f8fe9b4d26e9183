"""Print as JSON what classes of policies declare, see `declarations`, and which files say so.

Usage: declare.py module:Class ...
"""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from fist.evaluation.rollout import RolloutSettings
from fist.methods.base import Model, Policy
from fist.methods.distance import Distance
from fist.stage.settings import schema_of
from fist.training.settings import TrainSettings


def describe(classes: Sequence[str]) -> dict[str, Any]:
    """Return what classes declare; of the first one that cannot be used, its fault."""
    policies: dict[str, Any] = {}
    models = {Distance.name: of_model(Distance)}
    for path in classes:
        try:
            policies[path] = of_policy(path, models)
        except Exception as error:
            hint = ""
            if isinstance(error, ModuleNotFoundError):
                hint = "; modules are looked for in PYTHONPATH and in the folder of the run"
            return {"class": path, "fault": f"{path} cannot be used: {error}{hint}"}
    for path, policy in policies.items():
        model = models.get(policy["model"], {})
        for name in (*model.get("trains_on", ()), *model.get("finetunes_on", ())):
            if name not in ("play", "demos", *models):
                known = ", ".join(models)
                fault = f"its model reads {name}, which is no method's model: {known}"
                return {"class": path, "fault": f"{path} cannot be used: {fault}"}
    files = {file: hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in code(classes)}
    return {
        "classes": policies,
        "models": models,
        "rollout": schema_of(RolloutSettings),
        "files": files,
    }


def of_policy(path: str, models: dict[str, Any]) -> dict[str, Any]:
    """Return what a policy declares, and enter its model among the others."""
    module, _, name = path.partition(":")
    cls = getattr(import_module(module), name)
    if not (isinstance(cls, type) and issubclass(cls, Policy)):
        raise TypeError("it is no subclass of fist.methods.base.Policy")
    model = cls.Model and cls.Model.name
    if cls.Model:
        new = of_model(cls.Model)
        other = models.setdefault(model, new)["class"]
        if other != new["class"]:
            raise TypeError(f"its model {new['class']} is called {model} like {other}: rename it")
    acts = schema_of(cls.Settings)
    return {"class": path, "model": model, "looks_up": cls.looks_up, "acts": acts}


def of_model(cls: type[Model]) -> dict[str, Any]:
    """Return what a model declares."""
    found: dict[str, Any] = {
        "class": f"{cls.__module__}:{cls.__qualname__}",
        **{name: getattr(cls, name) for name in ("trains_on", "finetunes_on", "parts")},
        "model": schema_of(cls.Settings),
    }
    for stage, own in cls.recipe.items():
        found[stage] = schema_of(TrainSettings)
        for key, value in own.items():
            found[stage]["properties"][key]["default"] = value
    return found


def code(classes: Sequence[str]) -> Iterator[str]:
    """List the imported files: the library's, those beside the classes, none that is installed."""
    own = {"fist", *(path.partition(":")[0].partition(".")[0] for path in classes)}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        installed = file.startswith((sys.prefix, sys.base_prefix))
        if Path(file).is_file() and (name.partition(".")[0] in own or not installed):
            yield file


if __name__ == "__main__":
    sys.path.append(os.getcwd())
    with contextlib.redirect_stdout(sys.stderr):  # what modules print when they are imported
        answer = describe(sys.argv[1:])
    print(json.dumps(answer))
