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
    options: Callable[..., Any],
    run: Callable[[Any], Any] = lambda result: result,
    description: str | None = None,
    class_named: Callable[[str], type] | None = None,
) -> Any:
    """Call a function with the options of the command line and return what it returns.

    The options are its parameters, described under Args in its docstring. Or they are the fields of
    a dataclass, which `run` is called with; `description` is then the script's. With `class_named`
    they depend on the class that the first word or --method names: `options(class)` is the function.
    A word @FILE stands for the lines of a file.

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
        if class_named is not None:
            options = options(class_named(_class_name()))
        result = run(
            tyro.cli(options, description=description, args=_words(), registry=environments())
        )
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


def _words() -> list[str]:
    """Return the words of the command line; of @FILE, the lines that are not empty."""
    words = []
    for word in sys.argv[1:]:
        lines = Path(word[1:]).read_text().split("\n") if word.startswith("@") else [word]
        words += filter(None, lines) if word.startswith("@") else lines
    return words


def _class_name() -> str:
    """Return the name of the class that the options depend on; none where there is none."""
    words = sys.argv[1:]
    first = words[:1] + [words[i + 1] for i, word in enumerate(words[:-1]) if word == "--method"]
    named = [*first, *(word.removeprefix("--method=") for word in words if "--method=" in word)]
    return next((name for name in named if ":" in name and not name.startswith("-")), "")


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
