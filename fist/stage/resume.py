"""Resume states: what a stage that was stopped needs to go on.

A state is never an output: it is written now and then and at the end, and it is not deleted. It
has a key, the fingerprint of everything that decides the result; one with another key is not used,
and a damaged one is set aside.
"""

from __future__ import annotations

import logging
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from fist.stage.files import write_tensors
from fist.stage.interrupt import import_torch

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
        state = import_torch().load(path, weights_only=True, map_location="cpu")
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


class Finished(dict[int, dict[str, Any]]):
    """Parts of a stage that are made one by one: by number, dictionaries of arrays and numbers.

    It begins with those that a stopped run had made; what is added is saved now and then.
    """

    def __init__(self, path: Path | None, key: str, save_every: float = 30.0):
        """Read the state at `path`, if it belongs to `key`; save every so many seconds."""
        self._path, self._key, self._save_every = path, key, save_every
        self._saved = time.monotonic()
        state = load_state(path, key) or {"parts": {}}
        super().__init__(
            (number, {name: _as_array(value) for name, value in part.items()})
            for number, part in state["parts"].items()
        )
        if self:
            log.info("resuming at part %d", len(self))

    def __setitem__(self, number: int, part: dict[str, Any]) -> None:
        super().__setitem__(number, part)
        if self._path is None or time.monotonic() - self._saved < self._save_every:
            return
        parts = {
            number: {name: _as_tensor(value) for name, value in part.items()}
            for number, part in self.items()
        }
        save_state(self._path, self._key, {"parts": parts})
        self._saved = time.monotonic()


def _check_intact(path: Path) -> None:
    """Raise ValueError where a part of a saved file is not what was written.

    `torch.load` takes the bytes of a tensor as they are, whatever their checksum says.
    """
    with zipfile.ZipFile(path) as archive:
        if (part := archive.testzip()) is not None:
            raise ValueError(f"wrong checksum of {part}")


def _as_array(value: Any) -> Any:
    """Return a tensor as an array, anything else as it is."""
    return value.numpy() if hasattr(value, "numpy") else value


def _as_tensor(value: Any) -> Any:
    """Return an array as a tensor, anything else as it is."""
    return import_torch().from_numpy(value) if isinstance(value, np.ndarray) else value
