"""Episodes in any layout: judged by their headers, then read block by block.

A layout is a class: it finds columns, which have a row for each step, and where episodes end.
`take` makes a data set of the columns that are asked for; nothing else knows what a layout is like.
Without `out`, it reads headers only.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from d4rl_layout import FREE_BYTES, LARGEST_RATIO, DataError, blocks, first_wrong, write
from fist.data.actions import LABEL, ActionScale
from fist.stage.files import line

Range = list[float | list[float]]
"""Of actions: the lowest and the highest, a number for all dimensions or one for each."""
Block = tuple[int, list[np.ndarray]]
"""Rows of a recording: how many, and what each column has there, at the least so many."""
NAMES = "state_names"
"""Label of a file: the columns that its states consist of, and how many numbers each has."""
SHOWN = 20
"""Columns that a message names."""
WIDEST = 100_000
"""Numbers in a row of a column; larger ones are pictures."""


class Column(NamedTuple):
    """What a header says of a column."""

    shape: tuple[int, ...]
    """Of a row."""
    dtype: np.dtype

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Recording:
    """Recorded episodes; a subclass is a layout and judges the headers when it is made."""

    layout: ClassVar[str]
    """The source that reads it."""
    columns: Mapping[str, Column]
    """What there is, by name."""
    states: Sequence[str] = ()
    """The columns that states are made of where none are named; none: all flat ones but actions."""
    actions: Sequence[str] = ("actions",)
    rewards: str = "rewards"
    done: str = "dones"
    """Columns with the rewards and, in an episode's last row, whether the task ended it."""
    scale: ActionScale | None = None
    """The range of the actions, where the layout tells one."""

    def __init__(self, path: Path):
        self.path = path

    @property
    def lengths(self) -> Sequence[int]:
        """Steps of each episode; with `blocks` all that may read more than headers."""
        raise NotImplementedError

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        """Yield the rows of some columns, from the first episode to the last.

        A block is an episode or less, or some `d4rl_layout.BLOCK` numbers (a chunk of the file, if
        that is more): it is all that is in memory beside the arrays that are made.
        """
        raise NotImplementedError

    def steps(self, names: Sequence[str], rows: int) -> Iterator[slice]:
        """Yield the rows of each block where so many lie end to end."""
        return blocks(rows, max(self.columns[name].size for name in names))

    def fits(self, name: str, found: Column | None) -> bool:
        """Tell whether another episode's column is as the first one's; rewards are any numbers."""
        known, told = self.columns[name], (self.rewards, self.done)
        return found is not None and (found == known or found.shape == known.shape and name in told)

    def chosen(self, keys: Sequence[str] | None, actions: Sequence[str] | None) -> list[list[str]]:
        """Return the columns of states, of actions, and the rewards and ends that there are.

        Raises:
            DataError: states or actions cannot be learnt.
        """
        acted = [*(actions or self.actions)]
        flat = [
            name
            for name, column in self.columns.items()
            if len(column.shape) <= 1 and name not in (*acted, self.rewards, self.done)
        ]
        stated = [*(keys or self.states or flat)]
        for name in (*stated, *acted):
            if name not in self.columns:
                named = [f"{line(n)} {c.shape}" for n, c in self.columns.items()]
                more = ", …" if named[SHOWN:] else ""
                raise DataError(
                    f"{self.path}: has no {line(name)}; there are {', '.join(named[:SHOWN])}{more} "
                    "(options: keys, actions)"
                )
            shape, dtype = self.columns[name]
            if not 0 < math.prod(shape) <= WIDEST or dtype.kind not in "biuf":
                raise DataError(
                    f"{self.path}: {line(name)} has no rows of numbers: {dtype} of {shape}"
                )
        if not stated:
            raise DataError(f"{self.path}: no column of flat rows; name some (options: keys)")
        if repeated := [name for name in {*stated} if stated.count(name) > 1]:
            raise DataError(f"{self.path}: {repeated[0]} is named twice (options: keys)")
        told = [n for n in (self.rewards, self.done) if n in self.columns]
        return [stated, acted, [n for n in told if n not in (*stated, *acted)]]


