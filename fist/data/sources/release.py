"""Members of the FIST release's archives, as data sets in D4RL's layout."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import torch

from fist.data.episodes import DataError, Episodes, load_episodes, save_episodes
from fist.data.sources.archive import ArchiveError, extract, matching
from fist.data.sources.pickles import load_arrays


def unpack(archive: Path, pattern: str, out: Path) -> None:
    """Write one member of an archive as a data set.

    HDF5 files stay as they are, but for one without any episode end (the mazes' play data, recorded
    in one go), which becomes one episode. Pickled demonstrations are converted.

    Args:
        archive: zip archive.
        pattern: the member's name, or the end of its path (`fist.data.sources.archive`).
        out: HDF5 file to write.

    Raises:
        ArchiveError: the archive is unsafe or damaged, or not one member matches.
        PickleError, DataError: the member is no data set.
    """
    found = matching(archive, pattern)
    if len(found) > 1:
        raise ArchiveError(f"{archive}: {pattern!r} matches several files: {', '.join(found)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unpack.", dir=out.parent) as folder:
        file = extract(archive, found, Path(folder))[0]
        if file.suffix == ".pkl":
            save_episodes(out, demonstrations(file))
            return
        _end_last_episode(file)
        load_episodes(file)
        os.replace(file, out)


def demonstrations(path: Path) -> Episodes:
    """Read pickled demonstrations: a list of state arrays and one of action arrays.

    An episode has one state more than actions, the one it ended in; it is left out, as D4RL's
    layout has no row for it.

    Raises:
        PickleError, DataError: it is something else.
    """
    value = load_arrays(path)
    lists = value if isinstance(value, (list, tuple)) else ()
    if len(lists) != 2 or not all(isinstance(part, (list, tuple)) for part in lists):
        raise DataError(f"{path}: expected a list of states and a list of actions per episode")
    if len(lists[0]) != len(lists[1]) or not lists[0]:
        raise DataError(f"{path}: {len(lists[0])} lists of states, {len(lists[1])} of actions")
    states, actions = ([np.asarray(array, np.float32) for array in part] for part in lists)
    for number, (s, a) in enumerate(zip(states, actions, strict=True)):
        if s.ndim != 2 or a.ndim != 2 or not len(a) or len(s) - len(a) not in (0, 1):
            raise DataError(
                f"{path}: episode {number} has states {s.shape} and actions {a.shape}; expected "
                "(T + 1, state) and (T, action)"
            )
    lengths = [len(a) for a in actions]
    return Episodes(
        torch.from_numpy(np.concatenate([s[:n] for s, n in zip(states, lengths, strict=True)])),
        torch.from_numpy(np.concatenate(actions)),
        torch.tensor(lengths),
    )


def _end_last_episode(file: Path) -> None:
    """Mark the last row of a data set as an end, if no row is marked."""
    try:
        with h5py.File(file, "r+") as opened:
            ends = [opened[key] for key in ("terminals", "timeouts") if key in opened]
            if ends and not any(np.any(end[()]) for end in ends):
                ends[0][-1] = True
    except (OSError, RuntimeError, LookupError, TypeError, ValueError) as error:
        raise DataError(f"{file.name}: not an HDF5 file, or a damaged one ({error})") from None
