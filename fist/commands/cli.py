"""What a command does around its one call of the library: options, log lines, errors.

Only what is quick to import is imported here: who stops a command while PyTorch is being imported
is heard at once (`listen`).
"""

import logging
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from fist.stage import functions
from fist.stage.files import plain

LONGEST = 5_000
"""Characters of an error that are shown."""


def main(
    function: Callable[..., Any] | str,
    description: str | None = None,
    base: type | None = None,
    named: Callable[[str, type], type] | None = None,
    level: int = logging.INFO,
) -> Any:
    """Call a function, or that which module:function names, with the options of the command line.

    The options are its parameters, described under Args in its docstring. With `base`, they depend
    on a class that is derived from it, and that the first word or --method names: `function(class)`
    is the function, `named` finds the class. A word @FILE stands for the lines of a file. Lines of
    the log are shown from `level` on; what the function returns is returned.

    What the user can put right (bad data, a bad setting, a missing file or package, a full disk,
    Ctrl-C) ends in one line on standard error. Anything else is a mistake of this program: its
    traceback is shown. The log's last line says what the script used.
    """
    with ending():
        import tyro

        shown = logging.StreamHandler()
        shown.setFormatter(_Lines("%(asctime)s %(message)s", "%H:%M:%S"))
        logging.basicConfig(level=level, handlers=[shown])
        called: Any = functions.function(function) if isinstance(function, str) else function
        if base is not None and named is not None:
            name = _class_name()
            called = called(named(name, base) if name else base)
        result = tyro.cli(called, description=description, args=_words(), registry=environments())
        used_s, used_mb = used()
        logging.info("used %.1f s of processor time and at most %.0f MB of memory", used_s, used_mb)
        return result


class _Lines(logging.Formatter):
    """Log lines: what they quote of a file does nothing to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return plain(super().format(record))


@contextmanager
def ending() -> Iterator[None]:
    """End the command as `main` does, whatever happens in the block."""
    script = Path(sys.argv[0]).name
    try:
        try:
            yield
        finally:
            _flush()
    except KeyboardInterrupt:
        print(f"{script}: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # whoever read what is printed has seen enough
        sys.exit(141)
    except Exception as error:
        theirs = type(error).__module__ == "gymnasium.error"  # not registered
        if not (theirs or isinstance(error, OSError | ValueError | ArithmeticError | ImportError)):
            sys.exit(plain(traceback.format_exc().rstrip()))
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = plain(str(error)[:LONGEST])
        sys.exit(f"{script}: error: {said} ({Path(place.filename).name}:{place.lineno})")


def _flush() -> None:
    """Hand on what is printed, in a pipe not before; what cannot be is not tried again at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


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


def listen() -> None:
    """From now on until `main` runs, end at once on Ctrl-C; who ignores Ctrl-C goes on doing so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_ctrl_c)


def _words() -> list[str]:
    """Return the words of the command line; of @FILE, the lines that are not empty."""
    words: list[str] = []
    for word in sys.argv[1:]:
        file = Path(word[1:]) if word.startswith("@") else None
        words += [word] if file is None else filter(None, file.read_text().split("\n"))
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

    registry = ConstructorRegistry()

    @registry.primitive_rule
    def made(info: Any) -> PrimitiveConstructorSpec | None:
        if getattr(info.type, "__module__", None) != "gymnasium.core":
            return None
        import gymnasium

        from fist.stage.files import parse_json

        return PrimitiveConstructorSpec(
            nargs=2,
            metavar="ID ARGUMENTS",
            instance_from_str=lambda words: gymnasium.make(
                words[0], **parse_json(words[1], words[0])
            ),
            is_instance=lambda value: isinstance(value, gymnasium.Env),
            str_from_instance=lambda env: [env.spec.id, "{}"],
        )

    return registry


def used() -> tuple[float, float]:
    """Return the seconds of processor time and the most memory (MB) of this process and its own."""
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if sys.platform == "darwin" else 1024
    seconds = sum(part.ru_utime + part.ru_stime for part in parts)
    return seconds, max(part.ru_maxrss for part in parts) * unit / 1e6
