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

from ..progress import Progress
from ..recording import check_request
from .controller import WaypointController
from .law import Law
from .layouts import Drawing, Layout, Sections
from .task import JITTER, Task, reached

NOISE = 0.5
"""Standard deviation of the noise on each component of an action."""
PATIENCE = 800
"""Steps after which play gives up a goal."""
LONGEST = 2001
"""A demonstration that has not arrived after so many steps is left out."""
ATTEMPTS_PER_EPISODE = 20
"""Demonstrations that are tried for each one wanted, before giving up."""
COLUMNS = (
    *("observations", "actions", "rewards", "terminals", "timeouts"),
    *("infos/qpos", "infos/qvel", "infos/goal"),
)
"""What a file holds, in this order."""


class Points:
    """Some points in one maze, and what steers them."""

    layout: type[Layout] = Layout
    task: type[Task] = Task
    positions = 2
    """Entries of a state that are positions."""
    actions = 2
    """Entries of an action."""
    noise = NOISE
    attempts = ATTEMPTS_PER_EPISODE

    def __init__(self, here: Layout, states: np.ndarray, rng: np.random.Generator, workers: int):
        """Begin with states (B, S), one in each lane."""
        self.states, self._law = states, Law(here)
        self.controller = WaypointController(here, len(states), rng)

    @staticmethod
    def anywhere(task: Task, number: int, rng: np.random.Generator) -> np.ndarray:
        """Return first states (number, S) of play."""
        return np.array([task.draw(rng)[1] for _ in range(number)])

    def step(self, actions: np.ndarray) -> None:
        """Act (B, A) in all lanes."""
        position, velocity = self._law.step(self.states[:, :2], self.states[:, 2:], actions)
        self.states = np.concatenate((position, velocity), axis=1)

    def lost(self) -> np.ndarray:
        """Return in which lanes nothing moves any more (B,) bool; play begins anew there."""
        return np.zeros(len(self.states), dtype=bool)

    def put(self, lanes: np.ndarray, states: np.ndarray) -> None:
        """Begin anew in some lanes (n,), with states (n, S)."""
        self.states[lanes] = states


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
    return record_play(Points, path, sequence, episodes, seed, workers, steps, maze, sections)


