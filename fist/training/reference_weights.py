"""Weights of the reference implementation, in and out, by the names of their tensors.

The reference saves a distance as a bare state dict, and a skill VAE or a cloned policy as the
`state_dict` of a larger dictionary (`weights_ep199.pth`); from several GPUs, every name begins with
"module.". Sizes are read off the shapes. It has one prior, which the number of its inputs tells
apart: a state (SPiRL) or a state and a goal (FIST). It has neither a normaliser nor feedback: ours
is folded into the first layers on the way out; feedback has no place there.
"""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from fist.methods.base import Model
from fist.methods.cloning import BCModel, BCSettings, GoalBCModel
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.skills import Prior, SkillSettings, SkillVAE
from fist.stage.files import read_bytes, reason, sha256
from fist.stage.settings import Count, NonNegative, settings
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

Env = Literal["kitchen", "maze", "antmaze"]
ENVIRONMENTS: dict[int, tuple[Env, float]] = {
    60: ("kitchen", 5e-4),
    4: ("maze", 1e-2),
    29: ("antmaze", 1e-2),
}
"""Environments of the release by the dimensions of their states, and the KL weights there."""


@settings
class Unseen:
    """What the weights of the reference do not tell."""

    env: Env | None = None
    """Environment, which decides the KL weight. By default, the one with states of that size."""
    kl_weight: NonNegative | None = None
    """Weight of the KL of skills, if not that of the environment: 5e-4, in the mazes 1e-2."""
    horizon: Count = 10
    """H: steps between a state and its goal, and actions in a skill."""
    mode: Literal["exact", "reachable"] = "exact"
    """Positives of a distance."""

    def weight(self, state_dim: int) -> float | None:
        """Return the KL weight of skills on states of that size; None where nothing tells it."""
        named = [weight for name, weight in ENVIRONMENTS.values() if name == self.env]
        known = named or [weight for size, (_, weight) in ENVIRONMENTS.items() if size == state_dim]
        return next(iter(known), None) if self.kl_weight is None else self.kl_weight


