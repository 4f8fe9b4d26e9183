"""A file, or the folder of a data set, at a glance: `fist inspect FILE`."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from fist.data.sources.formats import recognised
from fist.evaluation.rollout import make_env
from fist.inspect.dataset import inspect_dataset, inspect_recording
from fist.inspect.model import inspect_model
from fist.stage.files import check_place, parse_json, plain

MODELS = (".pt", ".pth", ".safetensors")


def inspect(
    file: Positional[Path],
    out: Annotated[Path | None, tyro.conf.arg(metavar="PNG")] = None,
    env_id: str = "d4rl:kitchen-mixed-v0",
    env_kwargs: str = "{}",
    trusted: tuple[str, ...] = (),
) -> None:
    """Print a summary of a data set or a checkpoint, and draw a picture of it.

    Data sets are HDF5 files in D4RL's layout; of other layouts the headers are told. Checkpoints
    are .pt or .safetensors files with a JSON file beside them, or files of the reference
    implementation (.pth, .pt).

    Args:
        file: data set or checkpoint; the folder of a data set.
        out: picture to write; by default beside the file, with the suffix .png.
        env_id: Gymnasium id of the environment that a data set comes from; tells what its
            episodes do.
        env_kwargs: arguments of the environment, as JSON.
        trusted: modules or packages beside `fist` that a checkpoint's class may come from.
    """
    ours = file.suffix in MODELS
    if not ours and (source := recognised(file)) != "local":
        print(plain(inspect_recording(file, source)))
        return
    out = out or file.with_suffix(".png")
    check_place(out, [file])
    if ours:
        said = inspect_model(file, out, trusted)
    else:
        with closing(make_env(env_id, parse_json(env_kwargs, "--env-kwargs"))) as env:
            said = inspect_dataset(file, env, out)
    print(plain(f"{said}\npicture: {out}"))
