"""The configuration: its sources, what is allowed in it, and what is said where it is not."""

import contextlib
import copy
import difflib
import functools
import math
import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.exceptions import best_match

from contradictions import contradictions
from declarations import declared
from fist.stage.files import line
from settings import base_schema
from values import Fault, check_values, command_line, dotted, merge

MODEL_PARTS = ("model", "train", "finetune")
LEARNT_FROM = {"draw", "flaws", "models", "play_percent"}
"""What of a variant decides what models learn; `n_demos` stands in their folder's name."""

EXPECTED = {
    "minimum": "must be at least {wanted}",
    "maximum": "must be at most {wanted}",
    "exclusiveMinimum": "must be above {wanted}",
    "exclusiveMaximum": "must be below {wanted}",
    "minItems": "must have at least {wanted} entry",
    "maxItems": "must have at most {wanted} entries",
    "minProperties": "must have at least {wanted} entry",
    "uniqueItems": "an entry stands there twice",
    "maxLength": "must have at most {wanted} letters",
    "pattern": "`{given}` must match {wanted}",
}
"""What would have been right, by the word of the schema that a value breaks."""
LONGEST, LONGEST_FAULT, MOST_FAULTS = 200, 5_000, 30
"""Characters of a value, and of a message, that are shown; faults that are told at once."""


class ConfigError(Exception):
    """A configuration that cannot be used; names the file and the key of every fault."""


