"""The ant in a maze, for many episodes at once, on as many threads as are asked for."""

from collections.abc import Callable, Sequence

import gymnasium
import numpy as np

from ..checks import whole
from ..maze.layouts import Drawing, Sections
from ..maze.vector import MazeVectorEnv
from .ants import Ants
from .layouts import AntLayout
from .model import ant_model
from .task import EPISODE_STEPS, STATE_NAMES, AntTask, check_view, spaces


class AntMazeVectorEnv(MazeVectorEnv):
    """Many episodes of `AntMazeEnv` at once, bit for bit the same."""

    metadata = {**MazeVectorEnv.metadata, "render_fps": 10}
    state_names = STATE_NAMES

    def __init__(
        self,
        num_envs: int,
        max_episode_steps: int | None = -1,
        maze: Drawing = "large",
        sections: Sections = None,
        targets: Sequence[str] = (),
        starts: int = 0,
        target_seed: int | None = None,
        view: str = "above",
        render_mode: str | None = None,
        width: int = 256,
        height: int = 256,
        threads: int = 1,
    ):
        """Make `num_envs` lanes of at most `max_episode_steps` steps.

        Args:
            num_envs, max_episode_steps: as for `MazeVectorEnv`.
            maze, sections, targets, starts, target_seed: as for `AntMazeEnv`.
            view, render_mode, width, height: as for `AntMazeEnv`.
            threads: that step the lanes; without influence on what they do.

        Raises:
            ValueError, TypeError: an argument is out of its range; the message names it.
        """
        whole("threads", threads, 1)
        check_view(view)
        if max_episode_steps is None:
            named = maze if isinstance(maze, str) else ""
            max_episode_steps = EPISODE_STEPS.get(named, EPISODE_STEPS["large"])
        here = AntLayout.read(maze, sections)
        task = AntTask(here, targets, starts, target_seed)
        self._make(task, spaces(), num_envs, max_episode_steps, render_mode, width, height)
        self._drawn = {"maze": maze, "view": view, "width": width, "height": height}
        self._ants = Ants(ant_model(here), num_envs, threads)

    def _place(self, lanes: np.ndarray) -> None:
        self._ants.put(np.flatnonzero(lanes), self._states[lanes])

    def _move(self, actions: np.ndarray) -> np.ndarray:
        return self._ants.step(actions.clip(-1.0, 1.0))

    @staticmethod
    def _single() -> Callable[..., gymnasium.Env]:
        from .env import AntMazeEnv

        return AntMazeEnv
