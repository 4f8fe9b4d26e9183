"""The words of the commands: what the configuration says, as options of the scripts.

Whatever stands in a configuration is one word of a command: the functions return lists of words,
and the rules quote each of them ({params.options:q}). Snakemake runs a job again where one of its
parameters has changed, unless that is a function of `input` or `output`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

from fist.data.sources import SHORT_NAMES
from fist.stage.files import fingerprint
from fist.stage.provenance import code_version
from targets import Cell, Targets, source_options
from values import model_settings, rollout_settings, split_parts

SCRIPTS = Path(__file__).parent / "scripts"


def flags(prefix: str, settings: Mapping[str, Any]) -> list[str]:
    """Write settings as tyro's options: {"z_dim": 10} under "model" becomes --model.z-dim=10."""
    words = []
    for key, value in settings.items():
        name = key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{prefix}.{name}" if value else f"--{prefix}.no-{name}")
        elif isinstance(value, (list, tuple)):
            words += [f"--{prefix}.{name}", *map(str, value)]
        else:
            words.append(f"--{prefix}.{name}={value}")
    return words


def pairs(option: str, values: Iterable[tuple[Any, Any]]) -> list[str]:
    """Write pairs as an option: ("a", 1), ("b", 2) become --option a 1 b 2; none become nothing."""
    words = [str(word) for pair in values for word in pair]
    return [option, *words] if words else []


def named(values: Mapping[str, str]) -> list[str]:
    """Write values as options of the same names: {"a": "1"} becomes --a 1."""
    return [word for name, value in values.items() for word in (f"--{name}", value)]


def ordered(files: Callable[[Any], Any]) -> Callable[[Any], str]:
    """Return a parameter that tells in what order, and as what, a job's files are read.

    Snakemake itself compares only which files they are.
    """
    return lambda wildcards: fingerprint(files(wildcards))


