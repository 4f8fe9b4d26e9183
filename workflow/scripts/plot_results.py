"""Draw a figure of test results, as PDF and PNG beside the CSV that it is drawn from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from _cli import main
from fist.analysis.figures.results import Kind, plot_results


@dataclass(frozen=True)
class Arguments:
    kind: Kind
    """What to draw: bars per task, progress over time, the share of training runs above a score,
    or the score over the number of demonstrations."""
    out: Path
    """CSV file to write; the pictures go beside it."""
    files: tuple[Path, ...]
    """The episodes.csv of every task, method and training seed."""
    layout: Literal["subtasks", "success"] = "subtasks"
    """What is scored: completed "subtasks", or "success"."""
    demos: dict[str, int] = field(default_factory=dict)
    """Number of demonstrations of every method: METHOD NUMBER …"""
    paper: dict[str, float] = field(default_factory=dict)
    """Published scores: TASK/METHOD NUMBER …"""


def run(args: Arguments) -> None:
    plot_results(args.kind, args.files, args.out, args.layout, args.demos, args.paper)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
