"""What the classes, functions and environments that a configuration names declare.

Of classes: settings, models, what can be fine-tuned; of functions and environments: that they are
there, and which arguments they take. Importing them takes seconds, for they bring PyTorch and
MuJoCo. So another process does it (declare.py), and its answer is kept in
`.snakemake/declarations/` for as long as the code that decides it is the same.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import VERSION

from fist.data.sources import SHORT_NAMES
from fist.stage.files import fingerprint, read_json, write_json
from fist.stage.provenance import code_version
from settings import ENV_ID, FUNCTION
from values import Fault, dotted

SCRIPT = Path(__file__).resolve().with_name("declare.py")

Named = tuple[str, str]
"""What something is there for ("policy", "environment", "source", …), and its name."""


def declared(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a configuration's names stand for, `like` being resolved.

    `methods`: of each its `class`, its `model` (a name, or None), `looks_up`, `told_task`, and its
    settings `acts`. `models`: of each its `class`, `trains_on`, `finetunes_on`, `parts`, and the
    settings `model`, `train` and `finetune`. `rollout`: settings of tests. `policy`: policies, by
    path. `environments`: of each its `arguments`, what is `registered`
    (`fist.stage.provenance.registered`), of `play` and `demos` the `arguments` of the generator or
    the `options` of the source, and the arguments of `wrappers`. All settings and arguments are
    JSON schemas. What names nothing, or not in the right form, is left out.

    Raises:
        Fault: something cannot be used.
    """
    names = {tuple(path): named for path, named in _names(config)}
    own_last = sorted(set(names.values()), key=lambda one: (not one[1].startswith("fist."), one))
    found = _declared(tuple(own_last), os.getcwd())
    if "fault" in found:
        path = next(path for path, named in names.items() if named == tuple(found["named"]))
        raise Fault(list(path), f"`{dotted(path)}`: {found['fault']}")
    methods: dict[str, Any] = {}
    environments: dict[str, Any] = {}
    for path, (kind, name) in names.items():
        what = found[kind][name]
        match path:
            case "methods", method, _:
                methods[method] = what
            case "environments", env, "env_id":
                environments.setdefault(env, {}).update(what)
            case "environments", env, "data", part, "generator" | "source":
                key = "arguments" if kind == "generator" else "options"
                environments.setdefault(env, {})[part] = {key: what}
            case "environments", env, "tasks" | "variants", _, "wrappers", wrapper:
                environments.setdefault(env, {}).setdefault("wrappers", {})[wrapper] = what
    return found | {"methods": methods, "environments": environments}


def _names(config: Mapping[str, Any]) -> Iterator[tuple[list[str], Named]]:
    """Yield the paths of keys that name something, and what they name; both in the right form."""
    for path, kind, name in _said(config):
        form = ENV_ID if kind == "environment" else FUNCTION
        if isinstance(name, str) and re.fullmatch(form, name):
            yield path, (kind, name)


def _said(config: Mapping[str, Any]) -> Iterator[tuple[list[str], str, Any]]:
    for name, method in _sections(config, "methods"):
        yield ["methods", name, "class"], "policy", method.get("class")
    for env, entry in _sections(config, "environments"):
        yield ["environments", env, "env_id"], "environment", entry.get("env_id")
        for part, data in _sections(entry, "data"):
            path, source = ["environments", env, "data", part], data.get("source")
            if source == "generated":
                yield [*path, "generator"], "generator", data.get("generator")
            elif isinstance(source, str):
                yield [*path, "source"], "source", SHORT_NAMES.get(source, source)
            if source in ("relay", "minari"):
                yield [*path, "converter"], f"converter of {source}", data.get("converter")
        for part in ("tasks", "variants"):
            for name, task in _sections(entry, part):
                for wrapper, _ in _sections(task, "wrappers"):
                    yield ["environments", env, part, name, "wrappers", wrapper], "wrapper", wrapper


def _sections(of: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    entries = of.get(key)
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        if isinstance(name, str) and isinstance(entry, Mapping):
            yield name, entry


@cache
def _declared(named: tuple[Named, ...], folder: str) -> dict[str, Any]:
    return ask(named, Path(folder, ".snakemake", "declarations"))


def ask(named: Sequence[Named], kept: Path) -> dict[str, Any]:
    """Return what is declared, as it was kept in a folder or from a new process."""
    modules = {name.rpartition(":")[0] or "gymnasium" for _, name in named}
    code = code_version(SCRIPT, *sorted(modules))
    file = kept / f"{fingerprint([sys.version, VERSION, named, code])[:16]}.json"
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        known = read_json(file)
        if known["code"] == _registered_code(known["found"]):
            return known["found"]
    paths = [str(SCRIPT.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.run(
        [sys.executable, "-P", SCRIPT],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        input=json.dumps(named),
        capture_output=True,
        text=True,
    )
    if process.returncode:
        last = process.stderr.strip().splitlines()[-1:]
        names = ", ".join(name for _, name in named)
        return {"named": named[0], "fault": f"{names}: {''.join(last)}"}
    found = json.loads(process.stdout)
    if "fault" not in found:
        with contextlib.suppress(OSError):  # a folder that cannot be written to is in nobody's way
            write_json(file, {"code": _registered_code(found), "found": found})
    return found


def _registered_code(found: Mapping[str, Any]) -> str:
    """Return a fingerprint of the environments' code, which only their registration leads to."""
    inside = {name for env in found["environment"].values() for name in env["registered"][0]}
    return code_version(*sorted(inside))
