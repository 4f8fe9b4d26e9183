"""Minari data sets, in and out.

Minari keeps an episode's last observation, D4RL's layout does not:

    Minari     s0  s1  s2  s3        a0  a1  a2         a row more of states
    D4RL       s0  s1  s2            a0  a1  a2

so what comes in loses its last state, and what goes out its last action.
"""

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Space

from d4rl_layout import read
from fist.data.episodes import DataError, Episodes, load_episodes, save_episodes
from fist.stage.functions import function

log = logging.getLogger(__name__)


def import_minari(
    files: Sequence[Path], what: str, out: Path, converter: str | None = None
) -> None:
    """Write a Minari data set in D4RL's layout; it is downloaded if it is not here.

    Args:
        files: none.
        what: the data set: D4RL/kitchen/mixed-v2.
        out: HDF5 file to write.
        converter: function (module:function) that makes an episode's states (T, S) of the
            observations that Minari gives; by default dictionaries are laid flat.

    Raises:
        DataError: it cannot be had, or holds no episode.
    """
    minari = _minari()
    try:
        dataset = minari.load_dataset(what, download=True)
    except Exception as error:  # its storage and its server have many ways to fail
        raise DataError(
            f"Minari has no {what} here, and it could not be downloaded ({error}): fetch it "
            f"elsewhere (minari download {what}) and set MINARI_DATASETS_PATH to the folder"
        ) from None
    if not isinstance(dataset.action_space, Box):
        raise DataError(f"{what} has actions of {dataset.action_space}: only a Box can be learnt")
    states_of = function(converter) if converter else _flattening(what, dataset)
    states, actions = [], []
    for episode in dataset.iterate_episodes():
        if length := len(episode.actions):
            states.append(states_of(episode.observations)[:length])
            actions.append(np.reshape(episode.actions, (length, -1)))
    if not states:
        raise DataError(f"{what} holds no episode")
    save_episodes(out, Episodes.of(states, actions))


def export_minari(
    data: Path,
    dataset_id: str,
    env_id: str = "d4rl:kitchen-mixed-v0",
    root: Path | None = None,
    author: str | None = None,
) -> None:
    """Write a data set as a Minari data set.

    Args:
        data: HDF5 file in D4RL's layout.
        dataset_id: name of the Minari data set, with its version, kitchen/kitchen-mixed-v0; one of
            this name is replaced.
        env_id: Gymnasium id of the environment that the data come from.
        root: folder of Minari's data sets; by default MINARI_DATASETS_PATH, or Minari's own.
        author: who made it.

    Raises:
        DataError, FileNotFoundError: the data cannot be used.
        ValueError: a bad name.
    """
    if root is not None:
        os.environ["MINARI_DATASETS_PATH"] = str(root.absolute())
    minari = _minari()
    from minari.data_collector.episode_buffer import EpisodeBuffer

    episodes, arrays = load_episodes(data), read(data)
    arrays = {key: np.zeros(len(arrays["actions"])) for key in ("rewards", "timeouts")} | arrays
    buffers: list[EpisodeBuffer] = []
    for start, length in zip(episodes.starts.tolist(), episodes.lengths.tolist(), strict=True):
        last, going_on = start + length - 1, [False] * (length - 2)
        if length > 1:
            buffers.append(
                EpisodeBuffer(
                    id=len(buffers),
                    observations=list(arrays["observations"][start : last + 1]),
                    actions=list(arrays["actions"][start:last]),
                    rewards=arrays["rewards"][start:last].tolist(),
                    terminations=[*going_on, bool(arrays["terminals"][last])],
                    truncations=[*going_on, bool(arrays["timeouts"][last])],
                )
            )
    module, _, name = env_id.rpartition(":")
    if module:
        __import__(module)
    shutil.rmtree(minari.storage.get_dataset_path(dataset_id), ignore_errors=True)
    minari.create_dataset_from_buffers(
        dataset_id,
        buffers,
        env=gymnasium.spec(name),
        observation_space=Box(-np.inf, np.inf, (episodes.state_dim,), np.float32),
        action_space=Box(-1.0, 1.0, (episodes.action_dim,), np.float32),
        author=author,
        description=f"{len(buffers)} episodes",
    )


def _minari() -> Any:
    try:
        import minari
    except ImportError as error:
        advice = "pip install 'minari[hdf5,hf]'"
        raise DataError(f"Minari is not installed ({error}): {advice}") from None
    return minari


def _flattening(what: str, dataset: Any) -> Callable[[Any], np.ndarray]:
    """Return what lays dictionaries flat, in the order of the environment's observations."""
    try:
        return partial(_flat, what, dataset.recover_environment().observation_space)
    except Exception as error:  # whatever an environment needs that is not here
        log.warning("the environment cannot be made here (%s): keys in alphabetical order", error)
        return partial(_flat, what, dataset.observation_space)


def _flat(what: str, space: Space, observations: Any) -> np.ndarray:
    """Lay an episode's observations flat, (T, S), as Gymnasium's FlattenObservation does."""
    if isinstance(space, Dict):
        return np.hstack([_flat(what, part, observations[key]) for key, part in space.items()])
    if not isinstance(space, Box):
        raise DataError(f"{what} has observations of {space}: name a converter that makes states")
    return np.reshape(observations, (len(observations), -1))
