"""Weights of the reference implementation, in and out, by the names of their tensors.

The reference saves a distance as a bare state dict, and a skill VAE as the `state_dict` of a larger
dictionary (`weights_ep199.pth`). Sizes are read off the shapes. It has one prior, which the number
of its inputs tells apart: a state (SPiRL) or a state and a goal (FIST). It has neither a normaliser
nor feedback: ours is folded into the first layers on the way out; feedback has no place there.
"""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fist.methods.base import Model
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.skills import Prior, SkillSettings, SkillVAE
from fist.stage.files import read_bytes, reason, sha256
from fist.stage.tensors import unpack, write_tensors
from fist.training.building import Bounded
from fist.training.checkpoint import CheckpointError, by_name, check_finite, load_model, save_model

NAMES = {
    r"^encoder\.0\.": "encoder.linear1.",
    r"^encoder\.2\.": "encoder.linear2.",
    r"^encoder\.4\.": "encoder.linear3.",
    r"^posterior\.embed\.": "q.0.cell.embed.",
    r"^posterior\.lstm\.": "q.0.cell.lstm.0.",
    r"^posterior\.output\.": "q.0.cell.output.",
    r"^posterior\.readout\.": "q.1.",
    r"\.(input|head)\.": r".\1.linear.",
    r"\.blocks\.(\d+)\.": r".pyramid-\1.linear.",
    r"\.norms\.(\d+)\.": r".pyramid-\1.norm.",
}
"""Parts of tensors' names: ours, the reference's."""
UNUSED = {"log_sigma"}
"""A number in the reference's files that its loss does not use: the decoder's variance is 1."""


def load_reference(path: Path) -> Model:
    """Load a checkpoint of the reference into our model of the same shape.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: it is no such checkpoint, or tensors are missing, unexpected or misshapen;
            the message lists them.
    """
    if not path.exists():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        content = unpack(read_bytes(path))
        is_wrapped = isinstance(content, Mapping) and "state_dict" in content
        weights = by_name(content["state_dict"] if is_wrapped else content)
        with Bounded(weights):
            model: Model = (_distance if "W" in weights else _skills)(path, weights)
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(f"{path}: no checkpoint of tensors ({reason(error)})") from None
    names = _names(model)
    expected = {names[name]: value for name, value in model.state_dict().items() if name in names}
    missing = sorted(set(expected) - set(weights))
    unexpected = sorted(set(weights) - set(expected) - UNUSED)
    shapes = [
        f"{name} {tuple(weights[name].shape)} instead of {tuple(value.shape)}"
        for name, value in expected.items()
        if name in weights and weights[name].shape != value.shape
    ]
    if missing or unexpected or shapes:
        raise CheckpointError(
            f"{path}: does not fit {type(model).__name__}: missing {_list(missing)}; unexpected "
            f"{_list(unexpected)}; misshapen {_list(shapes)}"
        )
    ours = {ours: weights[theirs] for ours, theirs in names.items()}
    model.load_state_dict(ours, strict=False)  # what has no name there stays as it was made
    try:
        check_finite(model)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return model.eval()


def import_reference(path: Path, out: Path) -> Model:
    """Write a checkpoint of the reference as one of ours; see `load_reference`."""
    model = load_reference(path)
    save_model(out, model, {"reference": {"path": str(path), "sha256": sha256(path)}})
    return model


def export_reference(path: Path, out: Path, prior: Prior = "goal") -> None:
    """Write one of our checkpoints as the reference saves its own.

    Args:
        path: checkpoint of skills or of a distance.
        out: file to write.
        prior: which prior of a skill VAE becomes the reference's one.

    Raises:
        CheckpointError: the model has something that the reference has not.
    """
    model = load_model(path)
    if not isinstance(model, (SkillVAE, Distance)):
        raise CheckpointError(f"{path}: a {type(model).__name__} has no counterpart there")
    if isinstance(model, SkillVAE):
        foreign = {
            "feedback: 0": (model.settings.feedback != 0, "its decoder has feedback"),
            "phase: false": (model.settings.phase, "its decoder is told the phase of the skill"),
            "encoder: lstm": (model.settings.encoder != "lstm", "its encoder is no LSTM"),
        }
        for setting, (found, what) in foreign.items():
            if found:
                raise CheckpointError(
                    f"{path}: {what}, for which the reference's has no place: train with "
                    f"models.skills.model.{setting}"
                )
    if isinstance(model, SkillVAE) and prior not in model.priors:
        raise CheckpointError(f"{path}: has no {prior!r} prior, only {', '.join(model.priors)}")
    _fold_normaliser(model)
    names = _names(model, prior)
    weights = {names[name]: value for name, value in model.state_dict().items() if name in names}
    if isinstance(model, Distance):
        write_tensors(out, weights)
        return
    weights["log_sigma"] = torch.zeros(())
    write_tensors(out, {"epoch": 0, "global_step": 0, "state_dict": weights, "optimizer": {}})


