"""The results of evaluation: episodes.csv, one row per test episode, and how files add up."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from fist.stage.files import write_text

STEP_PREFIX = "step_"
"""Columns step_<subtask>: the step at which the sub-task was counted in order."""


@dataclass(frozen=True)
class Labels:
    """What was evaluated: the same in every row of one file."""

    env: str
    """Environment family, as in the paths: kitchen, …"""
    task: str
    """Task of the config's table."""
    method: str
    """Method of the config's table."""
    seed: int
    """Training seed."""
    data_source: str
    """Where the training data came from: generated, local, …"""


@dataclass(frozen=True)
class EpisodeRow:
    """How one test episode went."""

    episode: int
    """Number of the episode, from 0."""
    test_seed: int
    """Seed of the environment's reset and of the policy's noise."""
    length: int
    """Environment steps."""
    episode_return: float
    """Sum of the rewards."""
    subtasks_ordered: int | None
    """Sub-tasks counted in order; None where the environment has no sub-tasks."""
    subtasks_any_order: int | None
    """Sub-tasks completed in any order; None where the environment has no sub-tasks."""
    success: bool
    """Whether the whole task was done."""
    steps: dict[str, int | None] = field(default_factory=dict)
    """For every sub-task, in the task's order: the step (from 1) at which it was counted in order,
    None if it never was."""


Result = tuple[Labels, EpisodeRow]

LABELS = tuple(f.name for f in fields(Labels) if f.name != "data_source")
MEASURES = tuple(f.name for f in fields(EpisodeRow) if f.name != "steps")
REQUIRED = (*LABELS, *MEASURES, "data_source")


class ResultsError(ValueError):
    """Results that cannot be used; the message names the file, the value and the way out."""


def write_episodes_csv(path: str | Path, labels: Labels, rows: Sequence[EpisodeRow]) -> None:
    """Write the rows of one evaluation, whole or not at all; the same rows give the same bytes.

    Columns: `REQUIRED`, with a step_<subtask> for each sub-task before data_source. What does not
    exist is empty; success is 1 or 0.
    """
    subtasks = tuple(rows[0].steps) if rows else ()
    steps = [STEP_PREFIX + subtask for subtask in subtasks]
    buffer = io.StringIO()
    writer = csv.DictWriter(
        buffer, (*LABELS, *MEASURES, *steps, "data_source"), lineterminator="\n"
    )
    writer.writeheader()
    for row in rows:
        cells = asdict(labels) | {name: getattr(row, name) for name in MEASURES}
        cells |= {STEP_PREFIX + subtask: row.steps[subtask] for subtask in subtasks}
        cells |= {"success": int(row.success), "episode_return": f"{row.episode_return:.6g}"}
        writer.writerow(cells)
    write_text(path, buffer.getvalue())


def read_episodes_csv(path: str | Path) -> list[Result]:
    """Read what `write_episodes_csv` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ResultsError: a column is missing, a value cannot be read, or there is no row.
    """
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or ()
        missing = [name for name in REQUIRED if name not in columns]
        if missing:
            raise ResultsError(
                f"{path}: no column {', '.join(missing)}: not an episodes.csv of this version; "
                "delete it and run the rollout again"
            )
        steps = [name for name in columns if name.startswith(STEP_PREFIX)]
        results = [_parse(path, line, cells, steps) for line, cells in enumerate(reader, start=2)]
    if not results:
        raise ResultsError(f"{path}: holds no episode; delete it and run the rollout again")
    return results


def _parse(path: str | Path, line: int, cells: dict[str, str], steps: Sequence[str]) -> Result:
    def integer(column: str) -> int:
        try:
            return int(cells[column])
        except (TypeError, ValueError):
            raise ResultsError(
                f"{path}, line {line}: {column} is {cells[column]!r}, not a whole number"
            ) from None

    def optional(column: str) -> int | None:
        return None if cells[column] == "" else integer(column)

    try:
        episode_return = float(cells["episode_return"])
    except (TypeError, ValueError):
        raise ResultsError(
            f"{path}, line {line}: episode_return is {cells['episode_return']!r}, not a number"
        ) from None
    labels = Labels(
        cells["env"], cells["task"], cells["method"], integer("seed"), cells["data_source"]
    )
    return labels, EpisodeRow(
        episode=integer("episode"),
        test_seed=integer("test_seed"),
        length=integer("length"),
        episode_return=episode_return,
        subtasks_ordered=optional("subtasks_ordered"),
        subtasks_any_order=optional("subtasks_any_order"),
        success=bool(integer("success")),
        steps={column.removeprefix(STEP_PREFIX): optional(column) for column in steps},
    )


