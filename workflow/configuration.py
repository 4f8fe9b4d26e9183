"""The configuration: what is allowed in it, and how its settings become command-line options."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

SCHEMA = Path(__file__).parent / "schemas" / "config.schema.yaml"


class ConfigError(Exception):
    """A configuration that cannot be used; names the file and the key of every fault."""


def check(config: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise ConfigError unless a configuration fits the schema and makes sense as a whole.

    What a task leaves out is filled in: nothing is held out, and its own name is its order.

    Args:
        config: the configuration as Snakemake merged it.
        sources: name of each source (a file, or "--config") and what it holds, in order of
            merging; only used to tell where a fault comes from.
    """
    errors = sorted(_validator().iter_errors(config), key=lambda error: list(map(str, error.path)))
    faults = [fault for error in errors for fault in _explain(error)]
    if not faults:
        # What makes no sense can only be told of values that have the right form.
        _fill_in(config)
        faults = list(_contradictions(config))
    if faults:
        lines = [f"{_origin(path, sources)}: {message}" for path, message in faults]
        raise ConfigError("\n".join(dict.fromkeys(lines)))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(yaml.safe_load(SCHEMA.read_text()))


def typed(value: Any) -> Any:
    """Read the scalars of a --config argument as YAML does; Snakemake leaves them as text."""
    if isinstance(value, Mapping):
        return {key: typed(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [typed(entry) for entry in value]
    return yaml.safe_load(value) if isinstance(value, str) and value else value


def flags(prefix: str, settings: Mapping[str, Any]) -> str:
    """Write settings as tyro's options: {"z_dim": 10} under "model" becomes --model.z-dim 10."""
    words: list[str] = []
    for key, value in settings.items():
        option = key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{prefix}.{option}" if value else f"--{prefix}.no-{option}")
        else:
            values = value if isinstance(value, list) else [value]
            words += [f"--{prefix}.{option}", *map(str, values)]
    return shlex.join(words)


def settings(config: Mapping[str, Any], env: str, section: str, part: str = "") -> dict[str, Any]:
    """Return a section of settings (or a part of one), with the environment's own on top."""
    layers = [config[section], config["environments"][env].get(section, {})]
    if part:
        layers = [layer.get(part, {}) for layer in layers]
    return layers[0] | layers[1]


def split_name(held_out: Sequence[str]) -> str:
    """Name the play data without some objects: mixed, no_kettle, no_kettle-microwave."""
    return "no_" + "-".join(held_out) if held_out else "mixed"


def _fill_in(config: Mapping[str, Any]) -> None:
    """Give every task an order and what is held out."""
    for entry in config["environments"].values():
        for name, task in entry["tasks"].items():
            task.setdefault("held_out", [])
            task.setdefault("order", [name])


def listed_files(data: Mapping[str, Any]) -> list[str]:
    """Return the files of a data set, whether they are listed, by split or by sequence."""
    files = data.get("files", [])
    entries = files.values() if isinstance(files, Mapping) else files
    return [name for entry in entries for name in ([entry] if isinstance(entry, str) else entry)]


def _explain(error: ValidationError) -> Iterator[tuple[list[Any], str]]:
    """Turn a schema violation into (path, message) pairs."""
    path = list(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        for key in sorted(set(error.instance) - set(known), key=str):
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean `{close[0]}`? " if close else ""
            yield (
                [*path, key],
                f"unknown key `{_dotted([*path, key])}`: {hint}known keys here: {', '.join(known)}",
            )
    elif error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        yield path, f"`{_dotted(path) or 'configuration'}` lacks {', '.join(missing)}"
    else:
        message = f"`{_dotted(path)}` is {error.instance!r}: {_expected(error)}"
        yield path, message + _number_hint(error)


def _expected(error: ValidationError) -> str:
    """Say what would have been right."""
    value = error.validator_value
    known = {
        "enum": lambda: f"must be one of {', '.join(map(str, value))}",
        "type": lambda: (
            f"must be of type {value if isinstance(value, str) else ' or '.join(value)}"
        ),
        "minimum": lambda: f"must be at least {value}",
        "exclusiveMinimum": lambda: f"must be above {value}",
        "exclusiveMaximum": lambda: f"must be below {value}",
        "minItems": lambda: f"must have at least {value} entry",
        "minProperties": lambda: f"must have at least {value} entry",
        "uniqueItems": lambda: "an entry stands there twice",
        "pattern": lambda: f"`{error.instance}` must match {value}",
    }
    return known.get(error.validator, lambda: error.message)()


def _number_hint(error: ValidationError) -> str:
    """Explain the one trap of YAML's numbers: 1e-3 is text, 1.0e-3 is a number."""
    if error.validator == "type" and error.validator_value in ("number", "integer"):
        try:
            float(error.instance)
        except (TypeError, ValueError):
            return ""
        if isinstance(error.instance, str):
            return " (YAML reads 1e-3 and quoted numbers as text: write 1.0e-3)"
    return ""


def _contradictions(config: Mapping[str, Any]) -> Iterator[tuple[list[Any], str]]:
    """Find what is well-formed but cannot work, as (path, message) pairs."""
    for name, method in config["methods"].items():
        where = ["methods", name]
        yield from ((where, f"`methods.{name}`: {fault}") for fault in _method_faults(name, method))
    for number, claim in enumerate(config["claims"]):
        where = ["claims", number]
        yield from ((where, f"`{_dotted(where)}`: {f}") for f in _claim_faults(claim, config))
    for env, entry in config["environments"].items():
        yield from _data_contradictions(["environments", env], entry, config["downloads"])
    for name, table in config["tables"].items():
        yield from _table_contradictions(["tables", name], table, config)
    for path, names, kind in (
        (["default_tables"], config["default_tables"], "tables"),
        (["baselines"], config["baselines"], "methods"),
    ):
        for name in names:
            if name not in config[kind]:
                yield path, f"`{_dotted(path)}`: no {name} among {kind}: {', '.join(config[kind])}"


def _claim_faults(claim: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with a claim."""
    for key, kind in (("table", "tables"), ("better", "methods"), ("worse", "methods")):
        if key in claim and claim[key] not in config[kind]:
            yield f"no {claim[key]} among {kind}: {', '.join(config[kind])}"
    if ("worse" in claim) == ("at_least" in claim):
        yield "needs either worse (a method) or at_least (a score)"


def _method_faults(name: str, method: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with a method of the table of methods."""
    kind, lookup = method.get("kind", "skills"), method["lookup"]
    looks_up = kind != "bc" and method.get("prior") != "state"
    if kind == "skills" and "prior" not in method:
        yield "kind skills needs a prior: goal (FIST) or state (SPiRL)"
    if kind != "skills" and "prior" in method:
        yield f"kind {kind} takes no prior"
    if looks_up and lookup == "none":
        yield (
            f"kind {kind}{' with prior goal' if kind == 'skills' else ''} needs a lookup "
            "(distance, euclidean, random); lookup is none"
        )
    if not looks_up and lookup != "none":
        what = "kind bc" if kind == "bc" else "prior state"
        yield f"{what} takes no lookup; lookup is {lookup}"
    allowed = {
        "skills": ("all", "prior", "none", "scratch"),
        "bc": ("all", "none", "scratch"),
        "goal_bc": ("all", "none", "scratch"),
    }.get(kind, (None,))
    if method.get("finetune") not in allowed:
        rule = (
            f"needs finetune: {', '.join(allowed)}" if allowed != (None,) else "takes no finetune"
        )
        yield f"kind {kind} {rule}"
    if method.get("distance") == "mixed":
        if lookup != "distance":
            yield "distance mixed needs lookup distance"
        if "saw_held_out" not in name:
            yield (
                "distance mixed has seen the held-out object, so the method's name must contain "
                "saw_held_out"
            )


def _table_contradictions(
    path: list[str], table: Mapping[str, Any], config: Mapping[str, Any]
) -> Iterator[tuple[list[Any], str]]:
    """Find what a table asks for but that is not defined, or cannot be made."""
    if table["env"] not in config["environments"]:
        known = ", ".join(config["environments"])
        yield [*path, "env"], f"`{_dotted(path)}`: no {table['env']} among environments: {known}"
        return
    entry = config["environments"][table["env"]]
    for key, kind, defined in (
        ("tasks", "tasks", entry["tasks"]),
        ("methods", "methods", config["methods"]),
        ("references", "methods", config["methods"]),
        ("demonstrations", "methods", config["methods"]),
    ):
        where = [*path, key]
        for name in table.get(key, []):
            if name not in defined:
                yield where, f"`{_dotted(where)}`: no {name} among {kind}: {', '.join(defined)}"
    for name in set(table.get("references", [])) & set(table["methods"]):
        yield [*path, "references"], f"`{_dotted(path)}`: {name} is a row, so it is no reference"
    fold, episodes = table.get("fold", 1), settings(config, table["env"], "rollout").get("episodes")
    if episodes and episodes % fold:
        yield (
            [*path, "fold"],
            f"`{_dotted(path)}`: rollout.episodes {episodes} does not make folds of {fold}",
        )
    if path[-1] not in config["default_tables"]:
        return  # what another table lacks is told when it is asked for
    for task in table["tasks"]:
        if task in entry["tasks"]:
            where = ["environments", table["env"], "tasks", task]
            row = {"n_demos": config["n_demos"]} | entry["tasks"][task]
            yield from _demo_contradictions(where, row, entry["data"]["demos"])
            yield from _play_contradictions(where, row, entry["data"]["play"])


def _data_contradictions(
    path: list[str], entry: Mapping[str, Any], downloads: Mapping[str, Any]
) -> Iterator[tuple[list[Any], str]]:
    """Find data sets that lack what their source needs, or need what is not defined."""
    needs = {
        "generated": ("generator", "seed", "episodes"),
        "local": ("files",),
        "d4rl": ("files",),
        "fist": ("archive", "files"),
        "relay": ("archive", "converter", "files"),
        "minari": ("files",),
    }
    data = entry["data"]
    for kind in ("play", "demos"):
        where, source = [*path, "data", kind], data[kind]["source"]
        for key in needs[source]:
            if data[kind].get(key) in (None, [], {}):
                yield where, f"`{_dotted(where)}`: source {source} needs {key}"
        wanted = [data[kind].get("archive")] if source in ("fist", "relay") else []
        for name in listed_files(data[kind]) if source == "d4rl" else filter(None, wanted):
            if name not in downloads:
                known = ", ".join(downloads)
                yield where, f"`{_dotted(where)}`: no {name} among downloads: {known}"
    generated = all(data[kind]["source"] == "generated" for kind in ("play", "demos"))
    if generated and data["play"].get("seed") == data["demos"].get("seed"):
        yield (
            [*path, "data", "demos", "seed"],
            f"`{_dotted([*path, 'data'])}`: play and demos have the same seed "
            f"{data['demos'].get('seed')}, so demonstrations would stand in the play data",
        )


def _demo_contradictions(
    path: list[str], task: Mapping[str, Any], demos: Mapping[str, Any]
) -> Iterator[tuple[list[Any], str]]:
    """Find tasks of a table that ask for demonstrations that there are not."""
    order, n_demos = "-".join(task["order"]), task["n_demos"]
    if demos["source"] != "generated" and order not in demos.get("files", {}):
        yield path, f"`{_dotted(path)}`: data.demos.files has no file for {order}"
    if demos["source"] == "generated" and n_demos > demos.get("episodes", n_demos):
        yield (
            path,
            f"`{_dotted(path)}`: n_demos {n_demos} is more than data.demos.episodes, "
            f"{demos['episodes']}",
        )


def _play_contradictions(
    path: list[str], task: Mapping[str, Any], play: Mapping[str, Any]
) -> Iterator[tuple[list[Any], str]]:
    """Find tasks of a table whose split has no play data."""
    files, split = play.get("files"), split_name(task["held_out"])
    if play["source"] != "generated" and isinstance(files, Mapping) and split not in files:
        yield path, f"`{_dotted(path)}`: data.play.files has no files for {split}"


def _dotted(path: Sequence[Any]) -> str:
    return ".".join(map(str, path))


def _origin(path: Sequence[Any], sources: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the source that had the last word on a key, or on the nearest one around it."""
    for depth in range(len(path), -1, -1):
        for name, content in reversed(list(sources.items())):
            if _has(content, path[:depth]):
                return name
    return "configuration"


def _has(content: Any, path: Sequence[Any]) -> bool:
    for key in path:
        if isinstance(content, list):
            found = isinstance(key, int) and key < len(content)
        else:
            found = isinstance(content, Mapping) and key in content
        if not found:
            return False
        content = content[key]
    return True
