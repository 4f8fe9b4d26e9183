"""The configuration: what is allowed in it, and what is said where it is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

from contradictions import contradictions
from values import dotted

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
        faults = list(contradictions(config))
    if faults:
        lines = [f"{_origin(path, sources)}: {message}" for path, message in faults]
        raise ConfigError("\n".join(dict.fromkeys(lines)))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(yaml.safe_load(SCHEMA.read_text()))


def _fill_in(config: Mapping[str, Any]) -> None:
    """Give every task an order and what is held out."""
    for entry in config["environments"].values():
        for name, task in entry["tasks"].items():
            task.setdefault("held_out", [])
            task.setdefault("order", [name])


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
                f"unknown key `{dotted([*path, key])}`: {hint}known keys here: {', '.join(known)}",
            )
    elif error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        yield path, f"`{dotted(path) or 'configuration'}` lacks {', '.join(missing)}"
    else:
        message = f"`{dotted(path)}` is {error.instance!r}: {_expected(error)}"
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
