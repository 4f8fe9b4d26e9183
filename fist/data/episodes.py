"""Episodes on disk and in memory.

One on-disk format serves every stage: D4RL's HDF5 layout, rows of all episodes one after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fist.stage.files import write_bytes

REQUIRED = ("observations", "actions", "terminals")
LARGEST_RATIO = 1100
"""How much smaller than its content a file can be: gzip saves a factor of 1032 at the very most."""


class DataError(ValueError):
    """A data set that cannot be used; the message names the file, the value and the way out."""


@dataclass(frozen=True)
class Episodes:
    """Episodes laid end to end, as float32 tensors."""

    states: Float[Tensor, "N S"]
    """Observations before each action."""
    actions: Float[Tensor, "N A"]
    """Actions in [-1, 1]."""
    lengths: Int[Tensor, " E"]
    """Rows of each episode; they add up to N."""
    dropped: int = 0
    """Episodes of the file that were too short and left out."""
    dropped_rows: int = 0
    """Rows after the last episode end that were left out."""

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def starts(self) -> Int[Tensor, " E"]:
        """First row of each episode."""
        return self.lengths.cumsum(0) - self.lengths

    @property
    def state_dim(self) -> int:
        return self.states.shape[1]

    @property
    def action_dim(self) -> int:
        return self.actions.shape[1]

    def take(self, episodes: Sequence[int]) -> Episodes:
        """Return the named episodes, in the order given."""
        starts, lengths = self.starts.tolist(), self.lengths.tolist()
        rows = [torch.arange(starts[i], starts[i] + lengths[i]) for i in episodes]
        index = torch.cat(rows) if rows else torch.empty(0, dtype=torch.long)
        return Episodes(
            self.states[index],
            self.actions[index],
            torch.tensor([lengths[i] for i in episodes], dtype=torch.long),
            self.dropped,
            self.dropped_rows,
        )

    def first(self, n: int, source: str | Path = "the data set") -> Episodes:
        """Return the first n episodes; DataError where there are fewer."""
        if not 1 <= n <= len(self):
            raise DataError(
                f"{source} holds {len(self)} usable episodes, {n} were asked for "
                "(config: n_demos of the task or method)"
            )
        return self.take(range(n))

    def observations(self, episode: int) -> np.ndarray:
        """Return the (T, S) observations of one episode as a NumPy array."""
        start, length = int(self.starts[episode]), int(self.lengths[episode])
        return self.states[start : start + length].numpy()


def load_episodes(path: str | Path, min_length: int = 1) -> Episodes:
    """Read a D4RL-layout HDF5 file, check it, and cut it into episodes.

    An episode ends at `terminals | timeouts` (D4RL); files without `timeouts` (FIST's release) end
    at `terminals` alone. Episodes with fewer than `min_length` rows are left out and counted in
    `dropped`; they are never joined to the next one. Rewards are not read: those of the released
    files are wrong, and completions are recomputed from the observations where they are needed.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: the file is not usable; says why.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"no data set at {path}: check the path under `data:` in the config"
        )
    arrays = _read(path)
    _check(path, arrays)
    ends = arrays["terminals"] | arrays["timeouts"]
    stops = np.flatnonzero(ends) + 1
    if len(stops) == 0:
        raise DataError(
            f"{path}: no episode ends: `terminals` (and `timeouts`) are false in every row"
        )
    starts = np.concatenate(([0], stops[:-1]))
    lengths = stops - starts
    long_enough = lengths >= min_length
    if not long_enough.any():
        raise DataError(
            f"{path}: the longest of {len(lengths)} episodes has {lengths.max()} rows, at least "
            f"{min_length} are needed (H+1; config: skills.model.horizon)"
        )
    keep = np.repeat(long_enough, lengths)
    return Episodes(
        torch.from_numpy(arrays["observations"][: stops[-1]][keep]),
        torch.from_numpy(arrays["actions"][: stops[-1]][keep]),
        torch.from_numpy(lengths[long_enough].astype(np.int64)),
        dropped=int((~long_enough).sum()),
        dropped_rows=len(ends) - int(stops[-1]),
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays that are used, as float32 and bool."""
    try:
        with h5py.File(path, "r") as file:
            missing = [key for key in REQUIRED if key not in file]
            if missing:
                found = ", ".join(sorted(map(str, file))) or "nothing"
                raise DataError(
                    f"{path}: missing {', '.join(missing)}; found {found} (D4RL layout: "
                    "observations, actions, terminals, optionally timeouts)"
                )
            arrays = {key: _numbers(path, file[key]) for key in REQUIRED}
            if "timeouts" in file:
                arrays["timeouts"] = _numbers(path, file["timeouts"])
    except DataError:
        raise
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, MemoryError) as error:
        # h5py tells of damage with all of these, by the place in the file where it is.
        raise DataError(f"{path}: not an HDF5 file, or a damaged one ({error})") from error
    with np.errstate(over="ignore", invalid="ignore"):  # what does not fit is refused as not finite
        for key in ("observations", "actions"):
            arrays[key] = np.asarray(arrays[key], dtype=np.float32)
        for key in ("terminals", "timeouts"):
            value = arrays.get(key, np.zeros(arrays["terminals"].size))
            arrays[key] = np.asarray(value).astype(bool).reshape(-1)
    return arrays


def _numbers(path: Path, item: h5py.Dataset | h5py.Group | h5py.Datatype) -> np.ndarray:
    """Read an array of numbers; DataError where it is something else, or larger than the file."""
    name = str(item.name).removeprefix("/")
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "biuf" or item.shape is None:
        what = item.dtype if isinstance(item, h5py.Dataset) else type(item).__name__
        raise DataError(f"{path}: {name} holds no numbers ({what})")
    size, most = item.size * item.dtype.itemsize, LARGEST_RATIO * path.stat().st_size
    if size > most:
        raise DataError(
            f"{path}: {name} claims the shape {item.shape}, {size} bytes; a file of this size "
            f"holds {most} at the very most, so it is damaged"
        )
    return item[()]


def _check(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Raise DataError unless the arrays fit together and hold usable values."""
    for key in ("observations", "actions"):
        if arrays[key].ndim != 2 or arrays[key].shape[1] == 0:
            raise DataError(f"{path}: {key} has shape {arrays[key].shape}, expected (rows, dims)")
    rows = {key: len(array) for key, array in arrays.items()}
    if len(set(rows.values())) != 1:
        lengths = ", ".join(f"{key} {n}" for key, n in rows.items())
        raise DataError(f"{path}: the arrays differ in length: {lengths}")
    for key in ("observations", "actions"):
        bad = ~np.isfinite(arrays[key])
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise DataError(
                f"{path}: {key}[{row}, {column}] is {arrays[key][row, column]} "
                f"({bad.sum()} values are not finite)"
            )
    outside = np.abs(arrays["actions"]) > 1
    if outside.any():
        row, column = np.argwhere(outside)[0]
        value = arrays["actions"][row, column]
        raise DataError(
            f"{path}: actions[{row}, {column}] is {value:g}, outside [-1, 1] ({outside.sum()} such "
            "values): scale or clip the actions of this file first"
        )


def save_episodes(path: str | Path, episodes: Episodes) -> None:
    """Write episodes in D4RL layout: whole or not at all, the same bytes for the same episodes."""
    terminals = np.zeros(len(episodes.states), dtype=bool)
    terminals[(episodes.lengths.cumsum(0) - 1).numpy()] = True
    arrays = {
        "observations": episodes.states.numpy(),
        "actions": episodes.actions.numpy(),
        "rewards": np.zeros(len(terminals), dtype=np.float32),
        "terminals": terminals,
        "timeouts": np.zeros_like(terminals),
    }
    # In memory first: HDF5 may crash where a disk is full.
    with h5py.File("episodes", "w", driver="core", backing_store=False) as file:
        for key, array in arrays.items():
            file.create_dataset(key, data=array, compression="gzip", track_times=False)
        file.flush()
        write_bytes(path, file.id.get_file_image())


def concatenate(parts: Sequence[Episodes]) -> Episodes:
    """Lay several data sets end to end; their dimensions must agree."""
    shapes = {(part.state_dim, part.action_dim) for part in parts}
    if len(shapes) != 1:
        raise DataError(f"data sets differ in (state, action) dimensions: {sorted(shapes)}")
    return Episodes(
        torch.cat([part.states for part in parts]),
        torch.cat([part.actions for part in parts]),
        torch.cat([part.lengths for part in parts]),
        sum(part.dropped for part in parts),
        sum(part.dropped_rows for part in parts),
    )
