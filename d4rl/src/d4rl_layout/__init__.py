"""D4RL's layout of a data set: an HDF5 file with the rows of all episodes one after the other.

    row            0    1    2    3    4    5
    observations  s0   s1   s2 | s0'  s1'  s2'
    actions       a0   a1   a2 | a0'  a1'  a2'
    terminals      .    .    1 |  .    .    .      the task ended the episode
    timeouts       .    .    . |  .    .    1      the step limit did (optional array)

The one door for such files, in and out; no environment is known here. A file may come from anybody:
it is judged by its header before anything in it is read.
"""

import errno
import io
import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

FREE_BYTES, LARGEST_RATIO = 16 << 20, 100
"""What arrays may have together: so many bytes, and so many for each byte that is stored."""
MOST_LINKS, DEEPEST = 100_000, 8
"""Groups and arrays in a file, and groups in each other."""
KEPT = 1 << 17
"""Bytes of an open file's headers that HDF5 keeps; they take six times as much. Chunks are not."""
LARGEST_VALUE = np.float64(np.finfo(np.float32).max)
ROWS = ("observations", "actions", "next_observations", "rewards", "terminals", "timeouts")
"""Arrays with a row for each step."""
BLOCK = 1 << 16
"""Numbers that are handled at once."""
MOST_NAMED = 20
"""Arrays that a message names."""
OTHERS = {"robomimic": "data", "minari": "episode_0"}
"""Layouts of other files, by the source that reads them, and a group that they have."""
DAMAGE = (OSError, RuntimeError, LookupError, TypeError, ValueError, MemoryError, SystemError)
"""What h5py tells of damage with, by the place in the file where it is."""


class DataError(ValueError):
    """A data set that cannot be used; the message names the file, the value and the way out."""


def read(
    path: str | os.PathLike[str],
    required: Collection[str] = ("observations", "actions", "terminals"),
    only: Collection[str] | None = None,
    single: Collection[str] = (),
) -> dict[str, np.ndarray]:
    """Read arrays of numbers; those in groups are named "group/array", texts are left out.

    Args:
        path: the file; it is only read.
        required: arrays that must be there.
        only: arrays that are read; by default all.
        single: those of `ROWS` that are read as float32; the others are as they are stored.

    Returns:
        the arrays; those of `ROWS` have N rows each, `terminals` and `timeouts` are (N,) bool.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: it is no HDF5 file or a damaged one, leads to other files, claims more than is
            stored in it, lacks an array, or holds values that mean nothing.
    """
    path = Path(path)
    with opened(path) as file:
        _required(file, required)
        found = _plain(file)
        if groups := [name for name in required if name not in found]:
            raise DataError(f"{', '.join(groups)}: a group, no array")
        items = _judged(file, found, only)
        rows = {name: (items[name].shape or (0,))[0] for name in ROWS if name in items}
        if len(set(rows.values())) > 1:
            lengths = ", ".join(f"{name} {n}" for name, n in rows.items())
            raise DataError(f"the arrays differ in length: {lengths}")
        return {
            name: _checked(name, item, np.float32 if name in single else item.dtype)
            if name in ROWS
            else item[()]
            for name, item in items.items()
        }


