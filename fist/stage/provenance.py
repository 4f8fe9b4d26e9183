"""What code a stage's result depends on: one rule, for what is made again and what may be resumed.

A stage depends on the modules that it is started with (its script, the classes and functions that
the configuration names, its environment's module) and on all that these import, at whatever depth,
as far as that is not installed: this repository's code and the user's own. Of what is installed,
the version of that which it is started with counts. Imports are read from the source; nothing is
run but the module that registers an environment.

    scripts/train.py ──> fist.training.stages ──> fist.data.windows ──> …  (torch: not followed)

A package's `__init__` counts where something is imported from it, not where a module in it is.
"""

import ast
import json
import sys
import sysconfig
from functools import cache
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import resolve_name
from pathlib import Path

from fist.stage.files import fingerprint, sha256
from fist.stage.functions import env_spec

STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))

Registered = tuple[tuple[str, ...], str | None]
"""The modules that an environment consists of, and what its registration says, as JSON."""


@cache
def code_version(*entries: str | Path, env: Registered = ((), None)) -> str:
    """Return a fingerprint of the code that a stage runs, the same wherever it lies.

    Args:
        entries: what it is started with: modules ("fist.training.stages"), classes and functions
            ("d4rl.kitchen.generate:generate"), scripts (paths).
        env: the environment that it makes, as it is `registered`.
    """
    modules, registration = env
    entries = (*entries, *modules)
    files = source_files(*entries)
    named = {entry.partition(":")[0] for entry in entries if isinstance(entry, str)}
    known = {
        "files": {name: sha256(file) for name, file in files.items()},
        "installed": {name: _version(name) for name in named - files.keys()},
        "registration": registration,
    }
    return fingerprint(known)[:16]


def source_files(*entries: str | Path) -> dict[str, Path]:
    """Return the source files, by their modules' names, of what is not installed.

    Args:
        entries: as for `code_version`. The modules beside a script are found, too.
    """
    beside = [str(entry.parent) for entry in entries if isinstance(entry, Path)]
    found = {entry.name: entry for entry in entries if isinstance(entry, Path)}
    new = [entry.partition(":")[0] for entry in entries if isinstance(entry, str)]
    new += [name for script in found.values() for name in _imports(script, "", *beside)]
    while new:
        name = new.pop()
        if name not in found and (file := _own_file(name, *beside)) is not None:
            found[name] = file
            new += _imports(file, name, *beside)
    return found


@cache
def _imports(file: Path, name: str, *beside: str) -> frozenset[str]:
    """Return the names of the modules that a file imports, wherever in it; none if it is broken."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # whoever imports it says so
        return frozenset()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level <= len(package.split(".")):
            module = resolve_name("." * node.level + (node.module or ""), package)
            for inner in (f"{module}.{alias.name}" for alias in node.names):
                found.add(inner if _spec(inner, *beside) is not None else module)
    return frozenset(found)


def _own_file(name: str, *beside: str) -> Path | None:
    """Return the source file of a module; None where it is installed, or there is none."""
    spec = _spec(name, *beside)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    file = Path(spec.origin)
    installed = {"site-packages", "dist-packages"} & set(file.parts)
    return None if installed or file.is_relative_to(STANDARD_LIBRARY) else file


@cache
def _spec(name: str, *beside: str) -> ModuleSpec | None:
    """Find a module without running anything; its packages are not imported."""
    outer, _, _ = name.rpartition(".")
    if outer:
        package = _spec(outer, *beside)
        places = package.submodule_search_locations if package is not None else None
        return PathFinder.find_spec(name, places) if places is not None else None
    # Not by importlib.util.find_spec: it takes what happens to be imported under that name.
    found = (finder.find_spec(name, None) for finder in sys.meta_path)
    return PathFinder.find_spec(name, beside) or next(filter(None, found), None)


@cache
def _version(module: str) -> list[str]:
    """Return the versions of the installed packages that a module is of."""
    packages = metadata.packages_distributions().get(module.partition(".")[0], ())
    return sorted({f"{package} {metadata.version(package)}" for package in packages})


@cache
def registered(env_id: str) -> Registered:
    """Return what a Gymnasium id registers; the module that it names is imported.

    A package that registers what is in it does nothing else: only what it says counts. Any other
    module that registers is one of the environment's.

    Raises:
        ImportError: the module cannot be imported.
        ValueError: it registers nothing of that name.
    """
    module, spec = env_id.rpartition(":")[0], env_spec(env_id)
    points = [spec.entry_point, spec.vector_entry_point]
    points += [wrapper.entry_point for wrapper in spec.additional_wrappers]
    inside = {
        point.partition(":")[0] if isinstance(point, str) else point.__module__
        for point in points
        if point is not None
    }
    if module and not any(inner.startswith(f"{module}.") for inner in inside):
        inside.add(module)
    known = {"limit": spec.max_episode_steps, "arguments": spec.kwargs}
    told = json.dumps(known, sort_keys=True, default=lambda value: type(value).__name__)
    return tuple(sorted(inside)), told
