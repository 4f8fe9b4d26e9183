"""LeRobot's data sets, of version 2.1 and 3.0: Parquet files and what `meta/` says of them.

    meta/info.json                 features: names, types and shapes of columns
    data/chunk-000/*.parquet       rows: episode_000000.parquet (2.1), file-000.parquet (3.0)
    episode_index                  the column that tells which episode a row is of

Videos are not read.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from d4rl_layout import BLOCK, DataError
from fist.data.sources.recordings import Block, Column, Recording, bounded, natural
from fist.stage.files import read_json, reason

INDEX = "episode_index"
MOST_FILES = 100_000
VERSIONS = ("v2.0", "v2.1", "v3.0")
KINDS = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
ADVICE = "pip install 'pyarrow>=20'"
BOOKKEEPING = ("timestamp", "frame_index", INDEX, "index", "task_index", "next.success")


class LeRobot(Recording):
    """A data set's folder."""

    layout = "lerobot"
    actions = ("action",)
    rewards, done = "next.reward", "next.done"

    def __init__(self, path: Path, keys: Sequence[str] = (), actions: Sequence[str] = ()):
        super().__init__(path)
        try:
            about = read_json(path / "meta" / "info.json")
            if (version := about.get("codebase_version")) not in VERSIONS:
                raise DataError(f"{path}: of version {version!r:.40}; known: {', '.join(VERSIONS)}")
            self.columns = {
                name: Column(_row_shape(told), np.dtype(told["dtype"]))
                for name, told in about["features"].items()
                if told["dtype"] in KINDS and name not in BOOKKEEPING
            }
            self._episodes, self._frames = (about[f"total_{n}"] for n in ("episodes", "frames"))
        except DataError:
            raise
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise DataError(f"{path}: no data set of LeRobot's ({reason(error)})") from None
        seen = [name for name in self.columns if name.startswith("observation.")]
        flat = [name for name in seen if len(self.columns[name].shape) <= 1]
        self.states = ["observation.state"] if "observation.state" in seen else flat
        names = sum(self.chosen(keys, actions), [])
        folder = path / "data"
        files = natural(str(f.relative_to(path)) for f in folder.glob("chunk-*/*.parquet"))
        self._files: list[Path] = []
        rows = claimed = stored = 0
        if not 0 < len(files) <= MOST_FILES:
            raise DataError(f"{path}: {len(files)} files data/chunk-*/*.parquet")
        for name in files:
            file = path / name
            if not file.resolve().is_relative_to(path.resolve()):
                raise DataError(f"{file} refers to another place: refused")
            opened = _opened(file)
            schema, footer = opened.schema_arrow, opened.metadata
            for column in (*names, INDEX):
                if column not in schema.names:
                    raise DataError(f"{file}: has no column {column}, which meta/info.json tells")
            groups = range(footer.num_row_groups)
            self._files.append(file)
            rows, stored = rows + footer.num_rows, stored + file.stat().st_size
            claimed += sum(footer.row_group(number).total_byte_size for number in groups)
        if rows != self._frames:
            raise DataError(f"{path}: {rows} rows in data/, meta/info.json tells {self._frames}")
        row = sum(self.columns[name].size * self.columns[name].dtype.itemsize for name in names)
        bounded(path, max(claimed, rows * row), stored)

    @property
    def lengths(self) -> list[int]:
        found: list[int] = []
        last = -1
        for rows, (column,) in self.blocks([INDEX]):
            index = np.insert(column.ravel(), 0, last)
            if (back := np.flatnonzero(np.diff(index) < 0)).size:
                told = f"{INDEX} {index[back[0] + 1]} after {index[back[0]]}"
                raise DataError(f"{self.path}: data/ has {told}: rows out of order")
            numbers, counts = np.unique(index[1:], return_counts=True)
            if rows and found and numbers[0] == last:
                found[-1] += int(counts[0])
                counts = counts[1:]
            found += counts.tolist()
            last = index[-1]
        if len(found) != self._episodes:
            raise DataError(
                f"{self.path}: {len(found)} episodes in data/, info.json tells {self._episodes}"
            )
        return found

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        columns = {INDEX: Column((), np.dtype(np.int64)), **self.columns}
        step = max(1, BLOCK // max(columns[name].size for name in names))
        for file in self._files:
            try:
                found = _opened(file).iter_batches(step, columns=[*names], use_threads=False)
                for batch in found:
                    yield len(batch), [_numbers(batch.column(n), columns[n]) for n in names]
            except Exception as error:  # Arrow has many ways to fail
                raise DataError(f"{file}: damaged ({reason(error)})") from None


def _row_shape(told: dict[str, Any]) -> tuple[int, ...]:
    """Return the shape of a feature's rows; a single number is told as (1,)."""
    shape = told["shape"]
    if not isinstance(shape, list) or not all(type(n) is int and 0 < n < 1 << 31 for n in shape):
        raise ValueError(f"shape {shape!r:.40}")
    return tuple(shape)


def _opened(file: Path) -> Any:
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # its own takes 10 MB more
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(f"pyarrow is not installed ({error}): {ADVICE}") from None
    try:
        return parquet.ParquetFile(file, buffer_size=BLOCK, pre_buffer=False)
    except Exception as error:  # Arrow has many ways to fail
        raise DataError(f"{file}: no Parquet file, or a damaged one ({reason(error)})") from None


def _numbers(column: Any, expected: Column) -> np.ndarray:
    """Return a column (T, ...) of numbers, or of lists of numbers, as an array (T, size)."""
    rows, part = len(column), column
    while part.null_count == 0 and hasattr(part, "flatten") and part.type.num_fields == 1:
        part = part.flatten()
    array = part.to_numpy(zero_copy_only=False)
    if part.null_count or len(array) != rows * expected.size or array.dtype != expected.dtype:
        told = f"{expected.dtype} of {expected.shape}"
        raise DataError(
            f"rows are {column.type}, {part.null_count} missing; info.json tells {told}"
        )
    return array.reshape(rows, expected.size)
