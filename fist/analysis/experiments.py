"""Every table's rows in one: the same columns, whatever the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from fist.analysis.comparison import SUCCESS
from fist.analysis.tables import STATISTICS
from fist.evaluation.episode_results import ResultsError
from fist.stage.files import write_text

FIRST = ("table", "env", "task", "method", "held_out", "n_seeds", "n_episodes")
SCORES = (
    *("subtasks_ordered", "subtasks_ordered_lo", "subtasks_ordered_hi", "subtasks_any_order"),
    *("success_rate", "success_lo", "success_hi", "episode_length", "episode_length_std"),
)
COMPARED = (
    *("iqm", "iqm_lo", "iqm_hi", "against", "difference", "difference_lo", "difference_hi"),
    *("improvement", "improvement_lo", "improvement_hi"),
)


def combine(tables: Mapping[str, Path], envs: Mapping[str, str], out: str | Path) -> pd.DataFrame:
    """Write the rows of all tables as one CSV and return them.

    Columns: what was tested, the scores, the comparison of the table's own measure (sub-tasks in
    order, or success; `fist.analysis.comparison`), the rate of every sub-task, the published
    numbers. What a table does not have is empty.

    Args:
        tables: the CSV of every table; its statistics stand beside it.
        envs: the environment of every table.
        out: the CSV to write.

    Raises:
        FileNotFoundError: a table or its statistics are missing.
        ResultsError: a table and its statistics do not have the same rows.
    """
    parts = [
        _read(name, Path(file)).assign(table=name, env=envs[name]) for name, file in tables.items()
    ]
    rows = pd.concat(parts, ignore_index=True)
    rates = sorted(column for column in rows if column.startswith("rate_"))
    paper = sorted(column for column in rows if column.startswith("paper_"))
    rows = rows.reindex(columns=[*FIRST, *SCORES, *COMPARED, *rates, *paper, "data_source"])
    write_text(out, rows.to_csv(index=False, lineterminator="\n"))
    return rows


def _read(name: str, file: Path) -> pd.DataFrame:
    """Read a table, as text, with its statistics beside it."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    table = table.rename(columns={table.columns[0]: "task"})
    statistics = pd.read_csv(
        file.with_stem(file.stem + STATISTICS), dtype=str, keep_default_na=False
    ).set_index(["task", "method"])
    rows = pd.MultiIndex.from_frame(table[["task", "method"]])
    main = statistics[statistics.measure == statistics.measure.iloc[0]]
    success = statistics[statistics.measure == SUCCESS.name]
    missing = rows.difference(main.index)
    if len(missing):
        raise ResultsError(
            f"table {name}: no statistics of {'/'.join(missing[0])}; delete {file}, make it again"
        )
    compared = main.loc[rows, list(COMPARED)].reset_index(drop=True)
    ends = success.loc[rows, ["mean_lo", "mean_hi"]].reset_index(drop=True)
    table[["success_lo", "success_hi"]] = ends.to_numpy()
    return table.join(compared)
