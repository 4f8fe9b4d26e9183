"""The results table: one row per task and method, from the rows of every episode.

Two layouts: "subtasks" for tasks that are chains of sub-tasks (the kitchen), "success" for those
that are done or not, in a time that matters (the mazes).
"""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from fist.files import write_text
from fist.results import Cell, ResultsError, collect
from fist.stats import bootstrap_interval

Record = dict[str, str]
"""One row of the CSV, formatted."""


@dataclass(frozen=True)
class TableSettings:
    """What the table shows."""

    layout: Literal["subtasks", "success"] = "subtasks"
    """What is scored: completed "subtasks", or "success" and how long it took."""
    rows: str = "task"
    """What a task is called in this environment: the name of the first column."""
    fold: int = 1
    """Episodes that make one fold; layout "success" tells the spread of the folds' mean length."""

    def __post_init__(self) -> None:
        if self.fold < 1:
            raise ValueError(f"fold is {self.fold}, must be at least 1 (config: tables)")


def summarise(
    files: Sequence[str | Path],
    out: str | Path,
    held_out: Mapping[str, str],
    paper: Mapping[str, float] | None = None,
    settings: TableSettings = TableSettings(),
) -> str:
    """Write the table of these results as CSV and, beside it, as Markdown; return the Markdown.

    Rows come in the order in which their task and method first appear among the files. Of
    every number there are three decimals. n_episodes counts the episodes of all seeds together.

    Args:
        files: episodes.csv of every task, method and training seed.
        out: the CSV to write; the Markdown gets the suffix .md.
        held_out: for every task, what the pretraining data leave out ("" for nothing).
        paper: published numbers by "task/method/measure"; the measure is subtasks, success or
            length.
        settings: what the table shows.

    Raises:
        ResultsError: the files cannot be read or do not fit together; says which and why.
    """
    cells = collect(files)
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
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, layout.columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    lines = [layout.line(cell, record) for cell, record in zip(cells, records, strict=True)]
    averages = _averages(cells, layout)
    parts = (_pipe_table(layout.head, lines), "", layout.note, *([""] if averages else []))
    markdown = "\n".join((*parts, *averages)) + "\n"
    out = Path(out)
    write_text(out.with_suffix(".md"), markdown)
    write_text(out, buffer.getvalue())
    return markdown


class Layout(Protocol):
    """What is different between the layouts."""

    columns: tuple[str, ...]
    """Columns of the CSV."""
    head: tuple[str, ...]
    """Head of the Markdown."""
    note: str
    """What the numbers are."""

    def score(self, cell: Cell) -> np.ndarray | None:
        """Return the score that is averaged, (seeds, episodes); None where there is none."""

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

    def score(self, cell: Cell) -> np.ndarray | None:
        return cell.ordered if cell.subtasks else None

    def record(self, cell: Cell) -> Record:
        record = _leading(cell, self.rows, self.held_out) | {
            "success_rate": f"{cell.successes.mean():.3f}",
            "paper_subtasks": _published(self.paper, cell, "subtasks"),
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

    def score(self, cell: Cell) -> np.ndarray:
        return cell.successes

    def record(self, cell: Cell) -> Record:
        low, high = _interval(cell.successes, f"{cell.task}/{cell.method}")
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


def _pipe_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay a table out for reading, in Markdown."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def _averages(cells: Sequence[Cell], layout: Layout) -> list[str]:
    """Return a line on each method that was run, with equal numbers of episodes, on every task."""
    tasks = {cell.task for cell in cells}
    lines = []
    for method in dict.fromkeys(cell.method for cell in cells):
        scores = [layout.score(cell) for cell in cells if cell.method == method]
        scores = [score for score in scores if score is not None]
        if len(tasks) > 1 and len(scores) == len(tasks) and len({s.shape for s in scores}) == 1:
            low, high = _interval(np.stack(scores), method)
            lines.append(
                f"- {method}, mean of the {len(tasks)} {layout.rows}s: {np.mean(scores):.2f} "
                f"[{low:.2f}, {high:.2f}]"
            )
    return lines


def _interval(scores: np.ndarray, name: str) -> tuple[float, float]:
    """Return the 95 % stratified bootstrap interval of a mean.

    The resamples depend on the name alone, so that adding a method changes no other row.
    """
    return bootstrap_interval(scores, np.random.default_rng(zlib.crc32(name.encode())))
