"""The values of a configuration, and how they become command-line options and names."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml


def typed(value: Any) -> Any:
    """Read the scalars of a --config argument as YAML does; Snakemake leaves them as text."""
    if isinstance(value, str) and value:
        return _scalar(value)
    if isinstance(value, Mapping):
        return {key: typed(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [typed(entry) for entry in value]
    return value


def _scalar(text: str) -> Any:
    """Return what YAML reads, and the text itself where that is no scalar ("a: b", "*x")."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return text if isinstance(value, (list, dict)) else value


def flags(prefix: str, settings: Mapping[str, Any]) -> str:
    """Write settings as tyro's options: {"z_dim": 10} under "model" becomes --model.z-dim 10."""
    words: list[str] = []
    for key, value in settings.items():
        option = key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{prefix}.{option}" if value else f"--{prefix}.no-{option}")
        else:
            values = value if isinstance(value, list) else [value]
            words += [f"--{prefix}.{option}", *map(str, values)]
    return shlex.join(words)


def settings(config: Mapping[str, Any], env: str, section: str, part: str = "") -> dict[str, Any]:
    """Return a section of settings (or a part of one), with the environment's own on top."""
    layers = [config[section], config["environments"][env].get(section, {})]
    if part:
        layers = [layer.get(part, {}) for layer in layers]
    return layers[0] | layers[1]


def split_name(held_out: Sequence[str]) -> str:
    """Name the play data without some objects: mixed, no_kettle, no_kettle-microwave."""
    return "no_" + "-".join(held_out) if held_out else "mixed"


def listed_files(data: Mapping[str, Any]) -> list[str]:
    """Return the files of a data set, whether they are listed, by split or by sequence."""
    files = data.get("files", [])
    entries = files.values() if isinstance(files, Mapping) else files
    return [name for entry in entries for name in ([entry] if isinstance(entry, str) else entry)]


def dotted(path: Sequence[Any]) -> str:
    """Return a path of keys as it is written in messages."""
    return ".".join(map(str, path))
