"""Replay buffers in zarr, as Diffusion Policy's: a folder or a zip archive, of version 2 or 3.

    data/<key>           (N, ...)  rows of all episodes, one after the other
    meta/episode_ends    (E,)      the row after the last one of each episode

Headers are JSON, and are read as such. Arrays are read by zarr, once nothing in them asks for more
than its compressors: a filter may be a pickle.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from d4rl_layout import DataError
from fist.data.sources.archive import DAMAGE, ArchiveError, opened
from fist.data.sources.recordings import Block, Column, InChunks, Recording, bounded, checked_ends
from fist.stage.files import LARGEST_JSON, parse_json, reason

GROUPS, ARRAYS = (".zgroup", "zarr.json"), (".zarray", "zarr.json")
"""Files that are headers of groups and of arrays, of version 2 and of version 3."""
COMPRESSORS = (None, "blosc", "zlib", "gzip", "bz2", "lz4", "zstd")
CODECS = ("bytes", "blosc", "gzip", "zstd", "crc32c", "transpose")
"""What arrays may be packed by, of version 2 and of version 3."""
MOST_CHUNKS = 1_000_000
ADVICE = "pip install 'zarr>=3,<4'"


class Zarr(Recording):
    """A replay buffer."""

    layout = "zarr"
    done = "terminals"

    def __init__(self, path: Path, keys: Sequence[str] = (), actions: Sequence[str] = ()):
        super().__init__(path)
        try:
            self._sizes = _sizes(path)
            self._root = _root(self._sizes)
            inside = f"{self._root}data/"
            cut = [name.removeprefix(inside) for name in self._sizes if name.startswith(inside)]
            named = sorted({n.partition("/")[0] for n in cut if n.partition("/")[2] in ARRAYS})
            places = [f"{inside}{name}" for name in named] + [f"{self._root}meta/episode_ends"]
            files = [f"{place}/{file}" for place in places for file in ARRAYS]
            self._told = _json(path, [file for file in files if file in self._sizes])
            headers = {name: self._header(f"data/{name}") for name in named}
            self.columns = {
                name: Column(shape[1:], dtype)
                for name, (shape, dtype, _) in headers.items()
                if dtype.kind in "biuf" and shape
            }
            self.actions = ["action"] if "action" in self.columns else ["actions"]
            self.states = ["state"] if "state" in self.columns else []
            self.rewards = "reward" if "reward" in self.columns else "rewards"
            names = sum(self.chosen(keys, actions), [])
            rows = {name: headers[name][0][0] for name in names}
            if len({*rows.values()}) > 1:
                raise DataError(f"{path}: the arrays differ in length: {rows}")
            self._rows = rows[names[0]]
            self._chunks = {name: headers[name][2] for name in names}
            for name in (*(f"data/{name}" for name in names), "meta/episode_ends"):
                self._header(name, packed=True)
        except DataError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            said = reason(error).removeprefix(f"{path}: ")
            raise DataError(f"{path}: no replay buffer, or a damaged one ({said})") from None

    def _header(self, name: str, packed: bool = False) -> tuple[tuple[int, ...], np.dtype, int]:
        """Return an array's shape and type, and the rows of a chunk.

        With `packed`, DataError where it must not be read.
        """
        place = f"{self._root}{name}/"
        file = next((place + file for file in ARRAYS if place + file in self._told), None)
        if file is None:
            raise DataError(f"{self.path}: has no array {name}")
        told = self._told[file]
        shape, by = told["shape"], []
        allowed: tuple[Any, ...] = COMPRESSORS
        if file.endswith("zarr.json"):
            if told.get("node_type") != "array" or not isinstance(told["data_type"], str):
                raise ValueError(f"{file} is of no array of numbers")
            dtype, allowed = np.dtype(told["data_type"]), CODECS
            chunks = told["chunk_grid"]["configuration"]["chunk_shape"]
            by = [codec["name"] for codec in told["codecs"]]
        else:
            dtype, chunks = np.dtype(told["dtype"]), told["chunks"]
            by = [(told["compressor"] or {}).get("id")]
            by += [f"a filter, {one['id']}," for one in told.get("filters") or ()]
        whole = [type(n) is int and n >= 0 for n in (*shape, *chunks)]
        if not all(whole) or len(shape) != len(chunks) or not all(chunks):
            raise ValueError(f"{file}: the shape {shape} in chunks of {chunks}")
        if packed:
            if others := [str(one) for one in by if one not in allowed]:
                raise DataError(f"{self.path}: {name} is packed by {', '.join(others)}: refused")
            if dtype.kind not in "biuf":
                raise DataError(f"{self.path}: {name} holds {dtype}, no numbers")
            stored = sum(size for file, size in self._sizes.items() if file.startswith(place))
            most = [max(pair) for pair in zip(shape, chunks, strict=True)]
            bounded(self.path, int(np.prod(most, dtype=object)) * dtype.itemsize, stored)
        return tuple(shape), dtype, chunks[0] if chunks else 1

    @property
    def lengths(self) -> list[int]:
        ends = self._read("meta/episode_ends", slice(None))
        ends = checked_ends(f"{self.path}: meta/episode_ends", ends, self._rows)
        return np.diff(ends, prepend=0).tolist()

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        parts = [
            InChunks(partial(self._read, f"data/{name}"), self._rows, self._chunks[name])
            for name in names
        ]
        for rows in self.steps(names, self._rows):
            yield rows.stop - rows.start, [part[rows] for part in parts]

    def _read(self, name: str, rows: slice) -> np.ndarray:
        try:
            return np.asarray(self._arrays(name)[rows])
        except ImportError as error:
            raise DataError(f"zarr is not installed ({error}): {ADVICE}") from None
        except Exception as error:  # its stores and codecs have many ways to fail
            raise DataError(f"{self.path}: {name} is damaged ({reason(error)})") from None

    def _arrays(self, name: str) -> Any:
        """Open an array with zarr, once."""
        if name not in self._open:
            import zarr
            from zarr.storage import LocalStore, ZipStore

            # each thread keeps the memory of chunks that it has read
            zarr.config.set({"async.concurrency": 1, "threading.max_workers": 1})
            folder = self.path.is_dir()
            store = LocalStore(self.path, read_only=True) if folder else ZipStore(self.path)
            self._open[name] = zarr.open_array(store, path=f"{self._root}{name}", mode="r")
        return self._open[name]

    @cached_property
    def _open(self) -> dict[str, Any]:
        return {}


def is_store(path: Path) -> bool:
    """Tell whether a folder, or a zip archive by the names in it, is a store of zarr's."""
    if path.is_dir():
        return any((path / name).is_file() for name in GROUPS)
    return any(name.rpartition("/")[2] in GROUPS for name in _sizes(path))


