"""Models on disk: weights in `x.pt`, all that is needed to rebuild the model in `x.json`.

A path that ends in `.safetensors` is written and read in that format, which any other program can
read, too; the JSON twin is the same. Both files may be somebody else's: what they hold is checked
before there is memory for it, and nothing of them runs.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from fist.data.actions import LABEL, ActionScale
from fist.methods.base import Model, class_named, name_of
from fist.stage.files import read_bytes, read_json, reason, write_bytes, write_json
from fist.stage.settings import Count, settings
from fist.stage.tensors import pack, unpack
from fist.training.building import Bounded


@settings
class Sizes:
    """What a model is made for."""

    state_dim: Count
    """Dimensions of a state."""
    action_dim: Count | None
    """Dimensions of an action, where the model knows of them."""


@settings
class Twin:
    """What stands beside a model's weights."""

    model: str
    """Its class."""
    settings: dict[str, Any]
    """The class's settings."""
    sizes: Sizes
    provenance: dict[str, Any]
    """Where it came from."""
    sha256: str | None = None
    """Digest of the weights; a twin of before there was one has none, and is taken as it is."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message names the file and what is wrong with it."""


def save_model(path: str | Path, model: Model, provenance: dict[str, Any]) -> None:
    """Write `path` (weights) and its JSON twin (class, settings, sizes, where it came from).

    The weights are renamed into place last, so a checkpoint that is there is complete: a twin
    beside the weights of an earlier one has another digest than theirs.
    """
    path, sizes = Path(path), Sizes(model.state_dim, model.action_dim)
    weights = {name: value.cpu().clone() for name, value in model.state_dict().items()}
    content = safetensors.torch.save(weights) if path.suffix == ".safetensors" else pack(weights)
    digest = hashlib.sha256(content).hexdigest()
    twin = Twin(name_of(type(model)), asdict(model.settings), sizes, provenance, digest)
    write_json(path.with_suffix(".json"), asdict(twin))
    write_bytes(path, content)


def steps_of(path: Path) -> Path:
    """Return the folder of the checkpoints that are kept while that of a path is trained."""
    return path.with_suffix(".steps")


def kept(path: Path | None) -> dict[int, Path]:
    """Return the checkpoints that were kept while another was trained, by their gradient steps.

    Raises:
        FileNotFoundError: there are none.
    """
    files = {} if path is None else {int(f.stem): f for f in steps_of(path).glob("*.pt")}
    if not files:
        what = "the method has no model" if path is None else f"none is in {steps_of(path)}"
        raise FileNotFoundError(
            f"no checkpoint was kept in training ({what}): set keep_every of the stage "
            "(config: models.<model>.train or .finetune)"
        )
    return dict(sorted(files.items()))


def read_twin(path: str | Path) -> Twin:
    """Return the JSON twin of a checkpoint.

    Raises:
        FileNotFoundError: it is missing, or the weights are.
        CheckpointError: it does not describe a model.
    """
    path = Path(path)
    file = path.with_suffix(".json")
    for needed in (path, file):
        if not needed.exists():
            raise FileNotFoundError(f"no checkpoint file {needed}: its training stage makes it")
    try:
        return Twin(**read_json(file))
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{file}: describes no model ({reason(error)})") from error


def action_scale(path: str | Path) -> ActionScale | None:
    """Return how the actions were scaled that a model has learnt; errors are `read_twin`'s."""
    try:
        told = read_twin(path).provenance.get(LABEL)
        return None if told is None else ActionScale(**told)
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: {LABEL} of its JSON file: {reason(error)}") from None


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
        CheckpointError: the files are damaged, do not fit together, hold another class of model or
            values that are not finite.
    """
    path = Path(path)
    twin = read_twin(path)
    if expected is not None and twin.model != name_of(expected):
        raise CheckpointError(f"{path}: holds a {twin.model!r:.99}, expected {name_of(expected)}")
    try:
        cls = expected or class_named(twin.model, Model, trusted)
    except ValueError as error:
        raise CheckpointError(f"{path}: cannot be loaded ({reason(error)})") from error
    try:
        content = read_bytes(path)
        if twin.sha256 not in (None, hashlib.sha256(content).hexdigest()):
            raise ValueError("the weights are not those that the JSON file beside them describes")
        safe = path.suffix == ".safetensors"
        weights = by_name(safetensors.torch.load(content) if safe else unpack(content))
        with Bounded(weights):
            model = cls(cls.Settings(**twin.settings), **asdict(twin.sizes))
        model.load_state_dict(weights)
        check_finite(model)
    except Exception as error:
        raise CheckpointError(
            f"{path}: cannot be loaded ({reason(error)}); delete it to have it trained again"
        ) from error
    return model.eval()


def by_name(content: Any) -> Mapping[str, Tensor]:
    """Return tensors by their names; ValueError where it is something else."""
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise ValueError("it holds no tensors by name")
    return content


def check_finite(model: Model) -> None:
    """Raise ValueError where a weight or a buffer of a model is NaN or infinite, by its name."""
    for name, value in model.state_dict().items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{name} holds values that are not finite")
