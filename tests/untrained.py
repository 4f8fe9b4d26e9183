"""Files of a method that has learnt nothing, for the environment of marks."""

from pathlib import Path

import torch
from recordings import random_episodes

from fist.data.episodes import Episodes, save_episodes
from fist.evaluation.episode_results import Labels
from fist.evaluation.evaluate import PolicySpec, Trial
from fist.evaluation.rollout import RolloutSettings
from fist.methods.base import Policy
from fist.methods.chunk import ChunkModel, ChunkSettings, GoalChunkModel
from fist.methods.cloning import BCModel, BCSettings, GoalBCModel
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.in_context import InContextModel, InContextSettings
from fist.methods.labelled import TaskBCModel, TaskBCSettings
from fist.methods.skills import FIST, SkillSettings, SkillVAE
from fist.training.checkpoint import save_model

LABELS = Labels("marks", "left", "fist", 3, "generated")
ROLLOUT = RolloutSettings(episodes=3, max_steps=20)


def untrained(folder: Path) -> Path:
    """Write checkpoints of untrained models, and demonstrations, into a folder; return it."""
    torch.manual_seed(0)
    skills = SkillSettings(horizon=4, z_dim=2, hidden=16, decoder_blocks=1, prior_blocks=1)
    save_model(folder / "skills.pt", SkillVAE(skills, 2, 2), {})
    for name, dims in (("distance", 2), ("distance_3d", 3)):
        save_model(
            folder / f"{name}.pt",
            Distance(DistanceSettings(horizon=4, hidden=16, feature_dim=8), dims),
            {},
        )
    shapes = {BCSettings: (BCModel, GoalBCModel), ChunkSettings: (ChunkModel, GoalChunkModel)}
    shapes |= {InContextSettings: (InContextModel,), TaskBCSettings: (TaskBCModel,)}
    for shape, model in ((shape, model) for shape, models in shapes.items() for model in models):
        settings = shape(horizon=4, hidden=16, blocks=1)
        save_model(folder / f"{model.name}.pt", model(settings, 2, 2), {})
    lengths = torch.tensor([30, 3, 25])
    for name, dims in (("demos", 2), ("demos_3d", 3)):
        states = torch.rand(int(lengths.sum()), dims) * 2 - 1
        actions = torch.rand(len(states), 2) - 0.5
        save_episodes(folder / f"{name}.hdf5", Episodes(states, actions, lengths))
    return folder


def spec(
    files: Path, method: type[Policy] = FIST, act: dict | None = None, **changes
) -> PolicySpec:
    """Return what acts as a method does, FIST by default; files are named within the folder."""
    model = method.Model and f"{method.Model.name}.pt"
    names = {"model": model, "demos": "demos.hdf5", "distance": "distance.pt"} | changes
    names |= {} if method.looks_up else {"lookup": names.get("lookup", "none")}
    paths = {key: names.pop(key) for key in ("model", "demos", "distance")}
    paths = {key: name and files / name for key, name in paths.items()}
    return PolicySpec(method, method.Settings(**(act or {})), **({"n_demos": 2} | names), **paths)


def cell_of_marks(folder: Path) -> Trial:
    """Return a cell of FIST whose files lie in different places of a folder."""
    torch.manual_seed(0)
    for name in ("skills", "distance", "data"):
        (folder / name).mkdir()
    save_model(folder / "skills/skills.pt", SkillVAE(SkillSettings(hidden=8), 2, 2), {"seed": 3})
    save_model(folder / "distance/distance.pt", Distance(DistanceSettings(hidden=8), 2), {})
    save_episodes(folder / "data/demos.hdf5", random_episodes([30, 30], state_dim=2))
    spec = PolicySpec(
        FIST,
        model=folder / "skills/skills.pt",
        demos=folder / "data/demos.hdf5",
        distance=folder / "distance/distance.pt",
        n_demos=2,
    )
    return Trial(LABELS, "marks:Marks-v0", {"named": True}, spec, ROLLOUT)
