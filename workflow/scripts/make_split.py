"""Make a pretraining set: play data without the held-out objects."""

import json
from dataclasses import dataclass
from pathlib import Path

import gymnasium

from _cli import main
from fist.data.split import make_split


@dataclass(frozen=True)
class Arguments:
    out: Path
    """HDF5 file to write; a JSON file beside it says what was left out, and why."""
    files: tuple[Path, ...]
    """Play data, HDF5 in D4RL's layout."""
    env_id: str = "d4rl:kitchen-mixed-v0"
    """Gymnasium id of the environment that the data come from."""
    env_kwargs: str = "{}"
    """Arguments of the environment, as JSON."""
    held_out: tuple[str, ...] = ()
    """Objects that no episode may complete or move."""
    demos: tuple[Path, ...] = ()
    """Demonstrations; an episode that is one of them is left out."""


def run(args: Arguments) -> None:
    env = gymnasium.make(args.env_id, **json.loads(args.env_kwargs))
    make_split(args.files, env, args.held_out, args.out, args.demos)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
