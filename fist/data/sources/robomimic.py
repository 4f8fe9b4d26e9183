"""robomimic's layout of demonstrations, which LIBERO and MimicGen have, too.

data/demo_0/obs/<key>     (T, ...)     observations
data/demo_0/actions       (T, A)
data/demo_0/{rewards,dones}  (T,)      optional
mask/<filter>             names of demonstrations
"""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from d4rl_layout import MOST_LINKS, DataError, bounded, opened, plain
from fist.data.sources.recordings import Column, Recording, natural


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
            first = plain(file, f"data/{self.demos[0]}")
            self._obs = {*plain(first, "obs")} if "obs" in first else set()
            beside = {name for name in first if isinstance(plain(first, name), h5py.Dataset)}
            there = {name: self._column(first, name) for name in sorted(self._obs) + sorted(beside)}
            self.columns = {name: column for name, column in there.items() if column is not None}
            self.states = [
                n for n, c in self.columns.items() if n in self._obs and len(c.shape) < 2
            ]
            names = [*self.chosen(keys, actions)[0], *self.chosen(keys, actions)[1]]
            self.lengths, arrays = [], {}
            for demo in self.demos:
                group = plain(file, f"data/{demo}")
                rows = set()
                for name in names:
                    if self._column(group, name) != self.columns[name]:
                        raise DataError(f"data/{demo}: {name} is not as in data/{self.demos[0]}")
                    item = arrays[f"data/{demo}/{name}"] = self._item(group, name)
                    rows.add(len(item))
                if len(rows) > 1:
                    raise DataError(f"data/{demo}: the arrays differ in length: {sorted(rows)}")
                self.lengths += rows
            bounded(file, arrays)

    lengths: list[int] = []

    def _named(self, file: h5py.File, mask: str | None) -> list[str]:
        """Return the names of the demonstrations."""
        there = plain(file, "data")
        if not isinstance(there, h5py.Group) or not 0 < len(there) <= MOST_LINKS:
            raise DataError("data holds no demonstrations, or too many")
        if mask is None:
            return natural(there)
        if len(listed := plain(file, f"mask/{mask}")) > MOST_LINKS:
            raise DataError(f"mask/{mask} names too many demonstrations")
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in listed[()]]
        if unknown := [name for name in names if name not in there]:
            raise DataError(f"mask/{mask} names {unknown[0]!r:.99}, which is not in data")
        return natural(names)

    def _item(self, demo: h5py.Group, name: str) -> h5py.Dataset:
        return plain(demo, f"obs/{name}" if name in self._obs else name)

    def _column(self, demo: h5py.Group, name: str) -> Column | None:
        """Return what a header says; None where it is no array of numbers with rows."""
        item = self._item(demo, name)
        numbers = isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf" and item.shape
        return Column(item.shape[1:], item.dtype) if numbers else None

    def read(self, episode: int, names: Sequence[str]) -> list[np.ndarray]:
        with opened(self.path) as file:
            demo = plain(file, f"data/{self.demos[episode]}")
            return [self._item(demo, name)[()] for name in names]
