"""Record data of ants in mazes, as `maze.generate` does of points: play, and demonstrations.

The walker goes from way-point to way-point, with noise on its actions. The file has D4RL's layout;
row t holds the true state before action a_t:

    observations         positions and velocities      (N, 29) float32
    actions              torques / 30 N m              (N, 8) float32
    rewards              1 where a_t ends within 0.5 m of a demonstration's target  (N,) float32
    terminals, timeouts  the last row of a demonstration, of an episode of play     (N,) bool
    infos/qpos, qvel     the two parts of the observation              (N, 15), (N, 14) float32
    infos/goal           where the walker is going                     (N, 2) float32
"""

import os
from collections.abc import Sequence

import numpy as np

from ..maze.controller import WaypointController
from ..maze.generate import Points, record_demonstrations, record_play
from ..maze.layouts import Drawing, Layout, Sections
from ..maze.task import Task
from .ants import Ants
from .layouts import AntLayout
from .model import ant_model
from .task import AntTask
from .walker import Walker, fallen

NOISE = 0.2
"""Standard deviation of the noise on each component of an action."""
NEAR = 0.35
"""A way-point or goal is reached within this distance (m)."""
SHIFT = 0.7
"""Way-points lie up to this far from their cell's centre, along each axis (m)."""


def wander(
    path: str | os.PathLike[str],
    sequence: Sequence[str],
    episodes: int,
    seed: int,
    workers: int = 1,
    steps: int = 300_000,
    maze: Drawing = "large",
    sections: Sections = None,
) -> dict[str, object]:
    """Write a recording of play of an ant in a maze in which some sections are walled up.

    Each walk begins in any cell of the maze, and gets a new goal whenever one is reached. Where an
    ant falls on its back, its episode ends, and another begins in its place.

    Args:
        path, sequence, episodes, seed, maze, sections: as for `maze.generate.wander`.
        workers: threads; without influence on the bytes.
        steps: rows of the file, a multiple of `episodes`.

    Returns:
        sequence, seed, episodes (those that fell included) and rows.

    Raises:
        ValueError: an unknown section, or a number out of its range.
    """
    return record_play(Roaming, path, sequence, episodes, seed, workers, steps, maze, sections)


def demonstrate(
    path: str | os.PathLike[str],
    sequence: Sequence[str],
    episodes: int,
    seed: int,
    workers: int = 1,
    starts: int = 0,
    minimum_length: int = 0,
    maze: Drawing = "large",
    sections: Sections = None,
) -> dict[str, object]:
    """Write demonstrations of how an ant gets to a section of a maze.

    Args:
        path, sequence, episodes, seed, starts, minimum_length, maze, sections: as for
            `maze.generate.demonstrate`.
        workers: threads; without influence on the bytes.

    Returns:
        sequence, seed, episodes, rows, left_out and mean_length.

    Raises:
        ValueError: an unknown section, a number out of its range, or too few that are long enough.
    """
    return record_demonstrations(
        Roaming, path, sequence, episodes, seed, workers, starts, minimum_length, maze, sections
    )


class WalkerController(WaypointController):
    """Takes ants from cell to cell towards their goals."""

    def __init__(self, layout: Layout, lanes: int, rng: np.random.Generator):
        """Make a controller for some lanes; give each a goal before `act`."""
        super().__init__(layout, lanes, rng)
        self.walker = Walker(lanes)

    def shift(self, shape: tuple[int, ...]) -> np.ndarray:
        """Draw how far way-points lie from their cells' places."""
        return self._rng.uniform(-SHIFT, SHIFT, shape)

    def steer(self, states: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Return actions (B, 8) that make up for what is missing to the way-points (B, 2)."""
        return self.walker.act(states, missing)

    def there(self, positions: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Return which have reached their way-points (B,) bool."""
        return np.hypot(*missing.T) < NEAR


class Roaming(Points):
    """Some ants in one maze, and what steers them."""

    layout, task = AntLayout, AntTask
    positions, actions = 15, 8
    noise = NOISE
    attempts = 2

    def __init__(self, here: AntLayout, states: np.ndarray, rng: np.random.Generator, workers: int):
        """Begin with states (B, 29), one in each lane."""
        self.states = states
        self.controller: WalkerController = WalkerController(here, len(states), rng)
        self._ants = Ants(ant_model(here), len(states), workers)
        self._ants.put(range(len(states)), states)

    @staticmethod
    def anywhere(task: Task, number: int, rng: np.random.Generator) -> np.ndarray:
        """Return first states (number, 29), each in any cell."""
        cells = task.layout.cells
        return task.states(cells[rng.integers(len(cells), size=number)], rng)

    def step(self, actions: np.ndarray) -> None:
        """Act (B, 8) in all lanes."""
        self.states = self._ants.step(actions)

    def lost(self) -> np.ndarray:
        """Return in which lanes the ant lies on its back (B,) bool."""
        return fallen(self.states)

    def put(self, lanes: np.ndarray, states: np.ndarray) -> None:
        """Begin anew in some lanes (n,), with states (n, 29)."""
        super().put(lanes, states)
        self._ants.put(lanes.tolist(), states)
        self.controller.walker.begin(lanes)
