"""How far work is, and how long it will take: a bar on a terminal, lines in a log file."""

import logging
import time

from tqdm import tqdm

log = logging.getLogger(__name__)

INTERVAL = 10.0
"""Seconds between two lines of a log file."""


class Progress:
    """Count what is done. Elsewhere than on a terminal, lines go to the log of this module."""

    def __init__(self, total: int, start: int, unit: str):
        """Begin, or go on, with `start` of `total` done; `unit` is a noun, as in "step"."""
        self._total, self._start, self._unit, self._done = total, start, unit, start
        self._began = self._told = time.monotonic()
        self._bar = tqdm(total=total, initial=start, disable=None, unit=unit)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    @property
    def speed(self) -> float:
        """Units per second since the beginning."""
        return (self._done - self._start) / (time.monotonic() - self._began)

    def advance(self) -> None:
        """Count one more unit."""
        self._done += 1
        self._bar.update()

    def update(self, text: str) -> None:
        """Count one more unit and, where it is time, tell how far the work is."""
        self.advance()
        due = time.monotonic() - self._told >= INTERVAL
        if due or self._done == self._total or not self._bar.disable:
            self.tell(text)

    def tell(self, text: str) -> None:
        """Tell how far the work is, and `text`."""
        if not self._bar.disable:
            self._bar.set_postfix_str(text)
            return
        self._told = time.monotonic()
        done, speed = f"{self._unit} {self._done}/{self._total}", self.speed
        left = (self._total - self._done) / speed
        rate = f"{speed:.1f}" if speed >= 1 else f"{speed:.2g}"
        log.info("%s  %s %ss/s  %.0f s left  %s", done, rate, self._unit, left, text)
