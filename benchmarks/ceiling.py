"""Can the disturbed settings of the kitchen be done at all? What the scripted tele-operator does.

It sees the scene, so what it misses nobody can be blamed for. Episodes have the test seeds of the
settings. What is undone it does at once, then what is left.

    python benchmarks/ceiling.py
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
import yaml

from d4rl.kitchen.teleop import TeleOperator
from fist.evaluation.rollout import make_env, make_spec

CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"
MAX_STEPS = 280


@dataclass
class Arguments:
    """What to try."""

    settings: tuple[str, ...] = ("wide_start", "noisy", "shaken", "late", "undone")
    """Variants of the configuration."""
    episodes: int = 10
    """Episodes of each task, and for each of `draws`."""
    draws: int = 2
    """Operators with different unsteady hands."""


def subtasks_done(task: list[str], variant: dict[str, Any], seed: int, draw: int) -> int:
    """Return how many subtasks the operator does in order."""
    env_kwargs = {"task_elements": task, **variant.get("env_kwargs", {})}
    wrappers = [{"wrapper": name, **told} for name, told in variant.get("wrappers", {}).items()]
    steps = variant.get("rollout", {}).get("max_steps", MAX_STEPS)
    env = make_env(make_spec("d4rl:kitchen-mixed-v0", env_kwargs, steps, wrappers))
    observation, info = env.reset(seed=seed)
    rng = np.random.default_rng([draw, seed])
    operator = TeleOperator(env.unwrapped, task, rng)
    counted, over = info["completed_ordered"], False
    while not over:
        observation, _, terminated, truncated, info = env.step(operator.act(observation))
        over = terminated or truncated
        undone = (counted & ~info["completed_ordered"]).nonzero()[0]
        counted = info["completed_ordered"].copy()
        if len(undone):
            left = [task[i] for i in range(len(task)) if not info["completed_any_order"][i]]
            operator = TeleOperator(env.unwrapped, left, rng)
    return int(counted.sum())


def main(arguments: Arguments) -> None:
    """Print the table."""
    config = yaml.safe_load(CONFIG.read_text())
    kitchen = config["environments"]["kitchen"]
    tasks = config["tables"]["kitchen_table"]["tasks"]
    print("| setting | " + " | ".join(tasks) + " | all, of 4 |")
    print("|---|" + "---:|" * (len(tasks) + 1))
    for setting in arguments.settings:
        variant = kitchen["variants"][setting]
        means = [
            np.mean(
                [
                    subtasks_done(kitchen["tasks"][task]["order"], variant, 100000 + episode, draw)
                    for episode in range(arguments.episodes)
                    for draw in range(arguments.draws)
                ]
            )
            for task in tasks
        ]
        print(f"| `{setting}` | " + " | ".join(f"{m:.2f}" for m in [*means, np.mean(means)]) + " |")


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