def record_play(
    world: type[Points],
    path: str | os.PathLike[str],
    sequence: Sequence[str],
    episodes: int,
    seed: int,
    workers: int,
    steps: int,
    maze: Drawing,
    sections: Sections,
) -> dict[str, object]:
    """Write a recording of play of what moves in a world, see `wander`."""
    check_request(episodes, seed, workers)
    if steps < episodes or steps % episodes:
        raise ValueError(f"steps is {steps}: not a multiple of episodes, {episodes}")
    name = "-".join(sequence)
    here = world.layout.read(maze, sections).without(held_out(sequence))
    rng = np.random.default_rng(seed)
    task = world.task(here)
    moving = world(here, world.anywhere(task, episodes, rng), rng, workers)
    columns = _walk(moving, task, steps // episodes, rng)
    report = {"sequence": name, "seed": seed}
    columns["rewards"] = np.zeros(steps, np.float32)
    columns["terminals"] = np.zeros(steps, np.bool_)
    _write(path, report, world, columns)
    return report | {"episodes": int(columns["timeouts"].sum()), "rows": steps}


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
    return record_demonstrations(
        Points, path, sequence, episodes, seed, workers, starts, minimum_length, maze, sections
    )


def record_demonstrations(
    world: type[Points],
    path: str | os.PathLike[str],
    sequence: Sequence[str],
    episodes: int,
    seed: int,
    workers: int,
    starts: int,
    minimum_length: int,
    maze: Drawing,
    sections: Sections,
) -> dict[str, object]:
    """Write demonstrations of what moves in a world, see `demonstrate`."""
    check_request(episodes, seed, workers)
    here = world.layout.read(maze, sections)
    task = world.task(here, sequence, starts)
    rng = np.random.default_rng(seed)
    target, _ = task.draw(rng)
    tries = world.attempts * episodes
    if starts:
        states = task.states(task.start_cells[np.arange(tries) % starts], rng)
    else:
        states = np.array([task.draw(rng)[1] for _ in range(tries)])
    states, actions, lengths = _go(world(here, states, rng, workers), target, rng)
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
    report: dict[str, object] = {"sequence": "-".join(sequence), "seed": seed}
    columns = {"observations": states, "actions": actions, "rewards": rewards}
    columns |= {"terminals": last, "timeouts": np.zeros_like(last), "infos/goal": goals}
    _write(path, report, world, columns)
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


def _walk(world: Points, task: Task, steps: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return observations, actions, goals and ends of walks of some steps, one after the other."""
    here, lanes = task.layout, len(world.states)
    goals = np.zeros((lanes, 2))
    age = np.full(lanes, PATIENCE)
    size, acts = world.states.shape[1], world.actions
    rows = np.empty((lanes, steps, size + acts + 2), np.float32)
    timeouts = np.zeros((lanes, steps), dtype=np.bool_)
    with Progress("play", steps, "step") as progress:
        for step in range(steps):
            new = np.flatnonzero(age >= PATIENCE)
            if len(new):
                cells = here.cells[rng.integers(len(here.cells), size=len(new))]
                goals[new] = here.place(cells) + rng.uniform(-JITTER, JITTER, cells.shape)
                world.controller.set_goals(new, world.states[new, :2], cells)
                age[new] = 0
            actions, arrived = world.controller.act(world.states)
            actions = _noisy(actions, world.noise, rng)
            rows[:, step] = np.concatenate((world.states, actions, goals), axis=1)
            world.step(actions)
            age += 1
            age[arrived] = PATIENCE
            lost = world.lost()
            if lost.any():
                timeouts[:, step], age[lost] = lost, PATIENCE
                world.put(np.flatnonzero(lost), world.anywhere(task, lost.sum(), rng))
            progress.update()
    timeouts[:, -1] = True
    flat = rows.reshape(lanes * steps, -1)
    columns = {"observations": flat[:, :size], "actions": flat[:, size : size + acts]}
    return columns | {"infos/goal": flat[:, -2:], "timeouts": timeouts.ravel()}


def _go(
    world: Points, target: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Go to a target, until the controller reports arrival.

    Returns:
        states (E, T + 1, S), actions (E, T, A), and lengths (E,) in actions; LONGEST + 1 where the
        target was not reached.
    """
    lanes = np.arange(len(world.states))
    cell = world.controller.layout.cell(target)
    world.controller.set_goals(lanes, world.states[:, :2], np.tile(cell, (len(lanes), 1)))
    seen, done = [world.states.astype(np.float32)], []
    lengths, lost = np.full(len(lanes), LONGEST + 1), np.zeros(len(lanes), dtype=bool)
    for step in range(LONGEST):
        actions, arrived = world.controller.act(world.states)
        lengths = np.where(arrived & ~lost & (lengths > LONGEST), step, lengths)
        if (lost | (lengths <= LONGEST)).all():
            break
        actions = _noisy(actions, world.noise, rng)
        world.step(actions)
        lost |= world.lost()
        done.append(actions)
        seen.append(world.states.astype(np.float32))
    return np.stack(seen, 1), np.stack(done, 1), lengths


def _noisy(actions: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Return the actions that are carried out, and recorded: float32."""
    noisy = actions + noise * rng.standard_normal(actions.shape)
    return np.minimum(np.maximum(noisy, -1.0), 1.0).astype(np.float32)


def _write(
    path: str | os.PathLike[str],
    labels: dict[str, object],
    world: type[Points],
    columns: dict[str, np.ndarray],
) -> None:
    """Write columns of N rows."""
    qpos, qvel = np.split(columns["observations"], [world.positions], axis=1)
    columns |= {"infos/qpos": qpos, "infos/qvel": qvel}
    write(path, {name: columns[name] for name in COLUMNS}, labels, compression=1)
