"""Resume files: what a stage that was stopped needs to go on.

A resume file is never an output: it is written now and then and at the end, and not deleted. It has
a key, the fingerprint of everything that decides the result; one with another key is not used, a
damaged one is set aside, and one that has the key but not the content is refused.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fist.stage.files import read_bytes, reason

log = logging.getLogger(__name__)


def write_resume(path: Path | None, key: str, content: dict[str, Any]) -> None:
    """Write tensors, numbers, texts, and lists and dictionaries of them; nothing without a path."""
    if path is not None:
        from fist.stage.tensors import write_tensors  # takes seconds to import

        write_tensors(path, {"key": key, **content})


def read_resume(path: Path | None, key: str) -> dict[str, Any] | None:
    """Return what was written for `key`; None, and a word in the log, where there is nothing."""
    if path is None or not path.exists():
        return None
    from fist.stage.tensors import unpack

    try:
        content = unpack(read_bytes(path))
        found = content["key"]
    except Exception as error:
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        said = reason(error)
        log.warning("%s is damaged (%s): set aside as %s, starting anew", path, said, aside)
        return None
    if found != key:
        log.warning("%s is of other settings, data or code: starting anew", path)
        return None
    return content


@contextmanager
def taking(path: Path | None) -> Iterator[None]:
    """While what was read from a resume file is put to use: ValueError where it is not all there.

    Its key says that it is of this run, and its checksums that it is whole: somebody has made it.
    """
    try:
        yield
    except Exception as error:
        said = reason(error)
        raise ValueError(f"{path} is not what such a run leaves ({said}): delete it") from None


class Finished(dict[int, dict[str, Any]]):
    """Parts of a stage that are made one by one: by number, dictionaries of arrays and numbers.

    It begins with those that a stopped run had made; what is added is saved now and then.
    """

    def __init__(self, path: Path | None, key: str, save_every: float = 30.0):
        """Read the resume file at `path`, if it belongs to `key`; save every so many seconds."""
        self._path, self._key, self._save_every = path, key, save_every
        self._saved = time.monotonic()
        saved = read_resume(path, key) or {"parts": {}}
        with taking(path):
            for n, part in saved["parts"].items():
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
