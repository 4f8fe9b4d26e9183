"""Print a summary of a data set or a checkpoint, and draw a picture of it.

Data sets are HDF5 files in D4RL's layout. Checkpoints are .pt or .safetensors files with a JSON
file beside them, or files of the reference implementation (.pth, .pt).
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from fist.evaluation.rollout import make_env
from fist.inspect.dataset import inspect_dataset
from fist.inspect.model import inspect_model

DATASETS = (".hdf5", ".h5")


@dataclass(frozen=True)
class Arguments:
    file: Positional[Path]
    """Data set or checkpoint."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="PNG")] = None
    """Picture to write; by default beside the file, with the suffix .png."""
    env_id: str = "d4rl:kitchen-mixed-v0"
    """Gymnasium id of the environment that a data set comes from; tells what its episodes do."""
    env_kwargs: str = "{}"
    """Arguments of the environment, as JSON."""


def run(args: Arguments) -> None:
    """Inspect one file; see the module."""
    out = args.out or args.file.with_suffix(".png")
    if args.file.suffix in DATASETS:
        env = make_env(args.env_id, json.loads(args.env_kwargs))
        print(inspect_dataset(args.file, env, out))
        env.close()
    else:
        print(inspect_model(args.file, out))
    print(f"picture: {out}")


def main() -> None:
    """Inspect the file that the command line names; faults end in one line."""
    try:
        run(tyro.cli(Arguments, description=__doc__))
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f"inspect: error: {error}")


if __name__ == "__main__":
    main()
