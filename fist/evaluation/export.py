"""A cell of a table in one folder: everything that its test episodes need.

    cell.json               what acts, where, and how; SHA-256 of every other file
    model.safetensors       skills or cloned policy, with its settings in model.json
    distance.safetensors    the look-up's distance, with its settings in distance.json
    demos.hdf5              the demonstrations that are looked up in

A method that does without one of them has no such file. `cell.json` is written last: a folder that
has one is whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fist.data.episodes import load_episodes, save_episodes
from fist.evaluation.episode_results import EpisodeRow, Labels
from fist.evaluation.evaluate import Method, evaluate
from fist.evaluation.rollout import RolloutSettings
from fist.stage.files import sha256, write_json
from fist.training.checkpoint import CheckpointError, describe, load_model, save_model

FORMAT = 1
"""Number of this layout of the folder."""
CELL = "cell.json"


@dataclass(frozen=True)
class Cell:
    """What is tested, where, and on which episodes."""

    labels: Labels
    env_id: str
    env_kwargs: Mapping[str, Any]
    method: Method
    rollout: RolloutSettings


def save_cell(folder: Path, cell: Cell) -> None:
    """Copy the files of a cell into a folder, the models in the safetensors format.

    Raises:
        FileNotFoundError, CheckpointError, DataError: a file is missing or damaged.
    """
    method, written = cell.method, {}
    for name in ("model", "distance"):
        if (source := getattr(method, name)) is not None:
            written[name] = folder / f"{name}.safetensors"
            save_model(written[name], load_model(source), describe(source).get("provenance", {}))
    if method.demos is not None:
        written["demos"] = folder / "demos.hdf5"
        save_episodes(written["demos"], load_episodes(method.demos))
    twins = [path.with_suffix(".json") for name, path in written.items() if name != "demos"]
    files = {path.name: sha256(path) for path in [*written.values(), *twins]}
    settings = {
        name: path.name if (path := written.get(name)) else value
        for name, value in asdict(method).items()
    }
    description = {
        "format": FORMAT,
        "labels": asdict(cell.labels),
        "env_id": cell.env_id,
        "env_kwargs": dict(cell.env_kwargs),
        "method": settings,
        "rollout": asdict(cell.rollout),
        "files": files,
    }
    write_json(folder / CELL, description)


def load_cell(folder: Path) -> Cell:
    """Read a cell and check its files.

    Raises:
        FileNotFoundError: the folder or one of its files is missing.
        CheckpointError: a file is not what `cell.json` says, or that is damaged.
    """
    path = folder / CELL
    if not path.exists():
        raise FileNotFoundError(f"no {CELL} in {folder}: not the folder of a cell, or half of one")
    try:
        description = json.loads(path.read_text())
        if description["format"] != FORMAT:
            raise CheckpointError(f"{path}: format {description['format']}, expected {FORMAT}")
        for name, digest in description["files"].items():
            if Path(name).name != name:
                raise CheckpointError(f"{path}: {name!r} is no file of the folder")
            if not (folder / name).exists():
                raise FileNotFoundError(f"{folder / name} is missing, {path} lists it")
            if sha256(folder / name) != digest:
                raise CheckpointError(f"{folder / name} is not the file that {path} lists")
        method = description["method"]
        for name in ("model", "distance", "demos"):
            if method[name] is not None and method[name] not in description["files"]:
                raise CheckpointError(f"{path}: {name} {method[name]!r} is no file of the folder")
            method[name] = None if method[name] is None else folder / method[name]
        return Cell(
            Labels(**description["labels"]),
            description["env_id"],
            description["env_kwargs"],
            Method(**method),
            RolloutSettings(**description["rollout"]),
        )
    except CheckpointError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: does not describe a cell ({error})") from error


def evaluate_cell(folder: Path, out: Path, episodes: int = 0) -> list[EpisodeRow]:
    """Test the cell of a folder and write its episodes.csv.

    Args:
        folder: as `save_cell` wrote it; nothing else is read.
        out: the episodes.csv to write.
        episodes: how many; 0 for as many as in the table.

    Raises:
        FileNotFoundError, CheckpointError: as for `load_cell`.
    """
    cell = load_cell(folder)
    settings = replace(cell.rollout, episodes=episodes) if episodes else cell.rollout
    return evaluate(out, cell.env_id, cell.env_kwargs, cell.method, settings, cell.labels)
