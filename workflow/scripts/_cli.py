"""What every script does around its one call of the library: options, log lines, errors."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
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
    arguments: Callable[..., Any], run: Callable[[Any], Any] | None = None, description: str = ""
) -> None:
    """Read the options that a dataclass describes and run the script with them.

    Without `run`, `arguments` is the function itself: its signature and docstring are the options.

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
        given = tyro.cli(arguments, description=description, registry=environments())
        if run is not None:
            run(given)
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


def environments() -> Any:
    """Let an argument of type gymnasium.Env be given as two words, an id and JSON."""
    from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec

    def make(words: list[str]) -> Any:
        import gymnasium

        return gymnasium.make(words[0], **json.loads(words[1]))

    def rule(info: Any) -> PrimitiveConstructorSpec | None:
        if getattr(info.type, "__module__", None) != "gymnasium.core":
            return None
        return PrimitiveConstructorSpec(
            nargs=2,
            metavar="ID ARGUMENTS",
            instance_from_str=make,
            is_instance=lambda value: hasattr(value, "step"),
            str_from_instance=lambda env: [env.spec.id, "{}"],
        )

    registry = ConstructorRegistry()
    registry.primitive_rule(rule)
    return registry


def used() -> tuple[float, float]:
    """Return the seconds of processor time and the most memory (MB) of this process and its own."""
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if sys.platform == "darwin" else 1024
    seconds = sum(part.ru_utime + part.ru_stime for part in parts)
    return seconds, max(part.ru_maxrss for part in parts) * unit / 1e6
