"""Draw what the stages have cost."""

from dataclasses import dataclass
from pathlib import Path

from _cli import main
from fist.analysis.figures.cost import plot_cost


@dataclass(frozen=True)
class Arguments:
    out: Path
    """CSV file to write; the PDF and the PNG go beside it."""
    file: Path
    """Table of costs."""


def run(args: Arguments) -> None:
    plot_cost(args.file, args.out)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
