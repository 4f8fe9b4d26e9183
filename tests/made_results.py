"""Results of evaluation that tests make up: episodes.csv of the kitchen and of a maze."""

import csv

import numpy as np

from fist.analysis.tables import TableSettings
from fist.evaluation.episode_results import EpisodeRow, Labels, write_episodes_csv

TASKS = {
    "top_burner": ("microwave", "kettle", "top_burner", "light_switch"),
    "slide_cabinet": ("microwave", "kettle", "slide_cabinet", "hinge_cabinet"),
}
HELD_OUT = {task: task for task in TASKS}
SHORT = {"short": ("microwave", "kettle")}


def episode(number: int, subtasks, counted: int, any_order: int | None = None) -> EpisodeRow:
    """Return a row in which the first `counted` subtasks were counted."""
    steps = {name: 40 * i + 10 if i < counted else None for i, name in enumerate(subtasks)}
    any_order = counted if any_order is None else any_order
    done = counted == len(subtasks)
    return EpisodeRow(
        number, 100_000 + number, 280, float(counted), counted, any_order, done, steps
    )


def write(folder, task="top_burner", method="fist", seed=0, counted=(4, 3, 4, 2), **labels):
    """Write an episodes.csv and return its path."""
    values = {"env": "kitchen", "data_source": "generated"} | labels
    rows = [episode(i, (TASKS | SHORT)[task], n) for i, n in enumerate(counted)]
    path = folder / task / method / f"seed_{seed}" / "episodes.csv"
    write_episodes_csv(path, Labels(task=task, method=method, seed=seed, **values), rows)
    return path


def write_all(folder, episodes=20):
    """Write two tasks x two methods x two seeds."""
    rng = np.random.default_rng(0)
    return [
        write(folder, task, method, seed, rng.integers(low, 5, size=episodes).tolist())
        for task in TASKS
        for method, low in (("fist", 2), ("spirl", 0))
        for seed in (0, 1)
    ]


def read(path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def cells(folder, seeds=2, episodes=4, **counted):
    """Write results of methods that count the same in every episode."""
    return [
        write(folder, task, method, seed, counted=[n] * episodes)
        for method, n in counted.items()
        for task in TASKS
        for seed in range(seeds)
    ]


WITH_BASELINES = TableSettings(baselines=("spirl", "bc"))
MAZE = TableSettings(layout="success", rows="section")


def write_maze(folder, lengths, longest=2001, method="fist"):
    """Write an episodes.csv per training seed of episodes that fail where they are the longest."""
    files = []
    for seed, of_seed in enumerate(lengths):
        rows = [
            EpisodeRow(i, 100_000 + i, n, float(n < longest), None, None, n < longest)
            for i, n in enumerate(of_seed)
        ]
        files.append(folder / f"seed_{seed}" / "episodes.csv")
        write_episodes_csv(files[-1], Labels("maze", "left", method, seed, "generated"), rows)
    return files
