"""Test the cell in a folder that export_cell.py has written; nothing else is needed."""

from dataclasses import dataclass
from pathlib import Path

from _cli import main
from fist.evaluation.export import evaluate_cell


@dataclass(frozen=True)
class Arguments:
    folder: Path
    """Folder of the cell: results/checkpoints/kitchen/top_burner/fist/seed_0."""
    out: Path
    """CSV file to write, one row per test episode."""
    episodes: int = 0
    """Number of test episodes; 0: as many as in the table."""


def run(args: Arguments) -> None:
    evaluate_cell(args.folder, args.out, args.episodes)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
