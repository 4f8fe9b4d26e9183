"""FIST: few-shot imitation with skills learnt from unlabelled play.

Rooms, each of which knows only those above it:

    stage        what every stage does: whole files, resuming, stopping, progress
    data         episodes, windows, splits, and where data sets come from
    methods      FIST and the methods it is compared with: what is learnt, and how it acts
    training     from data sets and settings to checkpoints
    evaluation   from checkpoints to test episodes, traces and films
    analysis     from the rows of every episode to tables, claims and figures
    inspect      what is in a data set or a checkpoint
    commands     the command line: fist demo | eval | film | inspect | convert | export

`load_policy` gives a trained policy for a loop of one's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fist.evaluation.policy import LoadedPolicy

__all__ = ["load_policy"]


def load_policy(folder: str | Path, trusted: Sequence[str] = ()) -> LoadedPolicy:
    """Load a trained policy: fist.load_policy("demo").

    Args:
        folder: the folder of an exported policy; it holds a `cell.json`.
        trusted: modules or packages beside `fist` that its class may come from, and beside `d4rl`
            that its environment may. Nothing else that the folder names is imported.

    Returns:
        The policy: `reset`, `act`, `set_demonstrations`, `horizon`, `trained_on`.

    Raises:
        FileNotFoundError: the folder or one of its files is missing.
        CheckpointError, DataError: a file is damaged, or names what is not trusted.
    """
    from fist.evaluation import policy  # takes seconds: PyTorch

    return policy.load(folder, trusted)