def load(
    sources: Mapping[str, Mapping[str, Any]],
    arguments: Sequence[str] = (),
    folders: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Merge the sources of a configuration, check it, and fill in what tasks and methods leave out.

    The result is a configuration again, in which no method is `like` another.

    Args:
        sources: name of each source (a file) and what it holds, in order of merging.
        arguments: those of --config, key=value, as they were typed.
        folders: what becomes of its `pathvars`, if another workflow has a say in it.

    Raises:
        ConfigError: it does not fit the schema, or makes no sense as a whole.
    """
    given: dict[str, Mapping[str, Any]] = {}
    try:
        for name, content in sources.items():
            given[name] = content
            check_values(content)
        given["--config"] = dict.fromkeys(argument.partition("=")[0] for argument in arguments)
        given["--config"] = command_line(arguments, base_schema())
        config: dict[str, Any] = functools.reduce(merge, given.values(), {})
        classes = declared(config | {"methods": resolved(config.get("methods"))})
        schema = full_schema(classes)
        given["--config"] = command_line(arguments, schema)
        config = functools.reduce(merge, given.values(), {})
        errors = list(islice(_Validator(schema).iter_errors(config), MOST_FAULTS))
        errors.sort(key=lambda error: [*map(str, error.path)])
        faults = [fault for error in errors for fault in _explain(best_match([error]))]
        if not faults:
            # What makes no sense can only be told of values that have the right form.
            _fill_in(config, classes)
            config["pathvars"] |= folders or {}
            found = [
                (_said_at(path, config), message)
                for path, message in contradictions(config, classes)
            ]
            faults = [(path, f"`{dotted(path)}`: {message}") for path, message in found]
    except Fault as fault:
        faults = [fault.args]
    if faults:
        lines = [
            f"{_origin(path, given)}: {line(message, LONGEST_FAULT)}" for path, message in faults
        ]
        raise ConfigError("\n".join(dict.fromkeys(lines)))
    return config


def resolved(methods: Any) -> dict[str, Any]:
    """Return the methods with all that they take from those that they are `like`.

    Raises:
        Fault: a method is like none that there is, or like itself.
    """
    found: dict[str, Any] = {}
    for name in methods if isinstance(methods, Mapping) else ():
        chain: list[str] = []
        while name is not None and name not in found:
            path = ["methods", name, "like"]
            if name in chain:
                circle = ", ".join((*chain[chain.index(name) :], name))
                raise Fault(path, f"`{dotted(path)}`: each of these is like the next: {circle}")
            chain.append(name)
            own = methods[name]
            other = own.get("like") if isinstance(own, Mapping) else None
            name = other if isinstance(other, str) else None
            if name is not None and name not in methods:
                known = ", ".join(map(str, methods))
                raise Fault(path, f"`{dotted(path)}`: no {name} among methods: {known}")
        for member in reversed(chain):
            own = methods[member]
            if name is not None:
                entire = merge(found[name], own)
                own = {key: value for key, value in entire.items() if key != "like"}
            found[member], name = own, member
    return {name: found[name] for name in methods} if found else {}


def full_schema(classes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a configuration, with the settings and arguments that are declared."""
    schema = copy.deepcopy(base_schema())
    top = schema["properties"]
    models = {
        name: {part: _section(model[part]["properties"]) for part in MODEL_PARTS}
        for name, model in classes["models"].items()
    }
    for name, parts in models.items():
        known = classes["models"][name]["parts"]
        parts["parts"] = _section(dict.fromkeys(known, parts["finetune"]))
    tuned = {
        name: _section({key: parts[key] for key in ("finetune", "parts")})
        for name, parts in models.items()
    }
    tests, acts = classes["rollout"], [policy["acts"] for policy in classes["policy"].values()]
    for place in (top, top["environments"]["additionalProperties"]["properties"]):
        place["models"] = _section({name: _section(parts) for name, parts in models.items()})
        place["rollout"] = _joined(tests, *acts)
    method = top["methods"]["additionalProperties"]
    top["methods"]["properties"] = {
        name: method | _section(method["properties"] | {"rollout": _joined(tests, policy["acts"])})
        for name, policy in classes["methods"].items()
    }
    environment = top["environments"]["additionalProperties"]
    for key in ("tasks", "variants"):
        entry = environment["properties"][key]["additionalProperties"]
        entry["properties"]["rollout"] = _section(tests["properties"])
        entry["properties"]["models"] = _section(tuned)
    top["environments"]["properties"] = {
        name: _environment(environment, known) for name, known in classes["environments"].items()
    }
    return schema


def _environment(schema: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an environment, with the arguments that its functions and it take."""
    parts = schema["properties"]
    data = parts["data"]["properties"]
    data = {part: _taking(entry, known.get(part, {})) for part, entry in data.items()}
    found = {**schema, "properties": parts | {"data": parts["data"] | {"properties": data}}}
    for key in ("tasks", "variants"):
        entry = parts[key]["additionalProperties"]
        taken = {
            "wrappers": entry["properties"]["wrappers"] | {"properties": known.get("wrappers", {})}
        }
        if "arguments" in known:
            taken["env_kwargs"] = known["arguments"] | {"required": []}
        entry = entry | {"properties": entry["properties"] | taken}
        found["properties"][key] = parts[key] | {"additionalProperties": entry}
    if "arguments" in known:
        found = _taking(found, {"env_kwargs": known["arguments"]})
    return found


def _taking(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a section with that of its arguments; some must be given."""
    needed = [key for key, entry in arguments.items() if entry["required"]]
    required = [*schema.get("required", ()), *needed]
    return {**schema, "properties": {**schema["properties"], **arguments}, "required": required}


def _section(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _joined(*sections: Mapping[str, Any]) -> dict[str, Any]:
    """Allow the settings of several classes; of one that several have, what all of them allow."""
    found: dict[str, Any] = {}
    for section in sections:
        for key, value in section["properties"].items():
            found[key] = value | ({"allOf": [found[key]]} if key in found else {})
    return _section(found)


def _fill_in(config: dict[str, Any], classes: Mapping[str, Any]) -> None:
    """Give tasks and methods all that decides what they are, and variants tasks of their own."""
    for entry in config["environments"].values():
        for name, task in entry["tasks"].items():
            task.setdefault("held_out", [])
            task.setdefault("order", [name])
            task.setdefault("learns_from", name)
    for name, table in config["tables"].items():
        if "variant" in table:
            _vary(config, ["tables", name, "variant"], table)
    config["methods"] = resolved(config["methods"])
    for name, method in config["methods"].items():
        if name not in classes["methods"]:
            raise Fault(["methods", name], f"`methods.{name}` lacks class, or like: another entry")
        policy = classes["methods"][name]
        parts = classes["models"][policy["model"]]["parts"] if policy["model"] else ("none",)
        method.setdefault("lookup", "distance" if policy["looks_up"] else "none")
        method.setdefault("finetune", "all" if "all" in parts else parts[0])
        method.setdefault("distance", "held_out")
        method.setdefault("retrieve", "none")


def _said_at(path: Sequence[Any], config: Mapping[str, Any]) -> list[Any]:
    """Return where a key of a task is said: in the variant that the task is one of, if it is."""
    match path:
        case "environments", env, "tasks", str(task), key, *rest if "-" in task:
            variant = task.rpartition("-")[2]
            if key in config["environments"][env].get("variants", {}).get(variant, {}):
                return ["environments", env, "variants", variant, key, *rest]
    return [*path]


def _vary(config: Mapping[str, Any], path: list[Any], table: dict[str, Any]) -> None:
    """Give a table tasks that are changed as its variant says.

    They learn as the tasks themselves do, unless the variant changes what is learnt from; what is
    published of a task does not hold for them.
    """
    variant, entry = table.pop("variant"), config["environments"].get(table["env"], {})
    tasks, variants = entry.get("tasks", {}), entry.get("variants", {})
    if entry and variant not in variants:
        known = ", ".join(variants) or "none"
        raise Fault(path, f"`{dotted(path)}`: no {variant} among variants: {known}")
    names = {name: f"{name}-{variant}" if name in tasks else name for name in table["tasks"]}
    if len({*names.values()}) < len(names):
        twice = next(task for task in names.values() if task in names)
        path = [*path[:-1], "tasks"]
        raise Fault(
            path, f"`{dotted(path)}`: {twice} stands there twice: as {variant} of a task, too"
        )
    table["tasks"] = [*names.values()]  # the list may also be another table's, by a name of YAML
    for name, changed in names.items():
        if name in tasks:
            alone = tasks[name]["learns_from"] == name and LEARNT_FROM & variants[variant].keys()
            own = {"learns_from": changed} if alone else {}
            tasks[changed] = merge(tasks[name] | {"paper": {}} | own, variants[variant])


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        yield ValidationError(pattern)


def _unique(_: Any, wanted: bool, value: Any, __: Any) -> Iterator[ValidationError]:
    """Find what stands twice in a list, in one pass whatever stands in it."""
    if isinstance(value, list) and len(set(map(repr, value))) < len(value):
        yield ValidationError("")


_Validator = validators.extend(
    Draft202012Validator,
    {"pattern": _pattern, "uniqueItems": _unique},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            "number": lambda _, value: type(value) in (int, float) and math.isfinite(value),
        }
    ),
)


def _explain(error: ValidationError) -> Iterator[tuple[list[Any], str]]:
    """Turn a schema violation into (path, message) pairs."""
    path, value = list(error.absolute_path), error.instance
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        for key in sorted(set(value) - set(known), key=str):
            place, close = [*path, key], difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean `{close[0]}`? " if close else ""
            there = ", ".join(known) or "none"
            message = f"unknown key `{dotted(place)}`: {hint}known keys here: {there}"
            yield place, message
    elif error.validator == "required":
        missing = [key for key in error.validator_value if key not in value]
        yield path, f"`{dotted(path) or 'configuration'}` lacks {', '.join(missing)}"
    else:
        shown = text if len(text := repr(value)) <= LONGEST else f"{text[:LONGEST]}…"
        yield path, f"`{dotted(path)}` is {shown}: {_expected(error)}"


def _expected(error: ValidationError) -> str:
    """Say what would have been right."""
    wanted, given = error.validator_value, error.instance
    match error.validator:
        case "enum":
            return f"must be one of {', '.join(map(str, wanted))}"
        case "anyOf":
            if any("enum" in one for one in wanted) and isinstance(given, str):
                choices = [", ".join(map(str, one.get("enum", ()))) for one in wanted]
                also = [f"match {one['pattern']}" for one in wanted if "pattern" in one]
                return " or ".join([f"must be one of {', '.join(filter(None, choices))}", *also])
            types = dict.fromkeys(one["type"] for one in wanted if "type" in one)
            return f"must be of type {' or '.join(types)}"
        case "type":
            said = f"must be of type {wanted}{' (finite)' if wanted == 'number' else ''}"
            number = r"[-+]?[\d.]+(e[-+]?\d+)?"
            if wanted in ("number", "integer") and isinstance(given, str):
                if re.fullmatch(number, given, re.IGNORECASE):
                    said += " (YAML reads 1e-3 and quoted numbers as text: write 1.0e-3)"
            return said
        case word if word in EXPECTED:
            return EXPECTED[word].format(wanted=wanted, given=given)
    return error.message


def _origin(path: Sequence[Any], sources: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the source that had the last word on a key, or on the nearest one around it."""
    for depth in range(len(path), 0, -1):
        for name, content in reversed(list(sources.items())):
            with contextlib.suppress(LookupError, TypeError):
                functools.reduce(operator.getitem, path[:depth], content)
                return name
    return next(iter(sources))
