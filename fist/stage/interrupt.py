"""Stopping on request, between two steps."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupted(SystemExit):
    """Work was stopped by a signal after its resume file was written; exits with 128 + signal."""


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT in a list, so that a step is never cut in two."""
    received: list[int] = []
    previous = {}
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            previous[number] = signal.signal(number, lambda n, _: received.append(n))
    except ValueError:  # not in the main thread: whoever runs us keeps their handlers
        pass
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
