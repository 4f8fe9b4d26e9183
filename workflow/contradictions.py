"""What is well-formed in a configuration but cannot work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from values import dotted, listed_files, settings, split_name


def contradictions(config: Mapping[str, Any]) -> Iterator[tuple[list[Any], str]]:
    """Find what is well-formed but cannot work, as (path, message) pairs."""
    for name, method in config["methods"].items():
        where = ["methods", name]
        yield from ((where, f"`methods.{name}`: {fault}") for fault in _method_faults(name, method))
    for number, claim in enumerate(config["claims"]):
        where = ["claims", number]
        yield from ((where, f"`{dotted(where)}`: {f}") for f in _claim_faults(claim, config))
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
                yield path, f"`{dotted(path)}`: no {name} among {kind}: {', '.join(config[kind])}"


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
        yield [*path, "env"], f"`{dotted(path)}`: no {table['env']} among environments: {known}"
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
                yield where, f"`{dotted(where)}`: no {name} among {kind}: {', '.join(defined)}"
    for name in set(table.get("references", [])) & set(table["methods"]):
        yield [*path, "references"], f"`{dotted(path)}`: {name} is a row, so it is no reference"
    fold, episodes = table.get("fold", 1), settings(config, table["env"], "rollout").get("episodes")
    if episodes and episodes % fold:
        yield (
            [*path, "fold"],
            f"`{dotted(path)}`: rollout.episodes {episodes} does not make folds of {fold}",
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


def _demo_contradictions(
    path: list[str], task: Mapping[str, Any], demos: Mapping[str, Any]
) -> Iterator[tuple[list[Any], str]]:
    """Find tasks of a table that ask for demonstrations that there are not."""
    order, n_demos = "-".join(task["order"]), task["n_demos"]
    if demos["source"] != "generated" and order not in demos.get("files", {}):
        yield path, f"`{dotted(path)}`: data.demos.files has no file for {order}"
    if demos["source"] == "generated" and n_demos > demos.get("episodes", n_demos):
        yield (
            path,
            f"`{dotted(path)}`: n_demos {n_demos} is more than data.demos.episodes, "
            f"{demos['episodes']}",
        )


def _play_contradictions(
    path: list[str], task: Mapping[str, Any], play: Mapping[str, Any]
) -> Iterator[tuple[list[Any], str]]:
    """Find tasks of a table whose split has no play data."""
    files, split = play.get("files"), split_name(task["held_out"])
    if play["source"] != "generated" and isinstance(files, Mapping) and split not in files:
        yield path, f"`{dotted(path)}`: data.play.files has no files for {split}"
