"""Read offline data sets in D4RL's layout, and put returns on D4RL's normalised scale.

A file holds rows of all episodes one after the other, in arrays of equal length N:

    row            0    1    2    3    4    5
    observations  s0   s1   s2 | s0'  s1'  s2'
    actions       a0   a1   a2 | a0'  a1'  a2'
    terminals      .    .    1 |  .    .    .      the task ended the episode
    timeouts       .    .    . |  .    .    1      the step limit did (optional array)
"""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import gymnasium
import h5py
import numpy as np

Dataset = dict[str, np.ndarray]

_REQUIRED = ("observations", "actions", "rewards", "terminals")

_LARGEST_RATIO = 1100
"""How much smaller than its content a file can be: gzip saves a factor of 1032 at the very most."""

_REFERENCE_SCORES = {
    "kitchen-complete-v0": (0.0, 4.0),
    "kitchen-partial-v0": (0.0, 4.0),
    "kitchen-mixed-v0": (0.0, 4.0),
    "maze2d-large-v1": (6.7, 273.99),
}
"""Returns that D4RL calls 0 and 1."""


def get_dataset(h5path: str | PathLike) -> Dataset:
    """Read every array of an HDF5 file; those in groups are named "group/array".

    Returns:
        at least observations (N, S), actions (N, A), rewards (N,), terminals (N,) bool, and where
        the file has it timeouts (N,) bool.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a readable HDF5 file, an array is missing, or lengths differ.
    """
    path = Path(h5path)
    if not path.is_file():
        raise FileNotFoundError(f"no data set at {path}")
    dataset: Dataset = {}

    most = _LARGEST_RATIO * path.stat().st_size

    def read(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            size = (item.size or 0) * item.dtype.itemsize
            if size > most:
                raise ValueError(f"{name} claims {size} bytes, such a file holds {most} at most")
            dataset[str(name)] = item[()]

    try:
        with h5py.File(path, "r") as file:
            file.visititems(read)
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, MemoryError) as error:
        # h5py tells of damage with all of these
        raise ValueError(f"{path} is no readable HDF5 file: {error}") from error
    missing = [name for name in _REQUIRED if name not in dataset]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}; it has {', '.join(dataset)}")
    per_row = [name for name in (*_REQUIRED, "timeouts") if name in dataset]
    for name in per_row:
        if np.asarray(dataset[name]).dtype.kind not in "biuf":
            raise ValueError(f"{path}: {name} holds no numbers")
    lengths = {name: len(np.atleast_1d(dataset[name])) for name in per_row}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{path} holds arrays of different lengths: {lengths}")
    rows = lengths["observations"]
    for name in per_row[2:]:  # some files keep these as columns
        if np.size(dataset[name]) != rows:
            raise ValueError(f"{path}: {name} has shape {np.shape(dataset[name])}, expected {rows}")
        dataset[name] = np.reshape(dataset[name], rows)
    for name in per_row[3:]:
        dataset[name] = dataset[name].astype(np.bool_)
    return dataset


def sequence_dataset(
    env: gymnasium.Env | None = None,
    dataset: Dataset | None = None,
    h5path: str | PathLike | None = None,
) -> Iterator[Dataset]:
    """Yield the episodes of a data set, each a dictionary of its rows in every array.

    Args:
        env: gives the step limit for a data set without timeouts; may be None where it has them.
        dataset: what `get_dataset` returned, or
        h5path: where to read it from.

    Rows after the last episode end are left out.

    Raises:
        ValueError: neither `dataset` nor `h5path`, or nothing tells where an episode times out.
    """
    dataset = _given(dataset, h5path)
    rows = len(dataset["rewards"])
    start = 0
    for end in np.flatnonzero(_terminals(dataset) | _timeouts(env, dataset)) + 1:
        yield {
            name: array[start:end]
            for name, array in dataset.items()
            if np.ndim(array) and len(array) == rows
        }
        start = end


def qlearning_dataset(
    env: gymnasium.Env | None = None,
    dataset: Dataset | None = None,
    terminate_on_end: bool = False,
    h5path: str | PathLike | None = None,
) -> Dataset:
    """Return transitions for Q-learning.

    Args:
        env, dataset, h5path: as for `sequence_dataset`.
        terminate_on_end: keep the last transition of an episode that timed out and mark it
            terminal; by default it is left out, because its next observation was not recorded.

    Returns:
        observations, actions, next_observations, rewards (float32) and terminals (bool), one row
        per transition. Where `terminals` holds, the next observation belongs to another episode
        and means nothing. The file's last row has no next one and is always left out.

    Raises:
        ValueError: as for `sequence_dataset`.
    """
    dataset = _given(dataset, h5path)
    timeouts = _timeouts(env, dataset)[:-1]
    terminals = _terminals(dataset)[:-1]
    if terminate_on_end:
        keep, terminals = np.ones_like(timeouts), terminals | timeouts
    else:
        keep = ~timeouts
    return {
        "observations": dataset["observations"][:-1][keep].astype(np.float32),
        "actions": dataset["actions"][:-1][keep].astype(np.float32),
        "next_observations": dataset["observations"][1:][keep].astype(np.float32),
        "rewards": dataset["rewards"][:-1][keep].astype(np.float32),
        "terminals": terminals[keep],
    }


def get_normalized_score(env_id: str, score: float | np.ndarray) -> float | np.ndarray:
    """Return a return on D4RL's scale: 0 for a random policy, 1 for an expert (all 4 sub-tasks).

    Raises:
        ValueError: no reference scores are known for `env_id`.
    """
    known = env_id.rpartition(":")[2]
    if known not in _REFERENCE_SCORES:
        raise ValueError(
            f"no reference scores for {env_id!r}; known are {', '.join(_REFERENCE_SCORES)}"
        )
    low, high = _REFERENCE_SCORES[known]
    return (score - low) / (high - low)


def _given(dataset: Dataset | None, h5path: str | PathLike | None) -> Dataset:
    if dataset is not None:
        return dataset
    if h5path is None:
        raise ValueError("give a data set, or h5path=... to read one from; nothing is downloaded")
    return get_dataset(h5path)


def _terminals(dataset: Dataset) -> np.ndarray:
    return np.asarray(dataset["terminals"], dtype=np.bool_)


def _timeouts(env: gymnasium.Env | None, dataset: Dataset) -> np.ndarray:
    """Return (N,) bool: the rows at which an episode was cut off.

    Without recorded timeouts that is every `max_episode_steps`-th row since the last episode end.
    """
    if "timeouts" in dataset:
        return np.asarray(dataset["timeouts"], dtype=np.bool_)
    limit = env.spec.max_episode_steps if env is not None and env.spec is not None else None
    if limit is None:
        raise ValueError(
            "the data set has no timeouts, so an env made with a step limit is needed to tell "
            "where its episodes end"
        )
    terminals = _terminals(dataset)
    rows = np.arange(len(terminals))
    ends = np.maximum.accumulate(np.where(terminals, rows + 1, 0))
    first = np.concatenate([[0], ends[:-1]])  # first row after the last terminal one
    return (rows - first) % limit == limit - 1
