"""The figures of a table: which can be drawn, and from what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from options import Options, pairs
from targets import Cell, TargetError


def roles(files: Callable[[Any], Mapping[str, Any]]) -> Callable[[Any], dict[str, list[str]]]:
    """Return a function for a rule's input: its files by what they are."""
    return lambda wildcards: {
        role: list(given.values()) if isinstance(given, Mapping) else given
        for role, given in files(wildcards).items()
    }


def labelled(files: Callable[[Any], Mapping[str, Any]]) -> Callable[[Any, Any], list[str]]:
    """Return a function for the options that name a job's files with their labels."""
    return lambda wildcards, input: [
        word
        for role, given in files(wildcards).items()
        if isinstance(given, Mapping)
        for word in pairs(f"--{role}", zip(given, input[role], strict=True))
    ]


class Figures:
    """The figures of a checked configuration."""

    def __init__(self, options: Options):
        self.options, self.targets, self.config = options, options.targets, options.config

    def of(self, table: str) -> list[str]:
        """Return the figures that can be drawn of a table."""
        entry = self.config["tables"][table]
        names = ["scores", "progress", "profile", "curves"]
        names += ["demonstrations"] if "demonstrations" in entry else []
        names += ["retrieval"] if self._looking_up(table) else []
        names += ["features"] if self._looking_up(table, "distance") else []
        names += ["coverage", "paths"] if "map" in self.config["environments"][entry["env"]] else []
        return [f"<results>/figures/{table}/{name}.pdf" for name in names]

    def report(self) -> list[str]:
        """Return what the report shows: the default tables, the claims about them, and the run."""
        files = ["claims.csv", "cost.csv", "figures/cost.png", "run/versions.csv"]
        for table in self.config["default_tables"]:
            files += [f"{table}.csv", f"{table}_statistics.csv"]
            drawn = [*self.of(table), *self.targets.videos(table)]
            files += [
                str(Path(file).with_suffix(".png").relative_to("<results>")) for file in drawn
            ]
        return [f"<results>/{file}" for file in (*files, "run/config.yaml")]

    def episodes(self, of: Any) -> list[str]:
        """Return the test results that a figure shows: its table's, or others."""
        demos = of.figure == "demonstrations"
        return self.targets.episodes(of, "demonstrations" if demos else "methods")

    def curves(self, of: Any) -> list[str]:
        """Return the learning curves of a table's models, those before fine-tuning included."""
        cells = self.targets.cells(of.table)
        pairs = [(cell, file) for cell in cells for file in self.targets.checkpoints(cell)]
        before = [self.targets.pretrained(cell, Path(file).stem) for cell, file in pairs]
        files = dict.fromkeys([*before, *(file for _, file in pairs)])
        return [f"{file.removesuffix('.pt')}.csv" for file in files]

    def retrieval(self, of: Any) -> list[str]:
        """Return the traces of a method that looks up."""
        return [cell.file("trace.csv") for cell in self._looking_up(of.table)]

    def features(self, of: Any) -> dict[str, dict[str, str]]:
        """Return the distances of a table, and the demonstrations that they compare, by task."""
        cells = self._looking_up(of.table, "distance")
        files = {cell.task: self.targets.acting(cell) for cell in cells}
        roles = {"distances": "distance", "demos": "demos"}
        return {role: {t: files[t][key] for t in files} for role, key in roles.items()}

    def n_demos(self, of: Any) -> list[str]:
        """Say how many demonstrations of every task are drawn."""
        cells = self._looking_up(of.table, "distance")
        return pairs("--n-demos", [(cell.task, self.targets.n_demos(cell)) for cell in cells])

    def coverage(self, of: Any) -> dict[str, dict[str, str]]:
        """Return the data sets of a table by their names in a figure: play, then demonstrations."""
        cells = self._first(of.table)
        play = {self.targets.split(cell): self.targets.play(cell) for cell in cells}
        demos = {f"{cell.task}_demonstrations": self.targets.demos(cell) for cell in cells}
        return {"files": play | demos}

    def paths(self, of: Any) -> dict[str, dict[str, str]]:
        """Return the traces of every task and method of a table, and its demonstrations by task."""
        traces = {cell.path: cell.file("trace.csv") for cell in self.targets.first_seed(of.table)}
        demos = {cell.task: self.targets.demos(cell) for cell in self._first(of.table)}
        return {"traces": traces, "demos": demos}

    def measured(self, of: Any) -> list[str]:
        """Say what a figure of test results shows."""
        table = self.config["tables"][of.table]
        layout, methods = table.get("layout", "subtasks"), self.config["methods"]
        words = [f"--kind={of.figure}", f"--layout={layout}"]
        if of.figure == "demonstrations":
            shown = table.get("demonstrations", [])
            demos = [(name, methods[name].get("n_demos", self.config["n_demos"])) for name in shown]
            words += pairs("--demos", demos)
        if of.figure == "scores":
            paper = self.options.paper(table)
            words += pairs(
                "--paper", [(f"{t}/{m}", x) for t, m, what, x in paper if what == layout]
            )
        return words

    def map_code(self, script: str, of: Any) -> str:
        """Return the code of a script that draws on the map of a table's environment."""
        return self.options.code(script, env=self.config["tables"][of.table]["env"])

    def map(self, of: Any) -> list[str]:
        """Say whose map a figure is drawn on."""
        env = self.config["tables"][of.table]["env"]
        entry = self.config["environments"][env]
        if "map" not in entry:
            raise TargetError(
                f"environment {env} has no `map`: name the two entries of its state that are a "
                "place on it"
            )
        return [*self.options.env(entry), "--plane", *entry["map"]]

    def _first(self, table: str, method: str | None = None) -> list[Cell]:
        """Return a cell for every task of a table: of its first method or another, first seed."""
        method = method or self.config["tables"][table]["methods"][0]
        return [cell for cell in self.targets.first_seed(table) if cell.method == method]

    def _looking_up(self, table: str, *lookups: str) -> list[Cell]:
        """Return a cell for every task of a table: of its first method with such a look-up.

        Methods without a model do not follow what they look up step by step: they do not count.
        """
        for name in self.config["tables"][table]["methods"]:
            method = self.targets.methods[name]
            wanted = lookups or ("distance", "euclidean", "random")
            if method["model"] is not None and method["lookup"] in wanted:
                return self._first(table, name)
        return []
