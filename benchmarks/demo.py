"""How well the policy in demo/ does orders that it is shown on the spot, with nothing trained.

    python benchmarks/demo.py                    the eight orders that play does not contain
    python benchmarks/demo.py --orders kettle,microwave slide_cabinet,kettle,microwave

For every order and seed: demonstrations are made, and one episode is run, as `fist demo` does.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import tyro
import yaml

from d4rl.kitchen.generate import generate
from fist.commands.bundle import Bundle
from fist.evaluation.rollout import rollout

ROOT = Path(__file__).parents[1]


def run(
    bundle: Path = ROOT / "demo",
    orders: tuple[str, ...] = (),
    demos: tuple[int, ...] = (1, 10),
    episodes: int = 10,
    first_seed: int = 1000,
) -> None:
    """Print a Markdown table: subtasks done in order, a row for each order.

    Args:
        bundle: folder of the policy.
        orders: subtasks joined by commas; by default the eight orders of config/config.yaml.
        demos: numbers of demonstrations to show.
        episodes: episodes of each order, each with demonstrations of its own.
        first_seed: of the first episode and its demonstrations.
    """
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    tasks = config["environments"]["kitchen"]["tasks"]
    chosen = [order.split(",") for order in orders]
    chosen = chosen or [tasks[f"order_{i}"]["order"] for i in range(1, 9)]
    head = [f"{n} demonstration{'s' * (n > 1)}" for n in demos]
    print(f"| order | {' | '.join(head)} |\n| --- |{' ---: |' * len(demos)}")
    began, shares = time.process_time(), []
    for order in chosen:
        done = [
            np.mean([_episode(bundle, order, n, first_seed + i) for i in range(episodes)])
            for n in demos
        ]
        shares.append([score / len(order) for score in done])
        name = ", ".join(order).replace("_", " ")
        print(f"| {name} | {' | '.join(f'{score:.2f}' for score in done)} |", flush=True)
    print(f"| share of subtasks | {' | '.join(f'{s:.3f}' for s in np.mean(shares, 0))} |")
    each = (time.process_time() - began) / (len(chosen) * episodes * len(demos))
    print(
        f"\n{episodes} episodes of each order; {each:.1f} CPU-seconds an episode with its making."
    )


def _episode(bundle: Path, order: list[str], n_demos: int, seed: int) -> int:
    """Return how many subtasks are done in order."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "demos.hdf5"
        generate(file, order, n_demos, seed, only_successful=True, progress=False)
        trial = Bundle(bundle, file, order=tuple(order)).trial()
        where = (trial.env_id, trial.env_kwargs, trial.policy())
        [row] = rollout(*where, [seed], max_steps=max(280, 80 * len(order)))
    return row.subtasks_ordered


if __name__ == "__main__":
    tyro.cli(run)
