"""The table of results: one row per task and method, from the rows of every episode.

Every table has the same columns; what does not apply is empty. A table is about chains of subtasks
(the kitchen), or about success and the time that it took (the mazes): this layout decides what is
compared and what the Markdown shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from fist.analysis.comparison import ALL, COMPARED, MEASURES, STATISTICS, SUBTASKS, SUCCESS, compare
from fist.evaluation.episode_results import Results, ResultsError, collect, of_one_environment
from fist.stage.columns import Column, read_tables, write_table
from fist.stage.files import write_text
from fist.stage.text import Record, csv_table, ends, markdown

ENDS = ("", "_lo", "_hi")
RATE = "rate_"
SCHEMA = (
    *(Column(name, str) for name in ("task", "method")),
    Column("held_out", str, optional=True),
    *(Column(name, int, 1) for name in ("n_seeds", "n_episodes")),
    *(Column(f"subtasks_ordered{end}", float, 0, optional=True) for end in ENDS),
    Column("subtasks_any_order", float, 0, optional=True),
    *(Column(f"success_rate{end}", float, 0, 1, optional=True) for end in ENDS),
    *(Column(name, float, 0, optional=True) for name in ("episode_length", "episode_length_std")),
    *(Column(name, str if name == "against" else float, optional=True) for name in COMPARED),
    Column("paper_subtasks", float, 0, optional=True),
    Column("paper_success", float, 0, 1, optional=True),
    Column("paper_length", float, 0, optional=True),
    Column("data_source", str),
    Column(f"{RATE}*", float, 0, 1, optional=True),
)
"""Columns of every table; those of the subtasks, rate_<subtask>, come by name."""
COLUMNS = tuple(column.name for column in SCHEMA[:-1])
SCORES = {SUBTASKS.name: "subtasks_ordered", SUCCESS.name: "success_rate"}
"""The column of a table that holds the mean of a measure."""
ABOUT = ("task", "method", "n_seeds", "n_episodes", "data_source")

_COMPARED = {
    "interquartile mean": "{iqm:.2f} " + ends("iqm"),
    "difference": "{difference:.2f} " + ends("difference"),
    "P(better), than": "{improvement:.2f} " + ends("improvement") + " ({against})",
}
SHOWN = {
    "subtasks": {
        "method": "{method}",
        "subtasks in order": "**{subtasks_ordered:.2f}** " + ends("subtasks_ordered"),
        "in any order": "{subtasks_any_order:.2f}",
        "all done": "{success_rate:.0%}",
        "each in order, held-out objects in capitals": "{each}",
        **_COMPARED,
        "published": "{paper_subtasks}",
        "seeds x episodes": "{n_seeds} x {of_a_seed}",
        "data": "{data_source}",
    },
    "success": {
        "method": "{method}",
        "success": "**{success_rate:.2f}** " + ends("success_rate"),
        "episode length": "{episode_length} ± {episode_length_std}",
        **_COMPARED,
        "published": "{paper_success}",
        "published length": "{paper_length}",
        "seeds x episodes": "{n_seeds} x {of_a_seed}",
        "data": "{data_source}",
    },
}
"""Columns of the Markdown after the task's, of a table's columns, `each` and `of_a_seed`."""
NOTES = {
    "subtasks": "Mean number of subtasks counted in the task's order.",
    "success": "Success rate, and the mean length of an episode in steps, failures included. After "
    "± stands the standard deviation of the mean length over folds of {fold} episodes.",
}
NOTE = (
    "Brackets are 95 % confidence intervals over training seeds and test episodes; – means "
    "that there is one training seed. The interquartile mean is over all episodes. Difference "
    "and P(better) compare a method with the strongest baseline, which stands in parentheses: "
    "P(better) is the probability that a training run of the method has the higher mean."
)


@dataclass(frozen=True)
class TableSettings:
    """What the table shows."""

    layout: Literal["subtasks", "success"] = "subtasks"
    """What is scored: completed "subtasks", or "success" and how long it took."""
    rows: str = "task"
    """What a task is called in this environment: the head of the Markdown's first column."""
    fold: int = 1
    """Episodes that make one fold; layout "success" tells the spread of the folds' mean length."""
    baselines: tuple[str, ...] = ()
    """Methods of which the strongest is what the others are measured against."""

    def __post_init__(self) -> None:
        if self.fold < 1:
            raise ValueError(f"fold is {self.fold}, must be at least 1 (config: tables)")


