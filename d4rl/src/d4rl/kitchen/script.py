"""How the operator does each task element: a short list of hand moves around its handle.

The paths follow what people do in the recorded demonstrations: the hand points into the kitchen,
takes vertical handles between the fingers, holds the kettle by its left post, twists the knobs and
sweeps the light switch and the doors. Each performance draws its own grasp, angles and speed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

OPEN = 0.04
CLOSED = 0.0
"""Finger set-points (m)."""


@dataclass(frozen=True)
class Move:
    """One leg of the hand's path, measured from the handle of the element in hand.

    target = handle, moved on by `lead` + `offset` + `reach` * pointing direction
    """

    reach: float = 0.0
    """How far the hand reaches past the handle along its own pointing direction (m)."""
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Offset from the handle in world axes (m)."""
    place: tuple[float, float, float] | None = None
    """If given, a fixed position (m, world axes) that stands in for the handle."""
    lead: float = 0.0
    """How far the element is driven on from where it is now (rad; slide cabinet: m)."""
    yaw: float = 0.0
    """Pointing direction to the right of straight ahead (degrees)."""
    pitch: float = 0.0
    """Pointing direction upwards (degrees)."""
    roll: float = 0.0
    """Turn of the hand, clockwise (degrees)."""
    twist: bool = False
    """Turn the hand `roll` ahead of the element's own angle, instead of to `roll`."""
    fingers: float = OPEN
    """Finger set-point (m)."""
    speed: float = 0.45
    """Speed of the hand (m/s)."""
    radius: float = 0.07
    """The move ends when the hand is this close to its target (m)."""
    stop: bool = False
    """Slow down towards the target, and reach in only as far as the hand is aligned with it."""
    leave: bool = False
    """Measure from where the handle was when the move began: the hand lets go of it."""
    until: float | None = None
    """If given, the move ends when the element's progress exceeds this (rad or m)."""
    gripped: float | None = None
    """If given, the move ends when the two fingers together are open less than this (m)."""
    hold: float = 0.07
    """While the element is driven: the hand has lost it when this far from its place (m)."""
    patience: int = 40
    """Steps after which the move is given up."""


POSTURES: dict[str, tuple[float, ...]] = {
    "microwave": (-1.1, -1.76, 1.85, -1.5, -0.6, 1.25, 2.4),
    "kettle": (-0.85, -1.76, 2.05, -2.15, 0.1, 1.05, 1.9),
    "bottom_burner": (-1.4, -1.55, 1.35, -2.3, -0.3, 2.05, 1.9),
    "top_burner": (-1.4, -1.5, 1.25, -2.2, -0.15, 2.0, 1.75),
    "light_switch": (-1.3, -1.6, 1.35, -2.0, 0.0, 1.7, 1.55),
    "slide_cabinet": (-1.4, -1.6, 0.95, -1.9, 0.5, 1.6, 1.2),
    "hinge_cabinet": (-1.6, -1.6, 0.9, -1.6, 0.9, 1.3, 0.7),
}
"""Arm postures (rad) that keep the elbow clear of the kitchen while an element is handled."""


def moves(element: str, rng: np.random.Generator) -> tuple[Move, ...]:
    """Return the moves that do one element, with grasp, angles and speeds drawn from `rng`."""
    return _SCRIPTS[element](_Draw(rng))


class _Draw:
    """Random details of one performance, each around its usual value."""

    def __init__(self, rng: np.random.Generator):
        self._rng = rng
        self.pace = rng.uniform(0.9, 1.1)

    def about(self, centre: float, spread: float) -> float:
        """Draw from centre +- spread."""
        return centre + spread * self._rng.uniform(-1.0, 1.0)

    def beside(self, x: float, y: float, z: float, spread: float) -> tuple[float, float, float]:
        """Draw an offset within a cube of half-width `spread`."""
        return (self.about(x, spread), self.about(y, spread), self.about(z, spread))


def _made(yaw: float, pitch: float, height: float = 0.0) -> tuple[partial[Move], ...]:
    """Return what makes moves with the hand in this direction: any, at the handle, and to leave."""
    move = partial(Move, yaw=yaw, pitch=pitch)
    return move, partial(move, offset=(0.0, 0.0, height)), partial(move, leave=True, patience=14)


def _microwave(draw: _Draw) -> tuple[Move, ...]:
    yaw, pitch, height = draw.about(-15, 4), draw.about(-5, 3), draw.about(0.03, 0.02)
    move, grasp, leave = _made(yaw, pitch, height)
    return (
        move(-0.13, draw.beside(0.02, 0.0, height, 0.02), speed=0.55 * draw.pace),
        grasp(draw.about(-0.005, 0.005), speed=0.45 * draw.pace, radius=0.018, stop=True),
        grasp(fingers=CLOSED, gripped=0.055, patience=8),
        grasp(lead=-0.4, yaw=yaw - 8, fingers=CLOSED, speed=0.45 * draw.pace,
              until=draw.about(0.74, 0.04)),
        leave(-0.09, draw.beside(0.05, 0.0, height, 0.015), yaw=yaw + 10, radius=0.05),
    )  # fmt: skip


