"""The results table: one row per task and method, from the rows of every episode.

Two layouts: "subtasks" for tasks that are chains of sub-tasks (the kitchen), "success" for those
that are done or not, in a time that matters (the mazes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from fist.analysis.comparison import (
    COLUMNS,
    LENGTH,
    SUBTASKS,
    SUCCESS,
    Measure,
    compare,
    describe,
    interval,
)
from fist.analysis.tabular import Record, csv_table, pipe_table
from fist.evaluation.episode_results import Cell, ResultsError, collect
from fist.stage.files import write_text

STATISTICS = "_statistics"
"""Ending of the name of the CSV of statistics, beside that of the table."""


@dataclass(frozen=True)
class TableSettings:
    """What the table shows."""

    layout: Literal["subtasks", "success"] = "subtasks"
    """What is scored: completed "subtasks", or "success" and how long it took."""
    rows: str = "task"
    """What a task is called in this environment: the name of the first column."""
    fold: int = 1
    """Episodes that make one fold; layout "success" tells the spread of the folds' mean length."""
    baselines: tuple[str, ...] = ()
    """Methods of which the strongest is what the others are measured against."""

    def __post_init__(self) -> None:
        if self.fold < 1:
            raise ValueError(f"fold is {self.fold}, must be at least 1 (config: tables)")


def summarise(
    files: Sequence[str | Path],
    out: str | Path,
    held_out: Mapping[str, str],
    paper: Mapping[str, float] | None = None,
    settings: TableSettings = TableSettings(),
    references: Sequence[str | Path] = (),
) -> str:
    """Write the table of these results as CSV and, beside it, as Markdown; return the Markdown.

    A second CSV, <out>_statistics.csv, compares the methods (`fist.analysis.comparison`).

    Rows come in the order in which their task and method first appear among the files. Of
    every number there are three decimals. n_episodes counts the episodes of all seeds together.

    Args:
        files: episodes.csv of every task, method and training seed.
        out: the CSV to write; the Markdown gets the suffix .md.
        held_out: for every task, what the pretraining data leave out ("" for nothing).
        paper: published numbers by "task/method/measure"; the measure is subtasks, success or
            length.
        settings: what the table shows.
        references: the same files of methods that are compared with, but get no row.

    Raises:
        ResultsError: the files cannot be read or do not fit together; says which and why.
    """
    everything = collect([*files, *references])
    cells = everything if not references else collect(files)
    unknown = sorted({cell.task for cell in cells} - set(held_out))
    if unknown:
        raise ResultsError(
            f"no entry for task {', '.join(unknown)} among those of the config: "
            f"{', '.join(held_out) or 'none'}"
        )
    layout = (Subtasks if settings.layout == "subtasks" else Success)(
        cells, settings, held_out, paper or {}
    )
    records = [layout.record(cell) for cell in cells]
    lines = [layout.line(cell, record) for cell, record in zip(cells, records, strict=True)]
    methods = list(dict.fromkeys(cell.method for cell in cells))
    statistics = compare(everything, layout.measures, settings.baselines, methods)
    markdown = "\n".join(
        (
            pipe_table(layout.head, lines),
            "",
            layout.note,
            "",
            describe(statistics, layout.measures[0], layout.rows),
            "",
        )
    )
    out = Path(out)
    write_text(out.with_suffix(".md"), markdown)
    write_text(out.with_stem(out.stem + STATISTICS), csv_table(COLUMNS, statistics))
    write_text(out, csv_table(layout.columns, records))
    return markdown


class Layout(Protocol):
    """What is different between the layouts."""

    columns: tuple[str, ...]
    """Columns of the CSV."""
    head: tuple[str, ...]
    """Head of the Markdown."""
    rows: str
    """What a task is called."""
    note: str
    """What the numbers are."""
    measures: tuple[Measure, ...]
    """What is compared; the Markdown shows the first."""

    def record(self, cell: Cell) -> Record:
        """Return a cell's row of the CSV."""

    def line(self, cell: Cell, record: Record) -> tuple[str, ...]:
        """Return a cell's row of the Markdown."""


