"""Splits: what goes into a pretraining set, what into a set of demonstrations, and why.

An environment whose observations tell the state of its objects offers three things, which are
reached through Gymnasium (`env.get_wrapper_attr`):

    elements                       names of the objects that can be completed or moved
    element_complete(observations) (T, S) -> (T, K) bool
    element_moved(observations)    (T, S) -> (K,) bool, one episode

Every split comes with a JSON file that counts what was kept and what was left out.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch

from fist.data.actions import ActionScale
from fist.data.episodes import DataError, Episodes, concatenate, load_episodes, save_episodes
from fist.stage.files import sha256, write_json

log = logging.getLogger(__name__)

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
    percent: int = 100,
) -> dict[str, Any]:
    """Write a pretraining set: every episode that leaves the held-out elements alone.

    Args:
        files: play data, HDF5 in D4RL's layout.
        env: environment that the data come from; tells which elements are complete or moved.
        held_out: elements that no kept episode completes or clearly moves.
        out: HDF5 file to write; a JSON file beside it says what was left out, and why.
        demos: demonstrations; an episode that is one of them is left out.
        min_length: episodes with fewer rows are left out.
        percent: how many of these episodes are kept, at least one; a smaller share is part of a
            larger one, and takes episodes from all of the play.

    Returns:
        The report, as written to the JSON file.

    Raises:
        DataError: an unknown element, unusable data, or nothing left.
    """
    columns = _columns(env, held_out)
    play = concatenate([load_episodes(file, min_length) for file in files])
    shown = [observations for file in demos for observations in load_episodes(file).observations]
    keep, reasons = [], {name: {"completed": 0, "moved": 0} for name in held_out}
    demonstrations = 0
    for episode, observations in enumerate(play.observations):
        if columns:  # an environment that has no elements can hold none out, and need not judge
            complete = env.get_wrapper_attr("element_complete")(observations)[:, columns].any(0)
            moved = env.get_wrapper_attr("element_moved")(observations)[columns]
            for name, completed, shifted in zip(held_out, complete, moved, strict=True):
                reasons[name]["completed"] += int(completed)
                reasons[name]["moved"] += int(shifted and not completed)
            if (complete | moved).any():
                continue
        if any(same_recording(observations, demo) for demo in shown):
            demonstrations += 1
        else:
            keep.append(episode)
    if not keep:
        raise DataError(
            f"nothing is left of {len(play)} episodes without {', '.join(held_out) or 'demos'}: "
            "give more play data, or hold out less (config: held_out of the task)"
        )
    if percent < 100:
        drawn = np.random.default_rng(0).permutation(keep)
        keep = sorted(drawn[: max(1, round(len(keep) * percent / 100))].tolist())
    excluded = reasons | {"is_a_demonstration": demonstrations}
    report = {"held_out": list(held_out), "percent": percent, "excluded": excluded}
    return _write(play.take(keep), env, files, report, out)


def make_demos(
    files: Sequence[Path], env: gymnasium.Env, order: Sequence[str], out: Path, min_length: int = 2
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
    columns = _columns(env, order) if env.has_wrapper_attr("elements") else []
    keep = [
        episode
        for episode, observations in enumerate(shown.observations)
        if not columns
        or completes_in_order(env.get_wrapper_attr("element_complete")(observations)[:, columns])
    ]
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
    step = 0
    for column in complete.T:
        if not column[step:].any():
            return False
        step += int(column[step:].argmax())
    return True


def first_completions(env: gymnasium.Env, observations: np.ndarray) -> dict[str, int]:
    """Return the first row at which each element is complete, for those that ever are."""
    complete = env.get_wrapper_attr("element_complete")(observations)
    columns = zip(env.get_wrapper_attr("elements"), complete.T, strict=True)
    return {name: int(column.argmax()) for name, column in columns if column.any()}


def same_recording(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether two episodes' observations (T, S) are one recording, up to their noise."""
    return len(a) == len(b) and float(np.abs(a - b).mean()) < SAME_RECORDING


def _write(
    split: Episodes, env: gymnasium.Env, files: Sequence[Path], report: dict[str, Any], out: Path
) -> dict[str, Any]:
    """Write a split and its report, the data last."""
    split = _suited(split, env.action_space)
    elements = env.get_wrapper_attr("elements") if env.has_wrapper_attr("elements") else ()
    completed = Counter[str]()
    for observations in split.observations if elements else ():
        completed.update(first_completions(env, observations).keys())
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
        "clipped_actions": split.clipped,
        "episodes_completing": {name: completed[name] for name in elements},
        "sources": [{"path": str(file), "sha256": sha256(file)} for file in files],
    }
    write_json(out.with_suffix(".json"), report)
    save_episodes(out, split)
    return report


def _suited(episodes: Episodes, space: gymnasium.Space) -> Episodes:
    """Return episodes whose actions are scaled by the environment's range, if none is given."""
    scale = ActionScale.of_space(space)
    if scale is None or (episodes.scale is not None and episodes.scale.origin == "given"):
        return episodes
    try:
        return episodes.rescaled(scale)
    except DataError as error:
        log.warning("actions keep the range of the data: in the environment's, %s", error)
        return episodes


def _columns(env: gymnasium.Env, names: Sequence[str]) -> list[int]:
    """Return the columns of the named elements; DataError for a name that the env lacks."""
    known = list(env.get_wrapper_attr("elements")) if env.has_wrapper_attr("elements") else []
    if unknown := [name for name in names if name not in known]:
        choice = ", ".join(known) or "none"
        raise DataError(f"no element called {', '.join(unknown)}; this environment knows {choice}")
    return [known.index(name) for name in names]
