"""Mazes as drawings, and their sections: the parts that play data can leave out.

In a drawing `#` is wall, `O` is free and `G` is free and a default goal. Line i, character j is the
cell (i, j), which spans [i - 0.7, i + 0.3] x [j - 0.7, j + 0.3] of the point's coordinates: D4RL's
coordinates are 0.2 off the cells' centres. Seen from above, as it is rendered, the first coordinate
points right and the second up, so the drawing lies on its side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..checks import names, short

CELL_LOW = 0.7
"""Cell i spans [i - CELL_LOW, i - CELL_LOW + 1] of a coordinate."""

_NAMES, *_LINES = (
    line.split()
    for line in """
    large         large-blr     large-bleft   large-bright  large-bul     large-bll     large-bmr
    ############  ############  ############  ############  ############  ############  ############
    #OOOO#OOOOO#  #OOOO#OOOOO#  #OOOO#O#####  #OOOO#OOOOO#  #OOOO#######  ######OOOOO#  #OOOO#OOOOO#
    #O##O#O#O#O#  #O##O#O#O#O#  #O##O#O#####  #O##O#O#O#O#  #O##O#######  ######O#O#O#  #O##O#O#O#O#
    #OOOOOO#OOO#  #OOOOOO#OOO#  #OOOOOO#####  #OOOOOO#OOG#  #OOOOOO#OOO#  #OOOOOO#OOO#  #OOOOOO#OOO#
    #O####O###O#  ######O###O#  #O####O#####  #O####O#####  #O####O###O#  #O####O###O#  #O####O###O#
    #OO#O#OOOOO#  ####O#OOOOO#  #OO#O#OOO###  #OO#O#O#####  #OO#O#OOOOO#  #OO#O#OOOOO#  #OO###OOOOO#
    ##O#O#O#O###  ####O#O#O###  ##O#O#O#O###  ##O#O#O#####  ##O#O#O#O###  ##O#O#O#O###  ##O#####O###
    #OO#OOO#OGO#  ####OOO#OGO#  #OO#OOO#OGO#  #OO#OOO#####  #OO#OOO#OGO#  #OO#OOO#OGO#  #OO#####OGO#
    ############  ############  ############  ############  ############  ############  ############
    """.strip().splitlines()
)
LAYOUTS: dict[str, tuple[str, ...]] = dict(zip(_NAMES, zip(*_LINES, strict=True), strict=True))
"""Mazes that can be named instead of drawn: the large one, and it with one section walled up, by
the names of the reference's files."""

SECTIONS: dict[str, dict[str, Any]] = {
    "large": {
        "left": {"blocked": "large-bleft", "target": (3, 10)},
        "right": {"blocked": "large-bright", "target": (7, 10)},
        "bottom": {"blocked": "large-blr", "target": (7, 1)},
        "ul": {"blocked": "large-bul", "target": (1, 10)},
        "ll": {"blocked": "large-bll", "target": (1, 1)},
        "mr": {"blocked": "large-bmr", "target": (5, 4)},
    }
}
"""Sections of the mazes that have a name: the maze without them, and the cell to be reached."""

Drawing = str | Sequence[str]
Sections = Mapping[str, Mapping[str, Any]] | None
"""What `layout` takes."""


@dataclass(frozen=True)
class Section:
    """A part of a maze."""

    name: str
    cells: frozenset[tuple[int, int]]
    """Its cells: free in the maze, walled where the section is blocked."""
    target: tuple[int, int]
    """The cell to be reached, one of `cells`."""


