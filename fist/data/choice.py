"""Which demonstrations are learnt from, and what is wrong with some of them.

A few demonstrations are a random choice, and people's are never all good: results over other draws,
and with flawed ones among them, say how much a method depends on that.
"""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from fist.data.episodes import DataError, Episodes, concatenate, load_episodes, save_episodes
from fist.stage.files import write_json

Flaw = Literal["other_task", "cut", "noise", "pauses"]
PAUSE = 20
"""Steps that a pause takes."""
LOUDER = 3.0
"""Added noise of the actions, over that which is in them."""


def choose_demos(
    demos: Path,
    out: Path,
    draw: int = 0,
    flaw: Flaw | None = None,
    number: int = 1,
    among: int = 10,
    others: Path | None = None,
) -> None:
    """Write demonstrations in another order, some of the first ones with a flaw.

    Args:
        demos: demonstrations of a task, HDF5 in D4RL's layout.
        out: HDF5 file to write; a JSON file beside it says what was done.
        draw: seed of the order in which they stand; 0 leaves it as it is.
        flaw: what is wrong with some: they show an "other_task", they are "cut" off half-way,
            their actions have additional "noise", the arm "pauses" half-way.
        number: how many have the flaw.
        among: first ones among which they are evenly spread.
        others: demonstrations of the other task.

    Raises:
        DataError: there are not so many demonstrations.
    """
    episodes = load_episodes(demos)
    generator = np.random.default_rng([draw, 0])
    order = list(range(len(episodes)))
    if draw:
        generator.shuffle(order)
    parts = [episodes.take([number]) for number in order]
    flawed: list[int] = []
    if flaw is not None:
        if not number <= among <= len(parts):
            raise DataError(
                f"{number} flawed ones among the first {among} of {len(parts)} demonstrations in "
                f"{demos}: give fewer (config: flaws.number, n_demos)"
            )
        flawed = [int((i + 0.5) * among / number) for i in range(number)]
        wrong = load_episodes(others).first(number, others) if others is not None else None
        for i, place in enumerate(flawed):
            good = parts[place] if wrong is None else wrong.take([i])
            parts[place] = _flawed(good, flaw, generator)
    write_json(out.with_suffix(".json"), {"draw": draw, "flaw": flaw, "flawed": flawed})
    save_episodes(out, concatenate(parts))


def _flawed(episode: Episodes, flaw: Flaw, generator: np.random.Generator) -> Episodes:
    """Return an episode with a flaw; of another task, as it is."""
    states, actions = episode.states, episode.actions
    half = len(states) // 2
    match flaw:
        case "cut":
            states, actions = states[:half], actions[:half]
        case "noise":
            # White noise of variance v gives second differences of variance 6 v.
            std = LOUDER * actions.diff(n=2, dim=0).square().mean(0).div(6).sqrt()
            drawn = torch.from_numpy(generator.standard_normal(actions.shape)).float()
            actions = (actions + std * drawn).clamp(-1, 1)
        case "pauses":
            still = torch.zeros(PAUSE, episode.action_dim)
            states = torch.cat((states[:half], states[half].expand(PAUSE, -1), states[half:]))
            actions = torch.cat((actions[:half], still, actions[half:]))
    lengths = torch.tensor([len(states)])
    return replace(episode, states=states, actions=actions, lengths=lengths, rewards=None)
