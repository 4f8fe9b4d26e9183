"""A data set at a glance: lengths, sub-tasks, actions, and what is odd about it."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
from matplotlib.axes import Axes

from fist.analysis.figures.style import panels, save_picture
from fist.data.episodes import Episodes, load_episodes
from fist.data.split import SAME_RECORDING, first_completions

SATURATED = 0.998
"""Size of an action from which it counts as at its limit; recordings stop at 0.999."""
WINDOW = 11
"""Rows of the usual window: H+1."""
SHOWN = 40
"""Rows of a table, and curves of a panel, that are shown at most."""


def inspect_dataset(path: Path, env: gymnasium.Env, out: Path) -> str:
    """Return a summary of a data set, and draw it.

    Args:
        path: HDF5 file in D4RL's layout.
        env: environment that it comes from; where it tells no sub-tasks, or has other
            observations, nothing is said of them.
        out: PNG file to write.

    Raises:
        FileNotFoundError, DataError: the file cannot be used; says why.
    """
    episodes = load_episodes(path)
    completions = _completions(episodes, env)
    _draw(episodes, completions, path.name, out)
    lengths = episodes.lengths.numpy()
    lines = [
        f"{path}: {len(episodes)} episodes, {len(episodes.states)} rows, "
        f"{episodes.state_dim} state dimensions, {episodes.action_dim} action dimensions",
        f"lengths: {lengths.min()} to {lengths.max()}, mean {lengths.mean():.1f}, "
        f"median {np.median(lengths):.0f}",
        "",
        *_action_lines(episodes),
        "",
        *_completion_lines(episodes, completions, env),
        "",
        *(_anomalies(episodes) or ["nothing odd"]),
    ]
    return "\n".join(lines)


def _action_lines(episodes: Episodes) -> list[str]:
    """Return what the actions are like, in all and by dimension."""
    a = episodes.actions.numpy()
    inside = _steps_inside(episodes)
    change = np.abs(np.diff(a, axis=0))[inside]
    lines = [
        f"actions: mean |a| {np.abs(a).mean():.3f}, mean change a step "
        f"{change.mean() if len(change) else 0:.3f}, lag-1 autocorrelation "
        f"{_autocorrelation(a, inside):.3f}, at the limit {_share(np.abs(a) >= SATURATED)}",
        "  dim     mean      std      min      max  at the limit",
    ]
    for dim in range(min(a.shape[1], SHOWN)):
        column = a[:, dim]
        lines.append(
            f"  {dim:3d} {column.mean():8.3f} {column.std():8.3f} {column.min():8.3f} "
            f"{column.max():8.3f}  {_share(np.abs(column) >= SATURATED)}"
        )
    return lines


def _completions(episodes: Episodes, env: gymnasium.Env) -> list[dict[str, int]] | None:
    """Return the row at which each sub-task of each episode is done; None where none are known."""
    space = env.observation_space.shape
    if not env.has_wrapper_attr("elements") or space != (episodes.state_dim,):
        return None
    return [first_completions(env, episodes.observations(i)) for i in range(len(episodes))]


def _completion_lines(
    episodes: Episodes, completions: list[dict[str, int]] | None, env: gymnasium.Env
) -> list[str]:
    """Return how many episodes complete what, and when; and the commonest sequences."""
    if completions is None:
        return ["sub-tasks: unknown (--env-id names the environment of the data)"]
    lines = ["sub-tasks: episodes, and the row of the first completion (mean)"]
    for name in env.get_wrapper_attr("elements"):
        rows = [done[name] for done in completions if name in done]
        when = f"{np.mean(rows):8.1f}" if rows else ""
        lines.append(f"  {name:16s} {len(rows):5d} {when}")
    orders: dict[str, int] = {}
    for done in completions:
        order = " > ".join(sorted(done, key=done.get)) or "nothing"
        orders[order] = orders.get(order, 0) + 1
    lines.append("in this order:")
    for order in sorted(orders, key=orders.get, reverse=True)[:10]:
        lines.append(f"  {orders[order]:5d} {order}")
    return lines


def _anomalies(episodes: Episodes) -> list[str]:
    """Return what a person should look at."""
    states, lengths = episodes.states.numpy(), episodes.lengths.numpy()
    found = []
    if episodes.dropped_rows:
        found.append(f"odd: {episodes.dropped_rows} rows after the last episode end are not used")
    if (short := int((lengths < WINDOW).sum())) > 0:
        found.append(f"odd: {short} episodes are shorter than {WINDOW} rows, the usual window")
    still = np.flatnonzero(np.ptp(episodes.actions.numpy(), axis=0) == 0)
    if len(still):
        found.append(f"odd: action dimensions that never change: {_numbers(still)}")
    constant = np.flatnonzero(np.ptp(states, axis=0) == 0)
    if len(constant):
        found.append(f"odd: state dimensions that never change: {_numbers(constant)}")
    if twins := _twins(episodes):
        pairs = ", ".join(f"{a} and {b}" for a, b in twins[:5])
        found.append(f"odd: {len(twins)} pairs of episodes are the same recording: {pairs}")
    inside = _steps_inside(episodes)
    jumps = np.abs(np.diff(states, axis=0)).max(1) * inside
    if inside.any() and jumps.max() > 50 * (typical := np.median(jumps[inside])) > 0:
        row = int(jumps.argmax())
        found.append(
            f"odd: row {row + 1} jumps by {jumps[row]:.3g}, {jumps[row] / typical:.0f} times what "
            "is usual: an episode end may be missing"
        )
    return found


def _twins(episodes: Episodes) -> list[tuple[int, int]]:
    """Return pairs of episodes that are one recording, up to observation noise."""
    groups: dict[int, list[int]] = {}
    for number, length in enumerate(episodes.lengths.tolist()):
        groups.setdefault(length, []).append(number)
    return [
        (first, second)
        for numbers in groups.values()
        for place, first in enumerate(numbers[:SHOWN])
        for second in numbers[place + 1 : SHOWN]
        if np.abs(episodes.observations(first) - episodes.observations(second)).mean()
        < SAME_RECORDING
    ]


def _draw(
    episodes: Episodes, completions: list[dict[str, int]] | None, title: str, out: Path
) -> None:
    """Draw lengths, actions, one episode, and completions where they are known."""
    figure, axes = panels(4, columns=2, size=(3.4, 2.2))
    axes[0].hist(episodes.lengths.numpy(), bins=30, color="0.4")
    figure.suptitle(title)
    axes[0].set_title(f"lengths of {len(episodes)} episodes")
    axes[1].hist(episodes.actions.numpy().ravel(), bins=60, range=(-1, 1), color="0.4")
    axes[1].set_title("actions, all dimensions")
    axes[2].plot(episodes.observations(0)[:, :SHOWN], linewidth=0.6)
    axes[2].set_title("first episode: states over its rows")
    if completions is None:
        axes[3].plot(episodes.actions[: int(episodes.lengths[0])].numpy(), linewidth=0.6)
        axes[3].set_title("first episode: actions over its rows")
    else:
        _draw_completions(axes[3], completions)
    save_picture(figure, out)


def _draw_completions(axis: Axes, completions: list[dict[str, int]]) -> None:
    """Draw a mark per episode and sub-task at the row of its completion."""
    names = sorted({name for done in completions for name in done})
    for height, name in enumerate(names):
        rows = [done[name] for done in completions if name in done]
        axis.plot(rows, np.full(len(rows), height), "|", color="0.3")
    axis.set_yticks(range(len(names)), names)
    axis.set_title("rows of first completion")


def _steps_inside(episodes: Episodes) -> np.ndarray:
    """Return (N-1,) bool: whether row t+1 belongs to the episode of row t."""
    inside = np.ones(max(len(episodes.states) - 1, 0), dtype=bool)
    inside[(episodes.starts[1:] - 1).numpy()] = False
    return inside


def _autocorrelation(a: np.ndarray, inside: np.ndarray) -> float:
    """Return the correlation of actions with the next ones, over all dimensions that change."""
    centred = a - a.mean(0)
    now, later = centred[:-1][inside], centred[1:][inside]
    scale = float((now**2).sum() * (later**2).sum()) ** 0.5
    return float((now * later).sum()) / scale if scale else 0.0


def _share(mask: np.ndarray) -> str:
    return f"{100 * mask.mean():.1f} %"


def _numbers(values: np.ndarray) -> str:
    """Write sorted whole numbers with ranges: 3, 30-59."""
    runs = np.split(values, np.flatnonzero(np.diff(values) > 1) + 1)
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
