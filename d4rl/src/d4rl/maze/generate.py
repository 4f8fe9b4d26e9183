"""Record data in mazes: play that wanders from goal to goal, and demonstrations of a section.

Both are made by the way-point controller with noise on its actions, as D4RL's were. The file has
D4RL's layout; row t holds the true state before action a_t:

    observations         positions and velocities   (N, 4) float32
    actions              forces / 100 N             (N, 2) float32
    rewards              1 where a_t ends within 0.5 of a demonstration's target  (N,) float32
    terminals, timeouts  the last row of a demonstration, of a recording of play  (N,) bool
    infos/qpos, qvel     the two halves of the observation                        (N, 2) float32
    infos/goal           where the controller is going                            (N, 2) float32
"""

import os
from collections.abc import Sequence

import numpy as np

from d4rl_layout import write

from ..recording import check_request
from .controller import WaypointController
from .law import Law
from .layouts import Drawing, Layout, Sections, layout
from .task import JITTER, Task, random_states, reached

NOISE = 0.5
"""Standard deviation of the noise on each component of an action."""
PATIENCE = 800
"""Steps after which play gives up a goal."""
LONGEST = 2001
"""A demonstration that has not arrived after so many steps is left out."""
ATTEMPTS_PER_EPISODE = 20
"""Demonstrations that are tried for each one wanted, before giving up."""


