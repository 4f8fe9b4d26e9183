"""The law of motion of the point, for any number of points at once. NumPy only.

A ball of 0.1 m radius is pushed by two motors, slides without friction, and leans softly against
walls. This is what MuJoCo computes for `model.py`, written out: one step of semi-implicit Euler
with implicit damping, and the minimum of a small quadratic problem for the contact forces.

With mass m, action a and the unit normals n of the contacts, whose gap g to the wall is negative
where the ball is nearer than the margin, the acceleration w minimises

    m/2 |w - w0|² + sum over contacts  D/2 max(0, r - n·w)²        m w0 = 100 a - v
    r = -b n·v - k d(g) g      D = d(g) / (1 - d(g)) / (2 / 3m)    d rises from 0.9 to 0.95

and the damped step is v' = v + h (100 a - v + force) / (m + h), q' = q + h v'.
"""

import numpy as np

from .layouts import CELL_LOW, Layout

RADIUS = 0.1
"""Radius of the ball (m)."""
DENSITY = 1000.0
MASS = DENSITY * 4 / 3 * np.pi * RADIUS**3
"""4.19 kg."""
GEAR = 100.0
"""Force of an action of 1 (N)."""
DAMPING = 1.0
"""Force against a velocity of 1 m/s (N)."""
TIMESTEP = 0.01
"""Seconds of a step."""
MAX_SPEED = 5.0
"""Each component of the velocity is clipped to this before a step (m/s)."""
MARGIN = 0.002
"""Contacts begin at this distance from the wall (m)."""
INVERSE_WEIGHT = 2 / (3 * MASS)
"""What scales the softness of walls: MuJoCo's mean of the inverse mass over x, y and z, the last of
which counts 0, up to version 2; newer ones leave z out."""

# MuJoCo's defaults: solref (0.02, 1), solimp (0.9, 0.95, 0.001, 0.5, 2).
_SOFTEST, _HARDEST, _WIDTH = 0.9, 0.95, 0.001
_B = 2 / (_HARDEST * 0.02)
_K = 1 / (_HARDEST * 0.02) ** 2

_SUBSETS = (np.arange(8)[:, None] >> np.arange(3) & 1).astype(float)
"""The subsets of three contacts (8, 3)."""
_REACH = RADIUS + MARGIN


