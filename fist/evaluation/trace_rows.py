"""trace.csv: the columns of episodes that are written down step by step.

One row per step of an episode, taken by a policy that acts exactly as the one it wraps:

    env, task, method, seed         what was tested
    episode, test_seed, step        when; step 0 is the first action
    counted                         subtasks counted in order so far
    state_<name>                    the observation, in the environment's units
    demo, demo_step, distance       the demonstration state that is followed, from 0, and how far
                                    away it was (squared, in the space of the look-up)
    looked_up                       1 where it was looked up at this step, 0 where it is kept
    target_<name>                   the goal that came from it

An environment names the entries of its observation by an attribute `state_names`, the first ones
where there are more; without it they are numbered. What does not exist is empty.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from fist.evaluation.episode_results import LABELS
from fist.stage.columns import Column, read_tables

COLUMNS = (
    *LABELS,
    *(Column(name, int, 0) for name in ("episode", "test_seed", "step")),
    Column("counted", int, 0, optional=True),
    Column("state_*"),
    *(Column(name, int, 0, optional=True) for name in ("demo", "demo_step")),
    Column("distance", float, 0, optional=True),
    Column("looked_up", int, 0, 1),
    Column("target_*", optional=True),
)
"""Columns of trace.csv."""


def read_traces(files: Sequence[Path]) -> pd.DataFrame:
    """Read what `trace` wrote, the rows of all files, as `fist.stage.columns.read_tables` does."""
    return pd.concat(read_tables(files, COLUMNS), ignore_index=True).sort_values(["file", "line"])
