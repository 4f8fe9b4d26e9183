"""NumPy's .npz: an episode in each file of a folder, or all in one, stacked or end to end.

    observations   (T, S)     an episode;    (E, T, S)   stacked;    (N, S)   end to end, with
    actions        (T, A)                    (E, T, A)               (N, A)   one of `ENDS`

Pickled objects are never read.
"""

import math
import shutil
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np

from d4rl_layout import BLOCK, DataError
from fist.data.sources.archive import DAMAGE, ArchiveError
from fist.data.sources.archive import opened as opened_archive
from fist.data.sources.recordings import (
    Block,
    Column,
    Recording,
    bounded,
    checked_ends,
    flags,
    natural,
)
from fist.stage.files import reason

STATES = ("observations", "states", "observation", "state", "obs")
ACTIONS = ("actions", "action", "acts")
REWARDS = ("rewards", "reward")
DONE = ("terminals", "dones", "done", "terminations")
ENDS = ("episode_ends", "terminals", "dones", "done", "timeouts", "truncations", "terminations")
"""Arrays that tell where episodes end: rows after the last one of each, or flags of rows."""
MOST_FILES, MOST_ARRAYS, MOST_HEADER = 100_000, 1_000, 10_000


class Npz(Recording):
    """A file, or all files of a folder, in the order of their numbers."""

    layout = "npz"

    def __init__(self, path: Path, keys: Sequence[str] = (), actions: Sequence[str] = ()):
        super().__init__(path)
        folder = path.is_dir()
        self.files = (
            [path / n for n in natural(f.name for f in path.glob("*.npz"))] if folder else [path]
        )
        if not 0 < len(self.files) <= MOST_FILES:
            raise DataError(f"{path}: {len(self.files)} files called *.npz")
        first = _headers(self.files[0])
        self.states = [name for name in STATES if name in first][:1]
        self.actions = [name for name in ACTIONS if name in first][:1] or ["actions"]
        self.rewards, self.done = (
            next((name for name in names if name in first), names[0]) for names in (REWARDS, DONE)
        )
        acted = first.get([*(actions or self.actions)][0])
        self.stacked = acted is not None and len(acted[0]) == 3
        own = self.stacked or not folder
        self.ends = [name for name in ENDS if name in first] if own and not self.stacked else []
        per_row = 1 + self.stacked
        self.columns = {
            name: Column(shape[per_row:], dtype)
            for name, (shape, dtype) in first.items()
            if len(shape) >= per_row and name != "episode_ends"
        }
        stated, acting, told = self.chosen(keys, actions)
        names = [*stated, *told, *acting]
        self.rows: list[tuple[int, ...]] = []
        for file in self.files:
            found = first if file == self.files[0] else _headers(file)
            for name in names:
                shape, dtype = found.get(name, ((), np.dtype(object)))
                if not self.fits(name, Column(shape[per_row:], dtype)) or len(shape) < per_row:
                    was = "{1} with rows of {0}".format(*self.columns[name])
                    raise DataError(
                        f"{file}: {name} is {dtype} of {shape}, in {self.files[0]} {was}"
                    )
            rows = [found[name][0][:per_row] for name in names]
            if any(r[:-1] != rows[-1][:-1] or not 0 <= r[-1] - rows[-1][-1] <= 1 for r in rows):
                said = ", ".join(f"{n} {r}" for n, r in zip(names, rows, strict=True))
                raise DataError(f"{file}: the arrays differ in length: {said}")
            self.rows.append(rows[-1])
            claimed = sum(np.prod(found[n][0], dtype=object) * found[n][1].itemsize for n in names)
            bounded(file, int(claimed), file.stat().st_size)
        if self.stacked and folder:
            raise DataError(f"{path}: stacked episodes in several files; name one file")

    @property
    def lengths(self) -> list[int]:
        if self.stacked:
            count, steps = self.rows[0]
            return [steps] * count
        return (
            np.diff(self._stops(), prepend=0).tolist() if self.ends else [n for (n,) in self.rows]
        )

    def _stops(self) -> np.ndarray:
        """Return the row after the last one of each episode; DataError where they make no sense."""
        (file,), ((rows,),) = self.files, self.rows
        if "episode_ends" in self.ends:
            return checked_ends(f"{file}: episode_ends", _whole(file, "episode_ends"), rows)
        ends = np.zeros(rows, bool)
        for name in self.ends:
            ends |= flags(f"{file}: {name}", _whole(file, name), rows)
        if not ends.any():
            raise DataError(f"{file}: no episode ends: {', '.join(self.ends)} are false everywhere")
        return np.flatnonzero(ends) + 1

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        if not (self.stacked or self.ends):
            for file, (rows,) in zip(self.files, self.rows, strict=True):
                yield rows, [_whole(file, name) for name in names]
            return
        streams = [_rows(self.files[0], name) for name in names]
        for stream in streams:
            next(stream)
        if self.stacked:
            for steps in self.lengths:
                yield steps, [stream.send(1)[0] for stream in streams]
        else:
            for part in self.steps(names, self.rows[0][0]):
                rows = part.stop - part.start
                yield rows, [stream.send(rows) for stream in streams]


