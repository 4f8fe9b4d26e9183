"""Orderings that are claimed, and what the results say about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from fist.analysis.bootstrap import difference
from fist.analysis.comparison import SUBTASKS, SUCCESS, Measure, contrast
from fist.analysis.tabular import Record, csv_table, pipe_table
from fist.evaluation.episode_results import Cell, ResultsError, collect, read_episodes_csv
from fist.stage.files import write_text

COLUMNS = (
    *("claim", "env", "measure", "tasks", "better", "worse", "mean", "other_mean"),
    *("difference", "difference_lo", "difference_hi", "verdict"),
)


@dataclass(frozen=True)
class Claim:
    """A method is said to be better than another one, or to reach a score, on average."""

    text: str
    """The claim in words."""
    env: str
    """Environment in which it is tested."""
    tasks: tuple[str, ...]
    """Tasks over which the mean is taken."""
    better: str
    """Method that is said to be better."""
    worse: str = ""
    """Method that it is said to be better than."""
    at_least: float | None = None
    """Score that it is said to reach, instead of a method."""
    measure: Literal["subtasks", "success"] = "subtasks"
    """What is scored: sub-tasks counted in order, or success."""

    def __post_init__(self) -> None:
        if bool(self.worse) == (self.at_least is not None):
            raise ValueError(
                f"claim {self.text!r}: say either what it is better than (worse) or the score that "
                "it reaches (at_least)"
            )

    @property
    def scored(self) -> Measure:
        """What is scored, as it is read off a cell."""
        return SUBTASKS if self.measure == "subtasks" else SUCCESS


def check_claims(
    claims: Sequence[Claim], files: Sequence[str | Path], out: str | Path
) -> list[Record]:
    """Write what the results say about each claim, as CSV and as Markdown; return the rows.

    A claim is confirmed where the whole 95 % bootstrap interval of the difference of means lies
    above 0, contradicted where all of it lies below, and else not decided.

    Args:
        claims: what is claimed.
        files: episodes.csv of all methods and tasks that the claims name.
        out: the CSV to write; the Markdown gets the suffix .md.

    Raises:
        ResultsError: a cell is missing, or the files cannot be read or do not fit together.
    """
    by_env: dict[str, list[str | Path]] = defaultdict(list)
    for file in files:
        by_env[read_episodes_csv(file)[0][0].env].append(file)
    cells = {
        (env, cell.task, cell.method): cell
        for env, of_env in by_env.items()
        for cell in collect(of_env)
    }
    records = [_record(claim, cells) for claim in claims]
    out = Path(out)
    write_text(out.with_suffix(".md"), describe(records))
    write_text(out, csv_table(COLUMNS, records))
    return records


def describe(records: Sequence[Record]) -> str:
    """Lay the claims out in Markdown."""
    lines = [
        (
            record["claim"],
            record["env"],
            f"{record['better']} {float(record['mean']):.2f}",
            f"{record['worse']} {float(record['other_mean']):.2f}".strip(),
            f"{float(record['difference']):+.2f} "
            f"[{float(record['difference_lo']):+.2f}, {float(record['difference_hi']):+.2f}]",
            record["verdict"],
        )
        for record in records
    ]
    head = ("claim", "where", "this", "against that", "difference of means", "outcome")
    note = (
        "Means over the tasks of sub-tasks in order (mazes: success), with 95 % bootstrap "
        "intervals over training seeds and test episodes. Confirmed or contradicted: the interval "
        "of the difference leaves 0 out."
    )
    return "\n".join((pipe_table(head, lines), "", note, ""))


def _record(claim: Claim, cells: dict[tuple[str, str, str], Cell]) -> Record:
    name = f"{claim.better} {claim.worse}"
    scores = _scores(claim, claim.better, cells)
    if claim.worse:
        others = _scores(claim, claim.worse, cells)
    else:
        others = np.full((len(claim.tasks), 1, 1), claim.at_least)
    value, low, high = contrast(scores, others, name, difference)
    verdict = "confirmed" if low > 0 else "contradicted" if high < 0 else "not decided"
    numbers = {"mean": scores.mean(), "other_mean": others.mean()}
    numbers |= {"difference": value, "difference_lo": low, "difference_hi": high}
    return {
        "claim": claim.text,
        "env": claim.env,
        "measure": claim.scored.name,
        "tasks": "+".join(claim.tasks),
        "better": claim.better,
        "worse": claim.worse,
        **{key: f"{number:.3f}" for key, number in numbers.items()},
        "verdict": verdict,
    }


def _scores(claim: Claim, method: str, cells: dict[tuple[str, str, str], Cell]) -> np.ndarray:
    """Return a method's scores on the claim's tasks, (tasks, seeds, episodes)."""
    scores = []
    for task in claim.tasks:
        cell = cells.get((claim.env, task, method))
        if cell is None:
            raise ResultsError(f"claim {claim.text!r}: no results of {claim.env}/{task}/{method}")
        scores.append(claim.scored.of(cell))
    if len({of_task.shape for of_task in scores}) > 1:
        raise ResultsError(f"claim {claim.text!r}: the tasks have other numbers of episodes")
    return np.stack(scores)
