"""Minari data sets.

Minari keeps an episode's last observation, D4RL's layout does not:

    Minari     s0  s1  s2  s3        a0  a1  a2         a row more of states
    D4RL       s0  s1  s2            a0  a1  a2

so what comes in loses its last state.

A set from elsewhere names a class as its environment, which Minari would import and call. Nothing
is taken of that but an id, which counts where an installed package has registered it.
"""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from d4rl_layout import DataError, bounded, opened, plain, plain_group
from fist.data.actions import ActionScale
from fist.data.sources.recordings import Block, Column, Range, Recording, natural, take
from fist.stage.files import read_json, reason
from fist.stage.functions import function

log = logging.getLogger(__name__)


PACKAGES = ("d4rl", "gymnasium_robotics")
"""What may be imported to find the environment that a set names."""
FILE = "main_data.hdf5"


class Minari(Recording):
    """A data set's folder, or the folder `data` in it."""

    layout = "minari"
    done = "terminations"

    def __init__(
        self,
        path: Path,
        keys: Sequence[str] = (),
        actions: Sequence[str] = (),
        space_of: Callable[[str], Any] | None = None,
        converter: Callable[[Any], np.ndarray] | None = None,
    ):
        """Judge the headers.

        Args:
            path, keys, actions: as for the other layouts.
            space_of: gives the observation space of an environment by the id that the set names.
            converter: makes an episode's states (T, S) of its observations.
        """
        super().__init__(path / "data" if (path / "data" / FILE).exists() else path)
        env_id, spaces = _told(self.path)
        acts, real = spaces["action"], np.issubdtype(spaces["action"].dtype, np.floating)
        if type(acts).__name__ != "Box" or not real:
            told = f"{self.path}: has actions of {str(acts)[:200]}"
            raise DataError(f"{told}: only a Box of real numbers can be learnt")
        self.scale = ActionScale.of_space(acts)
        self.space, self._converter = spaces["observation"], converter
        if space_of is not None:
            self.space = _ordered(self.space, space_of(env_id))
        with opened(self.path / FILE) as file:
            self.episodes = natural(name for name in file if name.startswith("episode_"))
            if not self.episodes:
                raise DataError("holds no episode")
            leaves = [*_leaves(self.space, "observations", "")]
            self._leaves = {name or "observations": (leaf, place) for name, leaf, place in leaves}
            sizes = {name: _flat_column(leaf) for name, (leaf, _) in self._leaves.items()}
            if converter is not None:
                states = self._converted(plain_group(file, self.episodes[0]))
                sizes = {"converted": Column(states.shape[1:], states.dtype)}
            acted = Column(acts.shape, acts.dtype)
            flags = Column((), np.dtype(bool))
            self.states = [*sizes]
            self.columns = {**sizes, "actions": acted, "terminations": flags}
            self.columns |= {"rewards": Column((), np.dtype(float))}
            places = sum(map(self._places, sum(self.chosen(keys, actions), [])), [])
            self.lengths = []
            bounded(file, self._judged(file, places))

    lengths: list[int] = []

    def _judged(self, file: h5py.File, places: Sequence[str]) -> Iterator[tuple[str, h5py.Dataset]]:
        """Yield the arrays of all episodes."""
        for episode in self.episodes:
            group = plain_group(file, episode)
            yield from ((f"{episode}/{place}", self._item(group, place)) for place in places)
            self.lengths.append(len(self._item(group, "actions")))

    def _places(self, name: str) -> list[str]:
        """Return the arrays of an episode that a column is made of."""
        if name == "converted":
            return [place for _, place in self._leaves.values()]
        return [self._leaves[name][1] if name in self._leaves else name]

    def _item(self, episode: h5py.Group, name: str) -> h5py.Dataset:
        item = plain(episode, name)
        if not isinstance(item, h5py.Dataset) or not item.shape or item.dtype.kind not in "biuf":
            raise DataError(f"{item.name} holds no rows of numbers")
        return item

    def _converted(self, episode: h5py.Group) -> np.ndarray:
        assert self._converter is not None
        places = self._places("converted")
        seen = {place: self._item(episode, place)[()] for place in places}
        return np.asarray(self._converter(_nested(self.space, "observations", seen)))

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        with opened(self.path / FILE) as file:
            for episode, length in zip(self.episodes, self.lengths, strict=True):
                group = plain_group(file, episode)
                yield length, [self._read(group, column) for column in names]

    def _read(self, episode: h5py.Group, column: str) -> np.ndarray:
        if column == "converted":
            return self._converted(episode)
        (place,) = self._places(column)
        item = self._item(episode, place)
        leaf = self._leaves.get(column, (None,))[0]
        return item[()] if leaf is None else _flat(item.name, leaf, item[()])


def import_minari(
    files: Sequence[Path],
    what: str,
    out: Path | None,
    converter: str | None = None,
    env_id: str | None = None,
    keys: list[str] | None = None,
    action_range: Range | None = None,
) -> dict[str, Any]:
    """Write a Minari data set in D4RL's layout; it is downloaded if it is not here.

    Args:
        files: its folder; none: it is looked for where Minari keeps its data sets.
        what: the data set: D4RL/kitchen/mixed-v2.
        out: HDF5 file to write; None: the headers are judged.
        converter: function (module:function) that makes an episode's states (T, S) of the
            observations that Minari gives; by default they are laid flat as Gymnasium does.
        env_id: Gymnasium id of the environment in whose order that is done; by default the one that
            the set names, if it is registered here.
        keys: observations that states are made of, in this order: "goal", "robot/position".
        action_range: see `take`.

    Raises:
        DataError: it cannot be had, is not safe to read, or holds no episode.
    """
    folder = files[0] if files else _found(what, out is not None)
    if folder is None:
        return {}
    known = None if out is None else lambda named: space_of(env_id or named)
    states = function(converter) if converter and out is not None else None
    return take(Minari(folder, keys or (), (), known, states), out, keys, None, action_range)


