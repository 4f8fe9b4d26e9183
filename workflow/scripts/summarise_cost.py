"""Add up what the stages have cost: time, memory and waiting."""

from dataclasses import dataclass
from pathlib import Path

from _cli import main
from fist.analysis.stage_costs import summarise_cost


@dataclass(frozen=True)
class Arguments:
    out: Path
    """CSV file to write; its Markdown twin goes beside it."""
    benchmarks: Path
    """Folder of the jobs' measurements (*.tsv)."""
    logs: Path
    """Folder of the jobs' logs."""
    results: Path
    """Folder of the checkpoints, which say on what device they were trained."""
    order: tuple[str, ...] = ()
    """Stages in the order of the rows; others come after these."""


def run(args: Arguments) -> None:
    print(summarise_cost(args.benchmarks, args.logs, args.results, args.out, args.order), end="")


if __name__ == "__main__":
    main(Arguments, run, __doc__)