def bound(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """Return a function of a job, its first arguments being given.

    Snakemake looks at its signature several times for every job: it is found once.
    """
    made = partial(function, *arguments)
    made.__signature__ = signature(made)  # type: ignore[attr-defined]
    return made


class Options:
    """The options of the scripts, for a checked configuration."""

    def __init__(self, targets: Targets):
        self.targets, self.config = targets, targets.config
        self.models = targets.models

    def code(self, script: str, *classes: str, env: str | None = None) -> str:
        """Return a fingerprint of the code that a script runs, see `fist.stage.provenance`.

        Args:
            script: name of a file in workflow/scripts.
            classes: classes and functions that it is told to use, module:name.
            env: environment that it makes.
        """
        if env is None:
            return code_version(SCRIPTS / script, *classes)
        modules, said = self.targets.declared["environments"][env]["registered"]
        return code_version(SCRIPTS / script, *classes, env=(tuple(modules), said))

    def resume(self, wildcards: Any, output: Any) -> list[str]:
        """Name a stage's resume file: it lies beside the results, but is never an output."""
        part = "data" if output[0].endswith(".hdf5") else "results"
        return ["--resume", f"{self._beside(output[0], part, '.resume')}.resume"]

    def _beside(self, file: str, part: str, folder: str) -> str:
        """Return the same place in a folder of the data or the results of its own."""
        root = self.config["pathvars"][part]
        before, _, name = file.partition(f"{root}/")
        return f"{before}{root}/{folder}/{name}"

    # Models.

    def model_code(self, script: str, model: str) -> str:
        """Return `code` of a model's stage, which runs its class and those that it reads."""
        entry = self.models[model]
        read = [model, *entry["trains_on"], *entry["finetunes_on"]]
        return self.code(script, *(self.models[n]["class"] for n in read if n in self.models))

    def stage(self, stage: str, model: str, wildcards: Any) -> list[str]:
        """Say which model a stage is of, how it learns, and, where it begins, what it is like."""
        words = [self.models[model]["class"]]
        if stage == "finetune":
            words += [f"--n-demos={wildcards.n_demos}", f"--part={wildcards.part}"]
            how = wildcards.retrieve.removeprefix("_retrieve_")
            words += [f"--retrieve={how}"] if how else []
        if stage == self.targets.stages(model)[0]:
            words += flags("model", model_settings(self.config, wildcards.env, model, "model"))
        of_part = (wildcards.part, wildcards.learner) if stage == "finetune" else ()
        how = model_settings(self.config, wildcards.env, model, stage, *of_part)
        return words + flags("train", how)

    def material(self, wildcards: Any, input: Any) -> list[str]:
        """Name the files that a model's stage reads, those of other models by their names."""
        words: list[str] = []
        for name in (name for name in ("play", "demos", "init") if name in input.keys()):
            files = input[name]
            words += [f"--{name}", *([files] if isinstance(files, str) else files)]
        others = [(name, file) for name, file in input.items() if f"--{name}" not in words]
        return words + pairs("--models", others)

    def tensorboard(self, wildcards: Any, output: Any) -> list[str]:
        """Name the folder for TensorBoard's files, if the configuration asks for them."""
        place = self._beside(output.weights, "results", "tensorboard").removesuffix(".pt")
        return ["--tensorboard", place] if self.config["tensorboard"] else []

    # Tests.

    def acting_code(self, script: str, wildcards: Any) -> str:
        """Return `code` of a script that runs a method in its environment."""
        classes = [self.targets.method(wildcards)["class"]]
        classes += self.targets.task(wildcards).get("wrappers", {})
        return self.code(script, *classes, env=wildcards.env)

    def tests(self, of: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what is said of how a method acts, and of the episodes that it is tested on."""
        said = rollout_settings(self.config, of.env, of.task, of.method)
        acts, tests = self.targets.method(of)["acts"], self.targets.declared["rollout"]
        act, rollout = (
            {key: value for key, value in said.items() if key in known["properties"]}
            for known in (acts, tests)
        )
        return act, rollout

    def trial(self, wildcards: Any) -> list[str]:
        """Say what acts, where and on which episodes it is tested, and what that is called."""
        method, task = self.targets.method(wildcards), self.targets.task(wildcards)
        env = self.targets.environment(wildcards)
        wrappers = [{"wrapper": name} | given for name, given in task.get("wrappers", {}).items()]
        order = {env["order_argument"]: task["order"]} if "order_argument" in env else {}
        arguments = env.get("env_kwargs", {}) | order | task.get("env_kwargs", {})
        act, rollout = self.tests(wildcards)
        number = self.targets.number(wildcards) if method["told_task"] else None
        play, demos = (env["data"][part]["source"] for part in ("play", "demos"))
        labels = {name: getattr(wildcards, name) for name in ("env", "task", "method", "seed")}
        labels["data_source"] = play if play == demos else f"play:{play} demos:{demos}"
        return [
            f"--method={method['class']}",
            f"--lookup={method['lookup']}",
            f"--n-demos={self.targets.n_demos(wildcards)}",
            *([] if number is None else [f"--task={number}"]),
            *flags("act", act),
            *flags("rollout", rollout),
            *flags("labels", labels),
            f"--env-id={env['env_id']}",
            f"--env-kwargs={json.dumps(arguments)}",
            *([f"--wrappers={json.dumps(wrappers)}"] if wrappers else []),
        ]

    def export(self, of: Any) -> list[str]:
        """Say what a policy has learnt from, in words, and what demonstrates other orders."""
        env, learnt, told = self.targets.environment(of), self.targets.learnt(of), self.told(of)
        words, demos = [], env["data"]["demos"]
        if "play" in told:
            without = " and ".join(learnt[0]["held_out"]).replace("_", " ")
            words.append(f"play without {without}" if without else "play")
        if "demonstrations" in told:
            tasks = [", ".join(task["order"]).replace("_", " ") for task in learnt]
            of_what = tasks[0] if len(tasks) == 1 else f"each of {len(tasks)} tasks"
            number = self.targets.n_demos(of)
            words.append(f"{number} demonstration{'s' * (number > 1)} of {of_what}")
        options = {"about": " and ".join(words)} if words else {}
        if demos["source"] == "generated" and "order_argument" in env:
            operator = {"order_argument": env["order_argument"], "generator": demos["generator"]}
            operator["arguments"] = demos.get("arguments", {})
            options["operator"] = json.dumps(operator)
        return named(options)

    def trusted(self, wildcards: Any) -> list[str]:
        """Name the modules of a method and its environment, where they are the user's."""
        method, env = self.targets.method(wildcards), self.targets.environment(wildcards)
        modules = [method["class"].partition(":")[0], env["env_id"].rpartition(":")[0]]
        modules += [w.partition(":")[0] for w in self.targets.task(wildcards).get("wrappers", {})]
        own = [name for name in modules if name and name.split(".")[0] not in ("fist", "d4rl")]
        return ["--trusted", *own] if own else []

    # Data.

    def split(self, wildcards: Any) -> list[str]:
        """Say what play is left out of a split."""
        _, held_out, percent = split_parts(wildcards.split)
        return ["--held-out", *held_out, *([f"--percent={percent}"] if percent < 100 else [])]

    def chosen(self, wildcards: Any) -> list[str]:
        """Say which demonstrations are chosen, and what is wrong with some of them."""
        task = self.targets.task(wildcards)
        words = {"draw": str(task.get("draw", 0))}
        if "flaws" in task:
            flaws, among = task["flaws"], task.get("n_demos", self.config["n_demos"])
            words |= {"flaw": flaws["kind"], "number": str(flaws["number"]), "among": str(among)}
        return named(words)

    def environment(self, wildcards: Any) -> list[str]:
        """Say what environment data come from."""
        entry = self.targets.environment(wildcards)
        return ["--env", entry["env_id"], json.dumps(entry.get("env_kwargs", {}))]

    def generator(self, wildcards: Any) -> list[str]:
        """Say how a recording is made."""
        data = self.targets.environment(wildcards)["data"][wildcards.part]
        said = {key: str(data[key]) for key in ("generator", "episodes", "seed")}
        return named(said | {"arguments": json.dumps(data.get("arguments", {}))})

    def generator_code(self, wildcards: Any) -> str:
        data = self.targets.environment(wildcards)["data"][wildcards.part]
        return self.code("generate_data.py", data["generator"])

    def source_code(self, wildcards: Any) -> str:
        data, _ = self.targets.made_of(wildcards)
        source = SHORT_NAMES.get(data["source"], data["source"])
        given = map(str, source_options(data).values())
        return self.code("convert_data.py", source, *(word for word in given if ":" in word))

    def source(self, wildcards: Any) -> list[str]:
        """Say what is converted, and how."""
        data, file = self.targets.made_of(wildcards)
        arguments = json.dumps(source_options(data))
        return named({"source": data["source"], "what": file, "arguments": arguments})

    def download(self, wildcards: Any) -> list[str]:
        """Say where a published file is and how to know it."""
        entry = self.config["downloads"][wildcards.download]
        known = {key: value for key, value in entry.items() if value is not None}
        words = flags("wanted", {"name": wildcards.download} | known)
        return [*words, f"--cache={self.config['cache_dir']}"]

    # Tables, claims and figures.

    def table(self, wildcards: Any) -> list[str]:
        """Say what a table shows, holds out, and what is published."""
        table = self.config["tables"][wildcards.table]
        tasks = self.config["environments"][table["env"]]["tasks"]
        shown = {key: table[key] for key in ("layout", "rows") if key in table}
        published = [
            (f"{name}/{method}/{measure}", value)
            for name in table["tasks"]
            for method, measures in tasks[name].get("paper", {}).items()
            for measure, value in measures.items()
            if value is not None
        ]
        held_out = [(name, "+".join(tasks[name]["held_out"]) or "+") for name in table["tasks"]]
        words = flags("settings", shown | {"baselines": self.config["baselines"]})
        return words + pairs("--held-out", held_out) + pairs("--paper", published)

    def overview(self) -> str:
        """Return the tables of the overview as JSON, as `fist.analysis.overview.Setting` is."""
        folders = {part: self.config["pathvars"][part] for part in ("results", "logs")}
        targets, seeds, settings = self.targets, self.config["seeds"], []
        for name in self.config["overview"]:
            cells: dict[str, list[Cell]] = {}
            for cell in targets.cells(name):
                cells.setdefault(cell.method, []).append(cell)
            logs = {
                cell: [
                    f"{file.removesuffix('.pt').replace('<results>', '<logs>')}.log"
                    for file in targets.trainings(cell)
                ]
                for own in cells.values()
                for cell in own
            }
            settings.append(
                {
                    "name": name,
                    "measure": self.config["tables"][name].get("layout", "subtasks"),
                    "files": [cell.episodes for own in cells.values() for cell in own],
                    "told": {method: self.told(own[0]) for method, own in cells.items()},
                    "models": {m: targets.checkpoints(own[0]) for m, own in cells.items()},
                    "trainings": {
                        method: [
                            list(dict.fromkeys(f for c in own if c.seed == seed for f in logs[c]))
                            for seed in seeds
                        ]
                        for method, own in cells.items()
                    },
                }
            )
        text = json.dumps(settings)
        for part, folder in folders.items():
            text = text.replace(f"<{part}>", json.dumps(folder)[1:-1])
        return text

    def told(self, of: Any) -> str:
        """Say what a method is told in a task: what its model learns from, and what it looks up."""
        method, task = self.targets.method(of), self.targets.task(of)
        words = []
        if method["model"] is not None:
            words += ["play"] if task.get("play_percent") != 0 else []
            tuned = self.targets.part(of, method["finetune"]) != "none"
            words += ["demonstrations"] if tuned else []
            words += ["task label"] if method["told_task"] and tuned else []
        return " + ".join(words + (["look-up"] if method["lookup"] != "none" else []))

    def claims(self) -> str:
        """Return the claims as JSON: each with the environment, tasks and measure of its table."""
        claims = []
        for claim in self.targets.claims():
            said = {key: value for key, value in claim.items() if key != "table"}
            table = self.config["tables"][claim["table"]]
            said["measure"] = table.get("layout", "subtasks")
            claims.append(said | {"env": table["env"], "tasks": table["tasks"]})
        return json.dumps(claims)
