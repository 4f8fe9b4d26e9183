"""The ant's mazes: the point's drawings, larger and turned."""

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ..maze.layouts import LAYOUTS, Layout

CELL = 4.0
"""Width of a cell (m)."""

_SMALLER = {
    "umaze": "##### #OOO# ###O# #GOO# #####",
    "medium": "######## #OO##OO# #OO#OOO# ##OOO### #OO#OOO# #O#OO#O# #OOO#OG# ########",
}
_SECTIONS = {
    "lr": {"blocked": "large-bul", "target": (1, 10)},
    "ul": {"blocked": "large-blr", "target": (7, 1)},
    "ur": {"blocked": "large-bright", "target": (7, 10)},
}


class AntLayout(Layout):
    """A maze in the ant's coordinates, as D4RL has them.

    Character j of a line gives x, line i gives y, so that seen from above, x to the right, the
    drawing stands on its head. The first free cell is where D4RL's ants start, and the origin: cell
    (i, j) is 4 m wide, around (x, y) = 4 (j - j0, i - i0).
    """

    named = {**{name: drawing.split() for name, drawing in _SMALLER.items()}, **LAYOUTS}
    named_sections = {"large": _SECTIONS}

    def __init__(self, walls: np.ndarray, goals: Sequence[tuple[int, int]] = ()):
        super().__init__(walls, goals)
        self.origin = self.cells[0]

    def without(self, names: Iterable[str]) -> Self:
        """Return the maze with some of its sections walled up; the origin stays where it is."""
        found = super().without(names)
        found.origin = self.origin
        return found

    def cell(self, positions: np.ndarray) -> np.ndarray:
        """Return the cells (..., 2) that ants at `positions` (..., 2) are in."""
        steps = np.floor(np.asarray(positions)[..., ::-1] / CELL + 0.5)
        return steps.astype(np.int64) + self.origin

    def place(self, cells: ArrayLike) -> np.ndarray:
        """Return the coordinates (..., 2) of the centres of cells (..., 2)."""
        return CELL * (np.asarray(cells) - self.origin)[..., ::-1]

    @property
    def obstacles(self) -> np.ndarray:
        """The walls' cells (n, 4): left, bottom, width and height in the plane of x and y (m)."""
        corners = self.place(np.argwhere(self.walls)) - CELL / 2
        return np.concatenate((corners, np.full_like(corners, CELL)), axis=1)
