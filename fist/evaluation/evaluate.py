"""The evaluation stage: from checkpoints and demonstrations to a policy, and to episodes.csv."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from gymnasium.envs.registration import EnvSpec

from fist.data.episodes import DataError, Episodes, load_episodes
from fist.evaluation.episode_results import EpisodeRow, Labels, write_episodes_csv
from fist.evaluation.rollout import RolloutSettings, make_spec, rollout
from fist.methods.cloning import BCPolicy
from fist.methods.distance import Distance
from fist.methods.policy import ActionPolicy, NeighbourPolicy, Policy, ReplayPolicy, SkillPolicy
from fist.methods.retrieval import DemoIndex, Features, raw_states
from fist.methods.skills import Prior, SkillVAE
from fist.stage.files import fingerprint, sha256
from fist.stage.resume import code_version, read_resume, sources, write_resume
from fist.training.checkpoint import load_model

log = logging.getLogger(__name__)

Kind = Literal["skills", "bc", "goal_bc", "replay", "neighbours"]
Lookup = Literal["distance", "euclidean", "random", "none"]

NEEDS = {"skills": SkillVAE, "bc": BCPolicy, "goal_bc": BCPolicy}
"""Model that each kind of method acts with; the other kinds have none."""


@dataclass(frozen=True)
class Method:
    """The trained files of a method, and how it acts with them."""

    kind: Kind = "skills"
    """How it acts: through "skills" (FIST, SPiRL); as a cloned policy without ("bc") or with goals
    ("goal_bc"); by "replay" of the nearest demonstration, open loop; or as its nearest
    "neighbours" among the demonstrations did."""
    model: Path | None = None
    """Checkpoint of the skill model or the cloned policy."""
    prior: Prior = "goal"
    """Prior that chooses the skill: "goal" (FIST, needs a look-up) or "state" (SPiRL)."""
    lookup: Lookup = "distance"
    """Space to look the present state up in, among the demonstrations: the "distance"'s features,
    "euclidean" (the states themselves), the features of a "random" encoder of the distance's shape;
    "none": no look-up."""
    demos: Path | None = None
    """Demonstrations to look up in."""
    n_demos: int = 10
    """How many of them: the first ones that have at least H+1 steps."""
    distance: Path | None = None
    """Checkpoint of the distance, for lookup "distance" or "random"."""

    def __post_init__(self) -> None:
        if self.looks_up != (self.lookup != "none"):
            what = (
                f'kind "skills" with prior "{self.prior}"' if self.kind == "skills" else self.kind
            )
            raise ValueError(
                f"{what} {'needs a look-up' if self.looks_up else 'takes no look-up'}, lookup is "
                f"{self.lookup!r}"
            )
        if self.kind in NEEDS and self.model is None:
            raise ValueError(f"kind {self.kind!r} needs a model (--model)")
        if self.lookup != "none" and self.demos is None:
            raise ValueError(f"lookup {self.lookup!r} needs demonstrations (--demos)")
        if self.lookup in ("distance", "random") and self.distance is None:
            raise ValueError(f"lookup {self.lookup!r} needs a distance checkpoint (--distance)")

    @property
    def looks_up(self) -> bool:
        """Whether methods of this kind look up in demonstrations."""
        return self.kind != "bc" and (self.kind != "skills" or self.prior == "goal")

    def policy(self, settings: RolloutSettings, seed: int) -> Policy:
        """Load the files and return the policy; `seed` is that of a random encoder.

        Raises:
            FileNotFoundError: a file is missing.
            CheckpointError, DataError: a file is damaged or does not fit the others.
            ValueError: the model has no such prior or takes no look-up.
        """
        model = load_model(self.model, NEEDS[self.kind]) if self.kind in NEEDS else None
        index = None if self.lookup == "none" else self._index(model, seed)
        if self.kind == "replay":
            return ReplayPolicy(index)
        if self.kind == "neighbours":
            return NeighbourPolicy(index, settings.neighbours)
        if isinstance(model, BCPolicy):
            return ActionPolicy(model, index, settings.skill)
        return SkillPolicy(model, self.prior, index, settings.replan_every, settings.skill)

    def _index(self, model: SkillVAE | BCPolicy | None, seed: int) -> DemoIndex:
        """Index the demonstrations for a model's horizon."""
        horizon = 1 if model is None else model.settings.horizon
        episodes = load_episodes(self.demos, horizon + 1).first(self.n_demos, self.demos)
        if model is not None:
            _same_states(model, self.model, episodes, self.demos)
        if self.lookup == "euclidean":
            return DemoIndex(episodes, raw_states, horizon)
        trained = load_model(self.distance, Distance)
        _same_states(trained, self.distance, episodes, self.demos)
        return DemoIndex(episodes, self._encoder(trained, seed), horizon)

    def _encoder(self, trained: Distance, seed: int) -> Features:
        """Return the encoder of the look-up: the trained one, or a random one of its shape."""
        if self.lookup == "distance":
            return trained.features
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            untrained = Distance(trained.settings, trained.state_dim).eval()
        # Only what is learnt is random: the scale of the states stays as it was.
        untrained.normaliser.load_state_dict(trained.normaliser.state_dict())
        return untrained.features


