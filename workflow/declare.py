"""Print as JSON what classes of policies declare, see `declarations`.

Usage: declare.py module:Class ...
"""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from fist.evaluation.rollout import RolloutSettings
from fist.methods.base import Model, Policy, class_named, name_of
from fist.methods.distance import Distance
from fist.stage.settings import schema_of
from fist.training.settings import TrainSettings


def describe(classes: Sequence[str]) -> dict[str, Any]:
    """Return what classes declare; of the first one that cannot be used, its fault."""
    policies: dict[str, Any] = {}
    models = {Distance.name: of_model(Distance)}
    try:
        for path in classes:
            policies[path] = of_policy(path, models)
        for path in classes:
            model = models.get(policies[path]["model"], {})
            for name in (*model.get("trains_on", ()), *model.get("finetunes_on", ())):
                if name not in ("play", "demos", *models):
                    known = ", ".join(models)
                    raise ValueError(f"its model reads {name}, which is no method's model: {known}")
    except (Exception, SystemExit) as error:  # whatever the user's module raises
        where = "modules are looked for in PYTHONPATH and in the folder of the run"
        hint = f"; {where}" if isinstance(error.__cause__, ModuleNotFoundError) else ""
        return {"class": path, "fault": f"{path} cannot be used: {error}{hint}"}
    return {"classes": policies, "models": models, "rollout": schema_of(RolloutSettings)}


def of_policy(path: str, models: dict[str, Any]) -> dict[str, Any]:
    """Return what a policy declares, and enter its model among the others."""
    cls = class_named(path, Policy)
    found = {"class": path, "looks_up": cls.looks_up, "acts": schema_of(cls.Settings)}
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


if __name__ == "__main__":
    sys.path.append(os.getcwd())
    answer = os.dup(1)
    os.dup2(2, 1)  # where modules print to, whatever way, is no answer
    os.write(answer, json.dumps(describe(sys.argv[1:])).encode())
