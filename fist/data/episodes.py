"""Episodes on disk and in memory.

One on-disk format serves every stage: D4RL's HDF5 layout, rows of all episodes one after another.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from d4rl_layout import DataError, blocks, read, stops, write
from fist.data.actions import LABEL, ActionScale, in_unit, widest
from fist.stage.files import reason
from fist.stage.settings import is_whole

__all__ = ["DataError", "Episodes", "concatenate", "load_episodes", "save_episodes"]


@dataclass(frozen=True)
class Episodes:
    """Episodes laid end to end, as float32 tensors."""

    states: Float[Tensor, "N S"]
    """Observations before each action."""
    actions: Float[Tensor, "N A"]
    """Actions in [-1, 1]."""
    lengths: Int[Tensor, " E"]
    """Rows of each episode; they add up to N."""
    weights: Float[Tensor, " N"] | None = None
    """How often a window is drawn that begins at a row, in proportion; None: all alike."""
    dropped: int = 0
    """Episodes of the file that were too short and left out."""
    dropped_rows: int = 0
    """Rows after the last episode end that were left out."""
    clipped: int = 0
    """Values of actions that lay a rounding beyond their range."""
    scale: ActionScale | None = None
    """How recorded actions were mapped into [-1, 1]; None: they are as they were recorded."""
    rewards: Float[Tensor, " N"] | None = None
    """Of each step; None: 0."""
    timeouts: Bool[Tensor, " E"] | None = None
    """Whether an episode was ended by a limit of steps; None: none was."""

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def starts(self) -> Int[Tensor, " E"]:
        """First row of each episode."""
        return self.lengths.cumsum(0) - self.lengths

    @property
    def steps(self) -> Int[Tensor, " N"]:
        """Step of each row within its episode, from 0."""
        return torch.arange(int(self.lengths.sum())) - self.starts.repeat_interleave(self.lengths)

    @property
    def state_dim(self) -> int:
        return self.states.shape[1]

    @property
    def action_dim(self) -> int:
        return self.actions.shape[1]

    @property
    def observations(self) -> list[np.ndarray]:
        """The states of each episode, (T, S)."""
        return [states.numpy() for states in self.states.split(self.lengths.tolist())]

    @classmethod
    def of(cls, states: Sequence[np.ndarray], actions: Sequence[np.ndarray]) -> Episodes:
        """Lay episodes end to end; of each, its states (T, S) and its actions (T, A).

        Raises:
            DataError: there is none, or one is not of such arrays; names the first that is not.
        """
        if not 0 < len(states) == len(actions):
            raise DataError(f"{len(states)} episodes of states, {len(actions)} of actions")
        parts: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for number, pair in enumerate(zip(states, actions, strict=True)):
            for what, part, given in zip(("states", "actions"), parts, pair, strict=True):
                part.append(numbers(f"{what} of episode {number}", given))
            first, here = ([part[i].shape for part in parts] for i in (0, number))
            tables = all(len(shape) == 2 and min(shape) > 0 for shape in here)
            if not (tables and len({len(part[number]) for part in parts}) == 1) or (
                [shape[1] for shape in here] != [shape[1] for shape in first]
            ):
                raise DataError(
                    f"episode {number} has states {here[0]} and actions {here[1]}; expected "
                    "(T, state) and (T, action), the same dimensions in every episode"
                )
        laid, done = (torch.from_numpy(np.concatenate(part)) for part in parts)
        return cls(laid, done, torch.tensor([len(part) for part in parts[1]]))

    def take(self, episodes: Sequence[int]) -> Episodes:
        """Return the named episodes, in the order given."""
        rows = torch.arange(len(self.states)).split(self.lengths.tolist())
        index = torch.cat([torch.arange(0), *(rows[i] for i in episodes)])
        per_row = {
            name: getattr(self, name) for name in ("states", "actions", "weights", "rewards")
        }
        per_episode = {name: getattr(self, name) for name in ("lengths", "timeouts")}
        taken = {name: part[index] for name, part in per_row.items() if part is not None}
        chosen = {n: part[list(episodes)] for n, part in per_episode.items() if part is not None}
        return replace(self, **taken, **chosen)

    @property
    def recorded(self) -> np.ndarray:
        """The actions as they were recorded, (N, A): float64 where they were scaled."""
        actions = self.actions.numpy()
        return actions if self.scale is None else self.scale.from_unit(actions)

    def rescaled(self, scale: ActionScale | None, source: object = "the data set") -> Episodes:
        """Return the episodes with another map of actions; DataError where it is too narrow."""
        scale = None if scale is None or scale.is_unit else scale
        if scale == self.scale:
            return self
        actions, clipped = in_unit(source, self.recorded, scale)
        clipped += self.clipped
        return replace(self, actions=torch.from_numpy(actions), scale=scale, clipped=clipped)

    def first(self, n: int, source: str | Path = "the data set") -> Episodes:
        """Return the first n episodes; DataError where there are fewer."""
        if not (is_whole(n) and 1 <= n <= len(self)):
            raise DataError(
                f"{source} holds {len(self)} usable episodes, {n!r} were asked for "
                "(config: n_demos of the task or method)"
            )
        return self.take(range(n))


def numbers(name: str, given: Any) -> np.ndarray:
    """Return numbers as a float32 array; DataError, with their name, where they are none."""
    try:
        if isinstance(given, Tensor):
            given = given.detach().cpu()
        found = np.asarray(given)
        found = np.array(found.tolist()) if found.dtype == object else found
    except ValueError as error:  # rows of unequal length
        raise DataError(f"{name}: no array of numbers ({reason(error)})") from None
    if found.dtype.kind not in "biuf":
        raise DataError(f"{name}: no array of numbers, but {reprlib.repr(given)}")
    with np.errstate(over="ignore"):  # what is too large is infinite, and refused where it is used
        return np.require(found, np.float32, "W")


def load_episodes(path: str | Path, min_length: int = 1) -> Episodes:
    """Read a D4RL-layout HDF5 file, check it, and cut it into episodes.

    An episode ends at `terminals | timeouts`, where the file has timeouts. Episodes with fewer than
    `min_length` rows are left out and counted in `dropped`; they are never joined to the next one.
    Rewards are kept, but nothing is learnt of them: those of FIST's released files are wrong.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: the file is not usable; says why.
    """
    scale = ActionScale.read(path)
    names = ("observations", "actions", "terminals", "timeouts", "rewards")
    arrays = read(path, only=names, single=("observations", "rewards"))
    for key in ("observations", "actions"):
        if arrays[key].ndim != 2 or arrays[key].shape[1] == 0:
            raise DataError(f"{path}: {key} has shape {arrays[key].shape}, expected (rows, dims)")
    states = arrays["observations"]
    acted = arrays.pop("actions")
    single = acted if acted.dtype == np.float32 else None  # no second copy
    actions, clipped = in_unit(path, acted, scale, single)
    rewards = np.asarray(arrays.get("rewards", np.zeros(len(states))), np.float32)
    ends = stops(path, arrays)
    lengths = np.diff(ends, prepend=0)
    long_enough = lengths >= min_length
    if not long_enough.any():
        raise DataError(
            f"{path}: the longest of {len(lengths)} episodes has {lengths.max()} rows, at least "
            f"{min_length} are needed (H+1; config: models.skills.model.horizon)"
        )
    keep = np.repeat(long_enough, lengths)
    timed_out = ~arrays["terminals"][ends - 1]
    return Episodes(
        torch.from_numpy(_packed(states, keep)),
        torch.from_numpy(_packed(actions, keep)),
        torch.from_numpy(lengths[long_enough].astype(np.int64)),
        dropped=int((~long_enough).sum()),
        dropped_rows=len(arrays["terminals"]) - int(ends[-1]),
        clipped=clipped,
        scale=scale,
        rewards=torch.from_numpy(_packed(rewards, keep)),
        timeouts=torch.from_numpy(timed_out[long_enough]),
    )


def _packed(array: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Return the rows that are kept, moved to the array's front: there is no second copy."""
    last = 0
    for rows in blocks(len(keep), array.size // len(array)):
        kept = array[rows][keep[rows]]
        array[last : last + len(kept)] = kept
        last += len(kept)
    return array[:last]


def save_episodes(path: str | Path, episodes: Episodes) -> None:
    """Write episodes in D4RL layout: whole or not at all, the same bytes for the same episodes."""
    rows, last = len(episodes.states), (episodes.lengths.cumsum(0) - 1).numpy()
    ends = {"terminals": np.zeros(rows, dtype=bool), "timeouts": np.zeros(rows, dtype=bool)}
    ends["timeouts"][last] = timed_out = np.asarray(
        _or_zeros(episodes.timeouts, len(episodes)), bool
    )
    ends["terminals"][last] = ~timed_out
    rewards = _or_zeros(episodes.rewards, rows).numpy()
    arrays = {"observations": episodes.states.numpy(), "actions": episodes.recorded}
    scale = {} if episodes.scale is None else {LABEL: episodes.scale.label()}
    write(path, arrays | {"rewards": rewards} | ends, scale)


def _or_zeros(part: Tensor | None, length: int) -> Tensor:
    return torch.zeros(length) if part is None else part


def concatenate(parts: Sequence[Episodes]) -> Episodes:
    """Lay several data sets end to end; their dimensions must agree."""
    shapes = {(part.state_dim, part.action_dim) for part in parts}
    if len(shapes) != 1:
        raise DataError(f"data sets differ in (state, action) dimensions: {sorted(shapes)}")
    scale = widest([part.scale for part in parts])
    parts = [part.rescaled(scale) for part in parts]
    counts = ("dropped", "dropped_rows", "clipped")
    return Episodes(
        torch.cat([part.states for part in parts]),
        torch.cat([part.actions for part in parts]),
        torch.cat([part.lengths for part in parts]),
        **{name: sum(getattr(part, name) for part in parts) for name in counts},
        scale=scale,
        rewards=torch.cat([_or_zeros(part.rewards, len(part.states)) for part in parts]),
        timeouts=torch.cat([_or_zeros(part.timeouts, len(part)).bool() for part in parts]),
    )
