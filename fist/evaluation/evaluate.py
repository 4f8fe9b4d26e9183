"""The evaluation stage: from checkpoints and demonstrations to a policy, and to episodes.csv."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import TypeAdapter

from fist.data.episodes import DataError, Episodes, load_episodes
from fist.evaluation.episode_results import EpisodeRow, Labels, write_episodes_csv
from fist.evaluation.rollout import RolloutSettings, Wrappers, rollout, wrapper_spec
from fist.methods.base import Model, Policy, name_of
from fist.methods.distance import Distance
from fist.methods.retrieval import DemoIndex, raw_states
from fist.stage.files import check_place, fingerprint, sha256
from fist.stage.provenance import code_version, registered
from fist.stage.resume import read_resume, taking, write_resume
from fist.training.checkpoint import action_scale, load_model

log = logging.getLogger(__name__)

Lookup = Literal["distance", "euclidean", "random", "none"]


@dataclass(frozen=True)
class PolicySpec:
    """What acts: a method's class, its trained files, and how it uses them."""

    method: type[Policy]
    """Class of the policy."""
    act: Any = None
    """Its `Settings`; by default, their defaults."""
    model: Path | None = None
    """Checkpoint of its model, where it has one."""
    lookup: Lookup = "distance"
    """Space to look the present state up in, among the demonstrations: the "distance"'s features,
    "euclidean" (the states themselves), the features of a "random" encoder of the distance's shape;
    "none": no look-up."""
    demos: Path | None = None
    """Demonstrations to look up in."""
    n_demos: int = 10
    """How many of them: the first ones that have at least H+1 steps. 0: all."""
    distance: Path | None = None
    """Checkpoint of the distance, for lookup "distance" or "random"."""
    task: int | None = None
    """Number of the task among those that the model was fine-tuned on, for a method that is told
    it; None: it is none of them."""

    def __post_init__(self) -> None:
        name = self.method.__name__
        if self.method.looks_up != (self.lookup != "none"):
            needs = "needs a look-up" if self.method.looks_up else "takes no look-up"
            raise ValueError(f"{name} {needs}, lookup is {self.lookup!r}")
        if (self.method.Model is None) != (self.model is None):
            needs = "has no model" if self.method.Model is None else "needs a model (--model)"
            raise ValueError(f"{name} {needs}")
        if self.lookup != "none" and self.demos is None:
            raise ValueError(f"lookup {self.lookup!r} needs demonstrations (--demos)")
        if self.lookup in ("distance", "random") and self.distance is None:
            raise ValueError(f"lookup {self.lookup!r} needs a distance checkpoint (--distance)")
        if self.task is not None and not self.method.told_task:
            raise ValueError(f"{name} is not told its task, task is {self.task}")

    def policy(self, seed: int, demos: Episodes | None = None) -> Policy:
        """Load the files and return the policy.

        Args:
            seed: that of a random encoder.
            demos: demonstrations to look up in, in the place of those in the file.

        Raises:
            FileNotFoundError: a file is missing.
            CheckpointError, DataError: a file is damaged or does not fit the others.
            ValueError: the model cannot do what the policy asks of it.
        """
        cls = self.method
        model = None if self.model is None else load_model(self.model, cls.Model)
        scale = None if self.model is None else action_scale(self.model)
        index = None
        if cls.looks_up:
            source: Any = "the data set" if demos is not None else self.demos
            if demos is None:
                assert self.demos is not None  # see __post_init__
                demos = load_episodes(
                    self.demos, 2 if model is None else model.settings.horizon + 1
                )
                demos = demos.first(self.n_demos or len(demos), self.demos)
            scale = demos.scale if model is None else scale
            index = self._index(model, demos.rescaled(scale, source), source, seed)
        policy = cls(model, index, cls.Settings() if self.act is None else self.act)
        policy.action_scale = scale
        if cls.told_task:
            policy.task = self.task
        return policy

    def _index(
        self, model: Model | None, episodes: Episodes, source: object, seed: int
    ) -> DemoIndex:
        """Index the demonstrations for a model's horizon."""
        horizon = 1 if model is None else model.settings.horizon
        distance: Any = None
        if self.distance is not None and self.lookup != "euclidean":
            distance = load_model(self.distance, Distance)
        for file, known in ((self.model, model), (self.distance, distance)):
            for what in ("state", "action"):
                here, there = (getattr(of, f"{what}_dim", None) for of in (episodes, known))
                if there not in (None, here):
                    raise DataError(
                        f"{source} has {what}s of {here} dimensions, {file} was trained on {there}"
                    )
        if self.lookup == "random":
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                untrained = Distance(distance.settings, distance.state_dim).eval()
            # Only what is learnt is random: the scale of the states stays as it was.
            untrained.normaliser.load_state_dict(distance.normaliser.state_dict())
            distance = untrained
        if distance is None:
            return DemoIndex(episodes, raw_states, horizon)
        ways = None if self.lookup == "random" else distance.roadmap()
        return DemoIndex(episodes, distance.features, horizon, ways)


