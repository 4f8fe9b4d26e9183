"""Draw where data sets have been on a map, as PDF and PNG beside the CSV they are drawn from."""

import json
from dataclasses import dataclass
from pathlib import Path

import gymnasium

from _cli import main
from fist.analysis.figures.maps import plot_coverage


@dataclass(frozen=True)
class Arguments:
    out: Path
    """CSV file to write; the pictures go beside it."""
    files: dict[str, Path]
    """Data sets, HDF5 in D4RL's layout: NAME FILE …"""
    env_id: str
    """Gymnasium id of the environment that the data come from."""
    env_kwargs: str = "{}"
    """Arguments of the environment, as JSON."""
    plane: tuple[str, str] = ("x", "y")
    """Entries of the state that are drawn."""


def run(args: Arguments) -> None:
    env = gymnasium.make(args.env_id, **json.loads(args.env_kwargs))
    plot_coverage(args.files, env, args.plane, args.out)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
