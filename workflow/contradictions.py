"""What is well-formed in a configuration but cannot work."""

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from typing import Any

from values import listed_files, split_name, split_parts

Faults = Iterator[tuple[list[Any], str]]
"""What is wrong, and the path of keys where."""

FOLDERS = (
    *("figures", "run", "videos", "checkpoints", "tensorboard", ".resume"),
    *("downloads", "minari", "robomimic", "lerobot"),
)
"""Folders in those of `pathvars` that are not called like an environment."""
TAKEN = (*FOLDERS, "benchmarks", "claims", "cost", "all_experiments", "report", "settings_table")
"""Names that files and folders of the pipeline have."""

MEANT = {"all": "the row over all tasks of a table", "none": "that nothing is learnt from a task"}
"""Names that mean something else than a task or a suite."""
NEEDS = {
    "generated": ("generator", "seed", "episodes"),
    "fist": ("archive", "files"),
    "relay": ("archive", "converter", "files"),
}
"""What a source of data must be told; all others, their files."""


def contradictions(config: Mapping[str, Any], classes: Mapping[str, Any]) -> Faults:
    """Find what is well-formed but cannot work.

    Args:
        config: the configuration; every method has a lookup, finetune and distance.
        classes: what its classes declare, see `declarations.declared`.
    """
    methods = config["methods"]
    for name, method in methods.items():
        policy = classes["methods"][name]
        model = classes["models"].get(policy["model"])
        for fault in _method_faults(name, method, policy, model):
            yield ["methods", name], fault
    for number, claim in enumerate(config["claims"]):
        path = ["claims", number]
        yield from _unknown(path, [claim["table"]], "tables", config["tables"])
        named = [claim[key] for key in ("better", "worse") if key in claim]
        yield from _unknown(path, named, "methods", methods)
        if ("worse" in claim) == ("at_least" in claim):
            yield path, "needs either worse (a method) or at_least (a score)"
    for env, entry in config["environments"].items():
        path, takes = ["environments", env], classes["environments"][env]["arguments"]
        yield from _data_faults([*path, "data"], entry["data"], config["downloads"])
        yield from _learning_faults(path, entry)
        if "order_argument" in entry and not takes["additionalProperties"]:
            named = [entry["order_argument"]]
            yield from _unknown([*path, "order_argument"], named, "arguments", takes["properties"])
    for section in ("environments", "tables"):
        for name in (name for name in config[section] if name in TAKEN):
            yield [section, name], "the pipeline has files of that name; take another"
    for name in (f"{name}_statistics" for name in config["tables"]):
        if name in config["tables"]:
            yield ["tables", name], "another table's statistics are called so; take another name"
    yield from _folder_faults(config)
    for name, table in config["tables"].items():
        yield from _table_faults(["tables", name], table, config)
    for key in ("default_tables", "overview"):
        yield from _unknown([key], config[key], "tables", config["tables"])
    yield from _unknown(["baselines"], config["baselines"], "methods", methods)


def _learning_faults(path: list[Any], entry: Mapping[str, Any]) -> Faults:
    """Find tasks and suites of an environment that say in vain what is learnt from."""
    tasks, suites = entry["tasks"], entry.get("suites", {})
    for name, members in suites.items():
        yield from _unknown([*path, "suites", name], members, "tasks", tasks)
        learnt = {split_name(tasks[task]) for task in members if task in tasks}
        if len(learnt) > 1:
            yield [*path, "suites", name], f"its tasks learn from different play: {sorted(learnt)}"
        if name in tasks:
            yield [*path, "suites", name], "a task is called so; take another name"
    for part, names in (("suites", suites), ("tasks", tasks)):
        for name in (name for name in names if name in MEANT):
            yield [*path, part, name], f"{name} means {MEANT[name]}; take another name"
    for name, task in tasks.items():
        place = [*path, "tasks", name]
        learners = ("none", *tasks, *suites)
        yield from _unknown([*place, "learns_from"], [task["learns_from"]], "tasks", learners)
        if task.get("play_percent") == 0 and task["learns_from"] == "none":
            yield place, "learns neither from play nor from demonstrations"
        flaws = task.get("flaws", {})
        if flaws and (flaws["kind"] == "other_task") != ("of" in flaws):
            yield (
                [*place, "flaws"],
                "kind other_task needs `of`, the sequence that is shown; others not",
            )


