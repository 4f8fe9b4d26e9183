"""The method as a drawing: `python -m fist.analysis.figures.schematic docs/schematic.svg`.

It is drawn of no results, so it is none of the pipeline's figures.
"""

import sys
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from fist.analysis.figures.style import INKS
from fist.stage.files import replacing

DATA, LEARNT, ACTS = INKS[110], INKS[0], INKS[-1]
"""Colours of data, of what is learnt from them, and of what happens at every look-up."""
BOXES: dict[str, tuple[float, float, float, str, Any]] = {
    "play": (0.1, 2.75, 1.9, "many known skills,\nno task", DATA),
    "demonstrations": (0.1, 0.6, 1.9, "one to ten,\nof the task at hand", DATA),
    "skills": (
        *(6.2, 2.75, 3.65),
        "H actions as one vector z; a decoder a = π(s, z);\na prior p(z | state, state H steps on)",
        LEARNT,
    ),
    "distance": (3.0, 2.75, 2.2, "how many steps one state\nis from another", LEARNT),
    "look-up": (3.0, 0.6, 1.75, "nearest state of the\ndemonstrations", ACTS),
    "target": (5.25, 0.6, 1.2, "the state\nH steps on", ACTS),
    "skill": (6.95, 0.6, 1.2, "z from\nthe prior", ACTS),
    "actions": (8.65, 0.6, 1.2, "decoded,\nstep by step", ACTS),
}
"""What there is: left and lower edge and width in inches, what it is, colour."""
HEIGHT = 0.85
DASHED = {"linestyle": "--"}
OVER = {"connectionstyle": "arc,angleA=90,angleB=90,armA=22,armB=22,rad=6"}
UNDER = {"connectionstyle": "arc,angleA=-90,angleB=-90,armA=22,armB=22,rad=6"}
ARROWS: tuple[tuple[tuple[float, float], tuple[float, float], str, dict[str, Any]], ...] = (
    ((2.0, 3.17), (3.0, 3.17), "learn", {}),
    ((1.05, 3.6), (8.0, 3.6), "learn", OVER),
    ((2.0, 1.02), (3.0, 1.02), "", {}),
    ((1.6, 1.45), (3.0, 2.8), "", DASHED),
    ((1.6, 1.45), (6.2, 2.85), "fine-tune, where wanted", DASHED),
    ((4.65, 2.75), (4.65, 1.45), "", {}),
    ((4.75, 1.02), (5.25, 1.02), "", {}),
    ((6.45, 1.02), (6.95, 1.02), "", {}),
    ((8.15, 1.02), (8.65, 1.02), "", {}),
    ((7.55, 2.75), (7.55, 1.45), "prior", {}),
    ((9.25, 2.75), (9.25, 1.45), "decoder", {}),
    ((9.25, 0.6), (3.9, 0.6), "", UNDER),
)
"""From where to where, what it says, and how it looks."""


def draw() -> Figure:
    """Draw the method: what is learnt from play, and what happens when it acts."""
    figure = Figure((10, 4.3))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, 10), ylim=(0, 4.3))
    axis.axis("off")
    for name, (x, y, width, text, color) in BOXES.items():
        _box(axis, name, x, y, width, text, color)
    for start, end, says, look in ARROWS:
        arrow: dict[str, Any] = {
            "arrowstyle": "-|>",
            "mutation_scale": 10,
            "color": "0.3",
            "lw": 0.9,
        }
        axis.add_patch(FancyArrowPatch(start, end, **arrow | look))
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.3 * (look is OVER))
        axis.text(
            *middle, says, ha="center", va="center", fontsize=8, color="0.3", backgroundcolor="w"
        )
    axis.text(6.5, 0.12, "next state, every few steps", ha="center", fontsize=8, color="0.3")
    return figure


def _box(axis: Axes, name: str, x: float, y: float, width: float, text: str, color: Any) -> None:
    """Draw a box with a name and what it is."""
    style = "round,pad=0,rounding_size=0.08"
    look: dict[str, Any] = {"facecolor": (*color[:3], 0.08), "edgecolor": color, "lw": 1.1}
    axis.add_patch(FancyBboxPatch((x, y), width, HEIGHT, boxstyle=style, **look))
    middle: dict[str, Any] = {"ha": "center", "va": "center"}
    axis.text(x + width / 2, y + 0.67, name, fontsize=10, weight="bold", color=color, **middle)
    axis.text(x + width / 2, y + 0.3, text, fontsize=8, **middle)


def save(out: str | Path) -> None:
    """Write the drawing as SVG; the same code gives the same bytes."""
    look: Any = {"svg.fonttype": "none", "svg.hashsalt": "schematic", "font.family": "sans-serif"}
    with matplotlib.rc_context(look), replacing(out) as temporary:
        draw().savefig(temporary, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    save(sys.argv[1])
