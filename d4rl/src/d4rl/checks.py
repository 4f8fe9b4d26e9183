"""What every environment checks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def finite(name: str, values: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Return a float64 copy of `values`; ValueError unless they are finite and of this shape."""
    found = np.array(values, dtype=np.float64)
    if found.shape != shape or not np.isfinite(found).all():
        size = " x ".join(map(str, shape))
        raise ValueError(f"{name} must be {size} finite numbers, got {found}")
    return found


def reset_option(options: Mapping[str, Any] | None, name: str, usual: np.ndarray) -> np.ndarray:
    """Return a copy of the one option that a reset knows, an array like `usual`, or of `usual`."""
    options = options or {}
    if unknown := sorted(set(options) - {name}):
        raise ValueError(f"unknown reset option {', '.join(unknown)}; known: {name}")
    return finite(f"option {name}", options.get(name, usual), usual.shape)
