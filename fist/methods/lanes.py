"""Lanes: several episodes whose actions are computed together, none of which notices the others.

An episode's noise comes from a stream of its own, and a row's bits do not depend on how many rows
share its batch.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Generator, Tensor

from fist.methods.networks import Gaussian

Choice = Literal["sample", "mean"]
"""What to take from a distribution: a sample of it, or its mean."""

FEWEST_ROWS = 32
"""Rows from which a matrix product's bits no longer depend on their number: 16 here, so twice that.

Libraries add up products of one row, or a few, in another order than those of many. Up to how many
depends on the width of the rows: 2 of 60 numbers, 10 of 256, 15 of 400 and more.
"""


def by_rows(function: Callable, *inputs: Shaped[Tensor, "B *_"]) -> Any:
    """Return function(*inputs), each row with the same bits whatever the number of rows B.

    Args:
        function: maps rows to rows: a tensor (B, ...) or a tuple of such tensors.
        inputs: tensors with B >= 1 rows each.
    """
    rows = len(inputs[0])
    missing = FEWEST_ROWS - rows
    if missing <= 0:
        return function(*inputs)
    out = function(*(torch.cat([x, x[-1:].expand(missing, *x.shape[1:])]) for x in inputs))
    if isinstance(out, Tensor):
        return out[:rows]
    parts = [part[:rows] for part in out]
    return out._make(parts) if hasattr(out, "_make") else tuple(parts)


class LaneNoise:
    """Standard normal noise, one stream per lane."""

    def __init__(self, seeds: Sequence[int]):
        """Seed the streams."""
        self._generators = [Generator().manual_seed(int(seed)) for seed in seeds]

    def pick(
        self, distribution: Gaussian, choice: Choice, lanes: Sequence[int] | Tensor
    ) -> Float[Tensor, "B D"]:
        """Return one sample per lane, drawn with the lane's own noise, or the means."""
        if choice == "mean":
            return distribution.mean
        noise = torch.empty_like(distribution.mean)
        for row, lane in zip(noise, lanes, strict=True):
            row.normal_(generator=self._generators[int(lane)])
        return distribution.sample(noise)


def as_states(states: np.ndarray, dims: int) -> Float[Tensor, "B S"]:
    """Turn observations into float32 states; ValueError where the model knows another kind."""
    if states.ndim != 2 or states.shape[1] != dims:
        raise ValueError(
            f"observations have shape {states.shape}, the policy was made from states of {dims} "
            "dimensions: was it made for this environment?"
        )
    return torch.from_numpy(np.asarray(states, dtype=np.float32))


def as_actions(mean: Float[Tensor, "B A"]) -> np.ndarray:
    """Return actions as the environment takes them, clamped to [-1, 1]."""
    return mean.clamp(-1.0, 1.0).numpy()
