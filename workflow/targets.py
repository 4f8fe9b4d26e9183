"""Which files the pipeline makes, what they are called, and what each of them needs.

    <data>/{env}/raw/{play|demos}/{sequence}.hdf5        recordings made here
    <data>/{env}/{raw|fetched}/{name}.hdf5               recordings from elsewhere, in D4RL's layout
    <data>/{env}/play/{split}.hdf5                       play: mixed, no_kettle-microwave.10percent
    <data>/{env}/demos/{sequence}.hdf5                   demonstrations: kettle-light_switch-…
    <data>/{env}/chosen/{task}.hdf5                      others of them, or some of them flawed
    <results>/{env}/{split}/seed_{seed}/{model}.pt       a model that has learnt from play
    <results>/{env}/{learner}/finetune_{part}_{n_demos}demos{retrieve}/seed_{seed}/{model}.pt
    <results>/{env}/{task}/{method}/seed_{seed}/episodes.csv

`of` says which file is meant: Snakemake's wildcards, or anything else with the attributes that
stand in braces above.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from d4rl_layout import DataError
from fist.data.sources import SHORT_NAMES
from fist.stage.files import fingerprint
from fist.stage.functions import function
from values import listed_files, split_name, split_parts

JUDGED = {"local": "fist.data.sources.formats:local"} | {
    name: SHORT_NAMES[name] for name in ("auto", "lerobot", "minari", "npz", "robomimic", "zarr")
}
"""Sources that tell from headers what cannot be used."""
OF_CLASS = ("model", "acts", "told_task")
"""What of a method its class declares."""


class TargetError(ValueError):
    """A file that cannot be made; the message names what the configuration lacks."""


class Cell(NamedTuple):
    """One task, method and training seed of an environment."""

    env: str
    task: str
    method: str
    seed: int

    @property
    def path(self) -> str:
        return f"{self.env}/{self.task}/{self.method}/seed_{self.seed}"

    @property
    def episodes(self) -> str:
        return f"<results>/{self.path}/episodes.csv"

    @property
    def trace(self) -> str:
        return f"<results>/{self.path}/trace.csv"


class Targets:
    """The files of a checked configuration."""

    def __init__(self, config: Mapping[str, Any], declared: Mapping[str, Any]):
        """Take the configuration, and what its classes declare (`declarations.declared`)."""
        self.config, self.declared, self.models = config, declared, declared["models"]
        self.methods = {
            name: method | {key: declared["methods"][name][key] for key in OF_CLASS}
            for name, method in config["methods"].items()
        }

    def environment(self, of: Any) -> Mapping[str, Any]:
        return self.config["environments"][of.env]

    def task(self, of: Any) -> Mapping[str, Any]:
        try:
            return self.environment(of)["tasks"][of.task]
        except KeyError:
            raise TargetError(f"environment {of.env} has no task {of.task}") from None

    def method(self, of: Any) -> Mapping[str, Any]:
        return self.methods[of.method]

    def n_demos(self, of: Any) -> int:
        """Return how many demonstrations a method gets: its own number, the task's, the common."""
        layers = (self.method(of), self.task(of), self.config)
        return next(layer["n_demos"] for layer in layers if "n_demos" in layer)

    def split(self, of: Any) -> str:
        """Return the split of the play data that is meant, or that a task's models learn from."""
        return of.split if hasattr(of, "split") else split_name(self.learnt(of)[0])

    def learnt(self, of: Any) -> list[Mapping[str, Any]]:
        """Return the tasks that a job's models learn from: one, or those of a suite."""
        entry = self.environment(of)
        name = getattr(of, "learner", None) or self.task(of)["learns_from"]
        if name == "none":
            return [self.task(of)]
        return [entry["tasks"][task] for task in entry.get("suites", {}).get(name, [name])]

    def number(self, of: Any) -> int | None:
        """Return the number of a task, by its order, among those that a cell's model learns from.

        None where it is none of them, or where none is learnt from.
        """
        orders = [task["order"] for task in self.learnt(of)]
        order, tuned = self.task(of)["order"], self.part(of, self.method(of)["finetune"]) != "none"
        return orders.index(order) if tuned and order in orders else None

    def part(self, of: Any, part: str) -> str:
        """Return what of a model is fine-tuned for a task: the part that is asked for, or less."""
        task = self.task(of)
        if task["learns_from"] == "none":
            return "none"
        return "scratch" if task.get("play_percent") == 0 and part != "none" else part

    # Data.

    def recordings(self, part: str, of: Any) -> list[str]:
        """Return what the play of a split, or the demonstrations of a sequence, are made from.

        Where no sequences are listed, each split has a recording of its own, called like the split;
        so it has where the given files are listed by split.
        """
        data = self.environment(of)["data"][part]
        key = split_parts(of.split)[0] if part == "play" else of.sequence
        if data["source"] == "generated":
            sequences = data.get("sequences", [key])
            return [f"<data>/{of.env}/raw/{part}/{sequence}.hdf5" for sequence in sequences]
        files = data["files"]
        if isinstance(files, Mapping):
            if key not in files:
                raise TargetError(
                    f"no {part} data for {key}: name its files in the configuration, "
                    f"environments.{of.env}.data.{part}.files"
                )
            files = [files[key]] if isinstance(files[key], str) else files[key]
        return [self._given(of.env, data, file) for file in files]

    def _given(self, env: str, data: Mapping[str, Any], file: str) -> str:
        """Return where a file of a data set that is not generated lies, or will lie."""
        files = self.source_files(data, file)
        if data["source"] in ("local", "d4rl"):
            return files[0]
        folder = "raw" if files else "fetched"
        return f"<data>/{env}/{folder}/{made_name(data, file)}.hdf5"

    def lacking(self) -> dict[str, str]:
        """Return the local files of the default tables' data that are not there, by their keys."""
        return {
            f"{key}.files": path
            for key, data, file in self._given_files()
            for path in self.source_files(data, file)
            if not path.startswith("<data>") and not os.path.exists(path)
        }

    def unusable(self) -> list[str]:
        """Return what the headers of local files say that rules out their use, one line each."""
        faults = []
        for key, data, file in self._given_files():
            paths = [Path(path) for path in self.source_files(data, file)]
            if data["source"] not in JUDGED or not all(path.exists() for path in paths):
                continue
            try:
                function(JUDGED[data["source"]])(paths, file, None, **source_options(data))
            except (DataError, OSError) as error:
                faults.append(f"`{key}`: {error}")
        return faults

    def _given_files(self) -> Iterator[tuple[str, Mapping[str, Any], str]]:
        """Yield the files that the default tables' data are made of, with their section and key."""
        for env in dict.fromkeys(
            self.config["tables"][t]["env"] for t in self.config["default_tables"]
        ):
            for part, data in self.config["environments"][env]["data"].items():
                for file in listed_files(data):
                    yield f"environments.{env}.data.{part}", data, file

    def made_of(self, of: Any) -> tuple[Mapping[str, Any], str]:
        """Return the data set that a converted file belongs to, and what of it is converted."""
        for data in self.environment(of)["data"].values():
            for file in listed_files(data):
                if data["source"] != "generated" and made_name(data, file) == of.name:
                    return data, file
        raise TargetError(f"nothing called {of.name} is made of environments.{of.env}.data")

    def source_files(self, data: Mapping[str, Any], file: str) -> list[str]:
        """Return what a source reads: a download, a local file; nothing, if it fetches itself."""
        source, name = data["source"], data.get("archive", file)
        if source in ("generated", "minari") or data.get("fetches"):
            return []
        if source != "local" and name in self.config["downloads"]:
            return [f"<data>/downloads/{name}"]
        return [os.path.join(self.config["local_dir"], name)]

    def play(self, of: Any) -> str:
        return f"<data>/{of.env}/play/{self.split(of)}.hdf5"

    def demos(self, of: Any) -> str:
        """Return the demonstrations of a task: as they are recorded, or chosen of these."""
        task = self.task(of)
        if task.get("draw") or "flaws" in task:
            return f"<data>/{of.env}/chosen/{of.task}.hdf5"
        return self._recorded(of.env, "-".join(task["order"]))

    def _recorded(self, env: str, sequence: str) -> str:
        return f"<data>/{env}/demos/{sequence}.hdf5"

    def chosen_from(self, of: Any) -> dict[str, str]:
        """Return what a task's demonstrations are chosen from; others: what stands among them."""
        task = self.task(of)
        files = {"demos": self._recorded(of.env, "-".join(task["order"]))}
        other = task.get("flaws", {}).get("of")
        return files | ({"others": self._recorded(of.env, other)} if other else {})

    def learnt_demos(self, of: Any) -> list[str]:
        """Return the demonstrations that a job's models are fine-tuned on, task by task."""
        names = self.environment(of).get("suites", {}).get(of.learner, [of.learner])
        return [self.demos(Cell(of.env, name, "", 0)) for name in names]

    def split_from(self, of: Any) -> dict[str, list[str]]:
        """Return what a split is made from: play, and demonstrations that must not stand in it.

        These are those of its tasks, in `mixed` all; not those made here, which cannot: they have
        another seed than play, which the configuration must say.
        """
        entry = self.environment(of)
        demos = entry["data"]["demos"]
        known = {} if demos["source"] == "generated" else demos["files"]
        whole = split_parts(of.split)[0]
        left_out = {
            self._recorded(of.env, "-".join(task["order"]))
            for task in entry["tasks"].values()
            if whole in ("mixed", split_parts(split_name(task))[0])
            and "-".join(task["order"]) in known
        }
        return {"files": self.recordings("play", of), "demos": sorted(left_out)}

    # Models.

    def pretrained(self, of: Any, model: str) -> str:
        """Return a model that has learnt from play."""
        return f"<results>/{of.env}/{self.split(of)}/seed_{of.seed}/{model}.pt"

    def finetuned(self, of: Any, model: str, part: str) -> str:
        """Return a model of which a part has learnt from demonstrations, too."""
        if part == "none":
            if "train" not in self.stages(model):
                raise TargetError(
                    f"{model} is not trained on play, and task {of.task} has it learn nothing from "
                    "demonstrations (learns_from: none)"
                )
            return self.pretrained(of, model)
        folder = f"{self.task(of)['learns_from']}/finetune_{part}_{self.n_demos(of)}demos"
        folder += self.retrieved(of, model)
        return f"<results>/{of.env}/{folder}/seed_{of.seed}/{model}.pt"

    def retrieved(self, of: Any, model: str) -> str:
        """Return what the folder of a fine-tuned model says of play beside the demonstrations."""
        how, reads = self.method(of)["retrieve"], self.models[model]["finetunes_on"]
        without = how == "none" or "play" in reads or self.task(of).get("play_percent") == 0
        return "" if without else f"_retrieve_{how}"

    def stages(self, model: str) -> list[str]:
        """Return the stages of a model: one that does not learn from play is only fine-tuned."""
        return ["train", "finetune"] if self.models[model]["trains_on"] else ["finetune"]

    def reads(self, stage: str, model: str, of: Any) -> dict[str, Any]:
        """Return the files that a model's stage reads, by what they are; init: where it begins."""
        names = self.models[model]["trains_on" if stage == "train" else "finetunes_on"]
        names = [*names, *["play"] * bool(getattr(of, "retrieve", ""))]
        begins = stage == "finetune" and "train" in self.stages(model)
        files: dict[str, Any] = {"init": self.pretrained(of, model)} if begins else {}
        data = {"play": self.play, "demos": self.learnt_demos}
        return files | {n: data[n](of) if n in data else self.pretrained(of, n) for n in names}

    def acting(self, of: Any) -> dict[str, str]:
        """Return what a cell acts with: its model, the look-up's distance, demonstrations."""
        method, files = self.method(of), {}
        model, lookup, part = method["model"], method["lookup"], method["finetune"]
        if model is not None:
            files["model"] = self.finetuned(of, model, self.part(of, part))
        if lookup in ("distance", "random") and self.task(of).get("play_percent") == 0:
            raise TargetError(
                f"task {of.task} has no play to learn a distance from (play_percent: 0), method "
                f"{of.method} looks up in one: take one with lookup euclidean"
            )
        if lookup == "distance" and method["distance"] == "mixed":
            files["distance"] = f"<results>/{of.env}/mixed/seed_{of.seed}/distance.pt"
        elif lookup == "distance":
            files["distance"] = self.finetuned(of, "distance", self.part(of, "all"))
        elif lookup == "random":  # only the encoder's shape is taken from it
            files["distance"] = self.pretrained(of, "distance")
        return files | ({} if lookup == "none" else {"demos": self.demos(of)})

    def checkpoints(self, of: Any) -> list[str]:
        """Return the models that a cell acts with."""
        return [file for file in self.acting(of).values() if file.endswith(".pt")]

    # Tables.

    def cells(self, *tables: str, methods: str = "methods") -> list[Cell]:
        """Return the cells of some tables (by default, the default ones), row by row."""
        named = [self.config["tables"][name] for name in tables or self.config["default_tables"]]
        return [
            Cell(table["env"], task, method, seed)
            for table in named
            for task in table["tasks"]
            for method in table.get(methods, [])
            for seed in self.config["seeds"]
        ]

    def table(self, of: Any) -> dict[str, list[str]]:
        """Return the test results that a table shows, and those that it only compares with."""
        shown, compared = (self.cells(of.table, methods=key) for key in ("methods", "references"))
        return {
            "episodes": [c.episodes for c in shown],
            "references": [c.episodes for c in compared],
        }

    def trainings(self, of: Any) -> list[str]:
        """Return the checkpoints that were trained for a cell: its own, and those they began as."""
        found = []
        for file in self.checkpoints(of):
            model = os.path.splitext(os.path.basename(file))[0]
            if "/finetune_" in file and "train" in self.stages(model):
                found.append(self.pretrained(of, model))
            found.append(file)
        return found

    def claims(self) -> list[Mapping[str, Any]]:
        """Return the claims about the default tables."""
        shown = self.config["default_tables"]
        return [claim for claim in self.config["claims"] if claim["table"] in shown]

    def claimed(self) -> list[str]:
        """Return the test results that the claims are about."""
        cells = (
            Cell(table["env"], task, claim[key], seed)
            for claim in self.claims()
            for table in [self.config["tables"][claim["table"]]]
            for task in table["tasks"]
            for key in ("better", "worse")
            for seed in self.config["seeds"]
            if key in claim
        )
        return list(dict.fromkeys(cell.episodes for cell in cells))

    def first_seed(self, table: str) -> list[Cell]:
        """Return the cells of a table's first training seed: those that are filmed and drawn."""
        return [cell for cell in self.cells(table) if cell.seed == self.config["seeds"][0]]

    def first_cells(self, table: str, method: str | None = None) -> list[Cell]:
        """Return of these a cell for every task: of the table's first method, or of another."""
        method = method or self.config["tables"][table]["methods"][0]
        return [cell for cell in self.first_seed(table) if cell.method == method]

    def looking_up(self, table: str, *lookups: str) -> list[Cell]:
        """Return a cell for every task of a table: of its first method with such a look-up.

        Methods without a model do not follow what they look up step by step: they do not count.
        """
        for name in self.config["tables"][table]["methods"]:
            method = self.methods[name]
            wanted = lookups or ("distance", "euclidean", "random")
            if method["model"] is not None and method["lookup"] in wanted:
                return self.first_cells(table, name)
        return []

    def videos(self, table: str) -> list[str]:
        """Return the videos of a table: one for every task and method."""
        return [f"<results>/videos/{cell.path}.mp4" for cell in self.first_seed(table)]


def source_options(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the further arguments of a source; a left-over `converter` is not for every one."""
    converter = {key: data[key] for key in ("converter",) if key in data}
    return data.get("options", {}) | (converter if data["source"] in ("relay", "minari") else {})


def made_name(data: Mapping[str, Any], file: str) -> str:
    """Name what a source makes of a file: for people, and a hash of all that decides it."""
    archive = os.path.splitext(data.get("archive", ""))[0]
    said = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{archive}-{re.sub('[.](hdf5|pkl)$', '', file)}")
    decides = fingerprint([data["source"], archive, file, source_options(data)])
    return f"{said.strip('_.-')[:80]}-{decides[:8]}"