def summarise(
    files: Sequence[Path],
    out: Path,
    held_out: Mapping[str, str],
    paper: Mapping[str, float] | None = None,
    settings: TableSettings = TableSettings(),
    references: Sequence[Path] = (),
) -> str:
    """Write the table of these results as CSV and, beside it, as Markdown; return the Markdown.

    A second CSV, <out>_statistics.csv, compares the methods (`fist.analysis.comparison`).

    Rows come in the order in which their task and method first appear among the files. Of
    every number there are three decimals. n_episodes counts the episodes of all seeds together.

    Args:
        files: episodes.csv of every task, method and training seed.
        out: the CSV to write; the Markdown gets the suffix .md.
        held_out: for every task, what the pretraining data leave out, joined by "+"; "" or "+" for
            nothing.
        paper: published numbers by "task/method/measure", of subtasks, success and length.
        settings: what the table shows.
        references: the same files of methods that are compared with, but get no row.

    Raises:
        ResultsError: the files cannot be read or do not fit together; says which and why.
    """
    everything = of_one_environment([*files, *references])
    shown = everything if not references else collect(files)
    if unknown := sorted({results.task for results in shown} - set(held_out)):
        raise ResultsError(
            f"no entry for task {', '.join(unknown)} among those of the config: "
            f"{', '.join(held_out) or 'none'}"
        )
    methods = list(dict.fromkeys(results.method for results in shown))
    measures = MEASURES[settings.layout]
    statistics = compare(everything, measures, settings.baselines, methods)
    rows = {
        (results.task, results.method): _tested(results, settings, held_out, paper or {})
        for results in shown
    }
    for record in statistics:
        row = rows.setdefault((record["task"], record["method"]), {})
        row |= {name: record[name] for name in ABOUT}
        row["of_a_seed"] = str(int(record["n_episodes"]) // int(record["n_seeds"]))
        if record["measure"] in SCORES:
            column = SCORES[record["measure"]]
            row |= {column + end: record["mean" + end] for end in ENDS}
        if record["measure"] == measures[0].name:
            row |= {name: record[name] for name in COMPARED if name in record}
    records = [row for (task, _), row in rows.items() if task != ALL]
    columns = {settings.rows: "{task}"} | SHOWN[settings.layout]
    note = f"{NOTES[settings.layout].format(fold=settings.fold)} {NOTE}"
    text = "\n".join((markdown(columns, [*rows.values()]), "", note, ""))
    rates = sorted({name for record in records for name in record if name.startswith(RATE)})
    write_text(out.with_suffix(".md"), text)
    write_text(out.with_stem(f"{out.stem}_statistics"), csv_table(STATISTICS, statistics))
    write_table(out, SCHEMA, csv_table((*COLUMNS, *rates), records))
    return text


def combine(tables: Mapping[str, Path], envs: Mapping[str, str], out: Path) -> None:
    """Put the rows of all tables into one CSV.

    Args:
        tables: the CSV of every table.
        envs: the environment of every table.
        out: the CSV to write: the columns of the tables after `table` and `env`.

    Raises:
        FileNotFoundError, ResultsError: a table is missing, or is none.
    """
    parts = [
        part.assign(table=name, env=envs[name])
        for name, file in tables.items()
        for part in read_tables([file], SCHEMA, as_text=True)
    ]
    rows = pd.concat(parts, ignore_index=True)
    rates = sorted(name for name in map(str, rows) if name.startswith(RATE))
    write_text(out, csv_table(("table", "env", *COLUMNS, *rates), rows))


def _tested(
    results: Results,
    settings: TableSettings,
    held_out: Mapping[str, str],
    paper: Mapping[str, float],
) -> Record:
    """Return the columns of a row that are not in the statistics.

    Among them is what only the Markdown shows: `each`, the rate of every subtask in the task's
    order, those held out in capitals.
    """
    where = f"{results.task}/{results.method}"
    left_out = held_out[results.task].strip("+")
    row = {"held_out": left_out}
    if settings.layout == "success":
        lengths = results.of("length")
        if lengths.shape[1] % settings.fold:
            raise ResultsError(
                f"{where}: {lengths.shape[1]} episodes do not make folds of {settings.fold}; "
                "change rollout.episodes or the table's fold"
            )
        folds = lengths.reshape(-1, settings.fold).mean(1)
        spread = folds.std(ddof=1) if len(folds) > 1 else 0.0
        row |= {"episode_length": f"{lengths.mean():.1f}", "episode_length_std": f"{spread:.1f}"}
    elif results.subtasks:
        row["subtasks_any_order"] = f"{results.of('subtasks_any_order').mean():.3f}"
        counted = (~np.isnan(results.steps())).mean((0, 1))
        each = []
        for name, rate in zip(results.subtasks, counted, strict=True):
            row[RATE + name] = f"{rate:.3f}"
            said = name.upper() if name in left_out.split("+") else name
            each.append(f"{said.replace('_', ' ')} {100 * float(row[RATE + name]):.0f} %")
        row["each"] = ", ".join(each)
    for measure in ("subtasks", "success", "length"):
        if (value := paper.get(f"{where}/{measure}")) is not None:
            row[f"paper_{measure}"] = f"{value:g}"
    return row
