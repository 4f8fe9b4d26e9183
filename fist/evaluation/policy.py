"""A trained policy for a loop of one's own: in a simulator, or on a robot.

policy = fist.load_policy("demo")
policy.reset(seed=0)
action = policy.act(observation)
"""

import reprlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch

from fist.data.actions import ActionScale, executed, in_unit
from fist.data.episodes import DataError, Episodes, load_episodes, numbers, save_episodes
from fist.evaluation.evaluate import Trial
from fist.evaluation.export import read_cell, trial_of
from fist.evaluation.rollout import make_env, make_spec
from fist.stage.settings import is_whole
from fist.training.checkpoint import read_twin

Demonstrations = str | Path | Sequence[tuple[np.ndarray, np.ndarray]]
"""A file in D4RL's layout, or, for each demonstration, its observations (T, S) and actions (T, A):
row t is what was observed, and the action that was then taken."""


class LoadedPolicy:
    """A trained policy with the demonstrations that it has been shown."""

    def __init__(self, trial: Trial, trained_on: dict[str, Any]):
        """Load the files of a trial; for its errors see `load_policy`."""
        self.trained_on = trained_on
        """What it has learnt from: `about` in words, `data` as its source, and the provenance of
        its model: files with their SHA-256, steps, seed."""
        self._trial = trial
        self._policy = trial.policy()
        self.reset()

    @property
    def horizon(self) -> int:
        """H: how many steps ahead of the present state its goal lies."""
        model = self._policy.model
        return 1 if model is None else model.settings.horizon

    @property
    def state_dim(self) -> int:
        """S: numbers in an observation."""
        known = self._policy.model or self._policy.index
        return int(known.state_dim if known is self._policy.model else known.states.shape[1])

    def reset(self, seed: int | None = None) -> None:
        """Begin an episode, or one for each row of the next batch.

        Args:
            seed: where its noise comes from, 0 to 2^32 - 1; row i of a batch has seed + i. The test
                seed of an episode in a table gives that episode again. None: another one each time.
        """
        if seed is None:
            seed = np.random.SeedSequence().generate_state(1)[0]
        if not (is_whole(seed) and 0 <= seed < 1 << 32):
            raise ValueError(f"seed is {seed!r}, expected a whole number from 0 to 2^32 - 1")
        self._seed = int(seed)
        self._rows = 0

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Return what to do now.

        Args:
            observation: (S,), or (B, S) for B episodes that run at once; every control step of an
                episode is asked for, in order.

        Returns:
            The action (A,) or (B, A), float32, in the range of the recorded ones.

        Raises:
            ValueError: the observation is no array of finite numbers, or has another shape, or
                another number of rows than at the step before.
        """
        states = numbers("the observation", observation)
        one, size = states.ndim == 1, self.state_dim
        rows = states[None] if one else states
        if rows.ndim != 2 or rows.shape[1] != size or not len(rows):
            raise ValueError(
                f"the observation has shape {states.shape}, expected ({size},), or (B, {size}) for "
                "a batch"
            )
        if not np.isfinite(rows).all():
            row, column = np.argwhere(~np.isfinite(rows))[0]
            raise ValueError(
                f"the observation is {rows[row, column]} in dimension {column} (row {row})"
            )
        if not self._rows:
            self._rows = len(rows)
            self._policy.reset([(self._seed + i) % (1 << 32) for i in range(len(rows))])
        elif len(rows) != self._rows:
            running = "1 episode is" if self._rows == 1 else f"{self._rows} episodes are"
            raise ValueError(f"{len(rows)} observations, but {running} running: call reset first")
        with _one_thread():
            actions = self._policy.act(rows, range(len(rows)))
        actions = executed(actions, self._policy.action_scale)
        return actions[0] if one else actions

    def set_demonstrations(self, demonstrations: Demonstrations, n: int | None = None) -> None:
        """Show it other demonstrations: it looks up in these from now on, with nothing trained.

        Begins a new episode, see `reset`.

        Args:
            demonstrations: see `Demonstrations`.
            n: the first n of them; None: all.

        Raises:
            FileNotFoundError: there is no such file.
            DataError: the demonstrations cannot be used; says why.
            ValueError: it looks nothing up.
        """
        if not self._policy.looks_up:
            raise ValueError(
                f"{type(self._policy).__name__} looks nothing up: it cannot be shown demonstrations"
            )
        shown = episodes_of(demonstrations, self.horizon + 1, n, self._policy.action_scale)
        self._policy = self._trial.spec.policy(self._trial.labels.seed, shown)
        self.reset(self._seed)

    def make_env(self, **kwargs: Any) -> gymnasium.Env:
        """Make the environment that it is tested in, observations as vectors.

        Args:
            kwargs: arguments of the environment beside the policy's own, as render_mode="human".
        """
        trial = self._trial
        where, limit = {**trial.env_kwargs, **kwargs}, trial.rollout.max_steps
        return make_env(make_spec(trial.env_id, where, limit, trial.wrappers))


def load(folder: str | Path, trusted: Sequence[str] = ()) -> LoadedPolicy:
    """Load a trained policy from its folder, see `fist.load_policy`."""
    cell = read_cell(Path(folder))
    names = (trusted,) if isinstance(trusted, str) else trusted
    trial = trial_of(Path(folder), cell, names)
    model = trial.spec.model
    about: dict[str, Any] = {"about": cell.about, "data": cell.labels.data_source}
    return LoadedPolicy(trial, about | ({} if model is None else read_twin(model).provenance))


def episodes_of(
    demonstrations: Demonstrations, shortest: int, n: int | None, scale: ActionScale | None
) -> Episodes:
    """Return demonstrations as episodes of at least `shortest` steps, the first n of them.

    The actions of arrays are scaled as `scale` says.

    Raises:
        FileNotFoundError, DataError: there is no such file, or the demonstrations cannot be used.
    """
    if isinstance(demonstrations, str | Path):
        episodes, source = load_episodes(demonstrations, shortest), str(demonstrations)
    else:
        source = "the demonstrations"
        try:
            pairs = [(states, actions) for states, actions in demonstrations]
        except (TypeError, ValueError):
            raise DataError(
                f"{source}: a file, or a list of pairs, observations (T, S) and actions (T, A), "
                f"not {reprlib.repr(demonstrations)}"
            ) from None
        with tempfile.TemporaryDirectory() as folder:  # through the one door for data
            file = Path(folder) / "demonstrations.hdf5"
            try:
                given = Episodes.of([states for states, _ in pairs], [done for _, done in pairs])
                unit, _ = in_unit(file, given.actions.numpy(), scale)
                save_episodes(file, replace(given, actions=torch.from_numpy(unit), scale=scale))
                episodes = load_episodes(file, shortest)
            except DataError as error:
                fault = str(error).removeprefix(f"{file}: ")
                raise DataError(f"{source}: {fault}") from None
    return episodes if n is None else episodes.first(n, source)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread: for so little work, several wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