def _found(what: str, download: bool) -> Path | None:
    """Return the folder of a data set by its name, downloaded if it is not here; or None."""
    minari = library()
    try:
        folder = Path(minari.storage.get_dataset_path(what), "data")
        if not folder.exists():
            if not download:
                return None
            minari.download_dataset(what)
    except Exception as error:  # its storage and its server have many ways to fail
        raise DataError(
            f"Minari has no {what} here, and it could not be downloaded ({reason(error)}): fetch "
            f"it elsewhere (minari download {what}) and set MINARI_DATASETS_PATH to the folder"
        ) from None
    return folder


def library() -> Any:
    """Return the library; DataError where it is not installed."""
    try:
        import minari
    except ImportError as error:
        advice = "pip install 'minari[hdf5,hf]'"
        raise DataError(f"Minari is not installed ({error}): {advice}") from None
    return minari


def _told(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the id of a set's environment, and its spaces; DataError where it tells none."""
    deserialize = library().serialization.deserialize_space
    try:
        about = read_json(folder / "metadata.json")
        named = json.loads(about.get("env_spec") or "{}").get("id") or ""
        if about.get("data_format") != "hdf5":
            raise DataError(f"{folder}: its format is {about.get('data_format')!r:.40}, not hdf5")
        told = {name: about[f"{name}_space"] for name in ("observation", "action")}
        if not all(isinstance(space, str) for space in told.values()):
            raise TypeError("its spaces are no texts")
        spaces = {name: deserialize(space) for name, space in told.items()}
    except DataError:
        raise
    except Exception as error:  # whatever a space may be
        why = f"{type(error).__name__} {reason(error)}"
        raise DataError(f"{folder}: no metadata.json with both spaces in it ({why})") from None
    return (named if isinstance(named, str) and ":" not in named else ""), spaces


def space_of(env_id: str) -> Any:
    """Return the space of an environment's observations; None where it cannot be made here."""
    import gymnasium

    for package in PACKAGES:
        with contextlib.suppress(ImportError):
            import_module(package)
    try:
        return gymnasium.make(env_id).observation_space
    except Exception as error:  # whatever an environment needs that is not here
        log.warning(
            "the environment cannot be made here (%s): keys in alphabetical order", reason(error)
        )
        return None


def _ordered(told: Any, known: Any) -> Any:
    """Return the space that is known of an environment, if it is the one that a set tells of."""
    if known is None:
        return told
    sizes = [{n: _flat_column(s).shape for n, s, _ in _leaves(of, "", "")} for of in (told, known)]
    if sizes[0] == sizes[1]:
        return known
    log.warning("the environment observes something else than the set: keys as the set has them")
    return told


def _parts(space: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield the parts of a Dict or Tuple: name, name in the file, space."""
    if isinstance(space.spaces, Mapping):
        yield from ((key, key, part) for key, part in space.spaces.items())
    else:
        yield from ((str(i), f"_index_{i}", part) for i, part in enumerate(space.spaces))


def _leaves(space: Any, place: str, name: str) -> Iterator[tuple[str, Any, str]]:
    """Yield what a space consists of, in the order of `flatten`: name, space, place in a file."""
    if type(space).__name__ not in ("Dict", "Tuple"):
        yield name, space, place
        return
    for key, inside, part in _parts(space):
        yield from _leaves(part, f"{place}/{inside}", f"{name}/{key}" if name else key)


def _nested(space: Any, place: str, seen: Mapping[str, np.ndarray]) -> Any:
    """Return observations as Minari gives them."""
    if type(space).__name__ not in ("Dict", "Tuple"):
        return seen[place]
    parts = {key: _nested(part, f"{place}/{inside}", seen) for key, inside, part in _parts(space)}
    return parts if isinstance(space.spaces, Mapping) else tuple(parts.values())


def _flat_column(space: Any) -> Column:
    """Return what `flatten` makes of a row; nothing of what has no fixed size."""
    match type(space).__name__:
        case "Box" | "MultiBinary":
            return Column(space.shape, space.dtype)
        case "Discrete":
            return Column((int(space.n),), np.dtype(np.int64))
        case "MultiDiscrete":
            return Column((int(space.nvec.sum()),), np.dtype(np.int64))
    return Column((0,), np.dtype(object))


def _flat(where: str, space: Any, rows: np.ndarray) -> np.ndarray:
    """Lay rows of a leaf flat, as Gymnasium's `flatten` does: numbers of choices become flags."""
    if type(space).__name__ in ("Box", "MultiBinary"):
        return rows
    counts = np.ravel(space.nvec if hasattr(space, "nvec") else space.n)
    index = rows.reshape(len(rows), -1) - np.ravel(space.start)
    if index.shape[1] != len(counts) or ((index < 0) | (index >= counts)).any():
        raise DataError(f"{where} holds a value that is not in {space}")
    flags = np.zeros((len(rows), counts.sum()), np.int64)
    flags[np.arange(len(rows))[:, None], index + np.cumsum(counts) - counts] = 1
    return flags
