"""The source files that a stage runs: it runs again when one of them has changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fist.data.sources.named import SHORT_NAMES

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS, LIBRARY, ENVIRONMENTS = (
    ROOT / folder for folder in ("workflow/scripts", "fist", "d4rl/src")
)

IMPORT = re.compile(r"^\s*from fist(?:\.([\w.]+))? import (\w+(?:, \w+)*)?", re.MULTILINE)

MODELS = {
    "skills": {"methods/skills", "methods/feedback"},
    "distance": {"methods/distance"},
    "bc": {"methods/cloning"},
}
"""Models, and the modules that are theirs. All are imported wherever a checkpoint is read."""
MODELS_USED = {
    **{f"{verb}_{model}": {model} for model in MODELS for verb in ("train", "finetune")},
    "plot_retrieval": {"distance"},
    "plot_features": {"distance"},
}
"""Scripts that run the code of some models alone; the others' runs do not depend on it."""

SHARED = ("contact", "recording", "rendering")
"""Modules beside the packages of the environments, which all of these may use."""


def code_of(script: str, environment: Mapping[str, Any] | None = None) -> list[Path]:
    """List the files that a script runs, itself included.

    Args:
        script: name of a file in workflow/scripts.
        environment: an entry of `environments` of the configuration, whose code it runs, too.
    """
    unused = set()
    if script in MODELS_USED:
        unused = set().union(*(MODELS[name] for name in MODELS.keys() - MODELS_USED[script]))
    file = SCRIPTS / f"{script}.py"
    files = {file, SCRIPTS / "_cli.py"}
    files |= {LIBRARY / f"{module}.py" for module in _library(file) - unused}
    data = environment["data"].values() if environment is not None else ()
    for entry in data if script == "convert_data" else ():
        module, colon, _ = SHORT_NAMES.get(entry["source"], entry["source"]).partition(":")
        spec = find_spec(module) if colon else None
        if spec is not None and spec.origin is not None:
            files |= {Path(spec.origin)}
            files |= {LIBRARY / f"{name}.py" for name in _library(Path(spec.origin))}
    generators = [entry["generator"] for entry in data if "generator" in entry]
    for package in {generator.rpartition(".")[0] for generator in generators}:
        folder = ENVIRONMENTS.joinpath(*package.split("."))
        shared = [folder.parent / f"{name}.py" for name in SHARED]
        files |= {*filter(Path.exists, shared), *folder.glob("*.py")}
    if any("converter" in entry for entry in data):  # it runs the simulator, too
        files |= {*ENVIRONMENTS.rglob("*.py")}
    return sorted(files)


def fingerprint(files: Iterable[Path]) -> str:
    """Return a hash of what is in some files."""
    return hashlib.sha256("".join(map(_hash, files)).encode()).hexdigest()[:16]


def _library(file: Path) -> set[str]:
    """Return the library's modules that a file imports, directly or not: sources/checks, …"""
    found, new = set(), _imported(file)
    while new:
        found |= new
        new = set().union(*(_imported(LIBRARY / f"{module}.py") for module in new)) - found
    return found


@cache
def _imported(file: Path) -> frozenset[str]:
    """Return the library's modules that a file itself imports."""
    found = set()
    for inner, names in IMPORT.findall(file.read_text()):
        found |= {inner.replace(".", "/")} if inner else set(names.split(", "))
    return frozenset(found)


@cache
def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
