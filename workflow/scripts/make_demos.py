"""Make a set of demonstrations: the episodes that complete a sequence of sub-tasks."""

import json
from dataclasses import dataclass
from pathlib import Path

import gymnasium

from _cli import main
from fist.data.split import make_demos


@dataclass(frozen=True)
class Arguments:
    out: Path
    """HDF5 file to write; a JSON file beside it says what was left out, and why."""
    files: tuple[Path, ...]
    """Demonstrations as they were recorded, HDF5 in D4RL's layout."""
    env_id: str = "d4rl:kitchen-mixed-v0"
    """Gymnasium id of the environment that the data come from."""
    env_kwargs: str = "{}"
    """Arguments of the environment, as JSON."""
    order: tuple[str, ...] = ()
    """Sub-tasks that an episode must complete, in this order; none: every episode is kept."""


def run(args: Arguments) -> None:
    env = gymnasium.make(args.env_id, **json.loads(args.env_kwargs))
    make_demos(args.files, env, args.order, args.out)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
