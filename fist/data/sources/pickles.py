"""Arrays in a pickle, and nothing else: see `fist.stage.pickles`."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fist.stage.files import read_bytes
from fist.stage.pickles import PickleError, Reader

NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")
"""Types of arrays that are let in."""


def load_arrays(path: Path) -> Any:
    """Read a pickle of arrays.

    Raises:
        PickleError: it is damaged or too large, or asks for something that is not on the list.
        OSError: the file cannot be read.
    """
    try:
        content = read_bytes(path)
        return _Arrays(io.BytesIO(content), len(content)).read()
    except PickleError as error:
        raise PickleError(f"{path}: {error}; nothing of it was run") from None
    except OSError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        raise PickleError(f"{path}: not a pickle of arrays, or a damaged one ({error})") from None


class _Arrays(Reader):
    """Knows the few functions that pickled arrays consist of, and counts what they make."""

    def functions(self) -> Mapping[tuple[str, str], Callable[..., Any]]:
        return {
            **super().functions(),
            ("numpy.core.multiarray", "_reconstruct"): self.empty,
            ("numpy.core.multiarray", "scalar"): lambda d, raw: self.array(raw, d, (1,))[0].item(),
            ("numpy.core.numeric", "_frombuffer"): self.array,
            ("numpy", "ndarray"): lambda *shape: self.empty(None, shape),
            ("numpy", "dtype"): lambda kind, *_: _Dtype(kind),
        }

    def find_class(self, module: str, name: str) -> Any:
        return super().find_class(re.sub(r"^numpy\.(_?)core\.", "numpy.core.", module), name)

    def array(self, content: Any, dtype: _Dtype, shape: tuple, order: Any = "C") -> np.ndarray:
        return np.frombuffer(self.counted(content), dtype.dtype).reshape(shape, order=order)

    def empty(self, kind: Any, shape: tuple, code: bytes = b"b") -> np.ndarray:
        if shape != (0,):
            raise PickleError("it makes an array in an unusual way")
        array = np.empty(0, dtype=np.int8).view(_Array)
        array.counted = self.counted
        return array


class _Dtype:
    """A type of numbers as pickles make it; takes the byte order that comes after."""

    def __init__(self, name: str):
        if not isinstance(name, str) or not NUMBERS.fullmatch(name):
            what = repr(name[:40]) if isinstance(name, str) else type(name).__name__
            raise PickleError(f"it holds an array of {what}, not of numbers")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple) -> None:
        self.dtype = self.dtype.newbyteorder(state[1] if state[1] in ("<", ">") else "=")


class _Array(np.ndarray):
    """An array that is filled by what comes after, as pickles do it."""

    counted: Callable[[Any], Any]

    def __setstate__(self, state: tuple) -> None:
        version, shape, dtype, fortran, content = state
        super().__setstate__((version, shape, dtype.dtype, fortran, self.counted(content)))