def wander(
    path: str | os.PathLike[str],
    sequence: Sequence[str],
    episodes: int,
    seed: int,
    workers: int = 1,
    steps: int = 4_000_000,
    maze: Drawing = "large",
    sections: Sections = None,
) -> dict[str, object]:
    """Write a recording of play in a maze in which some sections are walled up.

    Each episode is one walk that is never reset: whenever its goal is reached, or after 800 steps,
    it gets a new one, anywhere in the maze.

    Args:
        path: the file to write; its folder is made.
        sequence: the split's name, as a list: ["mixed"] walls nothing up, ["no_left"] the section
            left, ["no_left", "right"] both.
        episodes: walks that the steps are shared out among.
        seed: 0 or more; the bytes depend on it and on all other arguments but `workers`.
        workers: has no effect: all walks are stepped together, which takes seconds.
        steps: rows of the file, a multiple of `episodes`.
        maze, sections: the maze, see `layouts.layout`.

    Returns:
        sequence, seed, episodes and rows.

    Raises:
        ValueError: an unknown section, or a number out of its range.
    """
    check_request(episodes, seed, workers)
    if steps < episodes or steps % episodes:
        raise ValueError(f"steps is {steps}: not a multiple of episodes, {episodes}")
    name = "-".join(sequence)
    here = layout(maze, sections).without(held_out(sequence))
    rng = np.random.default_rng(seed)
    task = Task(here)
    states = np.array([task.draw(rng)[1] for _ in range(episodes)])
    states, actions, goals = _walk(here, states, steps // episodes, rng)
    last = np.zeros((episodes, steps // episodes), dtype=np.bool_)
    last[:, -1] = True
    report = {"sequence": name, "seed": seed}
    nothing = {"rewards": np.zeros(steps, np.float32), "terminals": np.zeros(steps, np.bool_)}
    _write(path, report, states, goals, actions=actions, **nothing, timeouts=last.ravel())
    return report | {"episodes": episodes, "rows": steps}


def demonstrate(
    path: str | os.PathLike[str],
    sequence: Sequence[str],
    episodes: int,
    seed: int,
    workers: int = 1,
    starts: int = 0,
    minimum_length: int = 0,
    maze: Drawing = "large",
    sections: Sections = None,
) -> dict[str, object]:
    """Write demonstrations of how to get to a section of a maze.

    All go to the same place in the section's target cell, and start anywhere outside the section,
    or in the cells that test episodes start in.

    Args:
        path, seed, workers, maze, sections: as for `wander`.
        sequence: the section's name, as a list: ["left"].
        episodes: demonstrations in the file.
        starts: number of fixed reset points, as in `task.Task`: demonstration i starts in the cell
            of point i mod `starts`, at a place of its own; 0 draws a cell for each.
        minimum_length: shorter ones are left out, and others recorded instead.

    Returns:
        sequence, seed, episodes, rows, left_out and mean_length.

    Raises:
        ValueError: an unknown section, a number out of its range, or too few that are long enough.
    """
    check_request(episodes, seed, workers)
    here = layout(maze, sections)
    task = Task(here, sequence, starts)
    rng = np.random.default_rng(seed)
    target, _ = task.draw(rng)
    tries = ATTEMPTS_PER_EPISODE * episodes
    if starts:
        states = random_states(task.start_cells[np.arange(tries) % starts], rng)
    else:
        states = np.array([task.draw(rng)[1] for _ in range(tries)])
    states, actions, lengths = _go(here, states, target, rng)
    kept = np.flatnonzero((lengths >= max(minimum_length, 1)) & (lengths <= LONGEST))[:episodes]
    if len(kept) < episodes:
        raise ValueError(
            f"only {len(kept)} of {tries} demonstrations of {'-'.join(sequence)} arrive after "
            f"{minimum_length} to {LONGEST} steps, {episodes} are wanted: change minimum_length"
        )
    lengths = lengths[kept, None]
    step = np.arange(actions.shape[1])
    recorded = step < lengths  # (episodes, T)
    rewards = reached(states[kept, 1:, :2], target)[recorded].astype(np.float32)
    states, actions = states[kept, :-1][recorded], actions[kept][recorded]
    goals = np.tile(target.astype(np.float32), (len(states), 1))
    last = (step == lengths - 1)[recorded]
    ends = {"terminals": last, "timeouts": np.zeros_like(last)}
    report: dict[str, object] = {"sequence": "-".join(sequence), "seed": seed}
    _write(path, report, states, goals, actions=actions, rewards=rewards, **ends)
    report |= {"episodes": episodes, "rows": len(states), "left_out": int(kept[-1]) + 1 - episodes}
    return report | {"mean_length": len(states) / episodes}


def held_out(sequence: Sequence[str]) -> list[str]:
    """Return the sections that a split's name leaves out: mixed; no_left; no_left-right.

    Raises:
        ValueError: the name is neither `mixed` nor begins with `no_`.
    """
    if list(sequence) == ["mixed"]:
        return []
    if not sequence or not sequence[0].startswith("no_"):
        raise ValueError(
            f"a recording is called mixed, no_SECTION or no_SECTION-SECTION, not "
            f"{'-'.join(sequence)!r}"
        )
    return [sequence[0].removeprefix("no_"), *sequence[1:]]


def _walk(
    here: Layout, states: np.ndarray, steps: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return states (E * T, 4), actions (E * T, 2) and goals (E * T, 2) of walks of T steps."""
    law, controller = Law(here), WaypointController(here, len(states), rng)
    position, velocity = states[:, :2], states[:, 2:]
    goals = np.zeros((len(states), 2))
    age = np.full(len(states), PATIENCE)
    rows = np.empty((len(states), steps, 8), np.float32)
    for step in range(steps):
        new = np.flatnonzero(age >= PATIENCE)
        if len(new):
            cells = here.cells[rng.integers(len(here.cells), size=len(new))]
            goals[new] = cells + rng.uniform(-JITTER, JITTER, cells.shape)
            controller.set_goals(new, position[new], cells)
            age[new] = 0
        actions, arrived = controller.act(position, velocity)
        actions = _noisy(actions, rng)
        rows[:, step] = np.concatenate((position, velocity, actions, goals), axis=1)
        position, velocity = law.step(position, velocity, actions)
        age += 1
        age[arrived] = PATIENCE
    flat = rows.reshape(-1, 8)
    return flat[:, :4], flat[:, 4:6], flat[:, 6:]


def _go(
    here: Layout, states: np.ndarray, target: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Go to a target from some states (E, 4), until the controller reports arrival.

    Returns:
        states (E, T + 1, 4), actions (E, T, 2), and lengths (E,) in actions; LONGEST + 1 where the
        target was not reached.
    """
    law, controller = Law(here), WaypointController(here, len(states), rng)
    position, velocity = states[:, :2], states[:, 2:]
    goals = np.tile(here.cell(target), (len(states), 1))
    controller.set_goals(np.arange(len(states)), position, goals)
    seen, done = [states.astype(np.float32)], []
    lengths = np.full(len(states), LONGEST + 1)
    for step in range(LONGEST):
        actions, arrived = controller.act(position, velocity)
        lengths = np.where(arrived & (lengths > LONGEST), step, lengths)
        if (lengths <= LONGEST).all():
            break
        actions = _noisy(actions, rng)
        position, velocity = law.step(position, velocity, actions)
        done.append(actions)
        seen.append(np.concatenate((position, velocity), axis=1).astype(np.float32))
    return np.stack(seen, 1), np.stack(done, 1), lengths


def _noisy(actions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the actions that are carried out, and recorded: float32."""
    noisy = actions + NOISE * rng.standard_normal(actions.shape)
    return np.minimum(np.maximum(noisy, -1.0), 1.0).astype(np.float32)


def _write(
    path: str | os.PathLike[str],
    labels: dict[str, object],
    states: np.ndarray,
    goals: np.ndarray,
    **columns: np.ndarray,
) -> None:
    """Write rows of states (N, 4), of other columns, and of goals (N, 2), in this order."""
    infos = {"infos/qpos": states[:, :2], "infos/qvel": states[:, 2:], "infos/goal": goals}
    write(path, {"observations": states, **columns, **infos}, labels, compression=1)