class Law:
    """Moves points in one maze."""

    def __init__(self, layout: Layout):
        # Per cell and quadrant of it (low or high along either axis): is there a wall beyond the
        # nearest border along the first axis, along the second, diagonally beyond both?
        walls = np.pad(layout.walls, 1, constant_values=True)
        beyond = [
            np.roll(walls, shift, (0, 1))[1:-1, 1:-1]
            for i, j in ((-1, -1), (-1, 1), (1, -1), (1, 1))
            for shift in ((-i, 0), (0, -j), (-i, -j))
        ]
        self._walls = np.stack(beyond, -1).reshape(-1, 3)  # (R * C * 4, 3)
        self._columns = layout.walls.shape[1]

    def step(
        self, position: np.ndarray, velocity: np.ndarray, action: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return positions and velocities (B, 2) after one step; the arguments stay as they are.

        Args:
            position: (B, 2) float64, in free cells.
            velocity: (B, 2) float64.
            action: (B, 2), clipped to [-1, 1].
        """
        # minimum and maximum are a good deal faster than np.clip.
        v = np.minimum(np.maximum(velocity, -MAX_SPEED), MAX_SPEED)
        force = np.minimum(np.maximum(action, -1.0), 1.0) * GEAR - DAMPING * v
        self._add_contacts(position, v, force)
        v += force * (TIMESTEP / (MASS + TIMESTEP * DAMPING))
        return position + TIMESTEP * v, v

    def _add_contacts(self, position: np.ndarray, v: np.ndarray, force: np.ndarray) -> None:
        """Add the walls' forces to `force`, which holds all others."""
        shifted = position + CELL_LOW
        cell = np.floor(shifted)
        middle = shifted - cell - 0.5  # from the cell's centre, in [-0.5, 0.5)
        near = np.abs(middle) > 0.5 - _REACH
        rows = np.flatnonzero(near[:, 0] | near[:, 1])
        if not len(rows):
            return
        middle, near = middle[rows], near[rows]
        high = middle >= 0
        index = (cell[rows] @ (4.0 * self._columns, 4.0) + high @ (2.0, 1.0)).astype(np.int64)
        walls = self._walls[index]
        touching = walls[:, :2] & near
        border = 0.5 - np.abs(middle)  # distances to the nearest borders
        corner = walls[:, 2] & near[:, 0] & near[:, 1]
        corner[corner] = np.hypot(*border[corner].T) < _REACH
        # Along the axes, contacts do not influence each other.
        straight = np.flatnonzero((touching[:, 0] | touching[:, 1]) & ~corner)
        if len(straight):
            away, lanes = np.where(high[straight], -1.0, 1.0), rows[straight]
            stiffness, wanted = _contact(border[straight] - _REACH, v[lanes] * away)
            lacking = np.maximum(wanted - away * force[lanes] / MASS, 0.0)
            push = lacking * stiffness * MASS / (stiffness + MASS)
            force[lanes] += np.where(touching[straight], away * push, 0.0)
        if corner.any():
            away, lanes = np.where(high[corner], -1.0, 1.0), rows[corner]
            force[lanes] += _corner_force(
                away, border[corner], touching[corner], v[lanes], force[lanes]
            )


def _contact(gap: np.ndarray, speed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return D and r of contacts.

    Args:
        gap: distance beyond the margin, negative in contact.
        speed: velocity away from the wall, n·v.
    """
    depth = np.minimum(np.abs(gap) / _WIDTH, 1.0)
    rise = np.where(depth < 0.5, 2 * depth * depth, 1 - 2 * (1 - depth) * (1 - depth))
    d = _SOFTEST + rise * (_HARDEST - _SOFTEST)
    return d / ((1 - d) * INVERSE_WEIGHT), -_B * speed - _K * d * gap


def _corner_force(
    away: np.ndarray, border: np.ndarray, touching: np.ndarray, v: np.ndarray, force: np.ndarray
) -> np.ndarray:
    """Return the force (n, 2) of the edge of a wall and of the walls beside it, exactly.

    The minimum is that of one of eight quadratic problems, one for each set of contacts that push;
    it is the solution at which the whole objective is smallest.

    Args:
        away: (n, 2) signs of the direction away from the edge.
        border: (n, 2) distances from it along the axes.
        touching: (n, 2) whether there are walls in reach along the axes.
        v, force: (n, 2) velocity and the sum of all other forces.
    """
    zero = np.zeros(len(away))
    distance = np.hypot(*border.T)
    edge = away * border / distance[:, None]
    x = np.stack((away[:, 0], zero, edge[:, 0]))  # normals (3, n)
    y = np.stack((zero, away[:, 1], edge[:, 1]))
    gap = np.stack((*border.T, distance)) - _REACH
    stiffness, wanted = _contact(gap, x * v[:, 0] + y * v[:, 1])
    stiffness[:2] *= touching.T
    free = force.T / MASS  # w0
    D = _SUBSETS[:, :, None] * stiffness  # (8, 3, n)
    xx, xy, yy = (D * x * x).sum(1) + MASS, (D * x * y).sum(1), (D * y * y).sum(1) + MASS
    right_x = (D * wanted * x).sum(1) + MASS * free[0]
    right_y = (D * wanted * y).sum(1) + MASS * free[1]
    w = np.stack((yy * right_x - xy * right_y, xx * right_y - xy * right_x), 1)
    w /= (xx * yy - xy * xy)[:, None]  # (8, 2, n)
    lacking = np.maximum(wanted - w[:, 0, None] * x - w[:, 1, None] * y, 0.0)  # (8, 3, n)
    objective = MASS * ((w - free) ** 2).sum(1) + (stiffness * lacking * lacking).sum(1)
    best = objective.argmin(0)
    push = stiffness * lacking[best, :, np.arange(len(best))].T  # (3, n)
    return np.stack(((push * x).sum(0), (push * y).sum(0)), 1)
