"""The results of evaluation: episodes.csv, one row per test episode, and how files add up."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from fist.stage.files import write_text
from fist.stage.settings import Seed, settings
from fist.stage.text import csv_table

STEP_PREFIX = "step_"
"""Columns step_<subtask>: the step at which the sub-task was counted in order."""


@settings
class Labels:
    """What was evaluated: the same in every row of one file."""

    env: str
    """Environment family, as in the paths: kitchen, …"""
    task: str
    """Task of the config's table."""
    method: str
    """Method of the config's table."""
    seed: Seed
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


LABELS = tuple(f.name for f in fields(Labels) if f.name != "data_source")
MEASURES = tuple(f.name for f in fields(EpisodeRow) if f.name != "steps")
REQUIRED = (*LABELS, *MEASURES, "data_source")
WHOLE = ("seed", "episode", "test_seed", "length", "success")
"""Columns of whole numbers."""
OPTIONAL = ("subtasks_ordered", "subtasks_any_order")
"""Columns of whole numbers that are empty where there is nothing to count; step_<subtask>, too."""


class ResultsError(ValueError):
    """Results that cannot be used; the message names the file, the value and the way out."""


def write_episodes_csv(path: str | Path, labels: Labels, rows: Sequence[EpisodeRow]) -> None:
    """Write the rows of one evaluation, whole or not at all; the same rows give the same bytes.

    Columns: `REQUIRED`, with a step_<subtask> for each sub-task before data_source. What does not
    exist is empty; success is 1 or 0.
    """
    records = [
        asdict(labels)
        | {name: getattr(row, name) for name in MEASURES}
        | {STEP_PREFIX + subtask: step for subtask, step in row.steps.items()}
        | {"success": int(row.success), "episode_return": f"{row.episode_return:.6g}"}
        for row in rows
    ]
    steps = [STEP_PREFIX + subtask for subtask in (rows[0].steps if rows else ())]
    write_text(path, csv_table((*LABELS, *MEASURES, *steps, "data_source"), records))


def read_episodes(files: Iterable[str | Path]) -> pd.DataFrame:
    """Read what `write_episodes_csv` wrote: the rows of all files, in the files' order.

    Numbers are floats, NaN where a column or a value does not exist. To the columns of the files
    come `file`, and `subtasks`: the names of the sub-tasks in the task's order, as a tuple.

    Raises:
        FileNotFoundError: there is no such file.
        ResultsError: a column is missing, a value cannot be read, a file has no row, or there is no
            file.
    """
    tables = [_read(file) for file in files]
    if not tables:
        raise ResultsError("no results to summarise: no episodes.csv was given")
    return pd.concat(tables, ignore_index=True)


def _read(file: str | Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ResultsError(f"{file}: {error}: delete it and run the rollout again") from None
    if missing := [name for name in REQUIRED if name not in table]:
        raise ResultsError(
            f"{file}: no column {', '.join(missing)}: not an episodes.csv of this version; delete "
            "it and run the rollout again"
        )
    if table.empty:
        raise ResultsError(f"{file}: holds no episode; delete it and run the rollout again")
    steps = [name for name in map(str, table) if name.startswith(STEP_PREFIX)]
    for name in (*WHOLE, "episode_return", *OPTIONAL, *steps):
        values = pd.to_numeric(table[name], errors="coerce")
        kind = "number" if name == "episode_return" else "whole number"
        wrong = values.isna() | ((kind == "whole number") & (values % 1 != 0))
        if name in (*OPTIONAL, *steps):
            wrong &= table[name] != ""
        if wrong.any():
            row = int(wrong.argmax())
            value = table[name][row]
            raise ResultsError(f"{file}, line {row + 2}: {name} is {value!r}, not a {kind}")
        table[name] = values.astype(float)
    table["file"] = str(file)
    table["subtasks"] = [tuple(name.removeprefix(STEP_PREFIX) for name in steps)] * len(table)
    return table


@dataclass(frozen=True)
class Results:
    """All test episodes of one method on one task."""

    env: str
    task: str
    method: str
    data_source: str
    subtasks: tuple[str, ...]
    """Sub-tasks in the task's order; empty where the environment has none."""
    n_seeds: int
    episodes: pd.DataFrame
    """Rows of `read_episodes`, seed by seed, the same number of each."""

    def of(self, column: str) -> Float[np.ndarray, "seeds episodes"]:
        """Return a column's value in every episode; NaN where it does not exist."""
        return self.episodes[column].to_numpy().reshape(self.n_seeds, -1)

    def steps(self) -> Float[np.ndarray, "seeds episodes subtasks"]:
        """Return the step at which each sub-task was counted in order; NaN where it never was."""
        return np.stack([self.of(STEP_PREFIX + name) for name in self.subtasks], axis=-1)


def collect(files: Iterable[str | Path]) -> list[Results]:
    """Read episodes.csv files and gather them by environment, task and method.

    Raises:
        ResultsError: a file cannot be read (`read_episodes`), an episode is there twice, or what
            belongs together differs in data source, sub-tasks or number of episodes.
    """
    table = read_episodes(files)
    labels = ["env", "task", "method", "seed", "episode"]
    twice = table.duplicated(labels)
    if twice.any():
        row = table.iloc[int(twice.argmax())]
        first = table[(table[labels] == row[labels]).all(axis=1)].iloc[0]
        raise ResultsError(
            f"{row.file}: episode {row.episode:.0f} of {row.task}/{row.method} seed {row.seed:.0f} "
            f"is already in {first.file}"
        )
    results = []
    for _, rows in table.groupby(labels[:3], sort=False):
        first = rows.iloc[0]
        where = f" in {first.task}/{first.method}"
        same(f"data sources{where}", rows.data_source)
        same(f"sub-tasks{where}", rows.subtasks.map(", ".join))
        same(f"numbers of episodes per seed{where}", rows.seed.value_counts().astype(str))
        told = (first.env, first.task, first.method, first.data_source, first.subtasks)
        rows = rows.sort_values("seed", kind="stable")
        results.append(Results(*told, rows.seed.nunique(), rows))
    return results


def same(what: str, values: Iterable[str]) -> None:
    """Raise ResultsError unless all values are equal."""
    different = sorted(set(values))
    if len(different) > 1:
        raise ResultsError(
            f"different {what}: {'; '.join(different)}: delete the older episodes.csv and run the "
            "rollout again"
        )
