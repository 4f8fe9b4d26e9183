"""How an episode failed, told from its states and subtasks alone.

wrong order   a subtask was completed that was not due
stuck         at the end it had nearly stopped moving
late          a subtask was still counted shortly before the end
lost          it moved, and got no further
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

WRONG_ORDER, STUCK, LATE, LOST = "wrong order", "stuck", "late", "lost"
END, SMOOTHED = 50, 10
"""Steps that count as the end, and over which states are averaged, against their noise."""
STILL = 0.2
"""Movement over the end, as a share of the largest in the episode, below which it is stuck."""


def failure(
    states: Float[np.ndarray, "T S"],
    steps: Mapping[str, int | None],
    completed: int | None,
) -> str:
    """Return how an episode that was no success failed.

    Args:
        states: what was observed, from the first step to the last.
        steps: the step at which each subtask was counted in order, None where it was not.
        completed: subtasks completed in any order; None where there are no subtasks.
    """
    counted = [step for step in steps.values() if step is not None]
    if completed is not None and completed > len(counted):
        return WRONG_ORDER
    means = np.cumsum(states, axis=0, dtype=float)
    means = (means[SMOOTHED:] - means[:-SMOOTHED]) / SMOOTHED
    moved = np.linalg.norm(means[END:] - means[:-END], axis=1)
    if len(moved) and moved[-1] < STILL * moved.max():
        return STUCK
    return LATE if counted and max(counted) > len(states) - 1 - END else LOST


def action_change(actions: Float[np.ndarray, "T A"]) -> float | None:
    """Return the mean root mean square change of actions between steps; None of one step.

    Rounded to four decimals.
    """
    changes = np.diff(actions, axis=0)
    return (
        round(float(np.sqrt(np.square(changes).mean(axis=1)).mean()), 4) if len(changes) else None
    )
