"""What one does with a trained policy in a folder: test it, film it, copy it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from scipy.stats import binomtest
from tyro.conf import Positional, arg

from fist.evaluation.episode_results import EpisodeRow
from fist.evaluation.evaluate import Trial
from fist.evaluation.evaluate import evaluate as run_trial
from fist.evaluation.export import export_policy, read_cell, trial_of
from fist.evaluation.rollout import make_env
from fist.evaluation.video import record_video


@dataclass(frozen=True)
class Bundle:
    """A trained policy, and what it is shown and asked to do."""

    folder: Positional[Path]
    """Folder of the policy: it holds a cell.json."""
    demos: Path | None = None
    """Demonstrations to look up in, in place of its own: a data set (HDF5)."""
    n_demos: int = 0
    """How many demonstrations: the first ones. 0: all."""
    order: tuple[str, ...] = ()
    """Subtasks to do, in this order, where the environment takes one."""
    trusted: tuple[str, ...] = ()
    """Modules or packages of your own that it may name: its class, its environment."""

    def trial(self) -> Trial:
        """Return what is tested; for errors see `load_exported`."""
        cell = read_cell(self.folder)
        trial = trial_of(self.folder, cell, self.trusted)
        if self.demos is not None or self.n_demos:
            if not trial.spec.method.looks_up:
                raise ValueError(f"{self.folder} looks nothing up (--demos, --n-demos)")
            demos = self.demos or trial.spec.demos
            spec = replace(trial.spec, demos=demos, n_demos=self.n_demos)
            trial = replace(trial, spec=spec)
        if self.order:
            if cell.operator is None:
                raise ValueError(f"{cell.env_id} takes no order of subtasks (--order)")
            order = {cell.operator.order_argument: list(self.order)}
            trial = replace(trial, env_kwargs={**trial.env_kwargs, **order})
            make_env(trial.env_id, trial.env_kwargs).close()  # it says which subtasks there are
        return trial


Given = Annotated[Bundle, arg(name="")]


def evaluate(
    bundle: Given, episodes: int = 0, first_test_seed: int | None = None, out: Path | None = None
) -> None:
    """Test a trained policy, and print how it did.

    Args:
        bundle: the policy.
        episodes: test episodes. 0: as many as in the table that it comes from.
        first_test_seed: test seed of the first one. None: as in that table.
        out: episodes.csv to write, one row per episode.
    """
    trial = bundle.trial()
    how = trial.rollout
    first = how.first_test_seed if first_test_seed is None else first_test_seed
    how = replace(how, episodes=episodes or how.episodes, first_test_seed=first)
    print(told(run_trial(out, replace(trial, rollout=how))))


def told(rows: Sequence[EpisodeRow]) -> str:
    """Return how episodes of one policy went, in a few lines."""
    n, done = len(rows), sum(row.success for row in rows)
    ends = binomtest(done, n).proportion_ci(method="wilson")
    lines = [("test episodes", f"{n}, test seeds {rows[0].test_seed} to {rows[-1].test_seed}")]
    lines += [("success rate", f"{done / n:.2f} [{ends.low:.2f}, {ends.high:.2f}]")]
    if rows[0].steps:
        counted = np.mean([row.subtasks_ordered for row in rows])
        lines += [("subtasks in order", f"{counted:.2f} of {len(rows[0].steps)}")]
        for name in rows[0].steps:
            rate = np.mean([row.steps[name] is not None for row in rows])
            lines.append((f"  {name.replace('_', ' ')}", f"{rate:.0%}"))
    lines += [("steps", f"{np.mean([row.length for row in rows]):.0f} on average")]
    text = "\n".join(f"{name:18} {value}" for name, value in lines)
    return f"{text}\nBrackets: 95 % interval for other test episodes of this policy."


def film(
    bundle: Given,
    out: Path = Path("film.mp4"),
    episode: int = 0,
    size: int = 256,
    episodes: int = 1,
) -> None:
    """Film a test episode of a trained policy, or a few in a row.

    Args:
        bundle: the policy.
        out: the .mp4 to write; a contact sheet (.png) and a small .gif come beside it.
        episode: number of the test episode, from 0.
        size: width and height of the picture in pixels.
        episodes: how many are filmed, one after another; what is printed is of the first.
    """
    row = record_video(out, bundle.trial(), episode, size, gif=True, episodes=episodes)
    done = f"{row.subtasks_ordered} of {len(row.steps)} subtasks" if row.steps else ""
    print(f"{done or ('success' if row.success else 'no success')} in {row.length} steps")
    print(f"film {out}, gif {out.with_suffix('.gif')}, contact sheet {out.with_suffix('.png')}")


def export(bundle: Given, out: Path, slim: bool = True) -> None:
    """Copy a trained policy into another folder.

    Args:
        bundle: the policy, and what it is to be shown and asked for there.
        out: the folder to make.
        slim: leave out what only training needs: it acts as before, in half the space.
    """
    cell = read_cell(bundle.folder)
    export_policy(out, bundle.trial(), slim, cell.about, cell.operator)
    size = sum(file.stat().st_size for file in out.iterdir() if file.is_file())
    print(f"{out}: {size / 1e6:.2f} MB")
