"""What one episode of an ant in a maze and many at once share: spaces, starts and targets."""

from collections.abc import Sequence

import gymnasium
import numpy as np

from ..checks import whole
from ..maze.task import Task
from .layouts import CELL, AntLayout

HEIGHT = 0.75
"""Height of the torso at the start (m)."""
POSTURE = 0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0
"""Hip and ankle of each leg at the start (rad)."""
SPREAD, START_SPEED = 0.1, 0.1
"""Starts lie up to this far from it in every entry of the position; standard deviation of the
velocities."""
STATE_NAMES = (
    *("x", "y", "z", "qw", "qx", "qy", "qz"),
    *(f"{joint}_{leg}" for leg in (1, 2, 3, 4) for joint in ("hip", "ankle")),
    *("vx", "vy", "vz", "wx", "wy", "wz"),
    *(f"v_{joint}_{leg}" for leg in (1, 2, 3, 4) for joint in ("hip", "ankle")),
)
"""Entries of an observation: positions (15) and velocities (14)."""
DATA_SETS = {
    "umaze": ("umaze", "umaze-diverse"),
    "medium": ("medium-play", "medium-diverse"),
    "large": ("large-play", "large-diverse"),
}
"""D4RL's data sets by the maze; environments are called as they are."""
EPISODE_STEPS = {"umaze": 700, "medium": 1000, "large": 1000}
"""Steps of an episode, by the maze."""
VIEWS = ("above", "behind")
"""Where pictures are taken from."""


def check_view(view: str) -> None:
    """Raise ValueError where pictures are not taken from there."""
    if view not in VIEWS:
        raise ValueError(f"view must be {' or '.join(VIEWS)}, not {view!r}")


def spaces() -> tuple[gymnasium.spaces.Box, gymnasium.spaces.Box]:
    """Return the spaces of an observation and of an action, new ones: a space draws samples."""
    observations = gymnasium.spaces.Box(-np.inf, np.inf, (len(STATE_NAMES),), np.float64)
    return observations, gymnasium.spaces.Box(-1.0, 1.0, (8,), np.float32)


class AntTask(Task):
    """The start and the target of every episode, which ends at its target.

    Without `targets` this is D4RL's: from the first free cell of the maze to a goal of the drawing,
    plus 0 to 1.5 m in x and in y.
    """

    layout: AntLayout

    def __init__(
        self,
        layout: AntLayout,
        targets: Sequence[str] = (),
        starts: int = 0,
        target_seed: int | None = None,
    ):
        """Set a task.

        Args:
            layout, targets, starts: as for `maze.task.Task`.
            target_seed: draws the one target of all episodes; None: each draws its own.

        Raises:
            ValueError, TypeError: as for `maze.task.Task`.
        """
        super().__init__(layout, targets, starts)
        self._section, self.ends = bool(targets), True
        self._fixed: np.ndarray | None = None
        if not (targets or starts):
            self._free = layout.cells[:1]
        if target_seed is not None:
            whole("target_seed", target_seed, 0)
            self._fixed, _ = self.draw(np.random.default_rng(target_seed))

    def states(self, cells: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a random first state (n, 29) in each of n cells."""
        usual = np.array([0.0, 0.0, HEIGHT, 1.0, 0.0, 0.0, 0.0, *POSTURE])
        position = usual + rng.uniform(-SPREAD, SPREAD, (len(cells), len(usual)))
        position[:, :2] += self.layout.place(cells)
        position[:, 3:7] /= np.linalg.norm(position[:, 3:7], axis=1, keepdims=True)
        velocity = rng.normal(0.0, START_SPEED, (len(cells), len(usual) - 1))
        return np.concatenate((position, velocity), axis=1)

    def target(self, cell: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a random place (2,) for the target in a cell, or the fixed one.

        A section's target is as near to the centre of its cell as the point's.
        """
        if self._section:
            return super().target(cell, rng)
        drawn = rng.uniform(0.0, CELL / 4, 2) + rng.uniform(0.0, CELL / 8, 2)
        return self.layout.place(cell) + drawn if self._fixed is None else self._fixed.copy()
