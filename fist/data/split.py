"""Splits: what goes into a pretraining set, what into a set of demonstrations, and why.

An environment whose observations tell the state of its objects offers three things, which are
reached through Gymnasium (`env.get_wrapper_attr`):

    elements                       names of the objects that can be completed or moved
    element_complete(observations) (T, S) -> (T, K) bool
    element_moved(observations)    (T, S) -> (K,) bool, one episode

Every split comes with a JSON file that counts what was kept and what was left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch

from fist.data.episodes import DataError, Episodes, concatenate, load_episodes, save_episodes
from fist.stage.files import sha256, write_json

SAME_RECORDING = 0.004
"""Two episodes of equal length are one recording if their states differ by less on average.

In the kitchen, observation noise drawn anew makes 0.002; two human episodes of one task, 0.009 or
more.
"""


def make_split(
    files: Sequence[Path],
    env: gymnasium.Env,
    held_out: Sequence[str],
    out: Path,
    demos: Sequence[Path] = (),
    min_length: int = 2,
) -> dict[str, Any]:
    """Write a pretraining set: every episode that leaves the held-out elements alone.

    Args:
        files: play data, HDF5 in D4RL's layout.
        env: environment that the data come from; tells which elements are complete or moved.
        held_out: elements that no kept episode completes or clearly moves.
        out: HDF5 file to write; a JSON file beside it says what was left out, and why.
        demos: demonstrations; an episode that is one of them is left out.
        min_length: episodes with fewer rows are left out.

    Returns:
        The report, as written to the JSON file.

    Raises:
        DataError: an unknown element, unusable data, or nothing left.
    """
    columns = _columns(env, held_out)
    play = concatenate([load_episodes(file, min_length) for file in files])
    shown = [load_episodes(file) for file in demos]
    keep, reasons = [], {name: {"completed": 0, "moved": 0} for name in held_out}
    demonstrations = 0
    for episode in range(len(play)):
        observations = play.observations(episode)
        if columns:  # an environment that has no elements can hold none out, and need not judge
            complete = env.get_wrapper_attr("element_complete")(observations)[:, columns].any(0)
            moved = env.get_wrapper_attr("element_moved")(observations)[columns]
            for name, completed, shifted in zip(held_out, complete, moved, strict=True):
                reasons[name]["completed"] += int(completed)
                reasons[name]["moved"] += int(shifted and not completed)
            if (complete | moved).any():
                continue
        if any(_is_recording_of(observations, demo) for demo in shown):
            demonstrations += 1
            continue
        keep.append(episode)
    if not keep:
        raise DataError(
            f"nothing is left of {len(play)} episodes without {', '.join(held_out) or 'demos'}: "
            "give more play data, or hold out less (config: held_out of the task)"
        )
    split = play.take(keep)
    report = {
        "held_out": list(held_out),
        "excluded": reasons | {"is_a_demonstration": demonstrations},
    }
    return _write(split, env, files, report, out)


def make_demos(
    files: Sequence[Path],
    env: gymnasium.Env,
    order: Sequence[str],
    out: Path,
    min_length: int = 2,
) -> dict[str, Any]:
    """Write a set of demonstrations: every episode that completes `order`, in that order.

    Where the environment has no elements, `order` is but a name, and every episode counts as a
    demonstration; so it does where `order` is empty.

    Args:
        files: demonstrations as they were recorded, HDF5 in D4RL's layout.
        env: environment that the data come from; tells which elements are complete.
        order: elements that an episode must complete, in this order.
        out: HDF5 file to write; a JSON file beside it says what was left out, and why.
        min_length: episodes with fewer rows are left out.

    Return value and errors are those of `make_split`.
    """
    shown = concatenate([load_episodes(file, min_length) for file in files])
    judged = order and env.has_wrapper_attr("elements")
    columns = _columns(env, order) if judged else []
    keep = []
    for episode in range(len(shown)):
        if not judged:
            keep.append(episode)
            continue
        complete = env.get_wrapper_attr("element_complete")(shown.observations(episode))
        if completes_in_order(complete[:, columns]):
            keep.append(episode)
    if not keep:
        raise DataError(
            f"none of {len(shown)} episodes in {', '.join(map(str, files))} completes "
            f"{' -> '.join(order)} (config: order of the task)"
        )
    report = {"order": list(order), "excluded": {"not_completed_in_order": len(shown) - len(keep)}}
    return _write(shown.take(keep), env, files, report, out)


def completes_in_order(complete: np.ndarray) -> bool:
    """Tell whether columns become true one after the other; (T, K) bool.

    A column is only looked at once all columns before it have been true.
    """
    step, count = 0, 0
    while step < len(complete) and count < complete.shape[1]:
        if complete[step, count]:
            count += 1
        else:
            step += 1
    return count == complete.shape[1]


def first_completions(env: gymnasium.Env, observations: np.ndarray) -> dict[str, int]:
    """Return the first row at which each element is complete, for those that ever are."""
    complete = env.get_wrapper_attr("element_complete")(observations)
    names = env.get_wrapper_attr("elements")
    return {
        name: int(column.argmax())
        for name, column in zip(names, complete.T, strict=True)
        if column.any()
    }


def _write(
    split: Episodes, env: gymnasium.Env, files: Sequence[Path], report: dict[str, Any], out: Path
) -> dict[str, Any]:
    """Write a split and its report, the data last."""
    completions: dict[str, int] = {}
    if env.has_wrapper_attr("elements"):
        completions = dict.fromkeys(env.get_wrapper_attr("elements"), 0)
        for episode in range(len(split)):
            for name in first_completions(env, split.observations(episode)):
                completions[name] += 1
    report = {
        "episodes": len(split),
        "rows": len(split.states),
        "lengths": {
            "min": int(split.lengths.min()),
            "mean": round(float(split.lengths.to(torch.float64).mean()), 1),
            "max": int(split.lengths.max()),
        },
        **report,
        "too_short": split.dropped,
        "rows_after_last_end": split.dropped_rows,
        "episodes_completing": completions,
        "sources": [{"path": str(file), "sha256": sha256(file)} for file in files],
    }
    write_json(out.with_suffix(".json"), report)
    save_episodes(out, split)
    return report


def _columns(env: gymnasium.Env, names: Sequence[str]) -> list[int]:
    """Return the columns of the named elements; DataError for a name that the env lacks."""
    if not names:
        return []
    known = list(env.get_wrapper_attr("elements")) if env.has_wrapper_attr("elements") else []
    unknown = [name for name in names if name not in known]
    if unknown:
        choice = ", ".join(known) or "none"
        raise DataError(f"no element called {', '.join(unknown)}; this environment knows {choice}")
    return [known.index(name) for name in names]


def _is_recording_of(observations: np.ndarray, demos: Episodes) -> bool:
    """Tell whether an episode is one of the demonstrations, up to observation noise."""
    for demo in range(len(demos)):
        if int(demos.lengths[demo]) == len(observations):
            difference = np.abs(demos.observations(demo) - observations).mean()
            if difference < SAME_RECORDING:
                return True
    return False