def _rows(file: Path, name: str) -> Generator[np.ndarray, int | None, None]:
    """Yield as many rows of an array as are sent for, one part after the other; None: all."""
    with _opened(file) as archive, archive.open(f"{name}.npy") as stream, TemporaryFile() as disk:
        shape, fortran, dtype = _header(stream)
        size = math.prod(shape[1:])
        if fortran and size > 1:  # a row lies all over it
            shutil.copyfileobj(stream, disk)
        part, done, mapped = np.empty(0), 0, 0
        while True:
            sent = yield part
            rows = shape[0] if sent is None else sent
            if fortran and size > 1:
                if done >= mapped:  # mapped anew now and then: what was read is let go
                    turned = np.memmap(disk, dtype, "r", shape=shape, order="F")
                    mapped = done + BLOCK // 8
                part = np.array(turned[done : done + rows], order="C")
            else:
                part = _numbers(stream, rows * size, dtype).reshape(rows, *shape[1:])
            done += rows


def _whole(file: Path, name: str) -> np.ndarray:
    """Return an array."""
    rows = _rows(file, name)
    next(rows)
    return rows.send(None)


def _numbers(stream: IO[bytes], count: int, dtype: np.dtype) -> np.ndarray:
    """Read numbers, piece by piece; ValueError where it ends before."""
    content = np.empty(count * dtype.itemsize, np.uint8)
    for first in range(0, len(content), BLOCK):
        piece = stream.read(min(BLOCK, len(content) - first))
        content[first : first + BLOCK] = np.frombuffer(piece, np.uint8)
    return content.view(dtype)


def _headers(file: Path) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Return shape and type of every array of numbers in a file."""
    found = {}
    with _opened(file) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                shape, _, dtype = _header(stream)
            if dtype.kind in "biuf" and shape:
                found[member.filename.removesuffix(".npy")] = (shape, dtype)
    return found


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read the header of an array; ValueError where it is none."""
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, fortran, dtype = read[version](stream, max_header_size=MOST_HEADER)
    if min(shape, default=0) < 0:
        raise ValueError(f"the shape {shape}")
    return shape, fortran, dtype


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    """Open a file of NumPy's; whatever fails in it is a DataError."""
    try:
        with opened_archive(file) as (archive, _):
            if len(archive.infolist()) > MOST_ARRAYS:
                raise DataError(f"{file}: more than {MOST_ARRAYS} arrays")
            yield archive
    except (DataError, ArchiveError) as error:
        raise DataError(str(error)) from None
    except (*DAMAGE, LookupError, TypeError, SyntaxError, MemoryError) as error:
        raise DataError(f"{file}: damaged ({reason(error)})") from None
