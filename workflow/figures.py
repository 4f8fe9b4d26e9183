"""Which figures there are, of which tables they are drawn, and from which files."""

import ast
import json
from pathlib import Path
from typing import Any

from options import Options

FOLDER = Path(__file__).resolve().parents[1] / "fist" / "analysis" / "figures"

OF_RUN = {("cost",): "cost", ("settings",): "settings_table"}
"""Needs of figures that are of the whole run, not of a table; the CSV that each is drawn from."""

WITH_TABLE = {"episodes", "curves", "distances", "demos", "play", "map"}
"""Needs that a table has been made from: nothing is trained or tested for them."""

Labelled = list[tuple[tuple, str]]
"""Files with their labels."""


class Figures:
    """The figures of a checked configuration: every module of the library's that has NEEDS."""

    def __init__(self, options: Options, folder: Path = FOLDER):
        self.options, self.targets, self.config = options, options.targets, options.config
        self.needs = {
            file.stem: needs for file in sorted(folder.glob("*.py")) if (needs := _needs(file))
        }
        """What each figure draws from, by its name (`fist.analysis.figures.plot`)."""

    def of(self, table: str) -> list[str]:
        """Return the figures that can be drawn of a table."""
        return [
            figure
            for figure, needs in self.needs.items()
            if needs not in OF_RUN and not any(self._lacks(need, table) for need in needs)
        ]

    def files(self, figure: str, table: str) -> dict[str, Labelled]:
        """Return what a figure of a table is drawn from, by its needs.

        Raises:
            ValueError: the table does not have all that it needs.
        """
        for need in self.needs[figure]:
            if self._lacks(need, table):
                raise ValueError(f"{figure} cannot be drawn of {table}, which has no {need}")
        return {need: self._found(need, table) for need in self.needs[figure]}

    def drawn(self, figure: str, of: Any) -> list[str]:
        """Return the same files, for a rule."""
        needs = self.files(figure, of.get("table", "")).values()
        return [file for labelled in needs for _, file in labelled]

    def code(self, figure: str, of: Any) -> str:
        """Return the code that draws a figure; on a map, also the environment's."""
        on_map = "map" in self.needs[figure]
        env = self.config["tables"][of.table]["env"] if on_map else None
        return self.options.code("plot.py", f"fist.analysis.figures.{figure}", env=env)

    def request(self, figure: str, wildcards: Any, input: Any) -> str:
        """Return the files of a figure as JSON, in the order of `files`, as they are given."""
        given = iter(input.files)
        files = self.files(figure, wildcards.get("table", "")).items()
        return json.dumps({need: [(label, next(given)) for label, _ in of] for need, of in files})

    def table(self, table: str) -> str:
        """Return the description of a table, as JSON; without one, of nothing."""
        if not table:
            return "{}"
        entry = self.config["tables"][table]
        env = self.config["environments"][entry["env"]]
        measure = entry.get("layout", "subtasks")
        n_demos: dict[str, dict[str, int]] = {}
        for methods in ("methods", "demonstrations"):
            for cell in self.targets.cells(table, methods=methods):
                n_demos.setdefault(cell.method, {})[cell.task] = self.targets.n_demos(cell)
        paper = {
            f"{task}/{method}": published[measure]
            for task in entry["tasks"]
            for method, published in env["tasks"][task].get("paper", {}).items()
            if published.get(measure) is not None
        }
        of_env = {"env_kwargs": {}, "map": None} | env
        described = {"measure": measure, "n_demos": n_demos, "paper": paper}
        return json.dumps(described | {key: of_env[key] for key in ("env_id", "env_kwargs", "map")})

    def report(self) -> list[str]:
        """Return what the report shows: the default tables, the run, and all else that there is.

        Of a default table: what is drawn from that which it has been made from, and a film.
        """
        wanted = dict.fromkeys(("cost.csv", "figures/cost.png", "run/config.yaml"), True)
        tested = {cell.episodes for cell in self.targets.cells()}
        wanted |= {"run/versions.csv": True, "claims.csv": tested >= {*self.targets.claimed()}}
        wanted |= {"settings_table.html": False, "figures/settings.png": False}
        defaults = self.config["default_tables"]
        for table in sorted(self.config["tables"], key=defaults.__contains__):  # these last
            default = table in defaults
            films = [Path(film).relative_to("<results>") for film in self.targets.videos(table)]
            wanted |= dict.fromkeys((f"{table}.html", f"{table}_statistics.csv"), default)
            for figure in self.of(table):
                of_table = {*self.needs[figure]} <= WITH_TABLE
                wanted[f"figures/{table}/{figure}.png"] = default and of_table
            for film in films:
                wanted[str(film.with_suffix(".png"))] = default and film == films[0]
        results = Path(self.config["pathvars"]["results"])
        there = (file for file, asked in wanted.items() if asked or (results / file).exists())
        return [f"<results>/{file}" for file in there]

    def _lacks(self, need: str, table: str) -> bool:
        if need == "map":
            return "map" not in self.config["environments"][self.config["tables"][table]["env"]]
        return not self._found(need, table)

    def _found(self, need: str, table: str) -> Labelled:
        """Return the files of a need."""
        targets = self.targets
        match need:
            case "episodes" | "demonstrations":
                cells = targets.cells(table, methods="methods" if need == "episodes" else need)
                return [(cell[1:], cell.episodes) for cell in cells]
            case "traces" | "look_ups":
                cells = (targets.first_seed if need == "traces" else targets.looking_up)(table)
                return [(cell[1:], cell.trace) for cell in cells]
            case "distances":
                cells = targets.looking_up(table, "distance")
                return [(cell[1:3], targets.acting(cell)["distance"]) for cell in cells]
            case "demos":
                return [((cell.task,), targets.demos(cell)) for cell in targets.first_cells(table)]
            case "play":
                cells = targets.first_cells(table)
                return list({(targets.split(cell),): targets.play(cell) for cell in cells}.items())
            case "curves":
                return self._curves(table)
            case "cost" | "settings":
                return [((), f"<results>/{OF_RUN[need,]}.csv")]
            case "map":
                return []
        raise ValueError(f"no figure can be drawn from {need!r}: see fist.analysis.figures.plot")

    def _curves(self, table: str) -> Labelled:
        """Return the learning curves of a table's models, those before fine-tuning first."""
        cells = self.targets.cells(table)
        pairs = [(cell, file) for cell in cells for file in self.targets.checkpoints(cell)]
        before = [
            self.targets.pretrained(cell, model)
            for cell, file in pairs
            if "train" in self.targets.stages(model := Path(file).stem)
        ]
        curves: Labelled = []
        for file in dict.fromkeys([*before, *(file for _, file in pairs)]):
            _, _, group, *variant, seed, model = Path(file).with_suffix("").parts
            stage = "fine-tuning" if variant else "training"
            label = (stage, model, group, "".join(variant), int(seed.removeprefix("seed_")))
            curves.append((label, str(Path(file).with_suffix(".csv"))))
        return curves


def _needs(file: Path) -> tuple[str, ...]:
    """Return the literal that a module calls NEEDS, without importing it."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NEEDS":
            return ast.literal_eval(node.value)
    return ()
