"""Minari data sets, in and out.

Minari keeps an episode's last observation, D4RL's layout does not:

    Minari     s0  s1  s2  s3        a0  a1  a2         a row more of states
    D4RL       s0  s1  s2            a0  a1  a2

so what comes in loses its last state, and what goes out its last action.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box

from fist.data.episodes import DataError, Episodes, load_episodes, save_episodes

Observations = Callable[[Any], np.ndarray]
"""Makes an episode's states (T, S) of the observations that Minari gives."""


def import_minari(dataset_id: str, out: Path, observations: Observations | None = None) -> None:
    """Write a Minari data set in D4RL's layout; it is downloaded if it is not here.

    Args:
        dataset_id: "D4RL/kitchen/mixed-v2".
        out: HDF5 file to write.
        observations: makes states of observations; by default dictionaries are laid flat.

    Raises:
        DataError: it cannot be had, or holds no episode that can be used.
    """
    minari = _minari()
    try:
        dataset = minari.load_dataset(dataset_id, download=True)
    except Exception as error:  # its storage and its server have many ways to fail
        raise DataError(
            f"Minari has no {dataset_id} here, and it could not be downloaded ({error}): fetch it "
            f"elsewhere (minari download {dataset_id}) and set MINARI_DATASETS_PATH to the folder"
        ) from None
    states, actions, lengths = [], [], []
    for episode in dataset.iterate_episodes():
        s = _flat(episode.observations) if observations is None else None
        s = observations(episode.observations) if observations is not None else s
        a = np.asarray(episode.actions, dtype=np.float32)
        if len(a):
            states.append(np.asarray(s[: len(a)], dtype=np.float32))
            actions.append(a.reshape(len(a), -1))
            lengths.append(len(a))
    if not lengths:
        raise DataError(f"{dataset_id} holds no episode")
    save_episodes(
        out,
        Episodes(
            torch.from_numpy(np.concatenate(states)),
            torch.from_numpy(np.concatenate(actions)),
            torch.tensor(lengths),
        ),
    )
    load_episodes(out)


def export_minari(data: Path, dataset_id: str, env_id: str, author: str | None = None) -> None:
    """Write a data set as a Minari data set, under MINARI_DATASETS_PATH or Minari's own folder.

    Args:
        data: HDF5 file in D4RL's layout.
        dataset_id: "fist/kitchen-mixed-v0"; one of this name is replaced.
        env_id: Gymnasium id of the environment that it was recorded in.
        author: who made it.

    Raises:
        DataError, FileNotFoundError: the data cannot be used.
        ValueError: a bad name.
    """
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
        observation_space=_box(episodes.states),
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


def _box(states: torch.Tensor) -> Box:
    return Box(-np.inf, np.inf, (states.shape[1],), np.float32)


def _flat(observations: Any) -> np.ndarray:
    """Lay an episode's observations flat, (T, S), as Gymnasium's FlattenObservation does."""
    if isinstance(observations, dict):
        return np.concatenate([_flat(part) for part in observations.values()], axis=1)
    array = np.asarray(observations)
    return array.reshape(len(array), -1)
