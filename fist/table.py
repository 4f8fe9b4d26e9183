"""The results table: one row per task and method, from the rows of every episode."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fist.files import write_text
from fist.results import Cell, ResultsError, collect
from fist.stats import bootstrap_interval

LEADING = (
    "task",
    "held_out",
    "method",
    "n_seeds",
    "n_episodes",
    "subtasks_ordered",
    "subtasks_ordered_lo",
    "subtasks_ordered_hi",
    "subtasks_any_order",
    "success_rate",
)
"""Columns of the table before rate_<element>; paper_subtasks and data_source follow."""


def summarise(
    files: Sequence[str | Path],
    out: str | Path,
    held_out: Mapping[str, str],
    paper: Mapping[str, float] | None = None,
    elements: Sequence[str] = (),
) -> str:
    """Write the table of these results as CSV and, beside it, as Markdown; return the Markdown.

    Rows come in the order in which their task and method first appear among the files. Of
    every number there are three decimals. n_episodes counts the episodes of all seeds together.

    Args:
        files: episodes.csv of every task, method and training seed.
        out: the CSV to write; the Markdown gets the suffix .md.
        held_out: for every task, the object that the pretraining data leave out ("" for none).
        paper: published sub-tasks of 4, by "task/method", where there are any.
        elements: order of the rate_<element> columns; by default the alphabet's.

    Raises:
        ResultsError: the files cannot be read or do not fit together; says which and why.
    """
    paper = paper or {}
    cells = collect(files)
    elements = _elements(cells, elements)
    unknown = sorted({cell.task for cell in cells} - set(held_out))
    if unknown:
        raise ResultsError(
            f"no entry for task {', '.join(unknown)} among those of the config: "
            f"{', '.join(held_out) or 'none'}"
        )
    records = [_record(cell, held_out, paper, elements) for cell in cells]
    buffer = io.StringIO()
    columns = (*LEADING, *(f"rate_{name}" for name in elements), "paper_subtasks", "data_source")
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    markdown = _markdown(cells, records)
    out = Path(out)
    write_text(out.with_suffix(".md"), markdown)
    write_text(out, buffer.getvalue())
    return markdown


def _elements(cells: Sequence[Cell], order: Sequence[str]) -> tuple[str, ...]:
    """Return the elements that get a rate column, in order."""
    found = {subtask for cell in cells for subtask in cell.subtasks}
    if not order:
        return tuple(sorted(found))
    if found - set(order):
        raise ResultsError(
            f"sub-task {', '.join(sorted(found - set(order)))} is none of the elements of the "
            f"table: {', '.join(order)}"
        )
    return tuple(order)


def _record(
    cell: Cell, held_out: Mapping[str, str], paper: Mapping[str, float], elements: Sequence[str]
) -> dict[str, str]:
    """Return one row of the table, formatted."""
    published = paper.get(f"{cell.task}/{cell.method}")
    record = {
        "task": cell.task,
        "held_out": held_out[cell.task],
        "method": cell.method,
        "n_seeds": str(len(cell.rows)),
        "n_episodes": str(sum(map(len, cell.rows))),
        "success_rate": f"{cell.success:.3f}",
        "paper_subtasks": "" if published is None else f"{published:g}",
        "data_source": cell.data_source,
    }
    if cell.subtasks:
        low, high = _interval(cell.ordered, f"{cell.task}/{cell.method}")
        record |= {
            "subtasks_ordered": f"{cell.ordered.mean():.3f}",
            "subtasks_ordered_lo": f"{low:.3f}",
            "subtasks_ordered_hi": f"{high:.3f}",
            "subtasks_any_order": f"{cell.any_order:.3f}",
        }
        record |= {
            f"rate_{name}": f"{cell.rate(name):.3f}" for name in elements if name in cell.subtasks
        }
    return record


def _markdown(cells: Sequence[Cell], records: Sequence[Mapping[str, str]]) -> str:
    """Lay the table out for reading."""
    head = ("task", "held out", "method", "sub-tasks in order", "in any order", "all done",
            "each sub-task in order", "paper", "seeds x episodes", "data")  # fmt: skip
    lines = [head]
    for cell, record in zip(cells, records, strict=True):
        score = ""
        if cell.subtasks:
            low, high = record["subtasks_ordered_lo"], record["subtasks_ordered_hi"]
            score = f"**{cell.ordered.mean():.2f}** [{float(low):.2f}, {float(high):.2f}]"
        lines.append(
            (
                record["task"],
                record["held_out"] or "nothing",
                record["method"],
                score,
                f"{cell.any_order:.2f}" if cell.subtasks else "",
                f"{100 * cell.success:.0f} %",
                ", ".join(f"{name} {100 * cell.rate(name):.0f} %" for name in cell.subtasks),
                record["paper_subtasks"],
                f"{len(cell.rows)} x {len(cell.rows[0])}",
                cell.data_source,
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, tuple("-" * width for width in widths))
    table = "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)
    note = (
        "Mean number of sub-tasks counted in the task's order, with a 95 % bootstrap interval over "
        "training seeds and test episodes in brackets; paper: the published value."
    )
    averages = _averages(cells)
    return "\n".join((table, "", note, *([""] if averages else []), *averages)) + "\n"


def _averages(cells: Sequence[Cell]) -> list[str]:
    """Return a line on each method that was run, with equal numbers of episodes, on every task."""
    tasks = {cell.task for cell in cells}
    lines = []
    for method in dict.fromkeys(cell.method for cell in cells):
        scores = [cell.ordered for cell in cells if cell.method == method and cell.subtasks]
        if len(tasks) > 1 and len(scores) == len(tasks) and len({s.shape for s in scores}) == 1:
            low, high = _interval(np.stack(scores), method)
            mean = np.mean(scores)
            lines.append(
                f"- {method}, mean of the {len(tasks)} tasks: {mean:.2f} [{low:.2f}, {high:.2f}]"
            )
    return lines


def _interval(scores: np.ndarray, name: str) -> tuple[float, float]:
    """Return the 95 % stratified bootstrap interval of a mean.

    The resamples depend on the name alone, so that adding a method changes no other row.
    """
    return bootstrap_interval(scores, np.random.default_rng(zlib.crc32(name.encode())))
