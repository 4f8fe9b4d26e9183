"""Files of a method that has learnt nothing, for the environment of marks."""

from pathlib import Path

import torch

from fist.data.episodes import Episodes, save_episodes
from fist.evaluation.evaluate import Method
from fist.methods.cloning import BCPolicy, BCSettings
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.skills import SkillSettings, SkillVAE
from fist.training.checkpoint import save_model


def untrained(folder: Path) -> Path:
    """Write checkpoints of untrained models, and demonstrations, into a folder; return it."""
    torch.manual_seed(0)
    skills = SkillSettings(horizon=4, z_dim=2, hidden=16, decoder_blocks=1, prior_blocks=1)
    save_model(folder / "skills.pt", SkillVAE(skills, 2, 2), {})
    for name, dims in (("distance", 2), ("distance_3d", 3)):
        save_model(folder / f"{name}.pt", Distance(DistanceSettings(4, 16, 8), dims), {})
    for name, goal in (("bc", False), ("goal_bc", True)):
        save_model(folder / f"{name}.pt", BCPolicy(BCSettings(goal, 4, 16, 1), 2, 2), {})
    lengths = torch.tensor([30, 3, 25])
    for name, dims in (("demos", 2), ("demos_3d", 3)):
        states = torch.rand(int(lengths.sum()), dims) * 2 - 1
        actions = torch.rand(len(states), 2) - 0.5
        save_episodes(folder / f"{name}.hdf5", Episodes(states, actions, lengths))
    return folder


def method(files: Path, **changes) -> Method:
    """Return FIST's method, but for some changes; files are named relative to the folder."""
    names = {"model": "skills.pt", "demos": "demos.hdf5", "distance": "distance.pt"} | changes
    paths = {key: names.pop(key) for key in ("model", "demos", "distance")}
    paths = {key: name and files / name for key, name in paths.items()}
    return Method(**({"n_demos": 2} | names), **paths)
