"""How far a recording is: a bar on a terminal, lines in a log file."""

import logging
import time
from typing import Self

from tqdm import tqdm

log = logging.getLogger(__name__)

INTERVAL = 10.0
"""Seconds between two lines of a log file."""


class Progress:
    """Count what is done. Elsewhere than on a terminal, lines go to the log of this module."""

    def __init__(self, name: str, total: int, unit: str, show: bool = True):
        """Begin with none of `total` done; `unit` is a noun. With `show` false, say nothing."""
        self._name, self._total, self._unit, self._done = name, total, unit, 0
        self._began = self._told = time.monotonic()
        self._bar = tqdm(total=total, desc=name, unit=unit, disable=None if show else True)
        self._lines = show and self._bar.disable

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def update(self) -> None:
        """Count one more."""
        self._done += 1
        self._bar.update()
        now = time.monotonic()
        if self._lines and (now - self._told >= INTERVAL or self._done == self._total):
            self._told = now
            done = f"{self._unit} {self._done}/{self._total}"
            speed = self._done / (now - self._began)
            left = (self._total - self._done) / speed
            log.info("%s: %s  %.1f %ss/s  %.0f s left", self._name, done, speed, self._unit, left)
