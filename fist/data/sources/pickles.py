"""Arrays in a pickle, and nothing else.

A pickle is a program. This reader lets it make NumPy arrays and numbers, Python's lists, tuples,
dictionaries, numbers and texts; whatever else it names is refused before it runs.
"""

from __future__ import annotations

import io
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np

LARGEST = 4 << 30
"""Bytes of the largest pickle that is read."""
MOST_OBJECTS = 1_000_000
"""Lists, arrays and so on that a pickle may hold."""
NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")
"""Types of arrays that are let in."""


class PickleError(ValueError):
    """A pickle that holds something else than arrays; the message names it."""


def load_arrays(path: Path) -> Any:
    """Read a pickle of arrays.

    Raises:
        PickleError: it is damaged or too large, or holds something that is not on the list.
        OSError: the file cannot be read.
    """
    if path.stat().st_size > LARGEST:
        raise PickleError(f"{path}: larger than {LARGEST} bytes")
    try:
        value = _Reader(io.BytesIO(path.read_bytes())).load()
    except PickleError as error:
        raise PickleError(f"{path}: {error}; nothing of it was run") from None
    except Exception as error:  # a damaged pickle can fail in any way
        raise PickleError(f"{path}: not a pickle of arrays, or a damaged one ({error})") from None
    _inspect(path, value)
    return value


class _Reader(pickle.Unpickler):
    """Finds the few functions that pickled arrays consist of."""

    def find_class(self, module: str, name: str) -> Any:
        module = re.sub(r"^numpy\.(_?)core\.", "numpy.core.", module)
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): _empty,
            ("numpy.core.multiarray", "scalar"): _scalar,
            ("numpy.core.numeric", "_frombuffer"): _from_buffer,
            ("numpy", "ndarray"): _ndarray,
            ("numpy", "dtype"): _dtype,
            ("_codecs", "encode"): _encode,
        }
        if (module, name) not in allowed:
            raise PickleError(f"it asks for {module}.{name}, which is no array")
        return _Allowed(allowed[module, name])

    def persistent_load(self, pid: Any) -> Any:
        raise PickleError("it refers to objects outside of itself")


class _Allowed:
    """One of our functions, in a form that the pickle can call but not change."""

    def __init__(self, function: Any):
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise PickleError("it changes a function")


class _Dtype:
    """A type of numbers as pickles make it; takes the byte order that comes after."""

    def __init__(self, name: str):
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple) -> None:
        if len(state) > 1 and state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array that is filled by what comes after, as pickles do it."""

    def __setstate__(self, state: tuple) -> None:
        version, shape, dtype, fortran, content = state
        if not isinstance(dtype, _Dtype) or not isinstance(content, bytes):
            raise PickleError("it holds an array of something else than numbers")
        super().__setstate__((version, shape, dtype.dtype, fortran, content))


def _ndarray(*_: Any) -> None:
    """Stand for the type ndarray, which makes arrays of any size when it is called."""
    raise PickleError("it makes an array in an unusual way")


def _empty(kind: Any, shape: tuple, code: bytes) -> np.ndarray:
    if getattr(kind, "function", None) is not _ndarray or shape != (0,):
        raise PickleError("it makes an array in an unusual way")
    return np.empty(0, dtype=np.int8).view(_Array)


def _dtype(name: str, *_: Any) -> _Dtype:
    if not isinstance(name, str) or not NUMBERS.fullmatch(name):
        raise PickleError(f"it holds an array of {name!r:.40}, not of numbers")
    return _Dtype(name)


def _scalar(dtype: _Dtype, content: bytes) -> Any:
    if not isinstance(dtype, _Dtype) or len(content) != dtype.dtype.itemsize:
        raise PickleError("it holds a number in an unusual form")
    return np.frombuffer(content, dtype.dtype)[0]


def _from_buffer(content: Any, dtype: _Dtype, shape: tuple, order: str) -> np.ndarray:
    if not isinstance(dtype, _Dtype) or order not in ("C", "F"):
        raise PickleError("it holds an array in an unusual form")
    return np.frombuffer(content, dtype.dtype).reshape(shape, order=order)


def _encode(text: str, encoding: str) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise PickleError("it holds bytes in an unusual form")
    return text.encode("latin1")


def _inspect(path: Path, value: Any) -> None:
    """Look at every object once; PickleError where one is of a kind that is not expected."""
    waiting, seen = [value], set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, (list, tuple, dict)):
            if id(item) in seen:
                continue
            seen.add(id(item))
            waiting.extend(item)
            if isinstance(item, dict):
                waiting.extend(item.values())
        elif not isinstance(item, (np.ndarray, np.generic, int, float, str, bytes, type(None))):
            raise PickleError(f"{path}: holds a {type(item).__name__}, not only arrays")
        if len(waiting) + len(seen) > MOST_OBJECTS:
            raise PickleError(f"{path}: holds more than {MOST_OBJECTS} objects")
