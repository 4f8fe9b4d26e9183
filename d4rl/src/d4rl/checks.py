"""What every environment checks."""

from collections.abc import Iterable, Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import ArrayLike

MOST = 1_000_000
"""Largest number of things, and largest factor, that an argument may ask for."""


def whole(name: str, value: Any, least: int, most: float = np.inf) -> None:
    """Raise ValueError unless a value is a whole number from `least` to `most`."""
    known = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not known or not least <= value <= most:
        limits = f"{least} or more" if most == np.inf else f"{least} to {most}"
        raise ValueError(f"{name} must be {limits}, a whole number, not {short(value)}")


def not_negative(name: str, value: Any) -> None:
    """Raise ValueError unless a value is a number from 0 to `MOST`."""
    numbers = int | float | np.integer | np.floating
    if isinstance(value, bool) or not isinstance(value, numbers) or not 0 <= value <= MOST:
        raise ValueError(f"{name} must be 0 to {MOST}, a finite number, not {short(value)}")


def names(what: str, values: Any) -> tuple[str, ...]:
    """Return a list of names as a tuple; TypeError where it is a text, or no list of texts."""
    told = isinstance(values, Iterable) and not isinstance(values, str)
    found = (*values,) if told else (None,)
    if not all(isinstance(name, str) for name in found):
        kind = "the text " if isinstance(values, str) else ""
        raise TypeError(f"{what} must be a list of names, not {kind}{short(values)}")
    return found


def short(value: Any) -> str:
    """Return what a value looks like, in one line that is not too long."""
    return " ".join(repr(value).split())[:200]


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
        found = np.array(values)
    except (TypeError, ValueError):
        found = np.array(None)
    found = found.astype(np.float64) if found.dtype.kind in "biuf" else np.array(np.nan)
    if found.shape not in shapes or not np.isfinite(found).all():
        size = " or ".join(dict.fromkeys(" x ".join(map(str, shape)) for shape in shapes))
        raise ValueError(f"{name} must be {size} finite numbers, got {short(values)}")
    return found


def options_dict(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the options of a reset; ValueError unless they are a dictionary, or None."""
    if options is not None and not isinstance(options, Mapping):
        raise ValueError(f"reset options are {short(options)}, expected a dictionary")
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
    if unknown := sorted(short(name) for name in options if name not in known):
        told = ", ".join(unknown)[:200]
        raise ValueError(f"unknown reset option {told}; known: {', '.join(known)}")
    return tuple(
        np.broadcast_to(finite(f"option {name}", asked, usual.shape, usual.shape[-1:]), usual.shape)
        for name, usual, asked in ((n, u, options.get(n, u)) for n, u in known.items())
    )
