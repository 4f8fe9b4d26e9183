"""Make the table of results, as CSV and as Markdown, and print the Markdown."""

from dataclasses import dataclass, field
from pathlib import Path

from _cli import main
from fist.analysis.tables import TableSettings, summarise


@dataclass(frozen=True)
class Arguments:
    out: Path
    """CSV file to write; the Markdown goes beside it."""
    files: tuple[Path, ...]
    """The episodes.csv of every task, method and training seed."""
    table: TableSettings = TableSettings()
    held_out: dict[str, str] = field(default_factory=dict)
    """For every task what its play data lack: TASK OBJECT TASK OBJECT …"""
    paper: dict[str, float] = field(default_factory=dict)
    """Published numbers: TASK/METHOD/MEASURE NUMBER …, measures: subtasks, success, length."""
    references: tuple[Path, ...] = ()
    """The episodes.csv of methods that are compared with, but get no row."""


def run(args: Arguments) -> None:
    table = summarise(args.files, args.out, args.held_out, args.paper, args.table, args.references)
    print(table)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
