"""The results of evaluation: episodes.csv, one row per test episode, and how files add up."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from fist.evaluation.failures import FAILURES
from fist.stage.columns import Column, ResultsError, read_tables, write_table
from fist.stage.settings import NAME, Name, Seed, settings
from fist.stage.text import csv_table

STEP_PREFIX = "step_"
"""Columns step_<subtask>: the step at which the subtask was counted in order."""


@settings
class Labels:
    """What was evaluated: the same in every row of one file."""

    env: Name
    """Environment family, as in the paths: kitchen, …"""
    task: Name
    """Task of the config's table."""
    method: Name
    """Method of the config's table."""
    seed: Seed
    """Training seed."""
    data_source: Name
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
    """Subtasks counted in order; None where the environment has no subtasks."""
    subtasks_any_order: int | None
    """Subtasks completed in any order; None where the environment has no subtasks."""
    success: bool
    """Whether the whole task was done."""
    steps: dict[str, int | None] = field(default_factory=dict)
    """For every subtask, in the task's order: the step (from 1) at which it was counted in order,
    None if it never was, or if that was taken back since."""
    action_change: float | None = None
    """Mean over steps of the root mean square change of an action since the step before, 0 to 2:
    the smoother, the smaller. None: there was one step."""
    failure: str = ""
    """How it failed, see `fist.evaluation.failures`; empty where it was a success."""


LABELS = (
    *(Column(name, str, form=NAME) for name in ("env", "task", "method")),
    Column("seed", int, 0),
)
"""Columns that say what was evaluated."""
MEASURES = (
    Column("episode", int, 0),
    Column("test_seed", int, 0),
    Column("length", int, 1),
    Column("episode_return"),
    Column("subtasks_ordered", int, 0, optional=True),
    Column("subtasks_any_order", int, 0, optional=True),
    Column("success", int, 0, 1),
    Column("action_change", float, 0, optional=True),
    Column("failure", str, optional=True, form="|".join(FAILURES)),
)
COLUMNS = (
    *LABELS,
    *MEASURES,
    Column(f"{STEP_PREFIX}*", int, 1, optional=True),
    Column("data_source", str, form=NAME),
)
"""Columns of episodes.csv. What does not exist is empty; success is 1 or 0."""


def write_episodes_csv(path: str | Path, labels: Labels, rows: Sequence[EpisodeRow]) -> None:
    """Write the rows of one evaluation, whole or not at all; the same rows give the same bytes.

    Columns: `COLUMNS`, with a step_<subtask> for each subtask.

    Raises:
        ResultsError: a value is not what its column says.
    """
    measured = [column.name for column in MEASURES]
    records = [
        asdict(labels)
        | {name: getattr(row, name) for name in measured}
        | {STEP_PREFIX + subtask: step for subtask, step in row.steps.items()}
        | {"success": int(row.success), "episode_return": f"{row.episode_return:.6g}"}
        for row in rows
    ]
    steps = [STEP_PREFIX + subtask for subtask in (rows[0].steps if rows else ())]
    names = (*(column.name for column in LABELS), *measured, *steps, "data_source")
    write_table(path, COLUMNS, csv_table(names, records), contradictions)


def read_episodes(files: Sequence[str | Path]) -> pd.DataFrame:
    """Read what `write_episodes_csv` wrote: the rows of all files, in the files' order.

    NaN stands where a column or a value does not exist. To the columns of the files
    come `file` (its number) and `line`, and `subtasks`: the names of the subtasks in the task's
    order, joined by commas.

    Raises:
        FileNotFoundError: there is no such file.
        ResultsError: a column is missing, a value is not what its column says or contradicts
            another, a file has no row, or there is no file.
    """
    if not files:
        raise ResultsError("no results to summarise: no episodes.csv was given")
    tables = read_tables(files, COLUMNS, contradictions)
    for table in tables:
        table["subtasks"] = ",".join(name.removeprefix(STEP_PREFIX) for name in _steps(table))
    table = pd.concat(tables, ignore_index=True).sort_values(["file", "line"], ignore_index=True)
    texts = ["env", "task", "method", "data_source", "subtasks"]
    return table.astype(dict.fromkeys(texts, "category"))


def _steps(table: pd.DataFrame) -> list[str]:
    return [name for name in map(str, table) if name.startswith(STEP_PREFIX)]


