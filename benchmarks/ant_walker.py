"""Find the gait of the ants' walker anew, and say what a gait does.

    pip install cma==4.4.0
    nice -n 10 python benchmarks/ant_walker.py --find    # two CPU-minutes; writes gait.py
    python benchmarks/ant_walker.py                      # metres a second by direction, and falls

CMA-ES draws fourteen gaits a generation. A gait is worth what eight ants gain on their ways in six
seconds in the open, with noise on their actions; each goes another way every two and a half
seconds. Falls, tilts, turns and slow directions cost.
"""

import argparse
import time
from pathlib import Path

import mujoco
import numpy as np

from d4rl.antmaze import gait
from d4rl.antmaze.ants import Ants
from d4rl.antmaze.generate import NOISE
from d4rl.antmaze.layouts import AntLayout
from d4rl.antmaze.model import SUBSTEPS, TIMESTEP, ant_model
from d4rl.antmaze.task import HEIGHT, POSTURE, SPREAD, START_SPEED
from d4rl.antmaze.walker import Walker, heading, uprightness

SEARCH = {
    "frequency": (1.6, 0.4),
    "hip": (0.0, 0.2),
    "hip_swing": (0.45, 0.3),
    "turn_cos": (0.0, 0.3),
    "turn_sin": (0.3, 0.3),
    "ankle": (0.85, 0.15),
    "ankle_cos": (0.0, 0.3),
    "ankle_sin": (0.3, 0.3),
    "reach": (0.0, 0.15),
    "reach_cos": (0.0, 0.3),
    "reach_sin": (0.0, 0.3),
    "stiffness": (2.0, 0.8),
    "damping": (0.3, 0.15),
}
"""Where the search begins, and how far its first steps go."""
START, SCALE = np.array([*SEARCH.values()]).T
UPRIGHT = 0.3
"""The least cosine of a tilt that is no fall."""
OPEN = ["#" * 29, *["#" + "O" * 27 + "#"] * 27, "#" * 29]


def walk(
    numbers: np.ndarray, model: mujoco.MjModel, ants: int, steps: int, seed: int, change: int
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Walk with a gait.

    Returns:
        mean speeds along the ways to go (ants,), which fell (ants,), mean turn and mean tilt.
    """
    rng = np.random.default_rng(seed)
    crowd, walker = Ants(model, ants), Walker(ants, dict(zip(SEARCH, numbers, strict=True)))
    states = np.tile([0.0, 0.0, HEIGHT, 1.0, 0.0, 0.0, 0.0, *POSTURE, *np.zeros(14)], (ants, 1))
    states[:, :15] += rng.uniform(-SPREAD, SPREAD, (ants, 15))
    states[:, 15:] += START_SPEED * rng.standard_normal((ants, 14))
    states[:, 6] += rng.uniform(-0.3, 0.3, ants)  # it faces anywhere within a few degrees
    crowd.put(range(ants), states)
    way = np.arange(ants) * 2 * np.pi / ants + rng.uniform(0, 2 * np.pi)
    stands, gained, turn, tilt = np.ones(ants, bool), np.zeros(ants), 0.0, 0.0
    for step in range(steps):
        if step and change and step % change == 0:
            way = way + rng.choice([np.pi / 2, -np.pi / 2, np.pi, 0.4], ants)
        direction = np.stack((np.cos(way), np.sin(way)), 1)
        actions = walker.act(states, direction) + NOISE * rng.standard_normal((ants, 8))
        before, states = states[:, :2], crowd.step(np.clip(actions, -1, 1))
        stands &= uprightness(states) > UPRIGHT
        gained += ((states[:, :2] - before) * direction).sum(1) * stands
        turn += np.abs(heading(states)).mean() / steps
        tilt += np.maximum(0.9 - uprightness(states), 0).mean() / steps
    return gained / (steps * SUBSTEPS * TIMESTEP), ~stands, turn, tilt


def worth(numbers: np.ndarray, *walk_arguments) -> float:
    """Return what a gait is worth (m/s)."""
    named = dict(zip(SEARCH, numbers, strict=True))
    if not (0.5 < named["frequency"] < 2.6 and named["stiffness"] > 0 and named["damping"] > -0.1):
        return -5.0
    speeds, fell, turn, tilt = walk(numbers, *walk_arguments)
    return speeds.mean() - 0.3 * speeds.std() - 0.3 * min(turn, 1) - fell.mean() - tilt


def find(model: mujoco.MjModel, generations: int, seed: int) -> np.ndarray:
    """Return the numbers of the gait that CMA-ES finds."""
    import cma

    options = {"popsize": 14, "seed": seed + 1, "verbose": -9}
    search = cma.CMAEvolutionStrategy(np.zeros(len(START)), 1.0, options)
    for generation in range(generations):
        drawn = search.ask()
        seen = [worth(START + SCALE * x, model, 8, 60, 1000 * seed + generation, 25) for x in drawn]
        search.tell(drawn, [-value for value in seen])
        print(f"generation {generation}: {max(seen):.3f} m/s at best", flush=True)
    return START + SCALE * search.result.xfavorite


def write(numbers: np.ndarray) -> None:
    """Write the gait into its module."""
    lines = [f'    "{name}": {value:.4f},' for name, value in zip(SEARCH, numbers, strict=True)]
    text = f'"""{gait.__doc__}"""\n\nGAIT = {{\n' + "\n".join(lines) + "\n}\n"
    Path(gait.__file__).write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--find", action="store_true", help="find a gait, and write it")
    parser.add_argument("--generations", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    maze = AntLayout.read(OPEN)
    maze.origin = np.array([14, 14])
    model = ant_model(maze)
    if options.find:
        write(find(model, options.generations, options.seed))
        return
    numbers, began = np.array([*gait.GAIT.values()]), time.process_time()
    for name, change in ("straight ahead", 0), ("another way every 2.5 s", 25):
        speeds, fell, *_ = walk(numbers, model, 24, 100, 123, change)
        print(
            f"{name}: {speeds.mean():.2f} m/s, by direction {speeds.min():.2f} to "
            f"{speeds.max():.2f}; {fell.sum()} of 24 fell in 2,400 steps"
        )
    print(f"{1e6 * (time.process_time() - began) / 4800:.0f} µs of CPU time a step")


if __name__ == "__main__":
    main()
