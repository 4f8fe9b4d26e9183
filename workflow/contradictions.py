"""What is well-formed in a configuration but cannot work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from values import dotted, listed_files, rollout_settings, split_name

Faults = Iterator[tuple[list[Any], str]]

TAKEN = (
    *("claims", "cost", "all_experiments", "report", "figures", "run", "videos"),
    *("checkpoints", "benchmarks", "tensorboard", "downloads"),
)
"""Names that files and folders of the pipeline have."""


def contradictions(config: Mapping[str, Any], classes: Mapping[str, Any]) -> Faults:
    """Find what is well-formed but cannot work, as (path, message) pairs.

    Args:
        config: the configuration; every method has a lookup, finetune and distance.
        classes: what its classes declare, see `declarations.declared`.
    """
    for name, method in config["methods"].items():
        policy = classes["methods"][name]
        faults = _method_faults(name, method, policy, classes["models"].get(policy["model"]))
        yield from ((["methods", name], f"`methods.{name}`: {fault}") for fault in faults)
    for number, claim in enumerate(config["claims"]):
        where = ["claims", number]
        yield from ((where, f"`{dotted(where)}`: {f}") for f in _claim_faults(claim, config))
    for env, entry in config["environments"].items():
        yield from _data_contradictions(["environments", env], entry, config["downloads"])
    for section in ("environments", "tables"):
        for name in config[section]:
            if name in TAKEN:
                where = [section, name]
                yield where, f"`{dotted(where)}`: the pipeline has files of that name; take another"
    for name, table in config["tables"].items():
        yield from _table_contradictions(["tables", name], table, config)
    yield from _unknown(["default_tables"], config["default_tables"], "tables", config["tables"])
    yield from _unknown(["baselines"], config["baselines"], "methods", config["methods"])


def _unknown(path: list[Any], names: Iterable[str], what: str, known: Iterable[str]) -> Faults:
    """Find names that are not defined."""
    for name in names:
        if name not in known:
            yield path, f"`{dotted(path)}`: no {name} among {what}: {', '.join(known)}"


def _claim_faults(claim: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with a claim."""
    for key, kind in (("table", "tables"), ("better", "methods"), ("worse", "methods")):
        if key in claim and claim[key] not in config[kind]:
            yield f"no {claim[key]} among {kind}: {', '.join(config[kind])}"
    if ("worse" in claim) == ("at_least" in claim):
        yield "needs either worse (a method) or at_least (a score)"


def _method_faults(
    name: str,
    method: Mapping[str, Any],
    policy: Mapping[str, Any],
    model: Mapping[str, Any] | None,
) -> Iterator[str]:
    """Say what in a method does not fit what its class declares."""
    lookup, finetune, cls = method["lookup"], method["finetune"], method["class"]
    if policy["looks_up"] and lookup == "none":
        yield f"{cls} needs a lookup (distance, euclidean, random); lookup is none"
    if not policy["looks_up"] and lookup != "none":
        yield f"{cls} takes no lookup; lookup is {lookup}"
    parts = [*model["parts"], *["none"][: len(model["trains_on"])]] if model else ["none"]
    if finetune not in parts:
        rule = f"needs finetune: {', '.join(parts)}" if model else "has no model to finetune"
        yield f"{cls} {rule}; finetune is {finetune}"
    if method["distance"] == "mixed":
        if lookup != "distance":
            yield "distance mixed needs lookup distance"
        if "saw_held_out" not in name:
            yield (
                "distance mixed has seen the held-out object, so the method's name must contain "
                "saw_held_out"
            )


def _table_contradictions(
    path: list[str], table: Mapping[str, Any], config: Mapping[str, Any]
) -> Faults:
    """Find what a table asks for but that is not defined, or cannot be made."""
    env = table["env"]
    if env not in config["environments"]:
        known = ", ".join(config["environments"])
        yield [*path, "env"], f"`{dotted(path)}`: no {env} among environments: {known}"
        return
    entry = config["environments"][env]
    yield from _unknown([*path, "tasks"], table["tasks"], "tasks", entry["tasks"])
    for key in ("methods", "references", "demonstrations"):
        yield from _unknown([*path, key], table.get(key, []), "methods", config["methods"])
    for name in set(table.get("references", [])) & set(table["methods"]):
        yield [*path, "references"], f"`{dotted(path)}`: {name} is a row, so it is no reference"
    fold, episodes = table.get("fold", 1), rollout_settings(config, env).get("episodes")
    if episodes and episodes % fold:
        message = f"rollout.episodes {episodes} does not make folds of {fold}"
        yield [*path, "fold"], f"`{dotted(path)}`: {message}"
    if path[-1] not in config["default_tables"]:
        return  # what another table lacks is told when it is asked for
    for task in table["tasks"]:
        if task in entry["tasks"]:
            where = ["environments", env, "tasks", task]
            row = {"n_demos": config["n_demos"]} | entry["tasks"][task]
            yield from (
                (where, f"`{dotted(where)}`: {f}") for f in _task_faults(row, entry["data"])
            )


def _data_contradictions(
    path: list[str], entry: Mapping[str, Any], downloads: Mapping[str, Any]
) -> Faults:
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
        for key in needs.get(source, ("files",)):
            if data[kind].get(key) in (None, [], {}):
                yield where, f"`{dotted(where)}`: source {source} needs {key}"
        archived = source in ("fist", "relay") or ":" in source
        wanted = [data[kind].get("archive")] if archived else []
        for name in listed_files(data[kind]) if source == "d4rl" else filter(None, wanted):
            if name not in downloads:
                known = ", ".join(downloads)
                yield where, f"`{dotted(where)}`: no {name} among downloads: {known}"
    generated = all(data[kind]["source"] == "generated" for kind in ("play", "demos"))
    if generated and data["play"].get("seed") == data["demos"].get("seed"):
        yield (
            [*path, "data", "demos", "seed"],
            f"`{dotted([*path, 'data'])}`: play and demos have the same seed "
            f"{data['demos'].get('seed')}, so demonstrations would stand in the play data",
        )


def _task_faults(task: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    """Say which data a task of a table asks for that there are not."""
    play, demos = data["play"], data["demos"]
    order, n_demos = "-".join(task["order"]), task["n_demos"]
    if demos["source"] != "generated" and order not in demos.get("files", {}):
        yield f"data.demos.files has no file for {order}"
    if demos["source"] == "generated" and n_demos > demos.get("episodes", n_demos):
        yield f"n_demos {n_demos} is more than data.demos.episodes, {demos['episodes']}"
    files, split = play.get("files"), split_name(task["held_out"])
    if play["source"] != "generated" and isinstance(files, Mapping) and split not in files:
        yield f"data.play.files has no files for {split}"
