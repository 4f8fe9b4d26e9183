"""The observations of Minari's kitchen data sets (D4RL/kitchen/*-v2), as this kitchen makes them.

    theirs (59)   robot qpos 9 | robot qvel 9 | object qpos 21 | object qvel 20
    ours (60)     robot qpos 9 | object qpos 21 | constant goal 30

The noise in them is theirs: a tenth of ours on the arm.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from d4rl.kitchen.elements import QPOS_SIZE, ROBOT_SIZE, goal_vector

THEIR_SIZE = 59


def observations(theirs: Mapping[str, Any]) -> np.ndarray:
    """Return an episode's observations (T, 60) from the dictionary of arrays that Minari gives.

    Raises:
        ValueError: they are not those of a kitchen.
    """
    values = np.asarray(theirs["observation"] if isinstance(theirs, Mapping) else theirs)
    if values.ndim != 2 or values.shape[1] != THEIR_SIZE:
        expected = f"the kitchen's are (T, {THEIR_SIZE})"
        raise ValueError(f"observations have shape {values.shape}, {expected}")
    robot = values[:, :ROBOT_SIZE]
    objects = values[:, 2 * ROBOT_SIZE : ROBOT_SIZE + QPOS_SIZE]
    goal = np.broadcast_to(goal_vector(), (len(values), QPOS_SIZE))
    return np.concatenate([robot, objects, goal], axis=1)
