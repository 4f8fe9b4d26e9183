"""Laws of saved tensors: they come back as they were; a hostile file costs what its bytes do."""

import io
import pickle
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from fist.stage.pickles import PickleError
from fist.stage.tensors import pack, unpack

shared = torch.arange(6.0).reshape(2, 3)
SAVED = {
    "types": {str(kind): torch.ones(3).to(kind) for kind in (torch.float64, torch.bool, torch.int8)}
    | {"half": torch.ones(2, dtype=torch.bfloat16), "new": torch.ones(2, dtype=torch.uint16)},
    "shapes": [torch.zeros(()), torch.zeros(0, 4), shared, shared.T, shared[1:, 1:], shared.half()],
    "others": {
        1: (0.9, None, True),
        "x": [1 << 70, b"y"],
        "state": torch.nn.LSTM(2, 3).state_dict(),
    },
    "a parameter": OrderedDict(w=torch.nn.Parameter(torch.ones(2))),
}


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.stride() == b.stride() and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("new", [True, False], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("value", SAVED.values(), ids=SAVED)
def test_what_pytorch_saves_comes_back_as_it_was(value, new):
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=new)
    assert equal(value, unpack(buffer.getvalue()))


def test_tensors_that_shared_their_memory_share_it_again():
    a, b = unpack(pack([shared, shared[1]]))
    a.add_(1)
    assert torch.equal(a[1], b)


def zipped(program, storages=(), compression=zipfile.ZIP_STORED):
    """Return a file whose program is given step by step."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("x/data.pkl", b"\x80\x02" + program + b".")
        archive.writestr("x/version", "3\n")
        for key, content in enumerate(storages):
            archive.writestr(f"x/data/{key}", content)
    return buffer.getvalue()


def text(content):
    return b"X" + len(content).to_bytes(4, "little") + content.encode()


def number(n):
    size = n.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + n.to_bytes(size, "little", signed=True)


def storage(numel, kind="FloatStorage", key="0"):
    """Return the steps that make a storage."""
    place = text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key) + text("cpu")
    return b"(" + place + number(numel) + b"tQ"


def tensor(size, stride, numel, kind="FloatStorage"):
    """Return the steps that make a tensor of one storage."""
    ints = b"".join(b"(" + b"".join(map(number, given)) + b"t" for given in (size, stride))
    rebuild, rest = b"ctorch._utils\n_rebuild_tensor_v2\n(", ints + b"\x89}tR"
    return rebuild + storage(numel, kind) + b"K\x00" + rest


NESTED = b")" + b"q\x00h\x00\x86" * 100
HEX = text("hex") + b"\x86R"
DEEP = b")" + b"\x85" * 500_000
REFUSED = {
    "a tensor larger than its storage": zipped(tensor([1 << 30], [1], 4), [bytes(16)]),
    "a tensor that repeats itself": zipped(tensor([1 << 30], [0], 4), [bytes(16)]),
    "a product that overflows": zipped(tensor([1 << 32, 1 << 32], [0, 0], 4), [bytes(16)]),
    "many tensors of one storage": zipped(
        b"](" + tensor([1 << 20], [1], 1 << 20) * 50 + b"e", [bytes(1 << 22)]
    ),
    "a storage larger than the file": zipped(storage(1 << 40), [bytes(16)]),
    "a negative storage": zipped(storage(-4), [bytes(16)]),
    "compressed zeros": zipped(storage(1 << 26), [bytes(1 << 28)], zipfile.ZIP_DEFLATED),
    "a compressed program": zipped(b"N0" * (1 << 25) + b"N", (), zipfile.ZIP_DEFLATED),
    "a storage taken for arguments": zipped(
        b"ccollections\nOrderedDict\n" + storage(1 << 22, "ByteStorage") + b"R", [bytes(1 << 22)]
    ),
    "a storage taken for a name": zipped(storage(1 << 22, "ByteStorage") + b"Q", [bytes(1 << 22)]),
    "a tensor that is changed": zipped(tensor([4], [1], 4) + b"}b", [bytes(16)]),
    "a new tensor": zipped(b"ctorch\nTensor\n" + number(10**9) + b"\x85R"),
    "bytes": zipped(b"cbuiltins\nbytearray\n" + number(10**9) + b"\x85R"),
    "doubled bytes": zipped(
        b"c_codecs\nencode\nq\x00h\x00"
        + text("x")
        + HEX
        + HEX.join([b"q\x01h\x00h\x01"] * 20)
        + HEX
    ),
    "a key that is never done with its hash": zipped(b"}" + NESTED + b"Ns"),
    "a key too deep for its hash": zipped(b"}" + DEEP + b"Ns"),
    "a set": zipped(b"\x8f(" + NESTED + b"\x90"),
    "a memo index": zipped(b"]r\x00\x00\x00\x04"),
    "a buffer that is announced": zipped(b"\x96" + (1 << 40).to_bytes(8, "little")),
    "steps": zipped(b"]" + b"N0" * 1_100_000),
    "nothing": b"",
    "a page": b"<html>",
    "a path": pack({"a": Path("x")}),
    "half a file": pack({"a": torch.ones(100)})[:-300],
    "a wrong checksum": pack({"a": torch.ones(100)}).replace(b"\x80\x3f", b"\x80\x3e", 1),
    "an old file of a program": pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    + pickle.dumps(1001, 2)
    + pickle.dumps({"little_endian": True}, 2)
    + b"\x80\x02"
    + storage(1 << 40)
    + b".",
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_more_than_its_bytes_is_refused_before_it_takes_memory(content):
    tracemalloc.start()
    try:
        with pytest.raises(PickleError):
            unpack(content)
        assert tracemalloc.get_traced_memory()[1] < 64 * len(content) + (1 << 24)
    finally:
        tracemalloc.stop()
