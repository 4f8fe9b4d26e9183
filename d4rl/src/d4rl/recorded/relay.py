"""The logs of relay policy learning, replayed in the kitchen as D4RL's data were made.

A log holds what the operator told the arm's position actuators, every 2 ms. The kitchen's actions
are velocities, 12.5 a second: every 40th record becomes one of them, the velocity that leads from
the position that is *observed* in the replay, noise included, to the logged set-point.

    record    0 … 39 | 40 … 79 | 80 …
    frame     0      | 1       | 2
    action    (ctrl[40 t] - observed arm) / (40 · 0.002 s) / 2, at most 0.999
"""

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from d4rl.kitchen.elements import QPOS_SIZE, ROBOT_SIZE
from d4rl.kitchen.env import SET_POINT_PER_ACTION, SUBSTEPS, KitchenEnv
from d4rl.kitchen.generate import Performance, write_performances

from .logs import Log, LogError, read_log

log = logging.getLogger(__name__)

LARGEST_ACTION = 0.999
"""Actions of D4RL's data stay within this."""
LARGEST_POSITION = 100.0
"""Positions and set-points beyond this (rad, m) are no recording of an arm."""
FEWEST_FRAMES = 11
"""A log with fewer frames is no performance: no window of the usual horizon fits in."""


def replay(recorded: Log, env: KitchenEnv, seed: int) -> Performance:
    """Drive the kitchen along a log; the observation noise comes from `seed`.

    Raises:
        LogError: it is not a log of the kitchen, or too short.
    """
    frames = range(0, len(recorded.time), SUBSTEPS)
    if recorded.qpos.shape[1] != QPOS_SIZE or recorded.ctrl.shape[1] != ROBOT_SIZE:
        raise LogError(
            f"{recorded.qpos.shape[1]} positions and {recorded.ctrl.shape[1]} actuators, "
            f"the kitchen has {QPOS_SIZE} and {ROBOT_SIZE}"
        )
    if len(frames) < FEWEST_FRAMES:
        raise LogError(f"{len(frames)} frames, a performance has {FEWEST_FRAMES} at least")
    for what, values in (("position", recorded.qpos[0]), ("set-point", recorded.ctrl)):
        if (worst := float(np.abs(values).max())) > LARGEST_POSITION:
            raise LogError(f"a {what} of {worst:g}, more than {LARGEST_POSITION:g}")
    start = recorded.qpos[0].astype(np.float64)
    observation, _ = env.reset(seed=seed, options={"qpos": start})
    steps = []
    for frame in frames:
        action = recorded.ctrl[frame] - observation[:ROBOT_SIZE]
        action = (action / SET_POINT_PER_ACTION).clip(-LARGEST_ACTION, LARGEST_ACTION)
        following, reward, *_ = env.step(action)
        steps.append((observation, action, reward))
        observation = following
    columns = (np.array(column, dtype=np.float32) for column in zip(*steps, strict=True))
    observations, actions, rewards = columns
    return Performance(observations, actions, rewards, successful=True)


def convert(
    files: Sequence[str | os.PathLike], out: str | os.PathLike, seed: int = 0, progress: bool = True
) -> dict[str, object]:
    """Replay logs, one episode each, into an HDF5 file in D4RL's layout.

    Args:
        files: the logs; other files among them are left alone. They are taken in the order of
            their paths, and `infos` holds the index of each.
        out: the file to write.
        seed: seed of the observation noise, with the index of the log.
        progress: show a progress bar on stderr.

    Returns:
        episodes, rows, and under `skipped`, by file, why a log was left out: truncated, a
        duplicate of another one, or no log of the kitchen.

    Raises:
        LogError: no usable log is among the files.
    """
    paths = sorted(path for path in map(Path, files) if path.suffix == ".mjl")
    env = KitchenEnv()
    performances: dict[int, Performance] = {}
    skipped: dict[str, str] = {}
    seen: dict[bytes, Path] = {}
    for index, path in enumerate(tqdm(paths, desc="replay", unit="log", disable=not progress)):
        first = seen.setdefault(hashlib.sha256(path.read_bytes()).digest(), path)
        try:
            if first is not path:
                raise LogError(f"{path}: a duplicate of {first.name}")
            key = np.random.SeedSequence(seed, spawn_key=(index,)).generate_state(1)
            performances[index] = replay(read_log(path), env, int(key[0]))
        except LogError as error:
            skipped[str(path)] = str(error).removeprefix(f"{path}: ")
            log.warning("%s left out: %s", path.name, skipped[str(path)])
    if not performances:
        reasons = "; ".join(f"{Path(path).name}: {why}" for path, why in skipped.items())
        raise LogError(f"no usable log among {len(files)} files: {reasons or 'none ends in .mjl'}")
    write_performances(Path(out), performances, {"seed": seed})
    rows = sum(len(performance.actions) for performance in performances.values())
    return {"episodes": len(performances), "rows": rows, "skipped": skipped}
