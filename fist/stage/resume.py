"""Resume files: what a stage that was stopped needs to go on.

A resume file is never an output: it is written now and then and at the end, and not deleted. It has
a key, the fingerprint of everything that decides the result; one with another key is not used, and
a damaged one is set aside.
"""

import logging
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from fist.stage.files import write_tensors

log = logging.getLogger(__name__)


def write_resume(path: Path | None, key: str, content: dict[str, Any]) -> None:
    """Write tensors, numbers, texts, and lists and dictionaries of them; nothing without a path."""
    if path is not None:
        write_tensors(path, {"key": key, **content})


def read_resume(path: Path | None, key: str) -> dict[str, Any] | None:
    """Return what was written for `key`; None, and a word in the log, where there is nothing."""
    if path is None or not path.exists():
        return None
    import torch

    try:
        with zipfile.ZipFile(path) as archive:  # PyTorch takes bytes whatever their checksums say
            if (part := archive.testzip()) is not None:
                raise ValueError(f"wrong checksum of {part}")
        content = torch.load(path, weights_only=True, map_location="cpu")
        found = content["key"]
    except Exception as error:
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        log.warning("%s is damaged (%s): set aside as %s, starting anew", path, error, aside)
        return None
    if found != key:
        log.warning("%s is of other settings, data or code: starting anew", path)
        return None
    return content


class Finished(dict[int, dict[str, Any]]):
    """Parts of a stage that are made one by one: by number, dictionaries of arrays and numbers.

    It begins with those that a stopped run had made; what is added is saved now and then.
    """

    def __init__(self, path: Path | None, key: str, save_every: float = 30.0):
        """Read the resume file at `path`, if it belongs to `key`; save every so many seconds."""
        self._path, self._key, self._save_every = path, key, save_every
        self._saved = time.monotonic()
        for n, part in (read_resume(path, key) or {"parts": {}})["parts"].items():
            kept = {k: v.numpy() if hasattr(v, "numpy") else v for k, v in part.items()}
            super().__setitem__(n, kept)
        if self:
            log.info("resuming at part %d", len(self))

    def __setitem__(self, number: int, part: dict[str, Any]) -> None:
        super().__setitem__(number, part)
        if self._path is None or time.monotonic() - self._saved < self._save_every:
            return
        from torch import from_numpy

        parts = {
            n: {k: from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in part.items()}
            for n, part in self.items()
        }
        write_resume(self._path, self._key, {"parts": parts})
        self._saved = time.monotonic()
