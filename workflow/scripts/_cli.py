"""What every script does around its one call of the library: options, log lines, errors."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any


def main(arguments: type, run: Callable[[Any], Any], description: str) -> None:
    """Read the options that a dataclass describes and run the script with them.

    What the user can put right (bad data, a bad setting, a missing file or package, a full disk,
    Ctrl-C) ends in one line on standard error. Anything else is a mistake of this program: its
    traceback is shown. The log's last line says what the script used.
    """
    script = Path(sys.argv[0]).name
    try:
        import tyro

        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
        )
        run(tyro.cli(arguments, description=description))
        used_s, used_mb = used()
        logging.info("used %.1f s of processor time and at most %.0f MB of memory", used_s, used_mb)
    except KeyboardInterrupt:
        print(f"{script}: interrupted", file=sys.stderr)
        sys.exit(130)
    except (OSError, ValueError, ArithmeticError, ImportError) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        sys.exit(f"{script}: error: {error} ({Path(place.filename).name}:{place.lineno})")


def _on_ctrl_c(number: int, frame: FrameType | None) -> None:
    """Interrupt what `main` runs. While something is imported, and before, end at once.

    An exception in the midst of PyTorch's import would abort the process.
    """
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        if frame.f_code is main.__code__:
            raise KeyboardInterrupt
        frame = frame.f_back
    os.write(2, f"{Path(sys.argv[0]).name}: interrupted\n".encode())
    os._exit(130)


# Scripts import this module before those that take seconds. What ignores Ctrl-C goes on doing so.
if Path(sys.argv[0]).resolve().parent == Path(__file__).resolve().parent:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_ctrl_c)


def used() -> tuple[float, float]:
    """Return the seconds of processor time and the most memory (MB) of this process and its own."""
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if sys.platform == "darwin" else 1024
    seconds = sum(part.ru_utime + part.ru_stime for part in parts)
    return seconds, max(part.ru_maxrss for part in parts) * unit / 1e6


def function(name: str) -> Callable[..., Any]:
    """Return the function that module:function names.

    Raises:
        ValueError: there is none.
    """
    module, _, attribute = name.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"no function {name!r} ({error}): expected module:function") from None
