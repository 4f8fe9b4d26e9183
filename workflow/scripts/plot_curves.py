"""Draw learning curves, as PDF and PNG beside the CSV that they are drawn from."""

from dataclasses import dataclass
from pathlib import Path

from _cli import main
from fist.analysis.figures.curves import plot_curves


@dataclass(frozen=True)
class Arguments:
    out: Path
    """CSV file to write; the pictures go beside it."""
    files: tuple[Path, ...]
    """Learning curves: .../<data set>/seed_<n>/<model>.csv."""


def run(args: Arguments) -> None:
    plot_curves(args.files, args.out)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
