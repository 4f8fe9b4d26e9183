"""Print a summary of a data set or a checkpoint, and draw a picture of it.

Data sets are HDF5 files in D4RL's layout; of other layouts the headers are told. Checkpoints are
.pt or .safetensors files with a JSON file beside them, or files of the reference implementation
(.pth, .pt).
"""

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import tyro
from gymnasium.error import Error as GymnasiumError
from tyro.conf import Positional

from fist.data.sources.formats import recognised
from fist.evaluation.rollout import make_env
from fist.inspect.dataset import inspect_dataset, inspect_recording
from fist.inspect.model import inspect_model
from fist.stage.files import parse_json

MODELS = (".pt", ".pth", ".safetensors")


def run(
    file: Positional[Path],
    out: Annotated[Path | None, tyro.conf.arg(metavar="PNG")] = None,
    env_id: str = "d4rl:kitchen-mixed-v0",
    env_kwargs: str = "{}",
    trusted: tuple[str, ...] = (),
) -> None:
    """Inspect one file; see the module.

    Args:
        file: data set or checkpoint; the folder of a data set.
        out: picture to write; by default beside the file, with the suffix .png.
        env_id: Gymnasium id of the environment that a data set comes from; tells what its
            episodes do.
        env_kwargs: arguments of the environment, as JSON.
        trusted: modules or packages beside `fist` that a checkpoint's class may come from.
    """
    out = out or file.with_suffix(".png")
    if file.suffix in MODELS:
        print(inspect_model(file, out, trusted))
    elif (source := recognised(file)) != "local":
        print(inspect_recording(file, source))
        return
    else:
        with closing(make_env(env_id, parse_json(env_kwargs, "--env-kwargs"))) as env:
            print(inspect_dataset(file, env, out))
    print(f"picture: {out}")


def main() -> None:
    """Inspect the file that the command line names; faults end in one line."""
    try:
        tyro.cli(run, description=__doc__)
    except (OSError, ValueError, ImportError, GymnasiumError) as error:
        sys.exit(f"inspect: error: {error}")


if __name__ == "__main__":
    main()
