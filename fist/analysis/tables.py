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

from fist.analysis.comparison import (
    ALL,
    COMPARED,
    LENGTH,
    MEASURES,
    STATISTICS,
    SUBTASKS,
    SUCCESS,
    compare,
)
from fist.evaluation.episode_results import Results, ResultsError, collect, of_one_environment
from fist.stage.columns import Column, read_tables, write_table
from fist.stage.files import write_text
from fist.stage.settings import NAME
from fist.stage.text import Record, csv_table, ends, markdown, page

ENDS = ("", "_lo", "_hi")
RATE = "rate_"
SCHEMA = (
    *(Column(name, str, form=NAME) for name in ("task", "method")),
    Column("held_out", str, optional=True),
    *(Column(name, int, 1) for name in ("n_seeds", "n_episodes")),
    *(Column(f"subtasks_ordered{end}", float, 0, optional=True) for end in ENDS),
    Column("subtasks_any_order", float, 0, optional=True),
    *(Column(f"success_rate{end}", float, 0, 1, optional=True) for end in ENDS),
    *(Column(f"episode_length{end}", float, 0, optional=True) for end in ENDS),
    Column("action_change", float, 0, optional=True),
    Column("failures", str, optional=True),
    *(Column(name, str if name == "against" else float, optional=True) for name in COMPARED),
    Column("paper_subtasks", float, 0, optional=True),
    Column("paper_success", float, 0, 1, optional=True),
    Column("paper_length", float, 0, optional=True),
    Column("data_source", str),
    Column(f"{RATE}*", float, 0, 1, optional=True),
)
"""Columns of every table; those of the subtasks, rate_<subtask>, come by name."""
COLUMNS = tuple(column.name for column in SCHEMA[:-1])
SCORES = {
    SUBTASKS.name: "subtasks_ordered",
    SUCCESS.name: "success_rate",
    LENGTH.name: "episode_length",
}
"""The column of a table that holds the mean of a measure."""
ABOUT = ("task", "method", "n_seeds", "n_episodes", "data_source")

_DIFFERENCE = {
    "difference (to)": "{difference:+.2f} " + ends("difference", "+.2f") + " ({against})"
}
SHOWN = {
    "subtasks": {
        "method": "{method}",
        "subtasks in order": "**{subtasks_ordered:.2f}** " + ends("subtasks_ordered"),
        "all done": "{success_rate:.0%}",
        "each in order, %": "{each}",
        "failures": "{failures}",
        **_DIFFERENCE,
        "published": "{published}",
    },
    "success": {
        "method": "{method}",
        "success": "**{success_rate:.2f}** " + ends("success_rate"),
        "episode length": "{episode_length:.0f} " + ends("episode_length", ".0f"),
        "failures": "{failures}",
        **_DIFFERENCE,
        "published": "{published}",
    },
}
"""Columns of the Markdown after the task's, of a table's columns, `each` and `published`."""
MADE_FROM = {"seeds x episodes": "{n_seeds} x {of_a_seed}", "data": "{data_source}"}
"""Its last columns; what is the same in every row stands below the table instead."""
NOTES = {
    "subtasks": "Mean number of subtasks counted in the task's order, and the share of episodes "
    "that counted each, **bold** where play held the object out.",
    "success": "Success, and the mean length of an episode in steps, failures included.",
}
NOTE = (
    "Brackets are 95 % confidence intervals over training seeds and test episodes; – means "
    "that there is one training seed. The difference is to the strongest baseline of the row, "
    "which is named. Failures: a subtask was done that was not due (wrong order), at the end it "
    "hardly moved (stuck), a subtask had just been counted (late), none of these (lost)."
)


@dataclass(frozen=True)
class TableSettings:
    """What the table shows."""

    layout: Literal["subtasks", "success"] = "subtasks"
    """What is scored: completed "subtasks", or "success" and how long it took."""
    rows: str = "task"
    """What a task is called in this environment: the head of the Markdown's first column."""
    baselines: tuple[str, ...] = ()
    """Methods of which the strongest is what the others are measured against."""


