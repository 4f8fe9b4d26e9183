"""A walker: torques that take ants in given directions, by a periodic gait. NumPy only.

The ant is the same after a quarter of a turn, so it goes in any direction without turning: a leg's
part in the gait depends on the angle between leg and direction alone. Diagonal legs move together,
half a cycle apart from the others. With the phase f of a leg, and the cosine c and sine s of the
angle from the leg to the direction,

    hip    = s (hip + hip_swing cos f) + (turn_cos cos f + turn_sin sin f) turn
    ankle  = ankle + ankle_cos cos f + ankle_sin sin f
             + c (reach + reach_cos cos f + reach_sin sin f)
    action = stiffness (angle - measured angle) - damping measured speed

where `turn` is what is missing to facing along x. The numbers of the gait are its frequency (cycles
a second), angles (rad), actions per rad and per rad/s; CMA-ES found them.
"""

from collections.abc import Mapping

import numpy as np

from .gait import GAIT
from .model import DOWN, LEGS, SUBSTEPS, TIMESTEP

MOST_TURN = 0.5
"""Largest part of what is missing in the direction it faces that is made up for at once (rad)."""
_ANGLES = np.arctan2(*np.array(LEGS).T[::-1])
_PHASES = np.array([0.0, np.pi, 0.0, np.pi])
# The motors' order: hip and ankle of the legs 4, 1, 2, 3.
_MOTORS = np.array([6, 7, 0, 1, 2, 3, 4, 5])


class Walker:
    """Walks any number of ants, each in a direction of its own."""

    def __init__(self, ants: int, gait: Mapping[str, float] = GAIT):
        """Begin at the start of the cycle."""
        self._gait, self._phase = gait, np.zeros(ants)

    def begin(self, ants: np.ndarray) -> None:
        """Begin the cycle anew for some ants."""
        self._phase[ants] = 0.0

    def act(self, states: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Return actions (B, 8) in [-1, 1].

        Args:
            states: (B, 29) of all ants.
            directions: (B, 2) where to go, in the maze's coordinates; of any length but 0.
        """
        g = self._gait
        facing = heading(states)
        course = np.arctan2(directions[:, 1], directions[:, 0]) - facing
        angle = course[:, None] - _ANGLES
        c, s = np.cos(angle), np.sin(angle)
        f = self._phase[:, None] + _PHASES
        cf, sf = np.cos(f), np.sin(f)
        turn = np.clip(-facing, -MOST_TURN, MOST_TURN)[:, None]
        hips = s * (g["hip"] + g["hip_swing"] * cf)
        hips += (g["turn_cos"] * cf + g["turn_sin"] * sf) * turn
        ankles = g["ankle"] + g["ankle_cos"] * cf + g["ankle_sin"] * sf
        ankles += c * (g["reach"] + g["reach_cos"] * cf + g["reach_sin"] * sf)
        wanted = np.stack((hips, ankles * DOWN), -1).reshape(-1, 8)
        torques = g["stiffness"] * (wanted - states[:, 7:15]) - g["damping"] * states[:, 21:]
        step = 2 * np.pi * g["frequency"] * SUBSTEPS * TIMESTEP
        self._phase = (self._phase + step) % (2 * np.pi)
        return np.clip(torques, -1.0, 1.0)[:, _MOTORS]


def heading(states: np.ndarray) -> np.ndarray:
    """Return the angles (B,) between the x axes of ants and of the maze, of states (B, 29)."""
    w, x, y, z = states[:, 3:7].T
    return np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def uprightness(states: np.ndarray) -> np.ndarray:
    """Return the cosines (B,) of the ants' tilts, of states (B, 29)."""
    x, y = states[:, 4:6].T
    return 1 - 2 * (x * x + y * y)


def fallen(states: np.ndarray) -> np.ndarray:
    """Return which ants lie on their backs (B,) bool, of states (B, 29)."""
    return uprightness(states) < 0