def contradictions(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return which rows of episodes.csv contradict themselves, by what is wrong with them."""
    steps = _steps(table)
    counted, any_order = table.subtasks_ordered.to_numpy(), table.subtasks_any_order.to_numpy()
    at = table[steps].to_numpy()
    in_time = np.where(np.isnan(at), np.inf, at)  # what was never counted comes last
    unsaid = np.isnan(counted) | np.isnan(any_order)
    return {
        "subtasks without their number": unsaid & (len(steps) > 0),
        "a success that has failed": (table.success == 1).to_numpy() & table.failure.notna(),
        "more subtasks than there are": (counted > len(steps)) | (any_order > len(steps)),
        "more subtasks in order than in any": counted > any_order,
        "subtasks_ordered is not the number of steps that are told": (
            np.isfinite(at).sum(1) != np.nan_to_num(counted)
        ),
        "subtasks are counted out of order": (in_time[:, 1:] < in_time[:, :-1]).any(1),
        "a subtask is counted after the end": (at > table[["length"]].to_numpy()).any(1),
    }


@dataclass(frozen=True)
class Results:
    """All test episodes of one method on one task."""

    env: str
    task: str
    method: str
    data_source: str
    subtasks: tuple[str, ...]
    """Subtasks in the task's order; empty where the environment has none."""
    seeds: tuple[int, ...]
    """Training seeds."""
    test_seeds: tuple[int, ...]
    """Test seeds of the episodes, the same for every training seed."""
    episodes: pd.DataFrame
    """Rows of `read_episodes`, seed by seed, episode by episode."""

    def of(self, column: str) -> Float[np.ndarray, "seeds episodes"]:
        """Return a column's value in every episode; NaN where it does not exist."""
        return self.episodes[column].to_numpy().reshape(len(self.seeds), -1)

    def steps(self) -> Float[np.ndarray, "seeds episodes subtasks"]:
        """Return the step at which each subtask was counted in order; NaN where it never was."""
        return np.stack([self.of(STEP_PREFIX + name) for name in self.subtasks], axis=-1)


def collect(files: Iterable[str | Path]) -> list[Results]:
    """Read episodes.csv files and gather them by environment, task and method.

    Raises:
        ResultsError: a file cannot be read (`read_episodes`), an episode is there twice, or what
            belongs together differs in data source, subtasks or test seeds.
    """
    files = [*files]
    table = read_episodes(files)
    labels = [column.name for column in LABELS]
    for what in ("episode", "test_seed"):
        twice = table.duplicated([*labels, what])
        if twice.any():
            row = table[twice].iloc[0]
            known = table[(table[[*labels, what]] == row[[*labels, what]]).all(axis=1)].iloc[0]
            raise ResultsError(
                f"{files[row.file]}, line {row.line}: {what} {row[what]:.0f} of {row.task}/"
                f"{row.method} seed {row.seed:.0f} is already in {files[known.file]}, line "
                f"{known.line}"
            )
    cells = table.groupby(labels[:3], sort=False, observed=True)
    table = table.assign(cell=cells.ngroup()).sort_values(["cell", "seed", "episode"])
    runs = table.groupby(["cell", "seed"])
    starts = np.flatnonzero(np.diff(table.cell, prepend=-1))
    first = starts[table.cell]  # of the row's cell
    alike = {
        "data sources": table.data_source.to_numpy(),
        "subtasks": table.subtasks.to_numpy(),
        "numbers of episodes per seed": runs.episode.transform("size").to_numpy(),
    }
    for what, values in alike.items():
        if (other := values != values[first]).any():
            row = table.iloc[int(other.argmax())]
            told = values[table.cell == row.cell]
            place = f"{files[row.file]}, line {row.line}: "
            same(f"{what} in {row.task}/{row.method}", map(str, told), place)
    tested = table.test_seed.to_numpy()
    other = tested != tested[first + runs.cumcount().to_numpy()]
    if other.any():
        at = int(other.argmax())
        row, expected = table.iloc[at], table.iloc[first[at]]
        raise ResultsError(
            f"{files[row.file]}, line {row.line}: other test seeds than in {files[expected.file]}; "
            "run the rollouts with the same first_test_seed"
        )
    results = []
    for start, stop in zip(starts, [*starts[1:], len(table)], strict=True):
        rows = table.iloc[start:stop]
        names = [*labels[:3], "data_source", "subtasks"]
        env, task, method, source, subtasks = map(str, rows[names].iloc[0])
        seeds = tuple(np.unique(rows.seed).tolist())
        test_seeds = tuple(rows.test_seed.iloc[: len(rows) // len(seeds)].tolist())
        of_task = tuple(filter(None, subtasks.split(",")))
        results.append(Results(env, task, method, source, of_task, seeds, test_seeds, rows))
    return results


def of_one_environment(files: Iterable[str | Path]) -> list[Results]:
    """Return what `collect` does; ResultsError where there is more than one environment."""
    files = [*files]
    found = collect(files)
    for results in found:
        place = f"{files[results.episodes.file.iloc[0]]}: "
        same("environments", (found[0].env, results.env), place)
    return found


def same(what: str, values: Iterable[str], place: str) -> None:
    """Raise ResultsError, which names the place of another one, unless all values are equal."""
    different = sorted(set(values))
    if len(different) > 1:
        raise ResultsError(
            f"{place}different {what}: {'; '.join(different)}: delete the older episodes.csv and "
            "run the rollout again"
        )
