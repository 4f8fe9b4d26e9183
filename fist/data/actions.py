"""Actions of any range: the map between those of an environment and those in [-1, 1].

    recorded, executed    a              in files, and in the environment
    learnt                u = (a - m) / h    in [-1, 1]: m the middle, h half the width of its range

A data set whose actions are scaled says in a label of its file how; it stays with what is made of
it: splits, checkpoints, policies.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from d4rl_layout import DataError, blocks, labels
from fist.stage.files import parse_json
from fist.stage.settings import settings

LABEL = "action_scale"
"""Name of the label of a file, and of the entry in a checkpoint's provenance."""
ROUNDING = 1e-4
"""How far beyond its range an action may lie, of half its width; it is then clipped."""
MARGIN = 0.05
"""What the range of data is wider than they are, on each side, of their width."""


@settings
class ActionScale:
    """The range of every dimension of an action, for which [-1, 1] stands.

    A dimension that never changes has a range of no width: it is 0 where it is learnt.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    origin: Literal["space", "data", "given"] = "given"
    """Where it is from: an action space, the bounds of the data, or whoever made the data set."""

    def __post_init__(self) -> None:
        if len(self.low) != len(self.high) or any(map(float.__gt__, self.low, self.high)):
            raise ValueError(f"actions from {self.low} to {self.high}: no range")

    @classmethod
    def of_space(cls, space: Any) -> Self | None:
        """Return the range of a Box, laid flat; None where a space has none."""
        from gymnasium.spaces import Box  # half a second, which a plan does not need

        if not (isinstance(space, Box) and space.is_bounded()):
            return None
        low, high = (tuple(bound.ravel().tolist()) for bound in (space.low, space.high))
        return cls(low=low, high=high, origin="space")

    @classmethod
    def of_data(cls, low: np.ndarray, high: np.ndarray) -> Self | None:
        """Return a range around data with these bounds (A,); None where they are in [-1, 1]."""
        if max(high.max(), -low.min()) <= 1 + ROUNDING:
            return None
        margin = MARGIN * (high.astype(float) - low)
        first, last = (tuple(bound.tolist()) for bound in (low - margin, high + margin))
        return cls(low=first, high=last, origin="data")

    @classmethod
    def read(cls, path: str | Path) -> Self | None:
        """Return what the label of a data set says; None where it has none.

        Raises:
            FileNotFoundError, DataError: it cannot be read, or its label is no range.
        """
        text = labels(path, LABEL).get(LABEL)
        try:
            return None if text is None else cls(**parse_json(text, f"label {LABEL}"))
        except (ValueError, TypeError) as error:
            raise DataError(f"{path}: {error}") from None

    def label(self) -> str:
        """Return the text that `read` reads."""
        return json.dumps(asdict(self))

    @property
    def still(self) -> list[int]:
        """The dimensions that never change."""
        return [
            i for i, (low, high) in enumerate(zip(self.low, self.high, strict=True)) if low == high
        ]

    @property
    def is_unit(self) -> bool:
        """Whether it leaves actions as they are."""
        return {*self.low} == {-1.0} and {*self.high} == {1.0}

    def to_unit(self, actions: np.ndarray) -> np.ndarray:
        """Map recorded actions (N, A) into [-1, 1], float64; infinite where one should be still."""
        middle, half = self._line()
        off, width = actions - middle, np.where(half > 0, half, 1.0)
        fixed = np.where(np.abs(off) <= ROUNDING * np.maximum(1, np.abs(middle)), 0.0, np.inf)
        return np.where(half > 0, off / width, np.copysign(fixed, off))

    def from_unit(self, actions: np.ndarray) -> np.ndarray:
        """Map actions (N, A) in [-1, 1] into the environment's range, float64."""
        middle, half = self._line()
        return np.clip(middle + half * np.asarray(actions, np.float64), self.low, self.high)

    def _line(self) -> tuple[np.ndarray, np.ndarray]:
        low, high = np.array(self.low) / 2, np.array(self.high) / 2
        return low + high, high - low


def widest(scales: Sequence[ActionScale | None]) -> ActionScale | None:
    """Return a scale that holds the ranges of all; None where all have none."""
    if len({*scales}) == 1:
        return scales[0]
    dims = next(len(scale.low) for scale in scales if scale is not None)
    known = [scale or ActionScale((-1.0,) * dims, (1.0,) * dims) for scale in scales]
    low, high = (
        [*zip(*ends, strict=True)] for ends in ([k.low for k in known], [k.high for k in known])
    )
    return ActionScale(tuple(map(min, low)), tuple(map(max, high)), "data")


def executed(actions: np.ndarray, scale: ActionScale | None) -> np.ndarray:
    """Return what a policy's actions (B, A) in [-1, 1] are in its environment, of the same type."""
    return actions if scale is None else scale.from_unit(actions).astype(actions.dtype)


def in_unit(
    name: object,
    recorded: np.ndarray,
    scale: ActionScale | None,
    into: np.ndarray | None = None,
) -> tuple[np.ndarray, int]:
    """Map recorded actions (N, A) to those that are learnt.

    Args:
        name: what they are of, for messages.
        recorded: the actions.
        scale: their range; None: [-1, 1].
        into: float32 array for the result, which may be the recorded one; by default a new one.

    Returns:
        them, float32 in [-1, 1], and how many values were clipped, see `ROUNDING`.

    Raises:
        DataError: one is out of range, or the scale is of other dimensions; names the value.
    """
    if scale is not None and recorded.shape[1] != len(scale.low):
        raise DataError(
            f"{name}: actions have {recorded.shape[1]} dimensions, their range {len(scale.low)}"
        )
    clipped, made = 0, np.empty(recorded.shape, np.float32) if into is None else into
    for rows in blocks(*recorded.shape):
        block = recorded[rows]
        unit = block if scale is None else scale.to_unit(block)
        if outside := int((far := np.abs(unit) > 1).sum()):
            if (wrong := np.argwhere(np.abs(unit) > 1 + ROUNDING)).size:
                row, column = wrong[0].tolist()
                low, high = (-1, 1) if scale is None else (scale.low[column], scale.high[column])
                where = f"actions[{rows.start + row}, {column}]"
                raise DataError(
                    f"{name}: {where} is {block[row, column]!s}, outside [{low}, {high}]: "
                    "name their range (source: auto, options: action_range)"
                )
            unit, clipped = np.where(far, np.sign(unit), unit), clipped + outside
        made[rows] = unit
    return made, clipped
