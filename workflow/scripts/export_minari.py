"""Write a data set as a Minari data set."""

import os
from dataclasses import dataclass
from pathlib import Path

from _cli import main
from fist.data.sources.minari import export_minari


@dataclass(frozen=True)
class Arguments:
    data: Path
    """Data set, HDF5 in D4RL's layout."""
    dataset: str
    """Name of the Minari data set, with its version: kitchen/kitchen-mixed-v0."""
    root: Path | None = None
    """Folder of Minari's data sets; by default MINARI_DATASETS_PATH, or Minari's own."""
    env_id: str = "d4rl:kitchen-mixed-v0"
    """Gymnasium id of the environment that the data come from."""
    author: str | None = None
    """Who made it."""


def run(args: Arguments) -> None:
    if args.root is not None:
        os.environ["MINARI_DATASETS_PATH"] = str(args.root.absolute())
    export_minari(args.data, args.dataset, args.env_id, args.author)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
