"""What every environment checks."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import ArrayLike


def whole(name: str, value: Any, least: int) -> None:
    """Raise ValueError unless a value is a whole number, `least` or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be {least} or more, a whole number, not {value!r}")


def not_negative(name: str, value: Any) -> None:
    """Raise ValueError unless a value is a finite number of at least 0."""
    numbers = int | float | np.integer | np.floating
    if isinstance(value, bool) or not isinstance(value, numbers) or not 0 <= value < np.inf:
        raise ValueError(f"{name} must be 0 or more, a finite number, not {value!r}")


def need_reset(begun: bool, what: str) -> None:
    """Raise gymnasium's ResetNeeded where no episode has begun."""
    if not begun:
        raise gymnasium.error.ResetNeeded(f"no episode has begun: call reset before {what}")


def check_pictures(render_mode: str | None, width: int, height: int) -> None:
    """Raise ValueError for a render mode that there is not, or a picture without pixels."""
    whole("width", width, 1)
    whole("height", height, 1)
    if render_mode not in (None, "rgb_array"):
        raise ValueError(f"render_mode must be None or 'rgb_array', not {render_mode!r}")


def finite(name: str, values: ArrayLike, *shapes: tuple[int, ...]) -> np.ndarray:
    """Return a float64 copy of `values`.

    Raises:
        ValueError: they are not finite numbers, or of none of these shapes.
    """
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.array(np.nan)
    if found.shape not in shapes or not np.isfinite(found).all():
        size = " or ".join(dict.fromkeys(" x ".join(map(str, shape)) for shape in shapes))
        got = " ".join(repr(values).split())[:200]
        raise ValueError(f"{name} must be {size} finite numbers, got {got}")
    return found


def options_dict(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the options of a reset; ValueError unless they are a dictionary, or None."""
    if options is not None and not isinstance(options, Mapping):
        raise ValueError(f"reset options are {options!r:.40}, expected a dictionary")
    return dict(options or {})


def reset_options(
    options: Mapping[str, Any] | None, known: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, ...]:
    """Return the options that a reset knows, in the order of `known`.

    Args:
        options: what was asked for; one row stands for all of an array of rows.
        known: by the names of the options, what is taken where none is given.

    Raises:
        ValueError: an unknown option, or one of another shape or not finite.
    """
    options = options_dict(options)
    if unknown := sorted(map(str, set(options) - set(known))):
        raise ValueError(f"unknown reset option {', '.join(unknown)}; known: {', '.join(known)}")
    return tuple(
        np.broadcast_to(finite(f"option {name}", asked, usual.shape, usual.shape[-1:]), usual.shape)
        for name, usual, asked in ((n, u, options.get(n, u)) for n, u in known.items())
    )
