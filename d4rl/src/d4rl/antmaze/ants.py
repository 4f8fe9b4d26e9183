"""Many ants in one maze, each with a simulation of its own, on as many threads as are asked for."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import mujoco
import numpy as np

from .model import SUBSTEPS

FAILURES = [int(getattr(mujoco.mjtWarning, f"mjWARN_BADQ{of}")) for of in ("POS", "VEL", "ACC")]


class Ants:
    """Ants that do not see each other; what one does depends on its own actions alone."""

    def __init__(self, model: mujoco.MjModel, number: int, workers: int = 1):
        """Make some ants; `workers` threads step them, which has no influence on what they do."""
        self._model, self._data = model, [mujoco.MjData(model) for _ in range(number)]
        self._shares = [range(first, number, workers) for first in range(min(workers, number))]

    def put(self, ants: Iterable[int], states: np.ndarray) -> None:
        """Set the states (n, 29) of some ants, position and velocity."""
        for ant, state in zip(ants, states, strict=True):
            put(self._model, self._data[ant], state)

    def step(self, actions: np.ndarray) -> np.ndarray:
        """Return the states (B, 29) after actions (B, 8) in [-1, 1], for 0.1 s."""

        def act(share: range) -> None:
            for ant in share:
                self._data[ant].ctrl[:] = actions[ant]
                step(self._model, self._data[ant])

        if len(self._shares) == 1:
            act(self._shares[0])
        else:
            with ThreadPoolExecutor(len(self._shares)) as threads:
                list(threads.map(act, self._shares))
        return np.array([np.concatenate((data.qpos, data.qvel)) for data in self._data])


def put(model: mujoco.MjModel, data: mujoco.MjData, state: np.ndarray) -> None:
    """Begin a simulation with a state (29,), as if nothing had been before."""
    mujoco.mj_resetData(model, data)
    data.qpos[:], data.qvel[:] = np.split(state, [model.nq])


def step(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    """Go on for 0.1 s; ValueError where the simulation fails, which then begins anew by itself."""
    mujoco.mj_step(model, data, SUBSTEPS)
    if data.warning.number[FAILURES].any():
        raise ValueError("the simulation of an ant has failed: its state at reset cannot be")
