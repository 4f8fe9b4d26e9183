"""Models on disk: weights in `x.pt`, all that is needed to rebuild the model in `x.json`.

A path that ends in `.safetensors` is written and read in that format, which any other program can
read, too; the JSON twin is the same.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save

from fist.methods.base import Model, class_named, name_of
from fist.stage.files import write_bytes, write_json, write_tensors


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message names the file and what is wrong with it."""


def save_model(path: str | Path, model: Model, provenance: dict[str, Any]) -> None:
    """Write `path` (weights) and its JSON twin (class, settings, sizes, where it came from).

    The weights are renamed into place last, so a checkpoint that is there is complete.
    """
    path, sizes = Path(path), {"state_dim": model.state_dim, "action_dim": model.action_dim}
    twin = {"model": name_of(type(model)), "settings": asdict(model.settings), "sizes": sizes}
    write_json(path.with_suffix(".json"), twin | {"provenance": provenance})
    weights = {name: value.cpu().clone() for name, value in model.state_dict().items()}
    if path.suffix == ".safetensors":
        write_bytes(path, save(weights))
    else:
        write_tensors(path, weights)


def read_twin(path: str | Path) -> dict[str, Any]:
    """Return the JSON twin of a checkpoint."""
    path = Path(path)
    file = path.with_suffix(".json")
    for needed in (path, file):
        if not needed.exists():
            raise FileNotFoundError(f"no checkpoint file {needed}: its training stage makes it")
    try:
        twin = json.loads(file.read_text())
    except ValueError as error:
        raise CheckpointError(f"{file}: not JSON ({error})") from error
    if not isinstance(twin, dict):
        raise CheckpointError(f"{file}: describes no model, it holds {twin!r:.40}")
    return twin


def load_model(
    path: str | Path, expected: type[Model] | None = None, trusted: Sequence[str] = ()
) -> Model:
    """Rebuild a model from its checkpoint, in eval mode, on the CPU.

    Args:
        path: the weights; the JSON twin beside them names the model's class.
        expected: the class that it must be; without it, any class of `fist` or of what is trusted.
        trusted: modules or packages beside `fist` from which a class may be imported.

    Raises:
        FileNotFoundError: the weights or their JSON twin are missing.
        CheckpointError: the files are damaged, do not fit together, or hold another class of model.
    """
    path = Path(path)
    twin = read_twin(path)
    name = str(twin.get("model"))
    if expected is not None and name != name_of(expected):
        raise CheckpointError(f"{path}: holds a {name!r}, expected {name_of(expected)}")
    try:
        cls = expected or class_named(name, Model, trusted)
    except ValueError as error:
        raise CheckpointError(f"{path}: cannot be loaded ({error})") from error
    try:
        model = cls(cls.Settings(**twin["settings"]), **twin["sizes"])
        if path.suffix == ".safetensors":
            model.load_state_dict(load(path.read_bytes()))
        else:
            model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise CheckpointError(
            f"{path}: cannot be loaded ({error}); delete it to have it trained again"
        ) from error
    return model.eval()
