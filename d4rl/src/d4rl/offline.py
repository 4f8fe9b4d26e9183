"""D4RL's data set calls: whole files, episodes, transitions; its normalised scale of returns."""

from collections.abc import Iterator
from os import PathLike

import gymnasium
import numpy as np

from d4rl_layout import read

from .antmaze.task import DATA_SETS

Dataset = dict[str, np.ndarray]

_REFERENCE_SCORES = {
    "kitchen-complete-v0": (0.0, 4.0),
    "kitchen-partial-v0": (0.0, 4.0),
    "kitchen-mixed-v0": (0.0, 4.0),
    "maze2d-large-v1": (6.7, 273.99),
    **{
        f"antmaze-{name}-{version}": (0.0, 1.0)
        for names in DATA_SETS.values()
        for name in names
        for version in ("v0", "v2")
    },
}
"""Returns that D4RL calls 0 and 1."""


def get_dataset(h5path: str | PathLike) -> Dataset:
    """Read every array of numbers in an HDF5 file; those in groups are named "group/array".

    Returns:
        at least observations (N, S), actions (N, A), rewards (N,), terminals (N,) bool, and where
        the file has it timeouts (N,) bool.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be used; says why (`d4rl_layout.read`).
    """
    return read(h5path, ("observations", "actions", "rewards", "terminals"))


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
    dataset, terminals = _given(dataset, h5path)
    timeouts = _timeouts(env, dataset, terminals)
    rows = len(dataset["rewards"])
    per_row = {name: a for name, a in dataset.items() if np.ndim(a) and len(a) == rows}
    ends = (np.flatnonzero(terminals | timeouts) + 1).tolist()
    for start, end in zip([0, *ends], ends, strict=False):
        yield {name: array[start:end] for name, array in per_row.items()}


def qlearning_dataset(
    env: gymnasium.Env | None = None,
    dataset: Dataset | None = None,
    terminate_on_end: bool = False,
    h5path: str | PathLike | None = None,
) -> Dataset:
    """Return transitions for Q-learning.

    Args:
        env, dataset, h5path: as for `sequence_dataset`; where the data set has `next_observations`,
            nothing has to tell where an episode times out, but for `terminate_on_end`.
        terminate_on_end: mark the last transition of an episode that timed out terminal.

    Returns:
        observations, actions, next_observations, rewards (float32) and terminals (bool), one row
        per transition. Where the data set has `next_observations`, every row is one. Where it has
        none, they are the next row's: the file's last row is left out, and so is one that timed
        out, unless `terminate_on_end` keeps it; where `terminals` holds, the next observation
        belongs to another episode and means nothing.

    Raises:
        ValueError: as for `sequence_dataset`.
    """
    dataset, terminals = _given(dataset, h5path)
    following, keep = dataset.get("next_observations"), np.ones_like(terminals)
    if following is None or terminate_on_end:
        timeouts = _timeouts(env, dataset, terminals)
    if following is None:
        following = np.roll(dataset["observations"], -1, axis=0)
        keep = keep if terminate_on_end else ~timeouts
        keep[-1:] = False
    if terminate_on_end:
        terminals = terminals | timeouts
    names = ("observations", "actions", "next_observations", "rewards")
    numbers = {**dataset, "next_observations": following}
    kept = {name: numbers[name][keep].astype(np.float32) for name in names}
    return kept | {"terminals": terminals[keep]}


def get_normalized_score(env_id: str, score: float | np.ndarray) -> float | np.ndarray:
    """Return a return on D4RL's scale: 0 for a random policy, 1 for an expert (all 4 subtasks).

    Raises:
        ValueError: no reference scores are known for `env_id`.
    """
    known = env_id.rpartition(":")[2]
    if known not in _REFERENCE_SCORES:
        choice = ", ".join(_REFERENCE_SCORES)
        raise ValueError(f"no reference scores for {env_id!r}; known are {choice}")
    low, high = _REFERENCE_SCORES[known]
    return (score - low) / (high - low)


def _given(dataset: Dataset | None, h5path: str | PathLike | None) -> tuple[Dataset, np.ndarray]:
    """Return the data set that was given or is at a path, and its terminals (N,) bool."""
    if dataset is None:
        if h5path is None:
            source = "h5path=... to read one from"
            raise ValueError(f"give a data set, or {source}; nothing is downloaded")
        dataset = get_dataset(h5path)
    return dataset, np.ravel(dataset["terminals"]).astype(np.bool_)


def _timeouts(env: gymnasium.Env | None, dataset: Dataset, terminals: np.ndarray) -> np.ndarray:
    """Return (N,) bool where episodes time out.

    Without recorded timeouts that is every `max_episode_steps`-th row since the last terminal one.
    """
    if "timeouts" in dataset:
        return np.ravel(dataset["timeouts"]).astype(np.bool_)
    limit = env.spec.max_episode_steps if env is not None and env.spec is not None else None
    if limit is None:
        raise ValueError(
            "the data set has no timeouts, so an env made with a step limit is needed to tell "
            "where its episodes end"
        )
    rows = np.arange(len(terminals))
    ends = np.maximum.accumulate(np.where(terminals, rows + 1, 0))
    first = np.concatenate([[0], ends[:-1]])  # first row after the last terminal one
    return (rows - first) % limit == limit - 1
