"""Stopping on request, between two steps."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupted(SystemExit):
    """Work was stopped by a signal after its resume file was written; exits with 128 + signal."""


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT in a list, so that a step is never cut in two."""
    received: list[int] = []
    previous = {}
    if threading.current_thread() is threading.main_thread():  # elsewhere there are no signals
        for number in (signal.SIGTERM, signal.SIGINT):
            previous[number] = signal.signal(number, lambda n, _: received.append(n))
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