@dataclass(frozen=True)
class Cell:
    """All test episodes of one method on one task."""

    task: str
    method: str
    data_source: str
    rows: tuple[tuple[EpisodeRow, ...], ...]
    """Episodes of each training seed."""

    @property
    def subtasks(self) -> tuple[str, ...]:
        """Sub-tasks in the task's order; empty where the environment has none."""
        return tuple(self.rows[0][0].steps)

    @property
    def ordered(self) -> np.ndarray:
        """Sub-tasks counted in order, (seeds, episodes)."""
        return np.array([[row.subtasks_ordered for row in seed] for seed in self.rows], dtype=float)

    @property
    def any_order(self) -> float:
        """Mean number of sub-tasks completed in any order."""
        return float(np.mean([row.subtasks_any_order for seed in self.rows for row in seed]))

    @property
    def successes(self) -> np.ndarray:
        """1 for every episode that did the whole task, else 0, (seeds, episodes)."""
        return np.array([[row.success for row in seed] for seed in self.rows], dtype=float)

    @property
    def lengths(self) -> np.ndarray:
        """Environment steps of every episode, (seeds, episodes)."""
        return np.array([[row.length for row in seed] for seed in self.rows], dtype=float)

    def rate(self, subtask: str) -> float:
        """Share of episodes in which a sub-task was counted in order."""
        return float(
            np.mean([row.steps[subtask] is not None for seed in self.rows for row in seed])
        )


def collect(files: Sequence[str | Path]) -> list[Cell]:
    """Read episodes.csv files and gather them by task and method.

    Raises:
        ResultsError: an episode is there twice, or what belongs together differs in environment,
            data source, sub-tasks or number of episodes.
    """
    seen: dict[tuple[str, str, int, int], str | Path] = {}
    gathered: dict[tuple[str, str], dict[int, list[Result]]] = {}
    for file in files:
        for labels, row in read_episodes_csv(file):
            key = (labels.task, labels.method, labels.seed, row.episode)
            if key in seen:
                raise ResultsError(
                    f"{file}: episode {row.episode} of {labels.task}/{labels.method} seed "
                    f"{labels.seed} is already in {seen[key]}"
                )
            seen[key] = file
            seeds = gathered.setdefault((labels.task, labels.method), {})
            seeds.setdefault(labels.seed, []).append((labels, row))
    if not gathered:
        raise ResultsError("no results to summarise: no episodes.csv was given")
    _same("environments", (labels.env for seeds in gathered.values() for labels, _ in _all(seeds)))
    return [_cell(task, method, seeds) for (task, method), seeds in gathered.items()]


def _cell(task: str, method: str, seeds: Mapping[int, list[Result]]) -> Cell:
    where = f" in {task}/{method}"
    _same("data sources" + where, (labels.data_source for labels, _ in _all(seeds)))
    _same("sub-tasks" + where, (", ".join(row.steps) for _, row in _all(seeds)))
    _same("numbers of episodes per seed" + where, (str(len(results)) for results in seeds.values()))
    rows = tuple(tuple(row for _, row in seeds[seed]) for seed in sorted(seeds))
    return Cell(task, method, next(_all(seeds))[0].data_source, rows)


def _all(seeds: Mapping[int, list[Result]]) -> Iterator[Result]:
    return (result for results in seeds.values() for result in results)


def _same(what: str, values: Iterable[str]) -> None:
    """Raise ResultsError unless all values are equal."""
    different = sorted(set(values))
    if len(different) > 1:
        raise ResultsError(
            f"different {what}: {'; '.join(different)}: delete the older episodes.csv and run the "
            "rollout again"
        )
