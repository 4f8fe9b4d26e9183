"""Resume states: what a stage that was stopped needs to go on.

A state is never an output: it is written now and then and at the end, and it is not deleted. It
has a key, the fingerprint of everything that decides the result; one with another key is not used,
and a damaged one is set aside.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from fist.files import fingerprint, sha256, write_tensors

log = logging.getLogger(__name__)


def save_state(path: Path | None, key: str, state: dict[str, Any]) -> None:
    """Write a state, whole or not at all; without a path, do nothing.

    Args:
        path: the file.
        key: fingerprint of everything that decides the result.
        state: tensors, numbers, texts, and lists and dictionaries of them.
    """
    if path is not None:
        write_tensors(path, {"key": key, **state})


def load_state(path: Path | None, key: str) -> dict[str, Any] | None:
    """Return the state that belongs to `key`; None, and a word in the log, where there is none."""
    if path is None or not path.exists():
        return None
    try:
        _check_intact(path)
        state = torch.load(path, weights_only=True, map_location="cpu")
        found = state["key"]
    except Exception as error:
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        log.warning("%s is damaged (%s): set aside as %s, starting anew", path, error, aside)
        return None
    if found != key:
        log.warning("%s is of other settings, data or code: starting anew", path)
        return None
    return state


def code_version(files: Iterable[str | Path]) -> str:
    """Return a fingerprint of source files, wherever they are."""
    return fingerprint(sorted(sha256(file) for file in files))


def _check_intact(path: Path) -> None:
    """Raise ValueError where a part of a saved file is not what was written.

    `torch.load` takes the bytes of a tensor as they are, whatever their checksum says.
    """
    with zipfile.ZipFile(path) as archive:
        if (part := archive.testzip()) is not None:
            raise ValueError(f"wrong checksum of {part}")
