"""Orderings that are claimed, and what the results say about them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from fist.analysis.comparison import MEASURES, Measure, Scores, told
from fist.analysis.intervals import p_value
from fist.evaluation.episode_results import Results, ResultsError, collect
from fist.stage.files import write_text
from fist.stage.text import Record, csv_table, ends, markdown

COLUMNS = (
    *("claim", "env", "measure", "tasks", "better", "worse", "mean", "other_mean", "n_seeds"),
    *("difference", "difference_lo", "difference_hi", "p", "verdict"),
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

MARGINS = {"subtasks": 0.15, "success": 0.05}
"""Differences that are as good as none: in subtasks, and in success rate."""
ENOUGH = 5
"""Training seeds below which nothing is decided."""
ERROR = 0.05
"""Chance that any verdict on the claims of one run is wrong."""


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
    """What is scored: subtasks counted in order, or success."""

    def __post_init__(self) -> None:
        if bool(self.worse) == (self.at_least is not None):
            raise ValueError(
                f"claim {self.text!r}: say either what it is better than (worse) or the score that "
                "it reaches (at_least)"
            )


NOTE = (
    "Mean number of subtasks in order (mazes: success rate) over the tasks. Brackets are 95 % "
    "confidence intervals of the difference, paired by training seed and test episode; – means "
    "that there is one training seed. Confirmed or contradicted: the difference is not 0. "
    f"Equivalent: it is smaller than {MARGINS['subtasks']} subtasks ({MARGINS['success']} in "
    f"success rate). With fewer than {ENOUGH} training seeds nothing is decided. The chance "
    f"that any verdict is wrong is {100 * ERROR:.0f} % (Holm's correction over the claims), so "
    "a claim may be undecided although its interval leaves out 0."
)


def check_claims(claims: Sequence[Claim], files: Sequence[Path], out: Path) -> str:
    """Write what the results say about each claim, as CSV and as Markdown; return the Markdown.

    A claim is confirmed or contradicted where the difference of means is not 0, equivalent where it
    is smaller than `MARGINS`, by the better supported of the two; else, and with fewer than
    `ENOUGH` training seeds, it is not decided. `p` is the error of that verdict after Holm's
    correction over the claims that have the seeds.

    Args:
        claims: what is claimed.
        files: episodes.csv of all methods and tasks that the claims name.
        out: the CSV to write; the Markdown gets the suffix .md.

    Raises:
        ResultsError: results are missing, or the files cannot be read or do not fit together.
    """
    gathered = collect(files) if files else []
    found = {(results.env, results.task, results.method): results for results in gathered}
    tests = [_Test(claim, found) for claim in claims]
    able = sorted((test for test in tests if test.seeds >= ENOUGH), key=lambda test: test.p)
    for rank, test in enumerate(able):  # Holm: the smallest of m counts m times, …
        before = able[rank - 1].p if rank else 0.0
        test.p = max(before, min(1.0, test.p * (len(able) - rank)))
    records = [test.record() for test in tests]
    text = "\n".join((markdown(SHOWN, records), "", NOTE, ""))
    write_text(out.with_suffix(".md"), text)
    write_text(out, csv_table(COLUMNS, records))
    return text


class _Test:
    """A claim beside its results."""

    def __init__(self, claim: Claim, found: Mapping[tuple[str, str, str], Results]):
        self.claim, self.measure = claim, MEASURES[claim.measure][0]
        ours = _scores(claim, claim.better, found, self.measure)
        self.mean, self.seeds = ours.mean(), ours.each.shape[1]
        if claim.worse:
            theirs = _scores(claim, claim.worse, found, self.measure)
            self.seeds = min(self.seeds, theirs.each.shape[1])
            self.other = float(theirs.mean().value)
            self.difference = self.mean.minus(theirs.mean())
        else:
            assert claim.at_least is not None  # see Claim
            self.other = claim.at_least
            self.difference = self.mean.above(claim.at_least)
        differs, equal = p_value(self._differs), p_value(self._within_margin)
        self.p, self.equivalent = min(differs, equal), equal < differs

    def _differs(self, error: float) -> bool:
        """Say whether a test of this error finds that there is a difference."""
        low, high = self.difference.ends(1 - error)
        return bool(low > 0 or high < 0)

    def _within_margin(self, error: float) -> bool:
        """Say whether two one-sided tests of this error find the difference within the margin."""
        low, high = self.difference.ends(max(0.0, 1 - 2 * error))
        return bool(max(-low, high) < MARGINS[self.claim.measure])

    def record(self) -> Record:
        """Return the claim's row."""
        claim, verdict = self.claim, "not decided"
        if self.seeds < ENOUGH:
            verdict += f" ({self.seeds} seed{'s' * (self.seeds > 1)})"
        elif self.p <= ERROR:
            differs = "confirmed" if self.difference.value > 0 else "contradicted"
            verdict = "equivalent" if self.equivalent else differs
        record = asdict(claim) | {"claim": claim.text, "tasks": "+".join(claim.tasks)}
        record |= {"measure": self.measure.name, "n_seeds": str(self.seeds), "verdict": verdict}
        record |= {"mean": f"{self.mean.value:.3f}", "other_mean": f"{self.other:.3f}"}
        record |= {"p": f"{self.p:.2g}" if self.seeds >= ENOUGH else ""}
        return record | told("difference", self.difference)


def _scores(
    claim: Claim, method: str, found: Mapping[tuple[str, str, str], Results], measure: Measure
) -> Scores:
    """Return a method's scores on the claim's tasks."""
    results = []
    for task in claim.tasks:
        if (claim.env, task, method) not in found:
            raise ResultsError(f"claim {claim.text!r}: no results of {claim.env}/{task}/{method}")
        results.append(found[claim.env, task, method])
    if len({of_task.of(measure.column).shape for of_task in results}) > 1:
        raise ResultsError(f"claim {claim.text!r}: the tasks have other numbers of episodes")
    return Scores(results, measure)
