"""robomimic's layout of demonstrations, which LIBERO and MimicGen have, too.

data/demo_0/obs/<key>     (T, ...)     observations
data/demo_0/actions       (T, A)
data/demo_0/{rewards,dones}  (T,)      optional
mask/<filter>             names of demonstrations
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py

from d4rl_layout import MOST_LINKS, DataError, bounded, opened, plain, plain_group
from fist.data.sources.recordings import Block, Column, Recording, natural

LONGEST_NAME = 1_000
"""Characters of a demonstration's name."""


class Robomimic(Recording):
    """The demonstrations of a file, or those that a filter of it names."""

    layout = "robomimic"

    def __init__(
        self,
        path: Path,
        keys: Sequence[str] = (),
        actions: Sequence[str] = (),
        mask: str | None = None,
    ):
        super().__init__(path)
        with opened(path) as file:
            self.demos = self._named(file, mask)
            first = plain_group(file, f"data/{self.demos[0]}")
            obs = plain_group(first, "obs") if first.id.links.exists(b"obs") else {}
            there = {name: plain(obs, name) for name in sorted(obs)}
            there = {name: plain(first, name) for name in sorted(first)} | there
            columns = {name: _column(item) for name, item in there.items()}
            self.columns = {name: column for name, column in columns.items() if column is not None}
            self._obs = {*obs}
            self.states = [n for n in obs if n in self.columns and len(self.columns[n].shape) < 2]
            names = sum(self.chosen(keys, actions), [])
            self.lengths = []
            bounded(file, self._judged(file, names))

    lengths: list[int] = []

    def _judged(self, file: h5py.File, names: Sequence[str]) -> Iterator[tuple[str, h5py.Dataset]]:
        """Yield the arrays of all demonstrations; DataError where they differ in more than rows."""
        for demo in self.demos:
            items = self._items(file, demo, names)
            rows = set()
            for name, item in items.items():
                if not self.fits(name, _column(item)):
                    raise DataError(f"data/{demo}: {name} is not as in data/{self.demos[0]}")
                yield item.name, item
                rows.add(len(item))
            if len(rows) > 1:
                raise DataError(f"data/{demo}: the arrays differ in length: {sorted(rows)}")
            self.lengths += rows

    def _named(self, file: h5py.File, mask: str | None) -> list[str]:
        """Return the names of the demonstrations."""
        there = plain_group(file, "data")
        if not 0 < len(there) <= MOST_LINKS:
            raise DataError("data holds no demonstrations, or too many")
        if mask is None:
            return natural(there)
        listed = plain(file, f"mask/{mask}")
        if not isinstance(listed, h5py.Dataset) or listed.ndim != 1 or len(listed) > MOST_LINKS:
            raise DataError(f"mask/{mask} is no list of demonstrations, or one of too many")
        bounded(file, [(listed.name, listed)])
        names = []
        for name in map(listed.__getitem__, range(len(listed))):  # all may be one long text
            names.append(name.decode() if isinstance(name, bytes) else str(name))
            if len(names[-1]) > LONGEST_NAME:
                raise DataError(f"mask/{mask} has a name of {len(names[-1])} characters")
        known = {*there}
        if unknown := [name for name in names if name not in known]:
            raise DataError(f"mask/{mask} names {unknown[0]!r:.99}, which is not in data")
        if not names:
            raise DataError(f"mask/{mask} names no demonstration")
        return natural({*names})

    def _items(self, file: h5py.File, demo: str, names: Sequence[str]) -> dict[str, h5py.Dataset]:
        """Return arrays of a demonstration."""
        group = plain_group(file, f"data/{demo}")
        return {n: plain(group, f"obs/{n}" if n in self._obs else n) for n in names}

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        with opened(self.path) as file:
            for demo, length in zip(self.demos, self.lengths, strict=True):
                yield length, [item[()] for item in self._items(file, demo, names).values()]


def _column(item: Any) -> Column | None:
    """Return what a header says; None where it is no array of numbers with rows."""
    if not isinstance(item, h5py.Dataset) or not item.shape or item.dtype.kind not in "biuf":
        return None
    return Column(item.shape[1:], item.dtype)
