"""A checkpoint at a glance: what it is, how large its parts are, and what is odd about it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from fist.analysis.figures.style import panels, save_picture
from fist.training.checkpoint import load_model, read_twin
from fist.training.learning_curve import read_curve
from fist.training.reference_weights import load_reference

SHOWN = 40
"""Curves that are shown at most."""
LARGE = 100.0
"""Size of a weight beyond which it is odd."""


def inspect_model(path: Path, out: Path, trusted: Sequence[str] = ()) -> str:
    """Return a summary of a checkpoint, and draw its weights and its learning curve.

    Args:
        path: a checkpoint of ours, with its JSON twin, or one of the reference without.
        out: PNG file to write.
        trusted: modules or packages beside `fist` that its class may come from.

    Raises:
        FileNotFoundError, CheckpointError: the file cannot be used; says why.
    """
    ours = path.with_suffix(".json").exists()
    model = load_model(path, trusted=trusted) if ours else load_reference(path)
    file = path.with_suffix(".csv")
    curve = read_curve(file) if file.exists() else None
    parts = _parts(model)
    _draw(parts, curve, path.name, out)
    total = sum(len(values) for values in parts.values())
    said = [f"{type(model).__name__}{'' if ours else ' of the reference'}, {total} parameters"]
    sizes = {name: getattr(model, name) for name in ("state_dim", "action_dim")}
    said += [f"{name} {size}" for name, size in sizes.items() if size is not None]
    settings = json.dumps(asdict(model.settings))
    lines = [f"{path}: {', '.join(said)}", f"settings: {settings}"]
    if ours:
        lines.append(f"provenance: {json.dumps(read_twin(path).provenance)}")
    if curve is not None and len(curve):
        last = curve.iloc[-1].items()
        lines.append("curve, last row: " + ", ".join(f"{k} {v:.4g}" for k, v in last))
    lines += ["", "  part                         parameters   mean |w|    max |w|"]
    for name, values in parts.items():
        w = values.abs()
        lines.append(f"  {name:28s} {len(w):10d} {w.mean():10.4f} {w.max():10.4f}")
    return "\n".join([*lines, "", *(_anomalies(model) or ["nothing odd"])])


def _parts(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters by the first names of their paths: posterior, decoder, priors.goal."""
    parts: dict[str, list[torch.Tensor]] = {}
    for name, value in model.named_parameters():
        depth = 2 if name.startswith("priors.") else 1
        parts.setdefault(".".join(name.split(".")[:depth]), []).append(value.detach().flatten())
    return {name: torch.cat(values) for name, values in parts.items()}


def _anomalies(model: nn.Module) -> list[str]:
    """Return what a person should look at."""
    found = []
    for name, value in model.state_dict().items():
        value = value.float()
        if name.endswith("weight") and value.numel() > 1 and not value.any():
            found.append(f"odd: {name} is zero")
        elif name in dict(model.named_parameters()) and value.abs().max() > LARGE:
            found.append(f"odd: {name} holds a value of {value.abs().max():.3g}")
        elif name.endswith("running_var") and value.min() <= 0:
            found.append(f"odd: {name} holds {value.min():.3g}: units that never change")
    return found


def _draw(
    parts: dict[str, torch.Tensor], curve: pd.DataFrame | None, title: str, out: Path
) -> None:
    """Draw the weights of every part, and the learning curve where there is one."""
    figure, axes = panels(len(parts) + (curve is not None), columns=3, size=(2.6, 1.9))
    figure.suptitle(title)
    for axis, (name, values) in zip(axes, parts.items(), strict=False):
        axis.hist(values.numpy(), bins=80, color="0.4")
        axis.set_yscale("log")
        axis.set_title(name)
    if curve is not None:
        terms = curve.columns.difference(["step", "steps_per_s", "learning_rate"])
        for name in terms[:SHOWN]:
            axes[-1].plot(curve["step"], curve[name], label=name)
        axes[-1].set_title("learning curve")
        axes[-1].legend(fontsize=5)
    save_picture(figure, out)
