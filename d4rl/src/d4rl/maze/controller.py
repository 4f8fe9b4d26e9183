"""The way-point controller that recorded D4RL's mazes, for any number of points at once."""

import numpy as np

from .layouts import Layout

DISCOUNT = 0.99
SWEEPS = 50
"""Sweeps of Q-iteration over the grid, at least; one per free cell in larger mazes."""
MOVES = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
GAIN, DAMPING = 10.0, 1.0
"""An action is GAIN times what is missing to the way-point, less DAMPING times the velocity."""
NEAR = 0.1
"""A way-point or goal is reached within this distance, at less than this displacement a step."""
SHIFT = 0.2
"""Way-points lie up to this far below their cell's coordinates, along each axis."""


def plan(layout: Layout) -> np.ndarray:
    """Return the next cell on the way from every cell to every goal, by Q-iteration.

    Returns:
        (n, n, 2): entry [g, c] is the cell to go to from cell c towards goal g, cells counted as
        in `layout.cells`; c itself where no way leads to the goal.
    """
    cells = layout.cells
    number = np.full(layout.walls.shape, -1)
    number[tuple(cells.T)] = np.arange(len(cells))
    ahead = cells[:, None] + MOVES  # (n, 4, 2)
    neighbour = number[ahead[..., 0], ahead[..., 1]]  # (n, 4); -1: a wall
    free = neighbour >= 0
    at_goal = np.eye(len(cells))[:, neighbour]  # (goals, n, 4): reward of a move
    value = np.zeros((len(cells), len(cells)))  # (goals, n)
    for _ in range(max(SWEEPS, len(cells))):
        q = np.where(free, at_goal + DISCOUNT * value[:, neighbour], -1.0)
        value = np.maximum(q.max(2), 0.0)
    best = q.argmax(2)
    stuck = q.max(2) <= 0
    step = neighbour[np.arange(len(cells)), best]
    return cells[np.where(stuck, np.arange(len(cells)), step)]


class WaypointController:
    """Steers points from cell to cell towards their goals."""

    def __init__(self, layout: Layout, lanes: int, rng: np.random.Generator):
        """Make a controller for some lanes; give each a goal before `act`."""
        self.layout, self._rng = layout, rng
        self._next = plan(layout)
        self._number = np.zeros(layout.walls.shape, dtype=np.int64)
        self._number[tuple(layout.cells.T)] = np.arange(len(layout.cells))
        self._goal = np.zeros((lanes, 2), dtype=np.int64)
        self._cell = np.zeros((lanes, 2), dtype=np.int64)  # the way-point's
        self._waypoint = np.zeros((lanes, 2))
        self._before = np.full((lanes, 2), np.inf)

    def shift(self, shape: tuple[int, ...]) -> np.ndarray:
        """Draw how far way-points lie from their cells' places."""
        return -SHIFT * self._rng.random(shape)

    def steer(self, states: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Return actions (B, A) that make up for what is missing to the way-points (B, 2)."""
        return np.minimum(np.maximum(GAIN * missing - DAMPING * states[:, 2:], -1.0), 1.0)

    def there(self, positions: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Return which have reached their way-points (B,) bool."""
        slow = np.hypot(*(positions - self._before).T) < NEAR
        return slow & (np.hypot(*missing.T) < NEAR)

    def set_goals(self, lanes: np.ndarray, positions: np.ndarray, goals: np.ndarray) -> None:
        """Give some lanes (n,) goal cells (n, 2), and plan the way there from positions (n, 2)."""
        self._goal[lanes] = goals
        self._advance(lanes, self.layout.cell(positions))

    def act(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the actions (B, A) of all lanes, in [-1, 1], and which have arrived (B,) bool."""
        positions = states[:, :2]
        missing = self._waypoint - positions
        actions = self.steer(states, missing)
        at_waypoint = self.there(positions, missing)
        last = (self._cell == self._goal).all(1)
        done = np.flatnonzero(at_waypoint & ~last)
        if len(done):
            self._advance(done, self._cell[done])
        self._before = positions
        return actions, at_waypoint & last

    def _advance(self, lanes: np.ndarray, cells: np.ndarray) -> None:
        """Make the cells that follow on `cells` (n, 2) the lanes' way-points."""
        goals = self._goal[lanes]
        new = self._next[self._number[tuple(goals.T)], self._number[tuple(cells.T)]]
        arrived = (cells == goals).all(1, keepdims=True)
        new = np.where(arrived, goals, new)
        last = (new == goals).all(1, keepdims=True)
        place, shift = self.layout.place(new), self.shift(new.shape)
        self._cell[lanes] = new
        self._waypoint[lanes] = np.where(last, place, place + shift)
