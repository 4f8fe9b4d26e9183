"""What the classes that a configuration names declare: settings, models, what can be fine-tuned.

Importing them takes seconds, for they bring PyTorch. So another process does it (declare.py), and
its answer is kept in `.snakemake/declarations/` under the fingerprint of the code that decides it.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import VERSION

from fist.stage.files import fingerprint, read_json, write_text
from fist.stage.provenance import code_version
from settings import FUNCTION
from values import Fault, rollout_settings

SCRIPT = Path(__file__).resolve().with_name("declare.py")


def declared(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the classes of a configuration's methods declare, `like` being resolved.

    `methods`: of each its `class`, its `model` (a name, or None), `looks_up`, and its settings
    `acts`. `models`: of each its `class`, `trains_on`, `finetunes_on`, `parts`, and the settings
    `model`, `train` and `finetune`. `rollout`: settings of tests. `classes`: of policies, by path.
    All settings are JSON schemas, with defaults. Methods without a class are left out.

    Raises:
        Fault: a class cannot be used.
    """
    entries = {k: v for k, v in config["methods"].items() if isinstance(v, Mapping)}
    classes = {name: entry.get("class") for name, entry in entries.items()}
    methods = {
        name: path
        for name, path in classes.items()
        if isinstance(path, str) and re.fullmatch(FUNCTION, path)
    }
    own_last = sorted(set(methods.values()), key=lambda path: (not path.startswith("fist."), path))
    found = _declared(tuple(own_last), os.getcwd())
    if "fault" in found:
        name = next(name for name in methods if methods[name] == found["class"])
        raise Fault(["methods", name, "class"], f"`methods.{name}.class`: {found['fault']}")
    return found | {"methods": {name: found["classes"][path] for name, path in methods.items()}}


def acting_settings(config: Mapping[str, Any], env: str, method: str) -> dict[str, Any]:
    """Return what is said of how a method acts: the settings of tests that its class has."""
    known = declared(config)["methods"][method]["acts"]["properties"]
    return {k: v for k, v in rollout_settings(config, env, method).items() if k in known}


def testing_settings(config: Mapping[str, Any], env: str, method: str) -> dict[str, Any]:
    """Return what is said of the episodes that a method is tested on."""
    known = declared(config)["rollout"]["properties"]
    return {k: v for k, v in rollout_settings(config, env, method).items() if k in known}


@cache
def _declared(classes: tuple[str, ...], folder: str) -> dict[str, Any]:
    return ask(classes, Path(folder, ".snakemake", "declarations"))


def ask(classes: Sequence[str], kept: Path) -> dict[str, Any]:
    """Return what some classes declare, as it was kept in a folder or from a new process."""
    code = code_version(SCRIPT, *classes)
    file = kept / f"{fingerprint([sys.version, VERSION, classes, code])[:16]}.json"
    with contextlib.suppress(OSError, ValueError):
        return read_json(file)
    paths = [str(SCRIPT.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.run(
        [sys.executable, "-P", SCRIPT, *classes],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    if process.returncode:
        last = process.stderr.strip().splitlines()[-1:]
        return {"class": classes[0], "fault": f"{', '.join(classes)}: {''.join(last)}"}
    found = json.loads(process.stdout)
    if "fault" not in found:
        with contextlib.suppress(OSError):  # a folder that cannot be written to is in nobody's way
            write_text(file, process.stdout)
    return found
