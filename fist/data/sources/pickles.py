"""Arrays in a pickle, and nothing else.

A pickle is a program. This reader lets it make NumPy arrays and numbers, and what Python's own
types need no functions for; whatever else it names is refused before it runs.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LARGEST, MOST_STEPS = 4 << 30, 2_000_000
"""Bytes of the largest pickle that is read, and steps of the longest program."""
NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")
"""Types of arrays that are let in."""


class PickleError(ValueError):
    """A pickle that holds something else than arrays; the message names it."""


def load_arrays(path: Path) -> Any:
    """Read a pickle of arrays.

    Raises:
        PickleError: it is damaged or too large, or asks for something that is not on the list.
        OSError: the file cannot be read.
    """
    if path.stat().st_size > LARGEST:
        raise PickleError(f"{path}: larger than {LARGEST} bytes")
    content = path.read_bytes()
    try:
        for step, (code, argument, _) in enumerate(pickletools.genops(content)):
            if step > MOST_STEPS or ("PUT" in code.name and int(argument or 0) > step):
                raise PickleError("it needs more memory than its size makes plausible")
        return _Reader(content).load()
    except PickleError as error:
        raise PickleError(f"{path}: {error}; nothing of it was run") from None
    except Exception as error:  # a damaged pickle can fail in any way
        raise PickleError(f"{path}: not a pickle of arrays, or a damaged one ({error})") from None


class _Reader(pickle.Unpickler):
    """Finds the few functions that pickled arrays consist of, and counts what they make."""

    def __init__(self, content: bytes):
        super().__init__(io.BytesIO(content))
        self.left = 4 * len(content)  # of every byte there is a text, its bytes and an array

    def find_class(self, module: str, name: str) -> Any:
        place = re.sub(r"^numpy\.(_?)core\.", "numpy.core.", module)
        makes: dict[tuple[str, str], Callable[..., Any]] = {
            ("numpy.core.multiarray", "_reconstruct"): self.empty,
            ("numpy.core.multiarray", "scalar"): lambda d, raw: self.array(raw, d, (1,))[0].item(),
            ("numpy.core.numeric", "_frombuffer"): self.array,
            ("numpy", "ndarray"): lambda *shape: self.empty(None, shape),
            ("numpy", "dtype"): lambda kind, *_: _Dtype(kind),
            ("_codecs", "encode"): lambda text, _: self.counted(text.encode("latin1")),
        }
        if (place, name) not in makes:
            raise PickleError(f"it asks for {module}.{name}, which is no array")
        return _Allowed(makes[place, name])

    def counted(self, content: Any) -> Any:
        self.left -= len(content)
        if self.left < 0:
            raise PickleError("it makes more than its size makes plausible")
        return content

    def array(self, content: Any, dtype: _Dtype, shape: tuple, order: Any = "C") -> np.ndarray:
        return np.frombuffer(self.counted(content), dtype.dtype).reshape(shape, order=order)

    def empty(self, kind: Any, shape: tuple, code: bytes = b"b") -> np.ndarray:
        if shape != (0,):
            raise PickleError("it makes an array in an unusual way")
        array = np.empty(0, dtype=np.int8).view(_Array)
        array.counted = self.counted
        return array


class _Allowed:
    """One of our functions, in a form that the pickle can call but not change."""

    def __init__(self, function: Callable[..., Any]):
        self.__call = function

    def __call__(self, *arguments: Any) -> Any:
        return self.__call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise PickleError("it changes a function")


class _Dtype:
    """A type of numbers as pickles make it; takes the byte order that comes after."""

    def __init__(self, name: str):
        if not isinstance(name, str) or not NUMBERS.fullmatch(name):
            raise PickleError(f"it holds an array of {name!r:.40}, not of numbers")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple) -> None:
        self.dtype = self.dtype.newbyteorder(state[1] if state[1] in ("<", ">") else "=")


class _Array(np.ndarray):
    """An array that is filled by what comes after, as pickles do it."""

    counted: Callable[[Any], Any]

    def __setstate__(self, state: tuple) -> None:
        version, shape, dtype, fortran, content = state
        super().__setstate__((version, shape, dtype.dtype, fortran, self.counted(content)))
