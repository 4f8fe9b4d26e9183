"""Orderings that are claimed, and what the results say about them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from fist.analysis.bootstrap import Sample, difference, estimate
from fist.analysis.comparison import MEASURES, RESAMPLES
from fist.evaluation.episode_results import Results, ResultsError, collect
from fist.stage.files import write_text
from fist.stage.text import Record, csv_table, ends, markdown

COLUMNS = (
    *("claim", "env", "measure", "tasks", "better", "worse", "mean", "other_mean"),
    *("difference", "difference_lo", "difference_hi", "verdict"),
)

SHOWN = {
    "claim": "{claim}",
    "where": "{env}",
    "this": "{better} {mean:.2f}",
    "against that": "{worse} {other_mean:.2f}",
    "difference of means": "{difference:+.2f} " + ends("difference", "+.2f"),
    "outcome": "{verdict}",
}
"""Columns of the Markdown."""


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


NOTE = (
    "Means over the tasks of sub-tasks in order (mazes: success), with 95 % bootstrap intervals "
    "over training seeds and test episodes. Confirmed or contradicted: the interval of the "
    "difference leaves 0 out."
)


def check_claims(claims: Sequence[Claim], files: Sequence[Path], out: Path) -> str:
    """Write what the results say about each claim, as CSV and as Markdown; return the Markdown.

    A claim is confirmed where the whole 95 % bootstrap interval of the difference of means lies
    above 0, contradicted where all of it lies below, and else not decided.

    Args:
        claims: what is claimed.
        files: episodes.csv of all methods and tasks that the claims name.
        out: the CSV to write; the Markdown gets the suffix .md.

    Raises:
        ResultsError: results are missing, or the files cannot be read or do not fit together.
    """
    gathered = collect(files) if files else []
    found = {(results.env, results.task, results.method): results for results in gathered}
    records = [_record(claim, found) for claim in claims]
    text = "\n".join((markdown(SHOWN, records), "", NOTE, ""))
    write_text(out.with_suffix(".md"), text)
    write_text(out, csv_table(COLUMNS, records))
    return text


def _record(claim: Claim, found: Mapping[tuple[str, str, str], Results]) -> Record:
    scores = _scores(claim, claim.better, found)
    if claim.worse:
        others = _scores(claim, claim.worse, found)
    else:
        others = np.full((len(claim.tasks), 1, 1), claim.at_least)
    value, low, high = estimate(
        f"{claim.better} {claim.worse}", scores, others, statistic=difference, resamples=RESAMPLES
    )
    told = {"mean": scores.mean(), "other_mean": others.mean()}
    told |= {"difference": value, "difference_lo": low, "difference_hi": high}
    verdict = "confirmed" if low > 0 else "contradicted" if high < 0 else "not decided"
    record = asdict(claim) | {"claim": claim.text, "tasks": "+".join(claim.tasks)}
    record |= {"measure": MEASURES[claim.measure][0].name, "verdict": verdict}
    return record | {key: f"{number:.3f}" for key, number in told.items()}


def _scores(claim: Claim, method: str, found: Mapping[tuple[str, str, str], Results]) -> Sample:
    """Return a method's scores on the claim's tasks."""
    scores = []
    for task in claim.tasks:
        if (claim.env, task, method) not in found:
            raise ResultsError(f"claim {claim.text!r}: no results of {claim.env}/{task}/{method}")
        scores.append(found[claim.env, task, method].of(MEASURES[claim.measure][0].column))
    if len({of_task.shape for of_task in scores}) > 1:
        raise ResultsError(f"claim {claim.text!r}: the tasks have other numbers of episodes")
    return np.stack(scores)
