"""Make a set of demonstrations: the episodes that complete a sequence of sub-tasks."""

import json
from pathlib import Path

import gymnasium

from _cli import main
from fist.data.split import make_demos


def run(
    out: Path,
    files: tuple[Path, ...],
    env_id: str = "d4rl:kitchen-mixed-v0",
    env_kwargs: str = "{}",
    order: tuple[str, ...] = (),
) -> None:
    """Make a set of demonstrations.

    Args:
        out: HDF5 file to write; a JSON file beside it says what was left out, and why.
        files: demonstrations as they were recorded, HDF5 in D4RL's layout.
        env_id: Gymnasium id of the environment that the data come from.
        env_kwargs: arguments of the environment, as JSON.
        order: sub-tasks that an episode must complete, in this order; none: every episode is kept.
    """
    make_demos(files, gymnasium.make(env_id, **json.loads(env_kwargs)), order, out)


if __name__ == "__main__":
    main(run, description=__doc__)
