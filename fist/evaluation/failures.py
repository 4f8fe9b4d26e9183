"""How an episode failed, told from its states and subtasks alone.

wrong order   a subtask was completed that was not due
stuck         at the end it had nearly stopped moving
late          a subtask was still counted shortly before the end
lost          it moved, and got no further
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

FAILURES = WRONG_ORDER, STUCK, LATE, LOST = "wrong order", "stuck", "late", "lost"
END, SMOOTHED = 50, 10
"""Steps that count as the end, and over which states are averaged, against their noise."""
STILL = 0.2
"""Movement over the end, as a share of the largest in the episode, up to which it is stuck."""
BLOCK = 250
"""Steps that are kept until they are looked at."""


class Course:
    """How an episode's states and actions went on, step by step, in little memory."""

    def __init__(self) -> None:
        self._states: list[np.ndarray] = []
        self._actions: list[np.ndarray] = []
        self._sums: np.ndarray | None = None
        """Of the states up to each of the latest steps."""
        self._moved, self._most = 0.0, -np.inf
        self._changes: list[np.ndarray] = []

    def see(self, state: Float[np.ndarray, " S"]) -> None:
        """Take in what was observed."""
        self._states.append(state)
        if len(self._states) == BLOCK:
            self._sum_up()

    def act(self, action: Float[np.ndarray, " A"]) -> None:
        """Take in what was then done."""
        self._actions.append(np.array(action, np.float32))
        if len(self._actions) == BLOCK:
            self._compare()

    def failure(self, length: int, steps: Mapping[str, int | None], completed: int | None) -> str:
        """Return how an episode that was no success failed.

        Args:
            length: its steps.
            steps: the step at which each subtask was counted in order, None where it was not.
            completed: subtasks completed in any order; None where there are no subtasks.
        """
        counted = [step for step in steps.values() if step is not None]
        if completed is not None and completed > len(counted):
            return WRONG_ORDER
        self._sum_up()
        if self._moved <= STILL * self._most < np.inf:
            return STUCK
        return LATE if counted and max(counted) > length - END else LOST

    def action_change(self) -> float | None:
        """Return the mean root mean square change of actions between steps, to four decimals.

        None of one step, and of actions that are too large to be squared.
        """
        self._compare()
        changes = np.concatenate(self._changes) if self._changes else np.zeros(0)
        known = len(changes) > 0 and np.isfinite(changes).all()
        return round(float(changes.mean()), 4) if known else None

    def _sum_up(self) -> None:
        """Measure the movement over `END` steps that end at one of the states since the last."""
        if not self._states:
            return
        new = np.stack(self._states).astype(float)
        self._states.clear()
        known = new[:0] if self._sums is None else self._sums
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large tells nothing
            sums = np.concatenate((known[-1:], new)).cumsum(axis=0)
            sums = np.concatenate((known[:-1], sums))
            means = (sums[SMOOTHED:] - sums[:-SMOOTHED]) / SMOOTHED
            moved = np.linalg.norm(means[END:] - means[:-END], axis=1)
        if len(moved):
            self._moved, self._most = float(moved[-1]), float(np.maximum(self._most, moved.max()))
        self._sums = sums[-END - SMOOTHED :]

    def _compare(self) -> None:
        """Measure by how much the actions since the last have changed."""
        changes = np.diff(np.stack(self._actions), axis=0) if self._actions else np.zeros((0, 1))
        with np.errstate(over="ignore", invalid="ignore"):
            self._changes.append(np.sqrt(np.square(changes).mean(axis=1)))
        del self._actions[:-1]