def _folder_faults(config: Mapping[str, Any]) -> Faults:
    """Find folders in which the pipeline's files would come to lie among its others."""
    folders = {name: os.path.realpath(folder) for name, folder in config["pathvars"].items()}
    for (one, outer), (other, inner) in permutations(folders.items(), 2):
        first = os.path.relpath(inner, outer).split(os.sep)[0]
        if first == "." and one < other:
            yield ["pathvars", other], f"is the folder of {one}, too; take another"
        elif first in (*FOLDERS, *config["environments"]):
            yield ["pathvars", other], f"lies in {first} of {one}, which the pipeline writes to"
    if os.path.realpath(config["cache_dir"]) == os.path.join(folders["data"], "downloads"):
        yield ["cache_dir"], "is the pipeline's own folder of downloads; take another"


def _unknown(path: list[Any], names: Iterable[str], what: str, known: Iterable[str]) -> Faults:
    for name in names:
        if name not in known:
            yield path, f"no {name} among {what}: {', '.join(known)}"


def _method_faults(
    name: str, method: Mapping[str, Any], policy: Mapping[str, Any], model: Mapping[str, Any] | None
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
    if method.get("rollout", {}).get("search") == "graph" and lookup != "distance":
        yield f"search graph needs lookup distance; lookup is {lookup}"
    without = model is not None and finetune != "none" and "play" not in model["finetunes_on"]
    if method["retrieve"] != "none" and not without:
        yield f"retrieve {method['retrieve']} needs a model that is fine-tuned without play"
    if method["distance"] == "mixed":
        if lookup != "distance":
            yield "distance mixed needs lookup distance"
        if "saw_held_out" not in name:
            yield (
                "distance mixed has seen the held-out object, so the method's name must contain "
                "saw_held_out"
            )


def _table_faults(path: list[Any], table: Mapping[str, Any], config: Mapping[str, Any]) -> Faults:
    """Find what a table asks for but that is not defined, or cannot be made."""
    env = table["env"]
    if env not in config["environments"]:
        yield from _unknown([*path, "env"], [env], "environments", config["environments"])
        return
    entry = config["environments"][env]
    yield from _unknown([*path, "tasks"], table["tasks"], "tasks", entry["tasks"])
    for key in ("methods", "references", "demonstrations"):
        yield from _unknown([*path, key], table.get(key, []), "methods", config["methods"])
    for name in set(table.get("references", [])) & set(table["methods"]):
        yield [*path, "references"], f"{name} is a row, so it is no reference"
    if path[-1] in config["default_tables"]:  # what another lacks is told when it is asked for
        for name in (name for name in table["tasks"] if name in entry["tasks"]):
            task = {"n_demos": config["n_demos"]} | entry["tasks"][name]
            for fault in _task_faults(task, entry["data"]):
                yield ["environments", env, "tasks", name], fault


def _data_faults(path: list[Any], data: Mapping[str, Any], downloads: Mapping[str, Any]) -> Faults:
    """Find data sets that lack what their source needs, or need what is not defined."""
    play, demos = data["play"], data["demos"]
    for part, entry in data.items():
        source = entry["source"]
        for key in NEEDS.get(source, ("files",)):
            if entry.get(key) in (None, [], {}):
                yield [*path, part], f"source {source} needs {key}"
        wanted = listed_files(entry) if source == "d4rl" else []
        if "archive" in entry and (source in ("fist", "relay") or ":" in source):
            wanted = [entry["archive"]]
        yield from _unknown([*path, part], wanted, "downloads", downloads)
    generated = play["source"] == demos["source"] == "generated"
    if generated and play.get("seed") == demos.get("seed"):
        yield (
            [*path, "demos", "seed"],
            f"play and demos have the same seed {demos.get('seed')}, so demonstrations would stand "
            "in the play data",
        )


def _task_faults(task: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    """Say which data a task of a table asks for that there are not."""
    play, demos = data["play"], data["demos"]
    order, n_demos = "-".join(task["order"]), task["n_demos"]
    if demos["source"] != "generated" and order not in demos.get("files", {}):
        yield f"data.demos.files has no file for {order}"
    if demos["source"] == "generated" and n_demos > demos.get("episodes", n_demos):
        yield f"n_demos {n_demos} is more than data.demos.episodes, {demos['episodes']}"
    files, split = play.get("files"), split_parts(split_name(task))[0]
    if play["source"] != "generated" and isinstance(files, Mapping) and split not in files:
        yield f"data.play.files has no files for {split}"
