"""Retrieval: which demonstration state is followed along one episode of every task."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fist.analysis.figures.plot import Files, Table
from fist.analysis.figures.style import legend, looks, panels, words
from fist.evaluation.trace_rows import read_traces

NEEDS = ("look_ups",)

COLUMNS = ["task", "method", "seed", "episode", "step", "counted"]
LOOK_UP = ["demo", "demo_step", "distance", "looked_up"]


def draw(files: Files, table: Table) -> tuple[Figure, pd.DataFrame]:
    """Draw the step of the state in its demonstration over the episode's own steps, and below it
    how far away it was.

    The marker and the shade tell the demonstration. Vertical lines are subtasks that were counted.

    Raises:
        ValueError: a file has no such episode, or no look-up.
    """
    traces = [_episode(file, table.get("episode", 0)) for file in files["look_ups"].values()]
    figure, axes = panels(2 * len(traces), columns=len(traces), size=(2.4, 1.6))
    found = pd.concat(traces).query("looked_up == 1").distance
    scale = "log" if (found > 0).all() else "linear"
    look = looks(sorted({demo for rows in traces for demo in rows.demo.dropna()}))
    for rows, above, below in zip(traces, axes, axes[len(traces) :], strict=False):
        asked = rows[rows.looked_up == 1]
        for demo in sorted(set(asked.demo.dropna())):
            found = asked[asked.demo == demo]
            color, marker, _ = look[demo]
            label = f"demonstration {demo:.0f}"
            above.plot(found.step, found.demo_step, marker, color=color, label=label)
        below.plot(asked.step, asked.distance, color="black", linewidth=0.8)
        below.set(xlabel="step of the episode", yscale=scale)
        for axis in (above, below):
            for step in rows.step[rows.counted.diff() > 0]:
                axis.axvline(step, color="0.6", linestyle=":", linewidth=0.8)
        above.set_title(words(rows.task.iloc[0]))
    axes[0].set_ylabel("step of the\ndemonstration")
    axes[len(traces)].set_ylabel("squared distance" + " (log)" * (scale == "log"))
    legend(figure, axes[: len(traces)])
    return figure, pd.concat(traces, ignore_index=True)


def _episode(file: Path, episode: int) -> pd.DataFrame:
    """Read the look-ups of one episode."""
    trace = read_traces([file])[[*COLUMNS, *LOOK_UP]]
    rows = trace[trace.episode == episode].reset_index(drop=True)
    if rows.empty:
        raise ValueError(
            f"{file}: no episode {episode} among the {trace.episode.nunique()} that were followed "
            "(config: figures.traced)"
        )
    if rows.demo.isna().all():
        raise ValueError(f"{file}: the method looks nothing up, so there is nothing to draw")
    return rows
