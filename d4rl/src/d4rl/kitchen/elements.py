"""What a kitchen observation holds and when a task element counts as done. NumPy only.

    observation (60) = [ robot 0..8 | objects 9..29 | goal 30..59 ]
                         qpos, with noise               constant

The numbers are those of D4RL's kitchen (v0), which the recorded demonstrations were made with.
`d4rl/README.md` lists them in one table.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from .. import checks

ROBOT_SIZE = 9
"""Seven arm joints (rad) and two finger joints (m)."""
QPOS_SIZE = 30
"""Robot and object positions: the part of an observation that moves."""
OBSERVATION_SIZE = 60

OBSERVATION_INDICES: dict[str, tuple[int, ...]] = {
    "bottom_burner": (11, 12),
    "top_burner": (15, 16),
    "light_switch": (17, 18),
    "slide_cabinet": (19,),
    "hinge_cabinet": (20, 21),
    "microwave": (22,),
    "kettle": (23, 24, 25, 26, 27, 28, 29),
}
"""Entries of an observation that say where an element is."""

GOALS: dict[str, tuple[float, ...]] = {
    "bottom_burner": (-0.88, -0.01),
    "top_burner": (-0.92, -0.01),
    "light_switch": (-0.69, -0.05),
    "slide_cabinet": (0.37,),
    "hinge_cabinet": (0.0, 1.45),
    "microwave": (-0.75,),
    "kettle": (-0.23, 0.75, 1.62, 0.99, 0.0, 0.0, -0.06),
}
"""Values of those entries when the element is done (rad, m; the kettle: position, quaternion)."""

ELEMENTS: tuple[str, ...] = tuple(GOALS)
"""Canonical names, in the order of the last axis of `element_complete` and `element_moved`."""

COMPLETION_THRESHOLD = 0.3
"""An element is done while its Euclidean distance to its goal is below this."""

MOVED_THRESHOLD = 0.1
"""An element has moved once its Euclidean distance to where the episode began exceeds this.

Noise alone reaches at most 0.035 (kettle: three quaternion entries of +-0.01 at both ends).
"""

DEFAULT_GOAL_ELEMENTS = ("microwave", "kettle", "bottom_burner", "light_switch")
"""Elements that the constant goal part (30..59) of every observation describes."""

_NOISE = (
    *(0.1,) * ROBOT_SIZE,
    *(0.005,) * 2,  # 9, 10: knob and burner nobody turns
    *(0.0005,) * 6,  # 11..16: the other knobs and burners
    *(0.005,) * 3,  # 17..19: light switch, slide cabinet
    *(0.1,) * 3,  # 20..22: hinge cabinet, microwave
    *(0.005,) * 3,  # 23..25: kettle position
    *(0.1,) * 3,  # 26..28: kettle quaternion w, x, y
    0.005,  # 29: kettle quaternion z
)
NOISE = 0.1 * np.array(_NOISE)
"""Half-width of the uniform noise on each of the first 30 entries (units of the entry)."""

_INITIAL = (
    *(0.148388023, -1.76848573, 1.84390296, -2.4768576, 0.260252026, 0.712533105, 1.59515394),
    *(0.0479267505, 0.0371350919),  # 7, 8: fingers
    *(-2.6627985e-04, -5.18043486e-05, 3.1287722e-05, -4.51199853e-05),  # 9..12
    *(-3.90842156e-06, -4.22629655e-05, 6.28065475e-05, 4.04984708e-05),  # 13..16
    *(4.62730939e-04, -2.26906415e-04),  # 17, 18: light switch
    -4.65501369e-04,  # 19: slide cabinet
    *(-6.44129196e-03, -1.77048263e-03),  # 20, 21: hinge cabinet
    1.08009684e-03,  # 22: microwave
    *(-0.26939744, 0.350383255, 1.61944683),  # 23..25: kettle position
    *(1.00618764, 4.0639512e-03, -6.62095997e-03, -2.68278933e-04),  # 26..29: its quaternion
)
INITIAL_QPOS = np.array(_INITIAL)
"""Positions at the start of an episode (rad, m; velocities are zero)."""

_PARTS = {i: f"{name}_{n}" for name, of in OBSERVATION_INDICES.items() for n, i in enumerate(of)}
STATE_NAMES: tuple[str, ...] = tuple(
    f"joint_{i}" if i < ROBOT_SIZE else _PARTS.get(i, f"object_{i}") for i in range(QPOS_SIZE)
)
"""Names of an observation's first 30 entries; what is not part of an element has its number."""

_COLUMNS = np.array([i for name in ELEMENTS for i in OBSERVATION_INDICES[name]])
_GOAL_VALUES = np.array([value for name in ELEMENTS for value in GOALS[name]])
_MEMBERSHIP = np.array(
    [[i in OBSERVATION_INDICES[name] for name in ELEMENTS] for i in _COLUMNS], dtype=np.float64
)


def canonical(name: str) -> str:
    """Return the canonical name of an element; D4RL's names with spaces are accepted.

    Raises:
        ValueError: no element has this name.
    """
    found = name.strip().lower().replace(" ", "_")
    if found not in GOALS:
        raise ValueError(
            f"no element is called {checks.short(name)}; choose from {', '.join(ELEMENTS)}"
        )
    return found


def canonical_sequence(names: Iterable[str]) -> tuple[str, ...]:
    """Return the canonical names of a task's elements, in order.

    Raises:
        TypeError: no list of texts.
        ValueError: unknown name, an element named twice, or no element at all.
    """
    found = tuple(map(canonical, checks.names("task elements", names)))
    if not found:
        raise ValueError(f"a task needs at least one element of {', '.join(ELEMENTS)}")
    if len(set(found)) < len(found):
        raise ValueError(f"a task names each element once, got {', '.join(found)}")
    return found


def goal_vector(names: Sequence[str] = DEFAULT_GOAL_ELEMENTS) -> np.ndarray:
    """Return the (30,) goal part of an observation: the goals of `names`, 0 elsewhere."""
    goal = np.zeros(QPOS_SIZE)
    for name in map(canonical, names):
        goal[list(OBSERVATION_INDICES[name])] = GOALS[name]
    return goal


def element_distance(observations: np.ndarray) -> np.ndarray:
    """Return the Euclidean distance of each element to its goal.

    Args:
        observations: (..., D) with D >= 30, positions first.

    Returns:
        (..., 7) distances in the order of `ELEMENTS`.
    """
    difference = np.asarray(observations, dtype=np.float64)[..., _COLUMNS] - _GOAL_VALUES
    return np.sqrt((difference * difference) @ _MEMBERSHIP)


def element_complete(observations: np.ndarray) -> np.ndarray:
    """Return whether each element is within `COMPLETION_THRESHOLD` of its goal, (..., 7) bool."""
    return element_distance(observations) < COMPLETION_THRESHOLD


def element_moved(observations: np.ndarray) -> np.ndarray:
    """Return whether each element ever moved clearly away from where the episode began.

    Args:
        observations: (T, D) one episode, D >= 30.

    Returns:
        (7,) bool in the order of `ELEMENTS`.
    """
    values = np.asarray(observations, dtype=np.float64)[:, _COLUMNS]
    difference = values - values[0]
    distance = np.sqrt((difference * difference) @ _MEMBERSHIP)
    return (distance > MOVED_THRESHOLD).any(axis=0)
