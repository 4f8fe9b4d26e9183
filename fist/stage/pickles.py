"""Pickles that somebody else may have written, read within bounds.

A pickle is a program. A reader lets it make numbers, texts, lists, tuples and dictionaries, and
what the functions of its own list make; whatever else it names is refused before it runs.
"""

import io
import pickle
import pickletools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

MOST_STEPS = 2_000_000
"""Steps of the longest program."""
KEYS = (str, bytes, int, float, bool, type(None))
"""Types of a dictionary's keys; the hash of a tuple of tuples can take for ever."""

REFUSED = pickle.ADDITEMS + pickle.FROZENSET + pickle.NEWOBJ + pickle.NEWOBJ_EX
"""Steps that make sets and objects."""


class PickleError(ValueError):
    """A pickle that holds something else than it may; the message says what."""


class Reader(pickle._Unpickler):  # the one in Python: what it does with a key can be changed
    """Reads the pickle that comes next in a stream."""

    holds = "array"
    """What its functions make."""
    stack: list[Any]

    def __init__(self, stream: io.BytesIO, size: int):
        """Take the stream, and the bytes of the whole file that it is of."""
        super().__init__(stream)
        self.stream, self.left = stream, 4 * size  # of a byte: a text, its bytes, an array, a view

    def functions(self) -> Mapping[tuple[str, str], Any]:
        """Return what the program may ask for, by module and name."""
        return {("_codecs", "encode"): lambda text, _: self.counted(text.encode("latin1"))}

    def read(self) -> Any:
        """Check the program, then run it; PickleError where it is not allowed."""
        start = self.stream.tell()
        for step, (code, argument, _) in enumerate(pickletools.genops(self.stream)):
            if step > MOST_STEPS or ("PUT" in code.name and int(argument or 0) > step):
                raise PickleError("it needs more memory than its size makes plausible")
        self.stream.seek(start)
        return self.load()

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in (functions := self.functions()):
            raise PickleError(f"it asks for {module}.{name}, which is no {self.holds}")
        found = functions[module, name]
        return Allowed(found) if callable(found) else found

    def counted(self, content: Any) -> Any:
        """Count what has just been made, and return it."""
        self.count(len(content))
        return content

    def count(self, size: int) -> None:
        """Count bytes that are about to be made."""
        self.left -= size
        if size < 0 or self.left < 0:
            raise PickleError("it makes more than its size makes plausible")

    def fill(self, items: list[Any]) -> None:
        """Set keys, followed each by its value, of the dictionary on top of the stack."""
        if not isinstance(self.stack[-1], dict) or not all(type(k) in KEYS for k in items[::2]):
            raise PickleError("it has keys that are neither texts nor numbers")
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def call(self) -> None:
        """Call a function with a tuple; of an array, every element would become an object."""
        arguments = self.stack.pop()
        if type(arguments) is not tuple or not isinstance(self.stack[-1], Allowed):
            raise PickleError("it calls what is no function")
        self.stack[-1] = self.stack[-1](*arguments)

    def refuse(self) -> None:
        """Refuse a step that sets and objects are made with."""
        raise PickleError(f"it makes something else than an {self.holds}")

    dispatch: ClassVar[Any] = (
        pickle._Unpickler.dispatch
        | dict.fromkeys(REFUSED, refuse)
        | {
            pickle.SETITEM[0]: lambda self: self.fill([self.stack.pop(-2), self.stack.pop()]),
            pickle.SETITEMS[0]: lambda self: self.fill(self.pop_mark()),
            pickle.REDUCE[0]: call,
        }
    )


class Allowed:
    """One of our functions, in a form that the pickle can call but not change."""

    def __init__(self, function: Callable[..., Any]):
        self.__call = function

    def __call__(self, *arguments: Any) -> Any:
        return self.__call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise PickleError("it changes a function")