@dataclass(frozen=True)
class Trial:
    """What is tested, where, and on which episodes."""

    labels: Labels
    """What it is called, and the training seed."""
    env_id: str
    """Gymnasium id of the environment, "module:Name-v0" to import the module that registers it."""
    env_kwargs: Mapping[str, Any]
    """Arguments of the environment."""
    spec: PolicySpec
    """What acts."""
    rollout: RolloutSettings = RolloutSettings()
    """On which episodes."""
    wrappers: Wrappers = ()
    """What is put around the environment, as disturbances are."""

    def __post_init__(self) -> None:
        for told in self.wrappers:
            wrapper_spec(told)

    def policy(self) -> Policy:
        """Load the files and return the policy, see `PolicySpec.policy`."""
        return self.spec.policy(self.labels.seed)


def evaluate(out: str | Path | None, trial: Trial, resume: Path | None = None) -> list[EpisodeRow]:
    """Test a trained method, write one row per episode to `out`, and return the rows.

    A run that is stopped continues after the last whole batch of episodes.

    Args:
        out: the episodes.csv to write, see `fist.evaluation.episode_results`; None: none.
        trial: what is tested.
        resume: resume file.
    """
    if out is not None:
        check_place(out)
    policy, settings, key = trial.policy(), trial.rollout, _key(trial)
    saved = read_resume(resume, key) or {"rows": []}
    with taking(resume):
        finished = TypeAdapter(list[EpisodeRow]).validate_python(saved["rows"])
    if finished:
        log.info("resuming at episode %d of %d", len(finished), settings.episodes)
    rows = rollout(
        trial.env_id,
        trial.env_kwargs,
        policy,
        settings.test_seeds,
        settings.max_steps,
        settings.batch,
        finished=finished,
        keep=lambda rows: write_resume(resume, key, {"rows": [asdict(row) for row in rows]}),
        wrappers=trial.wrappers,
    )
    if out is not None:
        write_episodes_csv(out, trial.labels, rows)
    return rows


def _key(trial: Trial) -> str:
    """Return the fingerprint of what decides how the episodes go."""
    spec, settings = trial.spec, trial.rollout
    files = {name: path for name, path in vars(spec).items() if isinstance(path, Path)}
    twins = {f"{name} settings": path.with_suffix(".json") for name, path in files.items()}
    read = {name: sha256(path) for name, path in (files | twins).items() if path.exists()}
    method = name_of(spec.method)
    named = (method, *(told["wrapper"] for told in trial.wrappers))
    env = registered(trial.env_id)
    return fingerprint(
        {
            "env": [trial.env_id, dict(trial.env_kwargs), *map(dict, trial.wrappers)],
            "method": [method, spec.lookup, spec.n_demos, spec.task],
            "act": None if spec.act is None else asdict(spec.act),
            "files": read,
            "rollout": asdict(settings),
            "seed": trial.labels.seed,
            "code": code_version("fist.evaluation.evaluate", *named, env=env),
            "torch": torch.__version__,
        }
    )