class Subtasks:
    """How many sub-tasks were completed in the task's order, and which."""

    note = (
        "Mean number of sub-tasks counted in the task's order, with a 95 % bootstrap interval over "
        "training seeds and test episodes in brackets; paper: the published value."
    )
    measures = (SUBTASKS, SUCCESS)

    def __init__(
        self,
        cells: Sequence[Cell],
        settings: TableSettings,
        held_out: Mapping[str, str],
        paper: Mapping[str, float],
    ):
        self.rows, self.held_out, self.paper = settings.rows, held_out, paper
        names = sorted({name for cell in cells for name in cell.subtasks})
        self.columns = (
            *(self.rows, "held_out", "method", "n_seeds", "n_episodes", "subtasks_ordered"),
            *("subtasks_ordered_lo", "subtasks_ordered_hi", "subtasks_any_order", "success_rate"),
            *(f"rate_{name}" for name in names),
            *("paper_subtasks", "data_source"),
        )
        self.head = (
            *(self.rows, "held out", "method", "sub-tasks in order", "in any order", "all done"),
            *("each sub-task in order", "paper", "seeds x episodes", "data"),
        )

    def record(self, cell: Cell) -> Record:
        record = _leading(cell, self.rows, self.held_out) | {
            "success_rate": f"{cell.successes.mean():.3f}",
            "paper_subtasks": _published(self.paper, cell, "subtasks"),
            "data_source": cell.data_source,
        }
        if cell.subtasks:
            low, high = interval(cell.ordered, f"{cell.task}/{cell.method}")
            record |= {
                "subtasks_ordered": f"{cell.ordered.mean():.3f}",
                "subtasks_ordered_lo": f"{low:.3f}",
                "subtasks_ordered_hi": f"{high:.3f}",
                "subtasks_any_order": f"{cell.any_order:.3f}",
            }
            record |= {f"rate_{name}": f"{cell.rate(name):.3f}" for name in cell.subtasks}
        return record

    def line(self, cell: Cell, record: Record) -> tuple[str, ...]:
        score = ""
        if cell.subtasks:
            low, high = record["subtasks_ordered_lo"], record["subtasks_ordered_hi"]
            score = f"**{cell.ordered.mean():.2f}** [{float(low):.2f}, {float(high):.2f}]"
        return (
            record[self.rows],
            record["held_out"] or "nothing",
            record["method"],
            score,
            f"{cell.any_order:.2f}" if cell.subtasks else "",
            f"{100 * cell.successes.mean():.0f} %",
            ", ".join(f"{name} {100 * cell.rate(name):.0f} %" for name in cell.subtasks),
            record["paper_subtasks"],
            f"{len(cell.rows)} x {len(cell.rows[0])}",
            cell.data_source,
        )


class Success:
    """How often the task was done, and in how many steps; a failure counts as the longest."""

    measures = (SUCCESS, LENGTH)

    def __init__(
        self,
        cells: Sequence[Cell],
        settings: TableSettings,
        held_out: Mapping[str, str],
        paper: Mapping[str, float],
    ):
        self.rows, self.held_out, self.paper = settings.rows, held_out, paper
        self.fold = settings.fold
        self.columns = (
            *(self.rows, "method", "n_seeds", "n_episodes", "success_rate", "success_lo"),
            *("success_hi", "episode_length", "episode_length_std", "paper_success"),
            *("paper_length", "data_source"),
        )
        self.head = (
            *(self.rows, "method", "success", "episode length", "paper: success, length"),
            *("seeds x episodes", "data"),
        )
        self.note = (
            "Success with a 95 % bootstrap interval over training seeds and test episodes in "
            "brackets; mean episode length in steps, failures included, and after ± the standard "
            f"deviation of the mean over folds of {self.fold} episodes; paper: published values."
        )

    def record(self, cell: Cell) -> Record:
        low, high = interval(cell.successes, f"{cell.task}/{cell.method}")
        record = _leading(cell, self.rows, self.held_out) | {
            "success_rate": f"{cell.successes.mean():.3f}",
            "success_lo": f"{low:.3f}",
            "success_hi": f"{high:.3f}",
            "episode_length": f"{cell.lengths.mean():.1f}",
            "episode_length_std": f"{self._spread(cell):.1f}",
            "paper_success": _published(self.paper, cell, "success"),
            "paper_length": _published(self.paper, cell, "length"),
            "data_source": cell.data_source,
        }
        del record["held_out"]
        return record

    def line(self, cell: Cell, record: Record) -> tuple[str, ...]:
        low, high = float(record["success_lo"]), float(record["success_hi"])
        published = (record["paper_success"], record["paper_length"])
        return (
            record[self.rows],
            record["method"],
            f"**{cell.successes.mean():.2f}** [{low:.2f}, {high:.2f}]",
            f"{record['episode_length']} ± {record['episode_length_std']}",
            ", ".join(value for value in published if value),
            f"{len(cell.rows)} x {len(cell.rows[0])}",
            cell.data_source,
        )

    def _spread(self, cell: Cell) -> float:
        """Return the standard deviation of the mean length of a fold (0 of a single fold)."""
        episodes = cell.lengths.shape[1]
        if episodes % self.fold:
            raise ResultsError(
                f"{cell.task}/{cell.method}: {episodes} episodes do not make folds of {self.fold}; "
                "change rollout.episodes or the table's fold"
            )
        means = cell.lengths.reshape(-1, self.fold).mean(1)
        return float(means.std(ddof=1)) if len(means) > 1 else 0.0


def _leading(cell: Cell, rows: str, held_out: Mapping[str, str]) -> Record:
    """Return the columns that say what was tested."""
    return {
        rows: cell.task,
        "held_out": held_out[cell.task],
        "method": cell.method,
        "n_seeds": str(len(cell.rows)),
        "n_episodes": str(sum(map(len, cell.rows))),
    }


def _published(paper: Mapping[str, float], cell: Cell, measure: str) -> str:
    value = paper.get(f"{cell.task}/{cell.method}/{measure}")
    return "" if value is None else f"{value:g}"
