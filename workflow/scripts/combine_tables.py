"""Put the rows of all tables into one CSV with the same columns for all."""

from dataclasses import dataclass
from pathlib import Path

from _cli import main
from fist.analysis.experiments import combine


@dataclass(frozen=True)
class Arguments:
    out: Path
    """CSV file to write."""
    tables: dict[str, Path]
    """The CSV of every table, its statistics beside it: TABLE FILE …"""
    envs: dict[str, str]
    """The environment of every table: TABLE ENVIRONMENT …"""


def run(args: Arguments) -> None:
    combine(args.tables, args.envs, args.out)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