def load_reference(path: Path, unseen: Unseen | None = None) -> Model:
    """Load a checkpoint of the reference into our model of the same shape.

    Args:
        path: the checkpoint.
        unseen: what it does not tell.

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
        if all(name.startswith("module.") for name in weights):
            weights = {name.removeprefix("module."): value for name, value in weights.items()}
        parts = {name.partition(".")[0] for name in weights}
        make = _distance if "W" in parts else _cloned if "net" in parts else _skills
        with Bounded(weights):
            model: Model = make(path, weights, unseen or Unseen())
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


def import_reference(path: Path, out: Path, unseen: Unseen | None = None) -> Model:
    """Write a checkpoint of the reference as one of ours; see `load_reference`.

    Raises:
        CheckpointError: nothing tells the KL weight of skills.
    """
    unseen, model = unseen or Unseen(), load_reference(path, unseen)
    if isinstance(model, SkillVAE) and unseen.weight(model.state_dim) is None:
        raise CheckpointError(
            f"{path}: no environment of the release has states of {model.state_dim} dimensions: "
            "say the weight of the KL (--kl-weight), which weights do not tell"
        )
    save_model(out, model, {"reference": {"path": str(path), "sha256": sha256(path)}})
    return model


def export_reference(path: Path, out: Path, prior: Prior = "goal") -> None:
    """Write one of our checkpoints as the reference saves its own; it can go on from it.

    Args:
        path: checkpoint of skills, of a distance, of BC or of goal-conditioned BC.
        out: file to write.
        prior: which prior of a skill VAE becomes the reference's one.

    Raises:
        CheckpointError: the model has something that the reference has not.
    """
    model = load_model(path)
    if type(model) not in (SkillVAE, Distance, BCModel, GoalBCModel):
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
    if isinstance(model, SkillVAE):
        weights["log_sigma"] = torch.zeros(())
    trained = [name for name, _ in model.named_parameters() if name in names]
    group = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0}
    group["params"] = list(range(len(trained)))
    optimizer = {"state": {}, "param_groups": [group]}  # of one that has made no step
    content = {"epoch": 0, "global_step": 0, "state_dict": weights, "optimizer": optimizer}
    write_tensors(out, content)


def _cloned(path: Path, weights: Mapping[str, Tensor], unseen: Unseen) -> BCModel:
    """Make a cloned policy of the shape that weights have: of a state, or of two."""
    hidden, inputs = _shape(path, weights, "net.input.linear.weight")
    outputs, _ = _shape(path, weights, "net.head.linear.weight")
    sizes = {name: size for size, (name, _) in ENVIRONMENTS.items()}
    known = sizes.values() if unseen.env is None else [sizes[unseen.env]]
    fits = [(size, of) for size in known for of in (1, 2) if inputs == of * size]
    if not fits:
        raise CheckpointError(
            f"{path}: net.input.linear.weight takes {inputs} numbers, expected a state, or a state "
            f"and a goal, of {', '.join(map(str, known))} dimensions"
        )
    linear = re.compile(r"net\.pyramid-\d+\.linear\.weight")
    blocks = sum(linear.fullmatch(name) is not None for name in weights)
    shape = BCSettings(hidden=hidden, blocks=blocks, horizon=unseen.horizon)
    (state_dim, states), *_ = fits
    return (BCModel if states == 1 else GoalBCModel)(shape, state_dim, outputs // 2)


def _distance(path: Path, weights: Mapping[str, Tensor], unseen: Unseen) -> Distance:
    """Make a distance of the shape that weights have."""
    hidden, state_dim = _shape(path, weights, "encoder.linear1.weight")
    feature_dim, _ = _shape(path, weights, "encoder.linear3.weight")
    shape = DistanceSettings(
        hidden=hidden, feature_dim=feature_dim, horizon=unseen.horizon, mode=unseen.mode
    )
    return Distance(shape, state_dim)


def _skills(path: Path, weights: Mapping[str, Tensor], unseen: Unseen) -> SkillVAE:
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
    weight = unseen.weight(state_dim)
    shape = SkillSettings(
        horizon=unseen.horizon,
        kl_weight=SkillSettings.kl_weight if weight is None else weight,
        z_dim=twice_z // 2,
        hidden=hidden,
        readout=readout,
        decoder_blocks=blocks["decoder"],
        prior_blocks=blocks["p.0"],
        priors=priors,
    )
    return SkillVAE(shape, state_dim, action_dim)


def _names(model: Model, prior: str = r"\w+") -> dict[str, str]:
    """Return the reference's name of every tensor of ours that has one."""
    names = {}
    for ours in model.state_dict():
        theirs = re.sub(rf"^priors\.{prior}\.", "p.0.", ours)
        for pattern, replacement in NAMES.items():
            theirs = re.sub(pattern, replacement, theirs)
        if theirs.startswith(("W", "encoder.", "q.", "p.0.", "decoder.", "net.")):
            names[ours] = theirs
    return names


def _shape(path: Path, weights: Mapping[str, Tensor], name: str) -> tuple[int, int]:
    """Return the shape of a weight, from which sizes are read."""
    if name not in weights or weights[name].ndim != 2:
        raise CheckpointError(
            f"{path}: no skills, policy or distance of the reference: no weight {name}; it has "
            f"{_list(sorted(weights))}"
        )
    rows, columns = weights[name].shape
    return rows, columns


def _list(names: list[str]) -> str:
    shown = ", ".join(name[:120] for name in names[:12]) or "nothing"
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


@torch.no_grad()
def _fold_normaliser(model: Any) -> None:
    """Move the shift and scale of the states into the layers that see them first."""
    normaliser, n = model.normaliser, model.state_dim
    places: list[tuple[Any, Any]] = []  # a layer, and its first column of the state
    if isinstance(model, Distance):
        places.append((model.encoder[0], 0))
    elif isinstance(model, BCModel):
        places += [(model.net.input, start) for start in ((0, n) if model.sees_goal else (0,))]
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
