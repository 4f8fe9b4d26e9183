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
from types import FrameType, TracebackType
from typing import Any

interrupted = False
"""Whether Ctrl-C was pressed. It may come while a module is imported, and surface as any error."""


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: an exception in the midst of PyTorch's import would abort the process."""
    os.write(2, f"{Path(sys.argv[0]).name}: interrupted\n".encode())
    os._exit(130)


def _note_interruption(number: int, frame: FrameType | None) -> None:
    global interrupted
    interrupted = True
    signal.default_int_handler(number, frame)


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if interrupted:
        print(f"{Path(sys.argv[0]).name}: interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


# Scripts import this module before those that take seconds.
if Path(sys.argv[0]).resolve().parent == Path(__file__).resolve().parent:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    sys.excepthook = _tell


def main(
    options: Callable[..., Any],
    run: Callable[[Any], Any] = lambda result: result,
    description: str | None = None,
) -> Any:
    """Call a function with the options of the command line and return what it returns.

    The options are its parameters, described under Args in its docstring. Or they are the fields of
    a dataclass, which `run` is called with; `description` is then the script's.

    What the user can put right (bad data, a bad setting, a missing file or package, a full disk,
    Ctrl-C) ends in one line on standard error. Anything else is a mistake of this program: its
    traceback is shown. The log's last line says what the script used.
    """
    import tyro

    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, _note_interruption)
    script = Path(sys.argv[0]).name
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    try:
        result = run(tyro.cli(options, description=description))
    except KeyboardInterrupt:
        print(f"{script}: interrupted", file=sys.stderr)
        sys.exit(130)
    except (OSError, ValueError, ArithmeticError, ImportError) as error:
        if interrupted:
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        sys.exit(f"{script}: error: {error} ({Path(place.filename).name}:{place.lineno})")
    used_s, used_mb = used()
    logging.info("used %.1f s of processor time and at most %.0f MB of memory", used_s, used_mb)
    return result


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