def _distance(path: Path, weights: Mapping[str, Tensor]) -> Distance:
    """Make a distance of the shape that weights have."""
    hidden, state_dim = _shape(path, weights, "encoder.linear1.weight")
    feature_dim, _ = _shape(path, weights, "encoder.linear3.weight")
    return Distance(DistanceSettings(hidden=hidden, feature_dim=feature_dim), state_dim)


def _skills(path: Path, weights: Mapping[str, Tensor]) -> SkillVAE:
    """Make a skill VAE of the shape that weights have."""
    twice_z, readout = _shape(path, weights, "q.1.weight")
    hidden, inputs = _shape(path, weights, "decoder.input.linear.weight")
    action_dim, _ = _shape(path, weights, "decoder.head.linear.weight")
    state_dim = inputs - twice_z // 2
    _, condition = _shape(path, weights, "p.0.input.linear.weight")
    if state_dim < 1 or condition not in (state_dim, 2 * state_dim):
        raise CheckpointError(
            f"{path}: p.0.input.linear.weight takes {condition} numbers, expected a state "
            f"({state_dim}) or a state and a goal ({2 * state_dim})"
        )
    linear = re.compile(r"(decoder|p\.0)\.pyramid-\d+\.linear\.weight")
    blocks = Counter(found[1] for name in weights if (found := linear.fullmatch(name)))
    priors: tuple[Prior] = ("state",) if condition == state_dim else ("goal",)
    settings = SkillSettings(
        z_dim=twice_z // 2,
        hidden=hidden,
        readout=readout,
        decoder_blocks=blocks["decoder"],
        prior_blocks=blocks["p.0"],
        priors=priors,
    )
    return SkillVAE(settings, state_dim, action_dim)


def _names(model: Model, prior: str = r"\w+") -> dict[str, str]:
    """Return the reference's name of every tensor of ours that has one."""
    names = {}
    for ours in model.state_dict():
        theirs = re.sub(rf"^priors\.{prior}\.", "p.0.", ours)
        for pattern, replacement in NAMES.items():
            theirs = re.sub(pattern, replacement, theirs)
        if theirs.startswith(("W", "encoder.", "q.", "p.0.", "decoder.")):
            names[ours] = theirs
    return names


def _shape(path: Path, weights: Mapping[str, Tensor], name: str) -> tuple[int, int]:
    """Return the shape of a weight, from which sizes are read."""
    if name not in weights or weights[name].ndim != 2:
        raise CheckpointError(
            f"{path}: neither skills nor a distance of the reference: no weight {name}; it has "
            f"{_list(sorted(weights))}"
        )
    rows, columns = weights[name].shape
    return rows, columns


def _list(names: list[str]) -> str:
    shown = ", ".join(name[:120] for name in names[:12]) or "nothing"
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


@torch.no_grad()
def _fold_normaliser(model: SkillVAE | Distance) -> None:
    """Move the shift and scale of the states into the layers that see them first."""
    normaliser, n = model.normaliser, model.state_dim
    places: list[tuple[Any, Any]] = []  # a layer, and its first column of the state
    if isinstance(model, Distance):
        places.append((model.encoder[0], 0))
    else:
        places += [(model.posterior.embed, model.action_dim), (model.decoder.input, 0)]
        for name, prior in model.priors.items():
            places += [(prior.input, start) for start in ((0, n) if name == "goal" else (0,))]
    for layer, start in places:
        columns = layer.weight[:, start : start + n]
        columns *= normaliser.scale
        layer.bias -= columns @ normaliser.shift
    normaliser.shift.zero_()
    normaliser.scale.fill_(1)