def summarise(
    files: Sequence[Path],
    out: Path,
    held_out: Mapping[str, str],
    paper: Mapping[str, float] | None = None,
    settings: TableSettings = TableSettings(),
    references: Sequence[Path] = (),
) -> str:
    """Write the table of these results as CSV, Markdown and HTML; return the Markdown.

    A second CSV, <out>_statistics.csv, compares the methods (`fist.analysis.comparison`).

    Rows come in the order in which their task and method first appear among the files. Of
    every number there are three decimals. n_episodes counts the episodes of all seeds together.

    Args:
        files: episodes.csv of every task, method and training seed.
        out: the CSV to write; the others have the suffixes .md and .html.
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
    tasks = len({results.task for results in everything})
    measures = MEASURES[settings.layout]
    statistics = compare(everything, measures, settings.baselines, methods)
    rows = {
        (results.task, results.method): _tested(results, settings.layout, held_out, paper or {})
        for results in shown
    }
    for record in statistics:
        row = rows.setdefault((record["task"], record["method"]), {})
        row |= {name: record[name] for name in ABOUT}
        each = int(record["n_seeds"]) * (tasks if record["task"] == ALL else 1)
        row["of_a_seed"] = str(int(record["n_episodes"]) // each)
        if record["measure"] in SCORES:
            column = SCORES[record["measure"]]
            row |= {column + end: record["mean" + end] for end in ENDS}
        if record["measure"] == measures[0].name:
            row |= {name: record[name] for name in COMPARED if name in record}
    records = [row for (task, _), row in rows.items() if task != ALL]
    columns = {settings.rows: "{task}"} | SHOWN[settings.layout]
    notes = [NOTES[settings.layout], NOTE]
    for head, template in MADE_FROM.items():
        cells = {template.format_map(row) for row in rows.values()}
        if len(cells) > 1:
            columns[head] = template
        else:
            notes.append(f"{head.capitalize()}: {', '.join(cells)}.")
    orders = {of_one.task: ", ".join(of_one.subtasks).replace("_", " ") for of_one in shown}
    text = "\n".join((markdown(columns, [*rows.values()]), "", " ".join(notes), ""))
    told = [f"{task}: {order}" for task, order in orders.items() if any(orders.values())]
    if told:
        text += "\n".join(("", *(f"- {order}" for order in told), ""))
    rates = sorted({name for record in records for name in record if name.startswith(RATE)})
    write_text(out.with_suffix(".md"), text)
    title = out.stem.replace("_", " ")
    write_text(out.with_suffix(".html"), page(title, columns, [*rows.values()], [*notes, *told]))
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
    layout: str,
    held_out: Mapping[str, str],
    paper: Mapping[str, float],
) -> Record:
    """Return the columns of a row that are not in the statistics.

    Among them is what only the Markdown shows: `each`, the rate of every subtask in the task's
    order, and `published`, the published numbers.
    """
    where = f"{results.task}/{results.method}"
    left_out = held_out[results.task].strip("+")
    row = {"held_out": left_out}
    if not np.isnan(change := results.of("action_change")).any():
        row["action_change"] = f"{change.mean():.3f}"
    failed = results.episodes.failure.value_counts()
    row["failures"] = "; ".join(f"{name} {n}" for name, n in failed.items() if name)
    if layout == "subtasks" and results.subtasks:
        row["subtasks_any_order"] = f"{results.of('subtasks_any_order').mean():.3f}"
        counted = (~np.isnan(results.steps())).mean((0, 1))
        each = []
        for name, rate in zip(results.subtasks, counted, strict=True):
            row[RATE + name] = f"{rate:.3f}"
            mark = "**" if name in left_out.split("+") else ""
            each.append(f"{mark}{100 * float(row[RATE + name]):.0f}{mark}")
        row["each"] = ", ".join(each)
    for measure in ("subtasks", "success", "length"):
        if (value := paper.get(f"{where}/{measure}")) is not None:
            row[f"paper_{measure}"] = f"{value:g}"
            row["published"] = ", ".join(row[key] for key in row if key.startswith("paper_"))
    return row
