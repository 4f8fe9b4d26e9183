"""Draw demonstrations in the space of the look-up, as PDF and PNG beside a CSV."""

from dataclasses import dataclass
from pathlib import Path

from _cli import main
from fist.analysis.figures.retrieval import plot_features


@dataclass(frozen=True)
class Arguments:
    out: Path
    """CSV file to write; the pictures go beside it."""
    distances: dict[str, Path]
    """The distance of every task: TASK FILE …"""
    demos: dict[str, Path]
    """The demonstrations of every task: TASK FILE …"""
    n_demos: dict[str, int]
    """How many demonstrations of every task to draw, the first ones: TASK NUMBER …"""


def run(args: Arguments) -> None:
    plot_features(args.distances, args.demos, args.n_demos, args.out)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