def stops(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the row after the last one of each episode, (E,); DataError where none ends."""
    found = np.flatnonzero(arrays["terminals"] | arrays.get("timeouts", False)) + 1
    if not len(found):
        raise DataError(f"{path}: no episode ends: terminals and timeouts are false in every row")
    return found


def check(path: str | os.PathLike[str]) -> None:
    """Judge an HDF5 file of any layout as `read` does, by its header alone.

    Raises:
        FileNotFoundError, DataError: as for `read`.
    """
    with opened(path) as file:
        _judged(file, _plain(file), None)


def labels(path: str | os.PathLike[str], *names: str) -> dict[str, str]:
    """Return those of the named attributes of a file that are texts.

    Raises:
        FileNotFoundError, DataError: as for `read`.
    """
    with opened(path) as file:
        there = [name for name in names if name in file.attrs]
        kinds = {name: file.attrs.get_id(name) for name in there}
        texts = [n for n, k in kinds.items() if k.shape == () and h5py.check_string_dtype(k.dtype)]
        return {name: str(file.attrs[name]) for name in texts}


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Open an HDF5 file, for reading alone; whatever fails while it is read is a DataError.

    Raises:
        FileNotFoundError, DataError: as for `read`.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no data set at {path}: check the path that was given")
    try:
        with h5py.File(path, "r", rdcc_nbytes=0) as file:
            headers = file.id.get_mdc_config()
            headers.set_initial_size, headers.initial_size = True, KEPT
            headers.min_size = headers.max_size = KEPT
            file.id.set_mdc_config(headers)
            yield file
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except BlockingIOError as error:
        advice = "wait, or set HDF5_USE_FILE_LOCKING=FALSE"
        raise DataError(f"{path}: another process has it open ({error}): {advice}") from None
    except DAMAGE as error:
        raise DataError(f"{path}: not an HDF5 file, or a damaged one ({error})") from error


def plain(group: h5py.Group, name: str) -> Any:
    """Return a group or data set of an open file, which lies in it on a way that does.

    Raises:
        DataError: it is missing, or refers to another place.
    """
    parts, links, full = name.split("/"), group.id.links, f"{group.name}/{name}".strip("/")
    for depth, part in enumerate(parts):
        place = "/".join(parts[: depth + 1]).encode()
        try:
            there = part != "" and links.exists(place)
        except RuntimeError:  # it is looked for in an array
            there = False
        if not there:
            item = group["/".join(parts[:depth])] if depth else group
            raise DataError(f"missing {full}; found {_some(item)} in {item.name}")
        if links.get_info(place).type != h5py.h5l.TYPE_HARD:
            raise DataError(f"{full} refers to another place, or to another file: refused")
    item = group[name]
    if isinstance(item, h5py.Dataset) and _elsewhere(item):
        raise DataError(f"{full} refers to another place, or to another file: refused")
    return item


def plain_group(group: h5py.Group, name: str) -> h5py.Group:
    """Return a group of an open file, as `plain` does; DataError where it is an array, too."""
    item = plain(group, name)
    if not isinstance(item, h5py.Group):
        raise DataError(f"{name} is an array, expected a group")
    return item


def _elsewhere(item: h5py.Dataset) -> bool:
    """Tell whether what an array holds lies in other files."""
    made = item.id.get_create_plist()
    return made.get_layout() == h5py.h5d.VIRTUAL or made.get_external_count() > 0


def _plain(file: h5py.File) -> dict[str, h5py.Dataset]:
    """Return the data sets of a file; DataError unless all that is in it lies in it."""
    links: list[tuple[str, int]] = []

    def see(name: bytes, info: Any) -> bool | None:
        links.append((name.decode(), info.type))
        return len(links) > MOST_LINKS or name.count(b"/") > DEEPEST or None  # True ends the visit

    if file.id.links.visit(see, info=True):
        raise DataError(f"more than {MOST_LINKS} things in it, or in groups deeper than {DEEPEST}")
    found: dict[str, h5py.Dataset] = {}
    for name, kind in links:
        item = file[name] if kind == h5py.h5l.TYPE_HARD else None
        if item is None or (isinstance(item, h5py.Dataset) and _elsewhere(item)):
            raise DataError(f"{name} refers to another place, or to another file: refused")
        if isinstance(item, h5py.Dataset):
            found[name] = item
    return found


def _judged(
    file: h5py.File, found: Mapping[str, h5py.Dataset], only: Collection[str] | None
) -> dict[str, h5py.Dataset]:
    """Return the arrays to read; DataError unless all fits in memory."""
    arrays = {}
    for name, item in found.items():
        if item.dtype.kind in "biuf" and item.shape is not None:
            if only is None or name in only:
                arrays[name] = item
        elif name in ROWS:
            raise DataError(f"{name} holds no numbers ({item.dtype})")
    bounded(file, arrays.items())
    return arrays


def bounded(file: h5py.File, arrays: Iterable[tuple[str, h5py.Dataset]]) -> None:
    """Raise DataError where arrays of a file claim more than can be stored in it.

    They are looked at one after the other: an array that is open takes memory.
    """
    total = stored = 0
    largest: tuple[int, str, tuple[int, ...]] = (0, "", ())
    for name, item in arrays:
        size = max(math.prod(item.shape), math.prod(item.chunks or ())) * item.dtype.itemsize
        total, stored = total + size, stored + item.id.get_storage_size()
        largest = max(largest, (size, name, item.shape))
    if total > FREE_BYTES + LARGEST_RATIO * min(stored, os.stat(file.filename).st_size):
        raise DataError(
            f"{largest[1]} claims the shape {largest[2]}; all arrays together claim "
            f"{total} bytes, {stored} are stored: damaged, or a bomb"
        )


def _required(file: h5py.File, names: Collection[str]) -> None:
    """Raise DataError where arrays are missing; of a file of another known layout, its name."""
    there = file.id.links.exists
    if missing := [name for name in names if not there(name.encode())]:
        for layout, group in OTHERS.items():
            if there(group.encode()):
                raise DataError(f"this is a {layout} file, not D4RL's layout: source: {layout}")
        raise DataError(
            f"missing {', '.join(missing)}; found {_some(file)} (D4RL layout: observations, "
            "actions, terminals, optionally timeouts)"
        )


def _some(group: Any) -> str:
    """Name some of what is in a group."""
    first = sorted(islice(group, MOST_NAMED + 1)) if isinstance(group, h5py.Group) else []
    return ", ".join(first[:MOST_NAMED]) + (", …" if first[MOST_NAMED:] else "") or "nothing"


def _checked(name: str, item: h5py.Dataset, dtype: npt.DTypeLike) -> np.ndarray:
    """Read an array of `ROWS`; DataError where a number is not finite, or an end not 0 or 1."""
    flags, shape = name in ROWS[-2:], item.shape
    if not shape or (name in ROWS[-3:] and math.prod(shape) != shape[0]):
        raise DataError(f"{name} has shape {shape}, expected ({shape[0] if shape else 'rows'},)")
    made = np.empty(shape, np.bool_ if flags else dtype)
    for rows in blocks(len(made), math.prod(shape[1:]), (item.chunks or (1,))[0]):
        block = made[rows] if made.dtype == item.dtype else np.empty_like(made[rows], item.dtype)
        item.read_direct(block, rows)
        if place := first_wrong(block, flags):
            expected = "neither 0 nor 1" if flags else "not a finite number of 32 bits"
            where = [rows.start + place[0], *place[1:]]
            raise DataError(f"{name}{where} is {block[place]}, {expected}")
        made[rows] = block
    return made.reshape(len(made)) if name in ROWS[-3:] else made  # some files keep columns


def first_wrong(array: np.ndarray, flags: bool = False) -> tuple[int, ...] | None:
    """Return the place of the first number not finite in 32 bits, or flag that is not 0 or 1."""
    for rows in blocks(len(array), math.prod(array.shape[1:])):
        block = array[rows]
        good = (block == 0) | (block == 1) if flags else np.abs(block) <= LARGEST_VALUE
        if not good.all():
            row, *column = np.argwhere(~good)[0].tolist()
            return (rows.start + row, *column)
    return None


def blocks(rows: int, width: int = 1, chunk: int = 1) -> Iterator[slice]:
    """Yield rows that have some `BLOCK` numbers together, `width` each, in chunks of some rows."""
    step = chunk * max(1, BLOCK // max(width * chunk, 1))
    yield from (slice(first, min(first + step, rows)) for first in range(0, rows, step))


def write(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    labels: Mapping[str, object] | None = None,
    compression: int = 4,
) -> None:
    """Write arrays of N rows, whole or not at all; the same arrays give the same bytes.

    Args:
        path: the file to write, through a temporary one beside it; its folder is made.
        arrays: "infos/goal" is the array goal of the group infos.
        labels: attributes of the file; "data/total" is the attribute total of the group data.
        compression: gzip's level.

    Raises:
        OSError: the disk is full, the folder cannot be written, or the path is no file; the message
            names `path`.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    how = {"compression": "gzip", "compression_opts": compression, "shuffle": compression == 1}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise FileExistsError(errno.EEXIST, "it is a folder, a pipe or a device")
        with _Disk(temporary, "w+") as disk, io.BufferedRandom(disk) as target:
            with h5py.File(target, "w", rdcc_nbytes=0) as file:
                for name, array in arrays.items():
                    shape, kind = array.shape, array.dtype
                    item = file.create_dataset(name, shape, kind, track_times=False, **how)
                    for rows in blocks(shape[0], math.prod(shape[1:]), item.chunks[0]):
                        item[rows] = array[rows]
                for name, value in (labels or {}).items():
                    group, _, name = name.rpartition("/")
                    file[group or "/"].attrs[name] = value
            target.flush()
            if disk.fault is not None:
                raise disk.fault
            os.fsync(disk)
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(error.errno, f"could not write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


class _Disk(io.FileIO):
    """A file that keeps what stopped it from being written: told of it, HDF5 may crash."""

    fault: OSError | None = None

    def write(self, content: Any) -> int:
        try:
            return super().write(content) if self.fault is None else len(content)
        except OSError as error:
            self.fault = error
            return len(content)
