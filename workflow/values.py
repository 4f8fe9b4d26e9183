"""The values of a configuration, and how they become names."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import yaml


class Fault(Exception):
    """What is wrong with a value of a configuration: the path of its keys, and a message."""


DEEPEST, MOST_VALUES = 50, 1_000_000
"""Levels of a value, and values in it, where the names of YAML are followed."""


def check_values(content: Mapping[str, Any]) -> None:
    """Raise Fault where a value cannot be walked through, or be written as text.

    The former is too deep, endless, or too much; the latter is no file's name and no argument.
    """
    for key, value in content.items():
        level = [key, value]
        for _ in range(DEEPEST):
            for text in filter(_unwritable, level):
                raise Fault([key], f"`{key}`: {text!r:.99} holds NUL or half of a character")
            inside = [one for one in level if isinstance(one, (Mapping, list))]
            if sum(map(len, inside)) > MOST_VALUES:
                raise Fault([key], f"`{key}` holds more than {MOST_VALUES} values")
            keys = [*chain.from_iterable(one for one in inside if isinstance(one, Mapping))]
            for other in (one for one in keys if not isinstance(one, str)):
                raise Fault([key], f"`{key}`: the key {other!r:.99} is no text: quote it")
            parts = (one.values() if isinstance(one, Mapping) else one for one in inside)
            level = [*chain.from_iterable(parts), *filter(_unwritable, keys)]
        if level:
            raise _too_deep(key)


def given_twice(text: str) -> str | None:
    """Return the first key that a text of YAML or JSON gives twice; the reader takes the last."""
    pending, seen = [yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))], set()
    while pending:
        node = pending.pop()
        if isinstance(node, yaml.CollectionNode) and id(node) not in seen:
            seen.add(id(node))  # a name of YAML stands for what it names
            pairs = node.value if isinstance(node, yaml.MappingNode) else ()
            keys = Counter(key.value for key, _ in pairs if isinstance(key, yaml.ScalarNode))
            for key, times in keys.items():
                if times > 1 and key != "<<":
                    return key
            pending += [value for _, value in pairs] if pairs else node.value
    return None


def _unwritable(value: Any) -> bool:
    return isinstance(value, str) and re.search("[\0\ud800-\udfff]", value) is not None


def _too_deep(key: str) -> Fault:
    return Fault([key], f"`{key}` is nested deeper than {DEEPEST} levels")


def command_line(arguments: Sequence[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read arguments of --config, key=value; what the schema calls a text is taken as it stands."""
    given: dict[str, Any] = {}
    for argument in arguments:
        key, _, text = argument.partition("=")
        entry = schema["properties"].get(key, {})
        value: Any = text
        if not _branch(entry, "string"):
            with suppress(yaml.YAMLError):  # the schema says what it should be
                try:
                    value = yaml.load(text, yaml.BaseLoader)  # every scalar is a text
                except RecursionError:
                    raise _too_deep(key) from None
        check_values({key: value})
        given = merge(given, {key: typed(value, entry)})
    return given


def typed(value: Any, schema: Mapping[str, Any]) -> Any:
    """Read the texts of a value as YAML does, but for those that a schema wants to be texts."""
    if isinstance(value, Mapping):
        entry = _branch(schema, "object")
        known, others = entry.get("properties", {}), entry.get("additionalProperties")
        others = others if isinstance(others, Mapping) else {}
        return {key: typed(part, known.get(key, others)) for key, part in value.items()}
    if isinstance(value, list):
        return [typed(part, _branch(schema, "array").get("items", {})) for part in value]
    if not isinstance(value, str) or not value:
        return value
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        return value
    text = _branch(schema, "string") and not (read is None and _branch(schema, "null"))
    return value if text or isinstance(read, (list, dict)) else read


def _branch(schema: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return the part of a schema that allows values of a JSON type, {} where none does."""
    return next((one for one in schema.get("anyOf", [schema]) if one.get("type") == kind), {})


def merge(base: Any, top: Any) -> Any:
    """Merge as Snakemake does: mappings key by key, everything else replaced."""
    if not isinstance(top, Mapping):
        return top
    base = base if isinstance(base, Mapping) else {}
    return {**base, **{key: merge(base.get(key), value) for key, value in top.items()}}


def model_settings(
    config: Mapping[str, Any], env: str, model: str, stage: str, part: str = "", learner: str = ""
) -> dict[str, Any]:
    """Return what is said of a model or a stage of it (model, train, finetune): layers of settings.

    They are the common ones, the environment's and those of the task that it is fine-tuned for;
    what is said of the part that is fine-tuned comes last in each.
    """
    of_env = config["environments"][env]
    layers = (config, of_env, of_env["tasks"].get(learner, {}))
    said = [layer.get("models", {}).get(model, {}) for layer in layers]
    each = [one for entry in said for one in (entry.get(stage), entry.get("parts", {}).get(part))]
    return {key: value for one in each if one for key, value in one.items()}


def rollout_settings(
    config: Mapping[str, Any], env: str, task: str = "", method: str = ""
) -> dict[str, Any]:
    """Return what is said of tests: in common, of an environment, of a task, of a method."""
    of_env = config["environments"][env]
    layers = (config, of_env, of_env["tasks"].get(task, {}), config["methods"].get(method, {}))
    return {key: value for said in layers for key, value in said.get("rollout", {}).items()}


def split_name(task: Mapping[str, Any]) -> str:
    """Name the play that a task's models learn from: mixed, no_kettle-microwave.10percent."""
    held_out, percent = task["held_out"], task.get("play_percent", 100) or 100
    name = "no_" + "-".join(held_out) if held_out else "mixed"
    return name if percent == 100 else f"{name}.{percent}percent"


def split_parts(split: str) -> tuple[str, list[str], int]:
    """Return a split's name without its share, what it lacks, its share: `split_name` backwards."""
    whole, _, percent = split.partition(".")
    held_out = [] if whole == "mixed" else whole.removeprefix("no_").split("-")
    return whole, held_out, int(percent.removesuffix("percent") or 100)


def listed_files(data: Mapping[str, Any]) -> list[str]:
    """Return the files of a data set, whether they are listed, by split or by sequence."""
    files = data.get("files", [])
    entries = files.values() if isinstance(files, Mapping) else files
    return [name for entry in entries for name in ([entry] if isinstance(entry, str) else entry)]


def dotted(path: Sequence[Any]) -> str:
    """Return a path of keys as it is written in messages."""
    return ".".join(map(str, path))
