"""Draw the ways that policies went on a map, as PDF and PNG beside the CSV of them."""

import json
from dataclasses import dataclass
from pathlib import Path

import gymnasium

from _cli import main
from fist.analysis.figures.maps import plot_paths


@dataclass(frozen=True)
class Arguments:
    out: Path
    """CSV file to write; the pictures go beside it."""
    files: tuple[Path, ...]
    """The trace.csv of one training seed, one file for every task and method."""
    demos: dict[str, Path]
    """The demonstrations of every task: TASK FILE …"""
    env_id: str
    """Gymnasium id of the environment."""
    env_kwargs: str = "{}"
    """Arguments of the environment, as JSON."""
    plane: tuple[str, str] = ("x", "y")
    """Entries of the state that are drawn."""


def run(args: Arguments) -> None:
    env = gymnasium.make(args.env_id, **json.loads(args.env_kwargs))
    plot_paths(args.files, args.demos, env, args.plane, args.out)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
