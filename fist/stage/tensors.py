"""Tensors as PyTorch saves them, read within bounds: nothing runs, nothing outgrows the file."""

import io
import math
import pickle
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from fist.stage.files import reason, write_bytes
from fist.stage.pickles import PickleError, Reader

MOST_MEMBERS = 200_000
"""Members of a file; every storage is one."""
MAGIC = 0x1950A86A20F9469CFC6C, 1001
"""The numbers with which files from before PyTorch 1.6 begin."""
STORAGES = {
    ("torch", f"{name}Storage"): kind
    for name, kind in {
        "Double": torch.float64,
        "Float": torch.float32,
        "Half": torch.float16,
        "BFloat16": torch.bfloat16,
        "Long": torch.int64,
        "Int": torch.int32,
        "Short": torch.int16,
        "Char": torch.int8,
        "Byte": torch.uint8,
        "Bool": torch.bool,
        "ComplexFloat": torch.complex64,
        "ComplexDouble": torch.complex128,
    }.items()
}
"""Types of storages, by module and name."""


def pack(value: Any) -> bytes:
    """Return the bytes that `torch.save` writes."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def write_tensors(path: str | Path, value: Any) -> None:
    """Write what `pack` gives, whole or not at all."""
    write_bytes(path, pack(value))


def unpack(content: bytes) -> Any:
    """Return what `torch.save` wrote: tensors on the CPU, numbers and texts, and what holds them.

    Raises:
        PickleError: it is damaged, holds something else, or claims to be more than its bytes are.
    """
    try:
        return _unzipped(content) if content.startswith(b"PK") else _unstreamed(content)
    except PickleError:
        raise
    except Exception as error:  # a damaged file can fail in any way
        raise PickleError(f"no tensors of PyTorch, or damaged ones: {reason(error)}") from None


def _unzipped(content: bytes) -> Any:
    if content.count(b"PK\x01\x02") > MOST_MEMBERS:
        raise PickleError(f"it has more than {MOST_MEMBERS} members")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename.partition("/")[2]: info for info in archive.infolist()}

        def read(name: str) -> bytes:
            if members[name].compress_type != zipfile.ZIP_STORED:
                raise PickleError(f"{name} is compressed, which PyTorch does not do")
            return archive.read(members[name])

        if "byteorder" in members and read("byteorder") != sys.byteorder.encode():
            raise PickleError("it was written by a machine of another byte order")
        program = io.BytesIO(read("data.pkl"))
        return _Tensors(program, len(content), lambda key, _: _raw(read(f"data/{key}"))).read()


def _unstreamed(content: bytes) -> Any:
    """Read a file from before PyTorch 1.6: pickles, the last a list of storages that follow it."""
    stream, size = io.BytesIO(content), len(content)
    if any(Reader(stream, size).read() != number for number in MAGIC):
        raise PickleError("it does not begin as PyTorch's files do")
    if Reader(stream, size).read()["little_endian"] != (sys.byteorder == "little"):
        raise PickleError("it was written by a machine of another byte order")
    reader = _Tensors(stream, size, lambda _, nbytes: torch.zeros(nbytes, dtype=torch.uint8))
    found = reader.read()
    for key in Reader(stream, size).read():
        stream.seek(8, io.SEEK_CUR)  # its number of elements
        storage = reader.storages.pop(key if type(key) is str else "")
        storage.copy_(_raw(stream.read(len(storage))).view(len(storage)))
    if reader.storages:
        raise PickleError("storages are missing")
    return found


def _raw(content: bytes) -> Tensor:
    """Return bytes as a tensor of its own."""
    empty = torch.empty(0, dtype=torch.uint8)
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).clone() if content else empty


class _Tensors(Reader):
    """Knows the few functions that saved tensors consist of, and counts what they make."""

    holds = "tensor"

    def __init__(self, stream: io.BytesIO, size: int, storage: Callable[[str, int], Tensor]):
        """Take the program, and a function that gives a storage's bytes by its key and size."""
        super().__init__(stream, size)
        self.storage, self.storages = storage, dict[str, Tensor]()

    def functions(self) -> Mapping[tuple[str, str], Any]:
        return STORAGES | {
            **super().functions(),
            ("torch.storage", "UntypedStorage"): torch.uint8,
            ("torch._utils", "_rebuild_tensor_v2"): self.tensor,
            ("torch._utils", "_rebuild_tensor_v3"): self.typed_tensor,
            ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
            ("collections", "OrderedDict"): lambda: _Ordered(),
        }

    def find_class(self, module: str, name: str) -> Any:
        kind = vars(torch).get(name) if module == "torch" else None
        return kind if isinstance(kind, torch.dtype) else super().find_class(module, name)

    def persistent_load(self, pid: Any) -> Tensor:
        """Return a storage as a flat tensor."""
        _, kind, key, _, numel, *_ = pid if type(pid) is tuple else ()
        if not (isinstance(kind, torch.dtype) and type(key) is str and type(numel) is int):
            raise PickleError("it has a storage without type, name or length")
        nbytes = numel * kind.itemsize
        if key not in self.storages:
            self.count(nbytes)
            self.storages[key] = self.storage(key, nbytes)
        if len(self.storages[key]) != nbytes:
            raise PickleError(f"storage {key!r:.40} is not as large as the program says")
        return self.storages[key].view(kind)

    def tensor(self, flat: Tensor, offset: int, size: Any, stride: tuple, *_: Any) -> Tensor:
        if type(size) is not tuple or not all(type(length) is int for length in size):
            raise PickleError("a tensor's shape is none")
        self.count(math.prod(size) * flat.itemsize)
        return flat.as_strided(size, stride, offset)  # an error where it leaves the storage

    def typed_tensor(self, flat: Tensor, *arguments: Any) -> Tensor:
        return self.tensor(flat.view(arguments[5]), *arguments)

    def build(self) -> None:
        """Take no state but that of a dictionary, which says nothing of what is in it."""
        if not isinstance(self.stack[-2], _Ordered):
            raise PickleError("it changes what it has made")
        self.stack.pop()

    dispatch: ClassVar[Any] = Reader.dispatch | {pickle.BUILD[0]: build}


class _Ordered(dict[Any, Any]):
    """A dictionary that a pickle makes by name."""
