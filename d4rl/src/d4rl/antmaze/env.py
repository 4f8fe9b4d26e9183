"""The ant in a maze: one episode, simulated by MuJoCo."""

from collections.abc import Sequence

import numpy as np

from ..maze.env import MazeEnv
from ..maze.layouts import Drawing, Sections
from ..maze.model import fitting
from ..rendering import Camera
from .ants import put, step
from .layouts import CELL, AntLayout
from .model import SUBSTEPS, TIMESTEP, ant_model
from .task import STATE_NAMES, AntTask, check_view, spaces

COURSE_STEPS = 10
"""Steps over which the direction that the ant is seen to go in is averaged."""


class AntMazeEnv(MazeEnv):
    """An ant of four legs in a maze, simulated by MuJoCo.

    Observation (29,) float64: positions and velocities, `state_names`.
    Action (8,) in [-1, 1]: torques over 30 N m, for 0.1 s; hip and ankle of the legs 4, 1, 2, 3.
    Reward: 1 at the step that ends within 0.5 m of the target, which ends the episode, else 0.

    `info`, at reset and at every step:
        target: (2,) the place to be reached.
        success: bool, whether the torso is within 0.5 m of it, in x and y.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    state_names = STATE_NAMES
    _mark = np.array([0.0, 0.0, 0.02])

    def __init__(
        self,
        maze: Drawing = "large",
        sections: Sections = None,
        targets: Sequence[str] = (),
        starts: int = 0,
        target_seed: int | None = None,
        view: str = "above",
        render_mode: str | None = None,
        width: int = 256,
        height: int = 256,
    ):
        """Make the environment.

        Args:
            maze, sections: the maze, see `maze.layouts.layout`.
            targets, starts, target_seed: what is to be reached, and from where, see `AntTask`.
            view: where pictures are taken from: "above", of all of the maze, or "behind" the ant.
            render_mode, width, height: of pictures, see `RenderedEnv`.

        Raises:
            ValueError, TypeError: an argument is out of its range; the message names it.
        """
        check_view(view)
        here = AntLayout.read(maze, sections)
        task = AntTask(here, targets, starts, target_seed)
        self._make(task, ant_model(here), spaces(), render_mode, width, height)
        corners = here.obstacles[:, :2].min(0), here.obstacles[:, :2].max(0) + CELL
        self.camera = fitting(*corners, width, height)
        self._view, self._course = view, np.zeros(2)

    def render(self) -> np.ndarray | None:
        """Return the maze from above, x to the right, or the ant from behind; see `RenderedEnv`.

        The green disc is the target.
        """
        if self._view == "behind":
            x, y, z = self.data.qpos[:3].tolist()
            course = float(np.degrees(np.arctan2(*self._course[::-1])))
            self.camera = Camera((x, y, z), 6.0, course, -55.0)
        return super().render()

    def _place(self, state: np.ndarray) -> None:
        put(self.model, self.data, state)
        self._course = self.target - state[:2]
        self._course /= max(float(np.linalg.norm(self._course)), 1e-9)

    def _move(self) -> None:
        before = self.data.qpos[:2].copy()
        step(self.model, self.data)
        speed = (self.data.qpos[:2] - before) / (SUBSTEPS * TIMESTEP)
        self._course += (speed - self._course) / COURSE_STEPS
