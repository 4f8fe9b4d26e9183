"""Record play data: the scripted tele-operator performs one sequence of elements many times.

The file has D4RL's layout. Row t holds what was observed, what was then done and what that earned:

    row            0    1    2   ...  T-1 |  0    1  ...
    observations   s0   s1   s2  ...      |              (N, 60) float32
    actions        a0   a1   a2  ...      |              (N, 9)  float32
    rewards        subtasks counted, in order, by the step that a_t starts  (N,) float32
    terminals      true on the last row of a finished performance            (N,) bool
    timeouts       true on the last row of one that was cut off              (N,) bool
    infos          index of the performance                                  (N,) int32
"""

import os
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from d4rl_layout import write

from ..progress import Progress
from ..recording import check_request
from .elements import ELEMENTS, canonical_sequence
from .env import KitchenEnv, start_posture
from .sequences import sequence_name
from .teleop import TeleOperator

MAX_STEPS = 320
"""A performance of up to four elements is cut off here: people take 192 to 266 steps for four."""
MAX_STEPS_PER_ELEMENT = 80
"""A performance of more elements is cut off at this many steps for each."""
START_SPREAD = 0.03
"""Standard deviation of the arm's start posture (rad), as in the recorded demonstrations."""
FEWEST_LAST_STEPS, MOST_LAST_STEPS = 10, 14
"""How many more steps are recorded once the last element is counted, about as many as people's."""
ATTEMPTS_PER_EPISODE = 3
"""With `only_successful`: performances tried for each one wanted, before giving up."""


@dataclass(frozen=True)
class Performance:
    """One recorded episode of T steps."""

    observations: np.ndarray
    """(T, 60) float32."""
    actions: np.ndarray
    """(T, 9) float32 in [-1, 1]."""
    rewards: np.ndarray
    """(T,) float32: subtasks counted, in order, by each step."""
    successful: bool
    """Whether every subtask was counted."""


def perform(sequence: Sequence[str], seed: int, index: int) -> Performance:
    """Do a sequence once; the same arguments give the same bits in any process."""
    sequence = canonical_sequence(sequence)
    key = (*map(ELEMENTS.index, sequence), index)
    start_seed, *operator_seed = np.random.SeedSequence(seed, spawn_key=key).generate_state(5)
    rng = np.random.default_rng(operator_seed)
    env = KitchenEnv(sequence)
    start = start_posture(rng, START_SPREAD)
    observation, info = env.reset(seed=int(start_seed), options={"qpos": start})
    operator = TeleOperator(env, sequence, rng)
    rows = []
    left = max(MAX_STEPS, MAX_STEPS_PER_ELEMENT * len(sequence))
    while left > 0:
        before, action = observation, operator.act(observation)
        observation, reward, done_now, _, info = env.step(action)
        rows.append((before, action, reward))
        left -= 1
        if done_now and reward:
            left = min(left, int(rng.integers(FEWEST_LAST_STEPS, MOST_LAST_STEPS + 1)))
    observations, actions, rewards = (np.array(i, np.float32) for i in zip(*rows, strict=True))
    return Performance(observations, actions, rewards, info["success"])


def generate(
    path: str | os.PathLike[str],
    sequence: Sequence[str],
    episodes: int,
    seed: int,
    workers: int = 1,
    only_successful: bool = False,
    progress: bool = True,
    finished: MutableMapping[int, dict[str, Any]] | None = None,
) -> dict[str, object]:
    """Write an HDF5 file of performances of one sequence.

    The bytes depend on `sequence`, `episodes`, `seed` and `only_successful` alone. The file
    appears under its name only once it is whole.

    Args:
        path: the file to write; its folder is made.
        sequence: 1 to 7 different elements, in the order they are done. The slide cabinet is out
            of reach behind an open hinge door: put it first.
        episodes: performances in the file, at least 1.
        seed: 0 or more.
        workers: processes that share the work. A script that asks for more than one must guard
            its entry point with `if __name__ == "__main__"`.
        only_successful: leave out performances that miss a subtask and record others instead.
        progress: show a progress bar, or lines in the log where stderr is no terminal.
        finished: performances that another call with the same sequence and seed has made, by
            index; those made here are added, so that a caller can keep them.

    Returns:
        sequence, seed, episodes, rows, successful, left_out and mean_length.

    Raises:
        ValueError: an unknown or repeated element, a number out of its range, or too few
            performances that succeed.
    """
    sequence, name = canonical_sequence(sequence), sequence_name(sequence)
    check_request(episodes, seed, workers)
    finished = {} if finished is None else finished
    kept: dict[int, Performance] = {}
    tried = 0
    with _mapping(workers) as run, Progress(name, episodes, "episode", progress) as bar:
        while len(kept) < episodes:
            if tried >= ATTEMPTS_PER_EPISODE * episodes:
                raise ValueError(
                    f"only {len(kept)} of {tried} performances of {name} succeeded, "
                    f"{episodes} are wanted: try another order, or keep the failures too"
                )
            batch = range(tried, tried + episodes - len(kept))
            new = [index for index in batch if index not in finished]
            made = run(perform, repeat(sequence), repeat(seed), new)
            for index in batch:
                if index not in finished:
                    finished[index] = vars(next(made))
                performance = Performance(**finished[index])
                if performance.successful or not only_successful:
                    kept[index] = performance
                    bar.update()
            tried = batch.stop
    report: dict[str, object] = {"sequence": name, "seed": seed}
    write_performances(Path(path), kept, report)
    rows = sum(len(performance.actions) for performance in kept.values())
    successful = sum(performance.successful for performance in kept.values())
    report |= {"episodes": len(kept), "rows": rows, "successful": successful}
    return report | {"left_out": tried - len(kept), "mean_length": rows / len(kept)}


@contextmanager
def _mapping(workers: int) -> Iterator[Callable[..., Iterator[Performance]]]:
    """Give a `map` that calls the function in this process or in others; results come in order."""
    if workers == 1:
        yield map
        return
    # Spawned, not forked: the caller may have threads (PyTorch's, for one).
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
        try:
            yield executor.map
        finally:
            executor.shutdown(cancel_futures=True)


def write_performances(path: Path, performances: dict[int, Performance], labels: dict) -> None:
    """Write performances by their indices."""
    episodes = performances.values()
    lengths = [len(episode.actions) for episode in episodes]
    last = np.zeros(sum(lengths), dtype=np.bool_)
    last[np.cumsum(lengths) - 1] = True
    finished = np.repeat([episode.successful for episode in episodes], lengths)
    columns = {
        key: np.concatenate([getattr(episode, key) for episode in episodes])
        for key in ("observations", "actions", "rewards")
    }
    columns |= {"terminals": last & finished, "timeouts": last & ~finished}
    columns["infos"] = np.repeat(np.array(list(performances), dtype=np.int32), lengths)
    write(path, columns, labels)
