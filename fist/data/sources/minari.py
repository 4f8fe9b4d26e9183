"""Minari data sets, in and out.

Minari keeps an episode's last observation, D4RL's layout does not:

    Minari     s0  s1  s2  s3        a0  a1  a2         a row more of states
    D4RL       s0  s1  s2            a0  a1  a2

so what comes in loses its last state, and what goes out its last action.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box

from fist.data.episodes import DataError, Episodes, load_episodes, save_episodes
from fist.stage.functions import function


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
    minari, states_of = _minari(), _flat if converter is None else function(converter)
    try:
        dataset = minari.load_dataset(what, download=True)
    except Exception as error:  # its storage and its server have many ways to fail
        raise DataError(
            f"Minari has no {what} here, and it could not be downloaded ({error}): fetch it "
            f"elsewhere (minari download {what}) and set MINARI_DATASETS_PATH to the folder"
        ) from None
    states, actions = [], []
    for episode in dataset.iterate_episodes():
        if length := len(episode.actions):
            states.append(np.asarray(states_of(episode.observations)[:length], np.float32))
            actions.append(np.asarray(episode.actions, np.float32).reshape(length, -1))
    if not states:
        raise DataError(f"{what} holds no episode")
    parts = (torch.from_numpy(np.concatenate(arrays)) for arrays in (states, actions))
    save_episodes(out, Episodes(*parts, torch.tensor(list(map(len, actions)))))


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

    episodes = load_episodes(data, min_length=2)
    buffers = []
    for number in range(len(episodes)):
        one = episodes.take([number])
        steps = len(one.states) - 1
        buffers.append(
            EpisodeBuffer(
                id=number,
                observations=list(one.states.numpy()),
                actions=list(one.actions.numpy()[:steps]),
                rewards=[0.0] * steps,
                terminations=[step == steps - 1 for step in range(steps)],
                truncations=[False] * steps,
            )
        )
    module, _, name = env_id.rpartition(":")
    if module:
        __import__(module)
    local = minari.storage.get_dataset_path(dataset_id)
    shutil.rmtree(local, ignore_errors=True)
    minari.create_dataset_from_buffers(
        dataset_id,
        buffers,
        env=gymnasium.spec(name),
        observation_space=Box(-np.inf, np.inf, (episodes.state_dim,), np.float32),
        action_space=Box(-1.0, 1.0, (episodes.action_dim,), np.float32),
        author=author,
        description=f"{len(episodes)} episodes; rewards are not recorded",
    )


def _minari() -> Any:
    try:
        import minari
    except ImportError as error:
        raise DataError(
            f"Minari is not installed ({error}): pip install 'minari[hdf5,hf]'"
        ) from None
    return minari


def _flat(observations: Any) -> np.ndarray:
    """Lay an episode's observations flat, (T, S), as Gymnasium's FlattenObservation does."""
    if isinstance(observations, dict):
        return np.concatenate([_flat(part) for part in observations.values()], axis=1)
    array = np.asarray(observations)
    return array.reshape(len(array), -1)
