"""Make a pretraining set: play data without the held-out objects."""

import json
from pathlib import Path

import gymnasium

from _cli import main
from fist.data.split import make_split


def run(
    out: Path,
    files: tuple[Path, ...],
    env_id: str = "d4rl:kitchen-mixed-v0",
    env_kwargs: str = "{}",
    held_out: tuple[str, ...] = (),
    demos: tuple[Path, ...] = (),
) -> None:
    """Make a pretraining set.

    Args:
        out: HDF5 file to write; a JSON file beside it says what was left out, and why.
        files: play data, HDF5 in D4RL's layout.
        env_id: Gymnasium id of the environment that the data come from.
        env_kwargs: arguments of the environment, as JSON.
        held_out: objects that no episode may complete or move.
        demos: demonstrations; an episode that is one of them is left out.
    """
    make_split(files, gymnasium.make(env_id, **json.loads(env_kwargs)), held_out, out, demos)


if __name__ == "__main__":
    main(run, description=__doc__)
