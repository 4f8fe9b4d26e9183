"""Models on disk: weights in `x.pt`, all that is needed to rebuild the model in `x.json`.

A path that ends in `.safetensors` is written and read in that format, which any other program can
read, too; the JSON twin is the same.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from fist.methods.cloning import BCPolicy, BCSettings
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.skills import SkillSettings, SkillVAE
from fist.stage.files import write_bytes, write_json, write_tensors

MODELS: dict[str, tuple[type, type]] = {
    "SkillVAE": (SkillVAE, SkillSettings),
    "Distance": (Distance, DistanceSettings),
    "BCPolicy": (BCPolicy, BCSettings),
}
"""Name in the JSON file: (class of the model, class of its settings)."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message names the file and what is wrong with it."""


def save_model(path: str | Path, model: nn.Module, provenance: dict[str, Any]) -> None:
    """Write `path` (weights) and its JSON twin (class, settings, sizes, where it came from).

    The weights are renamed into place last, so a checkpoint that is there is complete.
    """
    path = Path(path)
    description = {
        "model": type(model).__name__,
        "settings": asdict(model.settings),
        "sizes": {
            name: getattr(model, name)
            for name in ("state_dim", "action_dim")
            if hasattr(model, name)
        },
        "provenance": provenance,
    }
    write_json(path.with_suffix(".json"), description)
    weights = {name: value.cpu().clone() for name, value in model.state_dict().items()}
    if path.suffix == ".safetensors":
        write_bytes(path, save(weights))
    else:
        write_tensors(path, weights)


def describe(path: str | Path) -> dict[str, Any]:
    """Return the JSON twin of a checkpoint."""
    path = Path(path)
    twin = path.with_suffix(".json")
    for file in (path, twin):
        if not file.exists():
            raise FileNotFoundError(f"no checkpoint file {file}: its training stage makes it")
    try:
        description = json.loads(twin.read_text())
    except ValueError as error:
        raise CheckpointError(f"{twin}: not JSON ({error})") from error
    if not isinstance(description, dict):
        raise CheckpointError(f"{twin}: describes no model, it holds {description!r:.40}")
    return description


def load_model(path: str | Path, expected: type | None = None) -> nn.Module:
    """Rebuild a model from its checkpoint, in eval mode, on the CPU.

    Raises:
        FileNotFoundError: the weights or their JSON twin are missing.
        CheckpointError: the files are damaged, do not fit together, or hold another kind of model.
    """
    path = Path(path)
    description = describe(path)
    name = str(description.get("model"))
    if name not in MODELS or (expected is not None and MODELS[name][0] is not expected):
        wanted = expected.__name__ if expected else " or ".join(MODELS)
        raise CheckpointError(f"{path}: holds a {name!r}, expected {wanted}")
    cls, settings_cls = MODELS[name]
    try:
        settings = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in description["settings"].items()
        }
        model = cls(settings_cls(**settings), **description["sizes"])
        model.load_state_dict(read_weights(path))
    except Exception as error:
        raise CheckpointError(
            f"{path}: cannot be loaded ({error}); delete it to have it trained again"
        ) from error
    return model.eval()


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by their names, and nothing but tensors."""
    if path.suffix == ".safetensors":
        return load(path.read_bytes())
    return torch.load(path, map_location="cpu", weights_only=True)
