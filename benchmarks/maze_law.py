"""How fast is the law of motion of the mazes, next to MuJoCo's own step of the same maze?

    python benchmarks/maze_law.py

Both are measured in turns, and CPU time is counted, so that other work on the machine concerns
both alike. Actions are random; the longer each is held, the more points lean against walls, which
is what costs most (--hold 50: 63 % of them are near a border of their cell).
"""

import time
from dataclasses import dataclass

import mujoco
import numpy as np
import tyro

from d4rl.maze.law import MAX_SPEED, Law
from d4rl.maze.layouts import layout
from d4rl.maze.model import maze_model


@dataclass(frozen=True)
class Arguments:
    maze: str = "large"
    """Which maze."""
    batch: int = 8192
    """Points that are moved at once."""
    steps: int = 500
    """Steps of the batch in a round."""
    rounds: int = 5
    """Rounds of both; the median counts."""
    hold: int = 1
    """Steps for which an action is held."""


def law_speed(args: Arguments, rng: np.random.Generator) -> tuple[float, float]:
    """Return steps of one point per second of CPU, and the share of them in contact."""
    maze = layout(args.maze)
    law = Law(maze)
    position = maze.cells[rng.integers(len(maze.cells), size=args.batch)].astype(float)
    velocity = np.zeros_like(position)
    seconds = bumps = 0.0
    for step in range(args.steps):
        if step % args.hold == 0:
            actions = rng.uniform(-1, 1, position.shape)
        begun = time.process_time()
        position, velocity = law.step(position, velocity, actions)
        seconds += time.process_time() - begun
        border = np.abs((position + 0.7) % 1 - 0.5)
        bumps += (border > 0.398).any(1).mean()
    return args.batch * args.steps / seconds, bumps / args.steps


def mujoco_speed(args: Arguments, rng: np.random.Generator) -> float:
    """Return MuJoCo's steps per second of CPU."""
    maze = layout(args.maze)
    model = maze_model(maze)
    data = mujoco.MjData(model)
    data.qpos[:] = maze.cells[rng.integers(len(maze.cells))]
    seconds, steps = 0.0, 20 * args.steps
    for step in range(steps):
        if step % args.hold == 0:
            data.ctrl[:] = rng.uniform(-1, 1, 2)
        begun = time.process_time()
        data.qvel[:] = data.qvel.clip(-MAX_SPEED, MAX_SPEED)
        mujoco.mj_step(model, data)
        seconds += time.process_time() - begun
    return steps / seconds


def main(args: Arguments) -> None:
    laws, twins = [], []
    for turn in range(args.rounds):
        speed, near = law_speed(args, np.random.default_rng(turn))
        laws.append(speed)
        twins.append(mujoco_speed(args, np.random.default_rng(turn)))
    law, twin = np.median(laws), np.median(twins)
    print(f"law, batch {args.batch}: {law / 1e6:.1f} M steps/s ({min(laws) / 1e6:.1f} at least)")
    print(f"MuJoCo: {twin / 1e6:.3f} M steps/s")
    print(f"ratio {law / twin:.0f}; {near:.0%} of the points were near a border of their cell")


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
