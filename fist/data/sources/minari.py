"""Minari data sets, in and out.

Minari keeps an episode's last observation, D4RL's layout does not:

    Minari     s0  s1  s2  s3        a0  a1  a2         a row more of states
    D4RL       s0  s1  s2            a0  a1  a2

so what comes in loses its last state, and what goes out its last action.

A set from elsewhere names a class as its environment, which Minari would import and call. Nothing
is taken of that but an id, which counts where an installed package has registered it.
"""

import contextlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Space

from d4rl_layout import check, read
from fist.data.episodes import DataError, Episodes, load_episodes, save_episodes
from fist.stage.files import read_json
from fist.stage.functions import function

log = logging.getLogger(__name__)


PACKAGES = ("d4rl", "gymnasium_robotics")
"""What may be imported to find the environment that a set names."""


def import_minari(
    files: Sequence[Path],
    what: str,
    out: Path,
    converter: str | None = None,
    env_id: str | None = None,
) -> None:
    """Write a Minari data set in D4RL's layout; it is downloaded if it is not here.

    Args:
        files: none.
        what: the data set: D4RL/kitchen/mixed-v2.
        out: HDF5 file to write.
        converter: function (module:function) that makes an episode's states (T, S) of the
            observations that Minari gives; by default dictionaries are laid flat.
        env_id: Gymnasium id of the environment in whose order that is done; by default the one that
            the set names, if it is registered here.

    Raises:
        DataError: it cannot be had, is not safe to read, or holds no episode.
    """
    minari = _minari()
    try:
        folder = Path(minari.storage.get_dataset_path(what), "data")
        if not folder.exists():
            minari.download_dataset(what)
    except Exception as error:  # its storage and its server have many ways to fail
        raise DataError(
            f"Minari has no {what} here, and it could not be downloaded ({error}): fetch it "
            f"elsewhere (minari download {what}) and set MINARI_DATASETS_PATH to the folder"
        ) from None
    named = _judged(folder)
    try:
        dataset = minari.MinariDataset(folder)
    except Exception as error:  # whatever damage does to it
        raise DataError(f"{folder}: not a Minari data set, or a damaged one ({error})") from None
    if not isinstance(dataset.action_space, Box):
        raise DataError(f"{what} has actions of {dataset.action_space}: only a Box can be learnt")
    states_of = function(converter) if converter else _flattening(what, dataset, env_id or named)
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


def _judged(folder: Path) -> str:
    """Return the id of a set's environment; DataError where Minari should not read the set."""
    try:
        about = read_json(folder / "metadata.json")
        named = json.loads(about.get("env_spec") or "{}").get("id") or ""
        spaces = [about[key] for key in ("observation_space", "action_space")]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{folder}: no metadata.json with both spaces in it ({error!r})") from None
    if not all(isinstance(space, str) for space in spaces) or about.get("data_format") != "hdf5":
        raise DataError(f"{folder}: its metadata.json names no spaces, or no HDF5 as its format")
    for file in folder.rglob("*.hdf5"):
        check(file)
    return named if isinstance(named, str) and ":" not in named else ""


def _flattening(what: str, dataset: Any, env_id: str) -> Callable[[Any], np.ndarray]:
    """Return what lays dictionaries flat, in the order of the environment's observations."""
    for package in PACKAGES:
        with contextlib.suppress(ImportError):
            import_module(package)
    try:
        return partial(_flat, what, gymnasium.make(env_id).observation_space)
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