def _same_states(
    model: SkillVAE | BCPolicy | Distance, file: Path, episodes: Episodes, demos: Path
) -> None:
    """Raise DataError unless the demonstrations have the states that a model knows."""
    if episodes.state_dim != model.state_dim:
        raise DataError(
            f"{demos} has states of {episodes.state_dim} dimensions, {file} was trained on "
            f"{model.state_dim}"
        )


def evaluate(
    out: str | Path,
    env_id: str,
    env_kwargs: Mapping[str, Any],
    method: Method,
    settings: RolloutSettings,
    labels: Labels,
    state: Path | None = None,
) -> list[EpisodeRow]:
    """Test a trained method, write one row per episode to `out`, and return the rows.

    A run that is stopped continues after the last whole batch of episodes.

    Args:
        out: the episodes.csv to write, see `fist.evaluation.episode_results`.
        env_id, env_kwargs: the environment, see `fist.evaluation.rollout.rollout`.
        method: what to test.
        settings: on which episodes, and how.
        labels: what is tested, for the rows.
        state: resume state.
    """
    policy = method.policy(settings, labels.seed)
    key = _key(env_id, env_kwargs, method, settings, labels.seed)
    finished = [EpisodeRow(**row) for row in (read_resume(state, key) or {"rows": ()})["rows"]]
    if finished:
        log.info("resuming at episode %d of %d", len(finished), settings.episodes)
    rows = rollout(
        env_id,
        env_kwargs,
        policy,
        settings.test_seeds,
        settings.max_steps,
        settings.batch,
        finished=finished,
        keep=lambda rows: write_resume(state, key, {"rows": [asdict(row) for row in rows]}),
    )
    write_episodes_csv(out, labels, rows)
    return rows


def _key(
    env_id: str,
    env_kwargs: Mapping[str, Any],
    method: Method,
    settings: RolloutSettings,
    seed: int,
) -> str:
    """Return the fingerprint of what decides how the episodes go."""
    given = asdict(method)
    files = {name: path for name, path in given.items() if isinstance(path, Path)}
    twins = {f"{name} settings": path.with_suffix(".json") for name, path in files.items()}
    read = {name: sha256(path) for name, path in (files | twins).items() if path.exists()}
    code = [*sources("fist"), *sources(_package(make_spec(env_id, settings.max_steps)))]
    return fingerprint(
        {
            "env": [env_id, dict(env_kwargs)],
            "method": {name: value for name, value in given.items() if name not in files},
            "files": read,
            "settings": asdict(settings),
            "seed": seed,
            "code": code_version(code),
            "torch": torch.__version__,
        }
    )


def _package(spec: EnvSpec) -> str:
    """Return the name of the package that an environment's class is in."""
    entry_point = spec.entry_point
    module = entry_point if isinstance(entry_point, str) else entry_point.__module__
    return module.partition(":")[0].partition(".")[0]