class InChunks:
    """Rows that are asked for one after the other, of an array that is read in whole chunks."""

    def __init__(self, read: Callable[[slice], np.ndarray], rows: int, chunk: int):
        self._read, self._rows, self._chunk = read, rows, chunk
        self._first, self._kept = 0, read(slice(0, 0))

    def __getitem__(self, rows: slice) -> np.ndarray:
        asked = self._kept[rows.start - self._first : rows.stop - self._first].copy()
        if (done := rows.start + len(asked)) == rows.stop:
            return asked
        self._kept = asked  # the last chunk is let go before the next one is read
        end = min(-(-rows.stop // self._chunk) * self._chunk, self._rows)
        self._first, self._kept = done, self._read(slice(done, end))
        return np.concatenate([asked, self._kept[: rows.stop - done]])


def take(
    recording: Recording,
    out: Path | None,
    keys: Sequence[str] | None = None,
    actions: Sequence[str] | None = None,
    action_range: Range | None = None,
) -> dict[str, Any]:
    """Write the episodes of a recording in D4RL's layout.

    Args:
        recording: what is read.
        out: HDF5 file to write; None: the headers are judged, nothing else is read.
        keys: columns that states are made of, in this order.
        actions: columns that actions are made of.
        action_range: lowest and highest of the actions, numbers or one for each dimension; by
            default what the layout tells, or, where actions leave [-1, 1], the bounds of the data.

    Returns:
        what the data set is made of, for its report.

    Raises:
        DataError: columns are missing or hold what cannot be learnt.
    """
    path, columns = recording.path, recording.columns
    stated, acted, told = recording.chosen(keys, actions)
    sizes = [[columns[name].size for name in names] for names in (stated, acted)]
    scale = recording.scale if action_range is None else _given(path, action_range, sum(sizes[1]))
    kinds = {columns[name].dtype.kind for name in acted}
    if scale is None and not kinds <= {"f"}:
        raise DataError(
            f"{path}: {', '.join(map(line, acted))} hold whole numbers: discrete actions cannot be "
            "learnt; if they are not, give their range (options: action_range)"
        )
    about = {
        "layout": recording.layout,
        NAMES: [*map(list, zip(stated, sizes[0], strict=True))],
        "action_names": [*map(list, zip(acted, sizes[1], strict=True))],
    }
    if out is None:
        return about
    lengths = recording.lengths
    if not sum(lengths):
        raise DataError(f"{path}: holds no episode")
    arrays, stops = {}, np.cumsum(lengths)
    for name, names, total in zip(
        ("observations", "actions"), (stated, acted), map(sum, sizes), strict=True
    ):
        kind = np.result_type(*(columns[name].dtype for name in names))
        arrays[name] = np.empty((stops[-1], total), np.float32 if kind.kind == "b" else kind)
    arrays["rewards"] = np.zeros(stops[-1], np.float32)
    arrays["terminals"] = np.zeros(stops[-1], bool)
    arrays["timeouts"] = last = np.zeros(stops[-1], bool)
    last[stops[np.flatnonzero(lengths)] - 1] = True
    first, names = 0, [*stated, *acted, *told]
    for length, parts in recording.blocks(names):
        rows = slice(first, min(first + length, stops[-1]))
        read = {
            name: _checked(path, name, stops, rows, part, columns[name].size)
            for name, part in zip(names, parts, strict=True)
        }
        np.concatenate([read[name] for name in stated], axis=1, out=arrays["observations"][rows])
        np.concatenate([read[name] for name in acted], axis=1, out=arrays["actions"][rows])
        if recording.rewards in read:
            arrays["rewards"][rows] = read[recording.rewards][:, 0]
        if recording.done in read:
            done = np.where(last[rows], read[recording.done][:, 0], 0)
            if place := first_wrong(done, flags=True):
                where = _where(path, recording.done, stops, rows.start + place[0])
                raise DataError(f"{where}, is {done[place]!s}, neither 0 nor 1")
            arrays["terminals"][rows] = done
        first = rows.stop
    if first < stops[-1]:
        raise DataError(f"{path}: ends after {first} rows, its episodes have {stops[-1]}")
    last[arrays["terminals"]] = False
    if scale is None:
        scale = ActionScale.of_data(*(f(arrays["actions"], axis=0) for f in (np.min, np.max)))
    labels = {NAMES: json.dumps(about[NAMES])}
    write(out, arrays, labels | ({} if scale is None or scale.is_unit else {LABEL: scale.label()}))
    return about


def bounded(path: Path, claimed: int, stored: int) -> None:
    """Raise DataError where arrays claim more bytes than so many stored ones can hold."""
    if claimed > FREE_BYTES + LARGEST_RATIO * stored:
        raise DataError(f"{path}: {claimed} bytes are claimed, {stored} stored: damaged, or a bomb")


def flags(where: str, array: np.ndarray, rows: int) -> np.ndarray:
    """Return a flag for each row, (N,) bool; DataError where one is neither 0 nor 1."""
    if array.size != rows:
        raise DataError(f"{where} has shape {array.shape}, expected ({rows},)")
    if (wrong := np.flatnonzero((array != 0) & (array != 1))).size:
        raise DataError(f"{where}[{wrong[0]}] is {array.ravel()[wrong[0]]!s}, neither 0 nor 1")
    return array.reshape(rows) == 1


def checked_ends(where: str, ends: np.ndarray, rows: int) -> np.ndarray:
    """Return the row after the last one of each episode, (E,); DataError where it is none."""
    whole = ends.dtype.kind in "iu" and ends.ndim == 1
    inside = whole and len(ends) > 0 and ends.min() > 0 and ends.max() <= rows
    if not inside or (np.diff(ends.astype(np.int64)) < 1).any():
        raise DataError(f"{where} {ends[:9]} are no rising numbers of rows up to {rows}")
    return ends.astype(np.int64)


def natural(names: Iterable[str]) -> list[str]:
    """Sort names as people count: demo_2 before demo_10."""

    def parts(name: str) -> list[str | int]:
        return [int(p) if i % 2 else p for i, p in enumerate(re.split(r"([0-9]{1,18})", name))]

    return sorted(names, key=parts)


def _where(path: Path, name: str, stops: np.ndarray, row: int) -> str:
    """Name a row of all as one of its episode."""
    number = int(np.searchsorted(stops, row, side="right"))
    return f"{path}: {name} of episode {number}, row {row - (stops[number - 1] if number else 0)}"


def _checked(
    path: Path, name: str, stops: np.ndarray, rows: slice, part: np.ndarray, size: int
) -> np.ndarray:
    """Return a column's rows of a block, (n, size); DataError where they are none."""
    n = rows.stop - rows.start
    if part.dtype.kind not in "biuf" or len(part) < n or part.size != len(part) * size:
        where = _where(path, name, stops, rows.start)
        told = f"{part.dtype} of shape {part.shape}, expected {n} rows of {size}"
        raise DataError(f"{where}: there is {told}")
    part = part[:n].reshape(n, size)
    if place := first_wrong(part):
        where = _where(path, name, stops, rows.start + place[0])
        raise DataError(f"{where}, is {part[place]!s}, not a finite number of 32 bits")
    return part


def _given(path: Path, ends: Range, dims: int) -> ActionScale:
    """Return the range that the options give; DataError where it is none for these actions."""
    try:
        low, high = (np.broadcast_to(np.array(end, float), dims).tolist() for end in ends)
        return ActionScale(tuple(low), tuple(high), "given")
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: action_range {ends} for {dims} dimensions: {error}") from None
