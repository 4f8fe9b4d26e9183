"""A data set at a glance: lengths, subtasks, actions, and what is odd about it."""

from collections import Counter
from itertools import combinations
from pathlib import Path

import gymnasium
import numpy as np
import pandas as pd

from d4rl_layout import labels
from fist.analysis.figures.style import panels, save_picture
from fist.data.actions import ActionScale
from fist.data.episodes import Episodes, load_episodes
from fist.data.sources.formats import LAYOUTS
from fist.data.sources.recordings import NAMES, WIDEST, take
from fist.data.split import first_completions, same_recording
from fist.stage.files import line, parse_json

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
        env: environment that it comes from; where it tells no subtasks, or has other
            observations, nothing is said of them.
        out: PNG file to write.

    Raises:
        FileNotFoundError, DataError: the file cannot be used; says why.
    """
    episodes = load_episodes(path)
    inside = np.ones(max(len(episodes.states) - 1, 0), dtype=bool)
    inside[(episodes.starts[1:] - 1).numpy()] = False  # is row t+1 of the episode of row t?
    completions = _completions(episodes, env)
    _draw(episodes, completions, path.name, out)
    lengths = episodes.lengths.numpy()
    lines = [
        f"{path}: {len(episodes)} episodes, {len(episodes.states)} rows, "
        f"{episodes.state_dim} state dimensions, {episodes.action_dim} action dimensions",
        f"lengths: {lengths.min()} to {lengths.max()}, mean {lengths.mean():.1f}, "
        f"median {np.median(lengths):.0f}",
        *_layout(_names(path), "states"),
        "",
        *_scale_lines(episodes.scale),
        *_action_lines(episodes.actions.numpy(), inside),
        "",
        *_completion_lines(completions),
        "",
        *(_anomalies(episodes, inside) or ["nothing odd"]),
    ]
    return "\n".join(lines)


def inspect_recording(path: Path, source: str) -> str:
    """Return what the headers of a recording in another layout say, and how it comes in."""
    recording = LAYOUTS[source](path)
    told = take(recording, None)
    lines = [f"{path}: source: {source}", *_layout(told[NAMES], "states"), "", "columns:"]
    named = recording.columns.items()
    lines += [f"  {line(name)}: {column.dtype}, rows of {column.shape}" for name, column in named]
    return "\n".join(lines[:SHOWN])


def _names(path: Path) -> list[tuple[str, int]]:
    """Return what a file says its states consist of; nothing where it says nothing that can be."""
    try:
        told = parse_json(labels(path, NAMES).get(NAMES, "[]"), NAMES, list)
        return [(str(name), int(size)) for name, size in told if 0 < int(size) <= WIDEST]
    except (ValueError, TypeError):
        return []


def _layout(names: list[tuple[str, int]], what: str) -> list[str]:
    """Return which dimensions are which columns, in one line."""
    stops = np.cumsum([size for _, size in names])
    parts = zip(names, stops, strict=True)
    shown = [
        f"{line(name)} {_numbers(np.arange(stop - size, stop))}" for (name, size), stop in parts
    ]
    return [f"{what}: {', '.join(shown[:SHOWN])}"] if shown else []


def _scale_lines(scale: ActionScale | None) -> list[str]:
    """Return what of the recorded actions is called -1 and 1."""
    if scale is None:
        return []
    ranges = [f"[{low:g}, {high:g}]" for low, high in zip(scale.low, scale.high, strict=True)]
    still = f"; never change: {_numbers(np.array(scale.still))}" if scale.still else ""
    shown = ", ".join(ranges[:SHOWN]) + (" …" if len(ranges) > SHOWN else "")
    return [f"actions scaled to [-1, 1] from {shown} ({scale.origin}){still}"]


def _action_lines(a: np.ndarray, inside: np.ndarray) -> list[str]:
    """Return what the actions (N, A) are like, in all and by dimension."""
    change = np.abs(np.diff(a, axis=0))[inside]
    limit = np.abs(a) >= SATURATED
    columns = {"mean": a.mean(0), "std": a.std(0), "min": a.min(0), "max": a.max(0)}
    table = pd.DataFrame(columns | {"at the limit": [f"{share:.1%}" for share in limit.mean(0)]})
    return [
        f"actions: mean |a| {np.abs(a).mean():.3f}, mean change a step "
        f"{change.mean() if len(change) else 0:.3f}, lag-1 autocorrelation "
        f"{_autocorrelation(a, inside):.3f}, at the limit {limit.mean():.1%}",
        table.head(SHOWN).to_string(float_format="%.3f"),
    ]


def _completions(episodes: Episodes, env: gymnasium.Env) -> pd.DataFrame | None:
    """Return the row at which each episode does each subtask; None where none are known."""
    space = env.observation_space.shape
    if not env.has_wrapper_attr("elements") or space != (episodes.state_dim,):
        return None
    rows = [first_completions(env, observations) for observations in episodes.observations]
    return pd.DataFrame(rows, columns=list(env.get_wrapper_attr("elements")), dtype=float)


def _completion_lines(completions: pd.DataFrame | None) -> list[str]:
    """Return how many episodes complete what, and when; and the commonest sequences."""
    if completions is None:
        return ["subtasks: unknown (--env-id names the environment of the data)"]
    table = pd.DataFrame({"episodes": completions.count(), "row (mean)": completions.mean()})
    orders = Counter(
        " > ".join(done.dropna().sort_values(kind="stable").index) or "nothing"
        for _, done in completions.iterrows()
    )
    return [
        "subtasks: episodes, and the row of the first completion",
        table.to_string(float_format="%.1f", na_rep=""),
        "in this order:",
        *(f"  {count:5d} {order}" for order, count in orders.most_common(10)),
    ]


def _anomalies(episodes: Episodes, inside: np.ndarray) -> list[str]:
    """Return what a person should look at."""
    states, lengths = episodes.states.numpy(), episodes.lengths.numpy()
    found = []
    if episodes.clipped:
        found.append(f"odd: {episodes.clipped} action values a rounding out of range, clipped")
    if episodes.dropped_rows:
        found.append(f"odd: {episodes.dropped_rows} rows after the last episode end are not used")
    if (short := int((lengths < WINDOW).sum())) > 0:
        found.append(f"odd: {short} episodes are shorter than {WINDOW} rows, the usual window")
    for what, values in (("action", episodes.actions.numpy()), ("state", states)):
        if len(still := np.flatnonzero(np.ptp(values, axis=0) == 0)):
            found.append(f"odd: {what} dimensions that never change: {_numbers(still)}")
    if twins := _twins(episodes):
        pairs = ", ".join(f"{a} and {b}" for a, b in twins[:5])
        found.append(f"odd: {len(twins)} pairs of episodes are the same recording: {pairs}")
    jumps = np.abs(np.diff(states, axis=0)).max(1) * inside
    if inside.any() and jumps.max() > 50 * (typical := np.median(jumps[inside])) > 0:
        row = int(jumps.argmax())
        found.append(
            f"odd: row {row + 1} jumps by {jumps[row]:.3g}, {jumps[row] / typical:.0f} times what "
            "is usual: an episode end may be missing"
        )
    return found


def _twins(episodes: Episodes) -> list[tuple[int, int]]:
    """Return pairs of episodes that are one recording; of one length, some are compared."""
    seen, lengths = episodes.observations, episodes.lengths.numpy()
    alike = (np.flatnonzero(lengths == length)[:SHOWN] for length in np.unique(lengths))
    pairs = (pair for numbers in alike for pair in combinations(numbers.tolist(), 2))
    return [(a, b) for a, b in pairs if same_recording(seen[a], seen[b])]


def _draw(episodes: Episodes, completions: pd.DataFrame | None, title: str, out: Path) -> None:
    """Draw lengths, actions, one episode, and completions where they are known."""
    figure, axes = panels(4, columns=2, size=(3.4, 2.2))
    figure.suptitle(title)
    axes[0].hist(episodes.lengths.numpy(), bins=30, color="0.4")
    axes[0].set_title(f"lengths of {len(episodes)} episodes")
    axes[1].hist(episodes.actions.numpy().ravel(), bins=60, range=(-1, 1), color="0.4")
    axes[1].set_title("actions, all dimensions")
    axes[2].plot(episodes.observations[0][:, :SHOWN], linewidth=0.6)
    axes[2].set_title("first episode: states over its rows")
    if completions is None:
        axes[3].plot(episodes.actions[: int(episodes.lengths[0])].numpy(), linewidth=0.6)
        axes[3].set_title("first episode: actions over its rows")
    else:  # a mark per episode and subtask
        for height, name in enumerate(completions):
            axes[3].plot(completions[name], np.full(len(completions), height), "|", color="0.3")
        axes[3].set_yticks(range(completions.shape[1]), completions.columns)
        axes[3].set_title("rows of first completion")
    save_picture(figure, out)


def _autocorrelation(a: np.ndarray, inside: np.ndarray) -> float:
    """Return the correlation of actions with the next ones, over all dimensions that change."""
    centred = a - a.mean(0)
    now, later = centred[:-1][inside], centred[1:][inside]
    scale = float((now**2).sum() * (later**2).sum()) ** 0.5
    return float((now * later).sum()) / scale if scale else 0.0


def _numbers(values: np.ndarray) -> str:
    """Write sorted whole numbers with ranges: 3, 30-59."""
    runs = np.split(values, np.flatnonzero(np.diff(values) > 1) + 1)
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