def _kettle(draw: _Draw) -> tuple[Move, ...]:
    yaw, pitch = draw.about(26, 4), draw.about(-8, 3)
    move, grasp, leave = _made(yaw, pitch)
    x, y, z = draw.about(-0.285, 0.012), draw.about(0.73, 0.02), 1.80
    lift = draw.about(0.09, 0.02)
    carry = partial(move, yaw=yaw - 6, pitch=pitch + 8, fingers=CLOSED, speed=0.45 * draw.pace,
                    hold=0.1)  # fmt: skip
    return (
        move(-0.15, draw.beside(0.0, 0.0, 0.0, 0.02), speed=0.5 * draw.pace),
        grasp(draw.about(0.02, 0.005), speed=0.4 * draw.pace, radius=0.018, stop=True),
        grasp(0.025, fingers=CLOSED, gripped=0.055, patience=8),
        carry(place=(x, y - 0.12, z + lift), radius=0.07),
        carry(place=(x, y, z + 0.4 * lift), radius=0.05, patience=20),
        carry(place=(x, y, z), radius=0.045, stop=True, patience=8),
        leave(-0.12, draw.beside(0.0, -0.02, 0.0, 0.01), yaw=yaw - 6, radius=0.05),
    )


def _burner(draw: _Draw, pitch: float) -> tuple[Move, ...]:
    yaw, pitch, height = draw.about(4, 3), draw.about(pitch, 3), draw.about(0.0, 0.006)
    move, grasp, leave = _made(yaw, pitch, height)
    return (
        move(-0.18, draw.beside(-0.04, -0.02, 0.0, 0.02), speed=0.5 * draw.pace),
        grasp(draw.about(-0.035, 0.003), speed=0.35 * draw.pace, radius=0.014, stop=True),
        grasp(-0.035, fingers=CLOSED, gripped=0.042, patience=8),
        grasp(-0.035, roll=62, twist=True, fingers=CLOSED, until=draw.about(0.78, 0.04),
              patience=30),
        leave(-0.12, draw.beside(-0.03, 0.0, 0.0, 0.01), radius=0.05),
    )  # fmt: skip


def _light_switch(draw: _Draw) -> tuple[Move, ...]:
    yaw, pitch, height = draw.about(2, 4), draw.about(12, 3), draw.about(0.005, 0.008)
    move, _, leave = _made(yaw, pitch)
    return (
        move(-0.14, draw.beside(0.0, 0.0, 0.05, 0.02), speed=0.45 * draw.pace),
        move(-0.02, (-0.01, 0.0, height), speed=0.4 * draw.pace, radius=0.02, stop=True),
        move(-0.02, (-0.02, 0.0, height), lead=-0.8, speed=0.3 * draw.pace,
             until=draw.about(0.64, 0.03), patience=24),
        leave(-0.13, draw.beside(-0.02, 0.0, 0.0, 0.015), radius=0.06),
    )  # fmt: skip


def _slide_cabinet(draw: _Draw) -> tuple[Move, ...]:
    yaw, pitch, height = draw.about(8, 4), draw.about(16, 3), draw.about(-0.05, 0.02)
    move, grasp, leave = _made(yaw, pitch, height)
    return (
        move(-0.15, draw.beside(-0.04, 0.0, height, 0.02), speed=0.5 * draw.pace),
        grasp(-0.015, speed=0.4 * draw.pace, radius=0.022, stop=True),
        grasp(-0.01, lead=0.2, speed=0.42 * draw.pace, until=draw.about(0.21, 0.03)),
        leave(-0.15, draw.beside(-0.02, 0.0, height, 0.015), radius=0.06),
    )


def _hinge_cabinet(draw: _Draw) -> tuple[Move, ...]:
    yaw, pitch, height = draw.about(3, 3), draw.about(28, 3), draw.about(-0.05, 0.02)
    move, grasp, leave = _made(yaw, pitch, height)
    return (
        move(-0.14, draw.beside(0.0, -0.02, height, 0.02), speed=0.5 * draw.pace),
        grasp(speed=0.4 * draw.pace, radius=0.02, stop=True),
        grasp(fingers=CLOSED, gripped=0.058, patience=8),
        grasp(lead=0.5, yaw=yaw + 12, fingers=CLOSED, speed=0.45 * draw.pace,
              until=draw.about(1.36, 0.05)),
        leave(-0.12, draw.beside(0.0, -0.02, height, 0.015), radius=0.06),
        leave(-0.2, draw.beside(-0.1, -0.05, -0.15, 0.02), radius=0.08),
    )  # fmt: skip


_SCRIPTS: dict[str, Callable[[_Draw], tuple[Move, ...]]] = {
    "bottom_burner": partial(_burner, pitch=4),
    "top_burner": partial(_burner, pitch=12),
    "light_switch": _light_switch,
    "slide_cabinet": _slide_cabinet,
    "hinge_cabinet": _hinge_cabinet,
    "microwave": _microwave,
    "kettle": _kettle,
}
