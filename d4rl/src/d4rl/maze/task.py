"""What one episode in a maze and many at once share: spaces, sections, starts and targets."""

from collections.abc import Sequence
from functools import cached_property

import gymnasium
import numpy as np

from ..checks import MOST, names, short, whole
from .layouts import Layout

EPISODE_STEPS = 800
"""Steps of an episode, where nothing else is asked for."""

REACHED = 0.5
"""The target is reached within this distance (m)."""
JITTER = 0.1
"""Targets and starts lie up to this far from their cell's coordinates, along each axis."""
START_SPEED = 0.1
"""Standard deviation of the first velocity (m/s)."""
LIMIT = 100.0
"""Largest entry of a state that is asked for, but for x and y (m, rad, and per second)."""
RESET_POINTS_SEED = 0
"""Seed of the fixed reset points."""


def spaces() -> tuple[gymnasium.spaces.Box, gymnasium.spaces.Box]:
    """Return the spaces of an observation and of an action, new ones: a space draws samples."""
    observations = gymnasium.spaces.Box(-np.inf, np.inf, (4,), np.float64)
    return observations, gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)


class MazeElements:
    """What others ask of an environment: its elements, the sections of the maze, and its map."""

    layout: Layout
    state_names: tuple[str, ...] = ("x", "y", "vx", "vy")
    """Entries of an observation."""

    @property
    def obstacles(self) -> np.ndarray:
        """The walls' cells (n, 4): left, bottom, width and height in the plane of x and y."""
        return self.layout.obstacles

    @property
    def elements(self) -> tuple[str, ...]:
        """Names of the sections."""
        return tuple(self.layout.sections)

    def element_complete(self, observations: np.ndarray) -> np.ndarray:
        """Return in which sections the point is: (T, 4) -> (T, K) bool."""
        return self.layout.inside(observations[:, :2])

    def element_moved(self, observations: np.ndarray) -> np.ndarray:
        """Return which sections moved in an episode, (T, 4) -> (K,) bool: none ever does."""
        return np.zeros(len(self.layout.sections), dtype=bool)


class Task:
    """The start and the target of every episode.

    `ends`: whether an episode ends at its target, which must then be named.
    """

    def __init__(self, layout: Layout, targets: Sequence[str] = (), starts: int = 0):
        """Set a task.

        Args:
            layout: the maze.
            targets: the section to be reached, a list of one name; none: a default goal (`G`).
            starts: number of fixed reset points; 0 draws a start for every episode.

        Raises:
            ValueError: an unknown section, or more than one.
            TypeError: `targets` is no list of texts.
        """
        targets = names("targets", targets)
        if len(targets) > 1:
            raise ValueError(f"an episode has one target, got {short(targets)}")
        whole("starts", starts, 0, MOST)
        self.layout, self.starts = layout, starts
        self.ends = bool(targets)
        places = [layout.section(name).target for name in targets] or layout.goals
        self._goals = np.array(places or layout.cells)
        self._free = layout.without(targets).cells
        if not len(self._free):
            raise ValueError(f"section {targets[0]} is the whole maze: nowhere is left to start")

    @cached_property
    def start_cells(self) -> np.ndarray:
        """Cells of the fixed reset points (starts, 2), drawn once and for all.

        All are different, free and outside the section to be reached. Where there are more points
        than such cells, cells repeat.
        """
        rng = np.random.default_rng(RESET_POINTS_SEED)
        rounds = -(-self.starts // len(self._free))
        order = np.concatenate([rng.permutation(len(self._free)) for _ in range(rounds)])
        return self._free[order[: self.starts]]

    @cached_property
    def reset_points(self) -> np.ndarray:
        """The fixed reset points (starts, S), position and velocity, one in each start cell."""
        return self.states(self.start_cells, np.random.default_rng(RESET_POINTS_SEED + 1))

    def states(self, cells: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a random first state (n, 4) in each of n cells."""
        positions = self.layout.place(cells) + rng.uniform(-JITTER, JITTER, cells.shape)
        return np.concatenate((positions, rng.normal(0.0, START_SPEED, cells.shape)), axis=1)

    def target(self, cell: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a random place (2,) for the target in a cell."""
        return self.layout.place(cell) + rng.uniform(-JITTER, JITTER, 2)

    def draw(
        self, rng: np.random.Generator, seed: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw the target (2,) and the first state (S,) of an episode.

        Args:
            rng: the episode's generator; draws the target's place in its cell and, without fixed
                reset points, the start.
            seed: the episode's seed: an episode of seed i starts at reset point i mod `starts`;
                None draws one of them.
        """
        target = self.target(self._goals[rng.integers(len(self._goals))], rng)
        if self.starts:
            point = rng.integers(self.starts) if seed is None else seed % self.starts
            return target, self.reset_points[point]
        return target, self.states(self._free[rng.integers(len(self._free), size=1)], rng)[0]

    def check(self, states: np.ndarray, targets: np.ndarray) -> None:
        """Raise ValueError for a state (..., S) or target (..., 2) in a wall, or beyond `LIMIT`."""
        if (far := np.abs(states[..., 2:]).max()) > LIMIT:
            raise ValueError(f"option state holds {far}: all but x and y must be in ±{LIMIT}")
        for name, places in ("state", states[..., :2]), ("target", targets):
            free = self.layout.free(places)
            if not free.all():
                place = places[~free].reshape(-1, 2)[0].tolist()
                raise ValueError(f"option {name} leads into a wall, at {place}")


def reached(positions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return which positions (..., 2) have reached their targets (..., 2)."""
    return np.linalg.norm(positions - targets, axis=-1) <= REACHED