def _sizes(path: Path) -> dict[str, int]:
    """Return the stored bytes of every file in a store; DataError where one is a link."""
    if not path.is_dir():
        try:
            with opened(path) as (_, members):
                return {name: info.compress_size for name, info in members.items()}
        except ArchiveError as error:
            raise DataError(str(error)) from None
    found: dict[str, int] = {}
    for folder, inside, files in os.walk(path):
        for name in (*inside, *files):
            place = Path(folder, name)
            if place.is_symlink():
                raise DataError(f"{place} refers to another place: refused")
            if name in files:
                found[place.relative_to(path).as_posix()] = place.stat().st_size
        if len(found) > MOST_CHUNKS:
            raise DataError(f"{path}: more than {MOST_CHUNKS} files")
    return found


def _root(names: Iterable[str]) -> str:
    """Return the folder of an archive that the group lies in, "" or "a/b/"."""
    parts = [f"/{name}".rpartition("/data/") for name in names if name.endswith(GROUPS)]
    return min((f"{before}/"[1:] for before, middle, _ in parts if middle), key=len)


def _json(path: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read headers."""
    folder: AbstractContextManager[Any] = nullcontext((None, {}))
    found = {}
    with folder if path.is_dir() else opened(path) as (archive, _):
        for name in names:
            try:
                with open(path / name, "rb") if archive is None else archive.open(name) as file:
                    content = file.read(LARGEST_JSON + 1)
            except DAMAGE as error:
                raise DataError(f"{path}: {name} is damaged ({reason(error)})") from None
            if len(content) > LARGEST_JSON:
                raise DataError(f"{path}: {name} has more than {LARGEST_JSON} bytes")
            found[name] = parse_json(content.decode(), f"{path}: {name}")
    return found
