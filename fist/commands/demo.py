"""Watch a trained policy do its task, or one that it is shown on the spot."""

import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from tyro.conf import Positional

from fist.commands.bundle import Bundle
from fist.data.episodes import load_episodes
from fist.evaluation import video
from fist.evaluation.export import read_cell
from fist.evaluation.rollout import rollout
from fist.stage.functions import function

SEED = 1000
"""Of the demonstrations that are made on the spot, and of the episode: no table uses it."""


def demo(
    folder: Positional[Path] = Path("demo"),
    order: tuple[str, ...] = (),
    demos: int = 1,
    out: Path = Path("results/demo"),
    seed: int = SEED,
    film: bool = True,
    size: int = 256,
    trusted: tuple[str, ...] = (),
) -> None:
    """Watch a trained policy do its task; with an order, another one that it is shown first.

    Args:
        folder: folder of the policy.
        order: subtasks to do, in this order. Demonstrations of it are made on the spot, and looked
            up in; nothing is trained.
        demos: how many of them.
        out: folder for the film and the demonstrations.
        seed: of the episode, and of the demonstrations.
        film: make a film (.mp4, .gif) and a contact sheet (.png).
        size: width and height of its picture in pixels.
        trusted: modules or packages of your own that the policy may name.
    """
    if demos != 1 and not order:
        raise ValueError(f"{demos} demonstrations (--demos) of no order (--order)")
    cell = read_cell(folder)
    _say("policy", f"{cell.labels.method} of {cell.labels.env}/{cell.labels.task}")
    _say("has learnt from", cell.about or f"data of source {cell.labels.data_source}")
    bundle, name = Bundle(folder, trusted=trusted), cell.labels.task
    if order:
        bundle, name = replace(bundle, order=order), "-".join(order)
        bundle.trial()  # what it names is trusted, and it takes an order
        assert cell.operator is not None
        began, made = time.monotonic(), out / f"{name}.hdf5"
        made.parent.mkdir(parents=True, exist_ok=True)
        more = {"workers": 1, "progress": False} | cell.operator.arguments
        generate = function(cell.operator.generator)
        try:
            signature(generate).bind(made, list(order), demos, seed, **more)
        except TypeError as error:
            raise ValueError(f"{folder}: its operator takes other arguments: {error}") from None
        generate(made, list(order), demos, seed, **more)
        took = time.monotonic() - began
        plural = "" if demos == 1 else "s"
        _say("is shown", f"{demos} demonstration{plural} of {_words(order)} (made in {took:.1f} s)")
        _say("is trained on", "nothing more")
        bundle = replace(bundle, demos=made)
    trial = bundle.trial()
    if order:
        longest = int(load_episodes(made).lengths.max())
        limit = max(trial.rollout.max_steps, 2 * longest)
        trial = replace(trial, rollout=replace(trial.rollout, max_steps=limit))
    print()
    watch, file = _Ticks(), out / f"{name}.mp4"
    where, policy = (trial.env_id, trial.env_kwargs), trial.policy()
    how: Any = {"max_steps": trial.rollout.max_steps, "wrappers": trial.wrappers, "observer": watch}
    if film:
        try:
            row = video.film(file, *where, policy, seed, size=size, gif=True, **how)
        except OSError as error:
            if watch.steps:
                raise
            print(f"no film: {error}\n", file=sys.stderr)
            film = False
    if not film:
        [row] = rollout(*where, policy, [seed], **how)
    if row.steps:
        for subtask, step in row.steps.items():
            if step is None:
                print(f"  [ ] {subtask.replace('_', ' ')}")
        print(f"\n{row.subtasks_ordered} of {len(row.steps)} subtasks in {row.length} steps")
    else:
        print(f"{'success' if row.success else 'no success'} after {row.length} steps")
    if film:
        for what, suffix in (("film", ".mp4"), ("moving picture", ".gif"), ("sheet", ".png")):
            _say(what, str(file.with_suffix(suffix)))


def _say(what: str, text: str) -> None:
    print(f"{what:15} {text}", flush=True)


def _words(names: tuple[str, ...]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


class _Ticks:
    """Prints each subtask as it is counted."""

    def __init__(self) -> None:
        self.steps = 0
        self._done: set[int] = set()

    def __call__(self, _episode: int, env: gymnasium.Env, info: Mapping[str, Any]) -> None:
        """See a reset or a step."""
        counted = np.flatnonzero(info.get("completed_ordered", ()))
        for number in sorted({*counted.tolist()} - self._done):
            name = env.get_wrapper_attr("subtasks")[number].replace("_", " ")
            print(f"  [x] {name:18} step {self.steps}", flush=True)
            self._done.add(number)
        self.steps += 1