class Layout:
    """Walls, free cells and sections of a maze, and where they are in the point's coordinates."""

    named: Mapping[str, Sequence[str]] = LAYOUTS
    """Drawings that have a name."""
    named_sections: Mapping[str, Mapping[str, Mapping[str, Any]]] = SECTIONS
    """Sections that have a name, by the name of the maze."""

    def __init__(self, walls: np.ndarray, goals: Sequence[tuple[int, int]] = ()):
        """Take over (R, C) bool walls; `goals` are the default goals."""
        self.walls, self.goals = walls, tuple(goals)
        self.sections: dict[str, Section] = {}

    @classmethod
    def read(cls, maze: Drawing = "large", sections: Sections = None) -> Self:
        """Read a maze and its sections.

        Args:
            maze: a name (`named`), or a drawing: lines of `#`, `O` and `G`.
            sections: more sections, by name, each {"blocked": the same maze with the section's
                cells walled up (a name or a drawing), "target": [line, character] of the cell to be
                reached}.

        Raises:
            ValueError: an unknown name, or a drawing or a section that makes no sense; says which.
        """
        found = _drawn(maze, "maze", cls)
        known = cls.named_sections.get(maze, {}) if isinstance(maze, str) else {}
        if not isinstance(sections or {}, Mapping):
            raise ValueError(f"sections: sections by their names, not {short(sections)}")
        names("sections", sections or ())
        for name, entry in {**known, **(sections or {})}.items():
            found.sections[name] = _section(found, name, entry)
        return found

    @cached_property
    def cells(self) -> np.ndarray:
        """Free cells (n, 2), line by line."""
        return np.argwhere(~self.walls)

    def cell(self, positions: np.ndarray) -> np.ndarray:
        """Return the cells (..., 2) that points at `positions` (..., 2) are in."""
        return np.floor(np.asarray(positions) + CELL_LOW).astype(np.int64)

    def place(self, cells: ArrayLike) -> np.ndarray:
        """Return the coordinates (..., 2) of cells (..., 2), where starts and targets are."""
        return np.asarray(cells, dtype=np.float64)

    @property
    def obstacles(self) -> np.ndarray:
        """The walls' cells (n, 4): left, bottom, width and height in the plane of x and y."""
        corners = np.argwhere(self.walls) - CELL_LOW
        return np.concatenate((corners, np.ones_like(corners)), axis=1)

    def free(self, positions: np.ndarray) -> np.ndarray:
        """Return which points at `positions` (..., 2) are in free cells; beyond the border none."""
        far = 1e6  # so that no cell's number is too large for an integer
        cells = self.cell(np.clip(positions, -far, far)).clip(0, np.array(self.walls.shape) - 1)
        i, j = np.moveaxis(cells, -1, 0)
        return ~self.walls[i, j]

    def without(self, names: Iterable[str]) -> Self:
        """Return the maze with some of its sections walled up."""
        walls = self.walls.copy()
        for name in names:
            for cell in self.section(name).cells:
                walls[cell] = True
        return type(self)(walls, [goal for goal in self.goals if not walls[goal]])

    def section(self, name: str) -> Section:
        """Return a section by its name; ValueError where there is none of this name."""
        if name not in self.sections:
            known = ", ".join(self.sections) or "none: describe it in `sections`"
            raise ValueError(f"this maze has no section {short(name)}; it knows {known}")
        return self.sections[name]

    def inside(self, positions: np.ndarray) -> np.ndarray:
        """Return which sections points are in: (..., 2) to (..., K) bool, in `sections`' order."""
        cells = self.cell(positions)
        found = np.zeros((*cells.shape[:-1], len(self.sections)), dtype=bool)
        for column, name in enumerate(self.sections):
            section = self.without([name]).walls & ~self.walls
            found[..., column] = section[cells[..., 0], cells[..., 1]]
        return found


Kind = TypeVar("Kind", bound=Layout)


def layout(maze: Drawing = "large", sections: Sections = None) -> Layout:
    """Read a maze of the point and its sections, see `Layout.read`."""
    return Layout.read(maze, sections)


def _section(maze: Layout, name: str, entry: Mapping[str, Any]) -> Section:
    where = f"section {name}"
    if not isinstance(entry, Mapping) or set(entry) != {"blocked", "target"}:
        raise ValueError(
            f"{where} needs `blocked` (a drawing) and `target` (a cell), got {short(entry)}"
        )
    blocked = _drawn(entry["blocked"], where, type(maze)).walls
    if blocked.shape != maze.walls.shape:
        raise ValueError(f"{where} is drawn {blocked.shape}, the maze {maze.walls.shape}")
    if opened := _cells(maze.walls & ~blocked):
        raise ValueError(f"{where}: cell {opened[0]} is free in its drawing, a wall of the maze")
    cells = frozenset(_cells(blocked & ~maze.walls))
    target = entry["target"]
    if not isinstance(target, Sequence) or [*target] not in [[*cell] for cell in cells]:
        raise ValueError(f"{where}: target {short(target)} is none of the cells that it blocks")
    return Section(name, cells, tuple(target))


def _cells(chosen: np.ndarray) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j in np.argwhere(chosen)]


def _drawn(maze: Drawing, what: str, kind: type[Kind]) -> Kind:
    """Read a drawing, or a name of one."""
    if isinstance(maze, str) and "#" not in maze:
        if maze not in kind.named:
            raise ValueError(
                f"{what}: no maze called {short(maze)}; known: {', '.join(kind.named)}"
            )
        maze = kind.named[maze]
    lines = maze.split() if isinstance(maze, str) else maze
    if not isinstance(lines, Sequence) or not all(isinstance(line, str) for line in lines):
        raise ValueError(f"{what}: the name of a maze, or lines of #, O and G, not {short(maze)}")
    drawing = [list(line) for line in lines]
    if len({len(line) for line in drawing}) != 1:
        raise ValueError(f"{what}: the lines of the drawing differ in length: {short(lines)}")
    cells = np.array(drawing)
    if strange := sorted(set(cells.ravel().tolist()) - set("#OG")):
        raise ValueError(f"{what}: a drawing is made of #, O and G, not {short(strange)}")
    walls = cells == "#"
    if not all(border.all() for border in (walls[0], walls[-1], walls[:, 0], walls[:, -1])):
        raise ValueError(f"{what}: the maze is open at its border; close it with #")
    if walls.all():
        raise ValueError(f"{what}: the maze has no free cell")
    return kind(walls, _cells(cells == "G"))
