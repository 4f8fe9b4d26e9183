"""The results in README.md: written from the CSVs of the pipeline, between two markers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fist.analysis.claims import describe
from fist.analysis.comparison import ALL
from fist.analysis.tables import STATISTICS
from fist.analysis.tabular import pipe_table
from fist.evaluation.episode_results import ResultsError
from fist.stage.files import write_text

BEGIN = "<!-- results: begin, written by workflow/scripts/update_readme.py -->"
END = "<!-- results: end -->"

NOTE = (
    "Brackets are 95 % bootstrap intervals over training seeds and test episodes; the "
    "interquartile mean is that of all episodes; P(better) is the probability that a training run "
    "has a better mean than one of the strongest baseline, which is named."
)


def results_block(
    results: Path,
    config: Mapping[str, Any],
    tables: Sequence[str],
    command: str,
    commit: str,
) -> str:
    """Return the results in Markdown, markers included.

    Args:
        results: folder of the tables' CSVs.
        config: the configuration that they were made with.
        tables: names of the tables to show.
        command: what made them.
        commit: at which state of the repository.

    Raises:
        ResultsError: a CSV is missing, with the command that makes it.
    """
    parts = [BEGIN]
    for name in tables:
        parts += _table(results, name, config)
    claims = _read(results / "claims.csv").to_dict("records")
    parts += [describe(claims).rstrip(), NOTE]
    parts += [f"Made by `{command}` at commit {commit}.", END]
    return "\n\n".join(parts)


def update(readme: Path, block: str, check: bool = False) -> None:
    """Put the block in place of the one between the markers; with `check`, only compare them.

    Raises:
        ResultsError: the file does not have both markers, once each and in this order; or, with
            `check`, it says something else than the block.
    """
    text = readme.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ResultsError(f"{readme} must have the two lines {BEGIN} and {END}, in this order")
    before, rest = text.split(BEGIN)
    changed = before + block + rest.split(END)[1]
    if check and changed != text:
        raise ResultsError(f"{readme} does not say what the results say: update it")
    if changed != text:
        write_text(readme, changed)


def commit_of(readme: Path) -> str:
    """Return the commit that the results in a file name, "" if they name none."""
    found = re.search(r"at commit (\S+?)\.\n+" + re.escape(END), readme.read_text())
    return found[1] if found else ""


def _table(results: Path, name: str, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table with all its rows, and where its numbers come from."""
    table, statistics = _read(results / f"{name}.csv"), _statistics(results, name)
    success = config["tables"][name].get("layout") == "success"
    lines = []
    for row in table.to_dict("records"):
        task = row[table.columns[0]]
        of_row = statistics.loc[task, row["method"]]
        better = ""
        if of_row.against:
            better = f"{_number(of_row, 'improvement')} ({of_row.against})"
        score = f"**{float(of_row['mean']):.2f}** {_ends(of_row, 'mean')}"
        if success:
            length = f"{float(row['episode_length']):.0f} ± {float(row['episode_length_std']):.0f}"
            paper = ", ".join(filter(None, (row["paper_success"], row["paper_length"])))
            own = (length,)
        else:
            any_order = f"{float(row['subtasks_any_order']):.2f}"
            own = (any_order, _percent(row["success_rate"]), _number(of_row, "iqm"))
            paper = row["paper_subtasks"]
        lines.append((_label(task, name, config), row["method"], score, *own, better, paper))
    head = ["task, held-out objects in capitals", "method"]
    if success:
        head = [table.columns[0], "method", "success", "steps"]
    else:
        head += ["sub-tasks in order", "any order", "all done", "interquartile mean"]
    yield pipe_table((*head, "P(better), than", "published"), lines)
    means = [
        f"{method} {float(row['mean']):.2f} {_ends(row, 'mean')}"
        for (task, method), row in statistics.iterrows()
        if task == ALL
    ]
    count = f"{table.n_seeds.iloc[0]} training seeds, {table.n_episodes.iloc[0]} episodes a row"
    sources = ", ".join(dict.fromkeys(table.data_source))
    mean = f"Mean over the tasks: {'; '.join(means)}. " if means else ""
    steps = ""
    if success:
        fold = config["tables"][name].get("fold", 1)
        steps = (
            f" Steps are means, failures included; ± is the standard deviation of the mean over "
            f"folds of {fold} episodes."
        )
    yield f"{mean}`results/{name}.csv`: {count}; data: {sources}.{steps}"


def _label(task: str, table: str, config: Mapping[str, Any]) -> str:
    """Return the order of a task's sub-tasks, those that were held out in capitals."""
    entry = config["environments"][config["tables"][table]["env"]]["tasks"][task]
    names = [name.upper() if name in entry["held_out"] else name for name in entry["order"]]
    return task if names == [task.upper()] else ", ".join(names).replace("_", " ")


def _ends(row: Mapping[str, str], name: str) -> str:
    return f"[{float(row[name + '_lo']):.2f}, {float(row[name + '_hi']):.2f}]"


def _number(row: Mapping[str, str], name: str) -> str:
    return f"{float(row[name]):.2f} {_ends(row, name)}"


def _percent(rate: str) -> str:
    return f"{100 * float(rate):.0f} %"


def _statistics(results: Path, name: str) -> pd.DataFrame:
    """Read the statistics of a table's own measure."""
    table = _read(results / f"{name}{STATISTICS}.csv")
    return table[table.measure == table.measure.iloc[0]].set_index(["task", "method"])


def _read(file: Path) -> pd.DataFrame:
    if not file.exists():
        raise ResultsError(f"no results at {file}: make them with `snakemake -j2 {file}`")
    return pd.read_csv(file, dtype=str, keep_default_na=False)
