"""Laws of a cell in a folder: it is all that its episodes need, and its description is true."""

import json
import shutil

import marks  # noqa: F401  registers the environments
import pytest
import torch
from recordings import random_episodes

from fist.data.episodes import save_episodes
from fist.evaluation.episode_results import Labels
from fist.evaluation.evaluate import PolicySpec, Trial, evaluate
from fist.evaluation.export import (
    evaluate_exported,
    export_policy,
    load_exported,
)
from fist.evaluation.rollout import RolloutSettings
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.skills import FIST, SkillSettings, SkillVAE, SPiRL
from fist.training.checkpoint import CheckpointError, save_model

LABELS = Labels("marks", "left", "fist", 3, "generated")
ROLLOUT = RolloutSettings(episodes=3, max_steps=20)


@pytest.fixture
def cell(tmp_path):
    """A cell whose files lie in different places."""
    torch.manual_seed(0)
    for folder in ("skills", "distance", "data"):
        (tmp_path / folder).mkdir()
    save_model(tmp_path / "skills/skills.pt", SkillVAE(SkillSettings(hidden=8), 2, 2), {"seed": 3})
    save_model(tmp_path / "distance/distance.pt", Distance(DistanceSettings(hidden=8), 2), {})
    save_episodes(tmp_path / "data/demos.hdf5", random_episodes([30, 30], state_dim=2))
    spec = PolicySpec(
        FIST,
        model=tmp_path / "skills/skills.pt",
        demos=tmp_path / "data/demos.hdf5",
        distance=tmp_path / "distance/distance.pt",
        n_demos=2,
    )
    return Trial(LABELS, "marks:Marks-v0", {"named": True}, spec, ROLLOUT)


def test_a_folder_alone_gives_the_episodes_of_its_cell(tmp_path, cell):
    export_policy(tmp_path / "cell", cell)
    expected = evaluate(tmp_path / "a.csv", cell)
    for folder in ("skills", "distance", "data"):
        shutil.rmtree(tmp_path / folder)
    moved = shutil.move(tmp_path / "cell", tmp_path / "elsewhere")
    assert evaluate_exported(moved, tmp_path / "b.csv", trusted=["marks"]) == expected
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert len(evaluate_exported(moved, tmp_path / "c.csv", 1, ["marks"])) == 1
    assert sorted(path.name for path in moved.iterdir()) == [
        "cell.json",
        "demos.hdf5",
        "distance.json",
        "distance.safetensors",
        "model.json",
        "model.safetensors",
    ]
    assert json.loads((moved / "model.json").read_text())["provenance"] == {"seed": 3}


def test_a_method_without_a_lookup_needs_its_model_alone(tmp_path, cell):
    spirl = PolicySpec(SPiRL, model=cell.spec.model, lookup="none")
    export_policy(tmp_path / "cell", Trial(LABELS, cell.env_id, {}, spirl, ROLLOUT))
    assert sorted(path.name for path in (tmp_path / "cell").iterdir()) == [
        "cell.json",
        "model.json",
        "model.safetensors",
    ]
    assert len(evaluate_exported(tmp_path / "cell", tmp_path / "a.csv", trusted=["marks"])) == 3


@pytest.mark.parametrize("name", ["model.safetensors", "model.json", "demos.hdf5"])
def test_a_file_that_was_exchanged_or_lost_is_named(tmp_path, cell, name):
    export_policy(tmp_path / "cell", cell)
    with open(tmp_path / "cell" / name, "ab") as file:
        file.write(b" ")
    with pytest.raises(CheckpointError, match=f"{name} is not the file that"):
        load_exported(tmp_path / "cell")
    (tmp_path / "cell" / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        load_exported(tmp_path / "cell")


BAD = {
    "no JSON": ("{", "does not describe a cell"),
    "a list": ("[]", "does not describe a cell"),
    "another format": ('{"format": 1}', "format 1, expected 2"),
    "a file elsewhere": ('{"format": 2, "files": {"../a": ""}}', "no file of the folder"),
    "nothing": ('{"format": 2, "files": {}}', "does not describe a cell"),
}


@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD)
def test_a_damaged_description_is_refused(tmp_path, content, reason):
    (tmp_path / "cell.json").write_text(content)
    with pytest.raises(CheckpointError, match=reason):
        load_exported(tmp_path)


def test_a_description_that_names_a_class_that_is_not_trusted_is_refused(tmp_path, cell):
    export_policy(tmp_path / "cell", cell)
    description = tmp_path / "cell" / "cell.json"
    description.write_text(description.read_text().replace("fist.methods.skills:FIST", "os:fork"))
    with pytest.raises(CheckpointError, match="'os:fork' is not of fist"):
        load_exported(tmp_path / "cell")


def test_an_environment_of_a_module_that_is_not_trusted_is_not_imported(tmp_path, cell):
    """The module before the colon is code, as a class is: it may come with the folder."""
    export_policy(tmp_path / "cell", cell)
    with pytest.raises(CheckpointError, match="'marks:Marks-v0' is not of a trusted module"):
        load_exported(tmp_path / "cell")
    assert load_exported(tmp_path / "cell", ["marks"]).env_id == "marks:Marks-v0"


def test_every_file_that_is_used_is_one_that_the_description_lists(tmp_path, cell):
    """A twin that is not listed could be exchanged; a link leads out of the folder."""
    export_policy(tmp_path / "cell", cell)
    description = tmp_path / "cell" / "cell.json"
    content = json.loads(description.read_text())
    digest = content["files"].pop("model.json")
    description.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="model.json is no file of the folder"):
        load_exported(tmp_path / "cell", ["marks"])
    content["files"]["model.json"] = digest
    description.write_text(json.dumps(content))
    twin = (tmp_path / "cell" / "model.json").rename(tmp_path / "elsewhere.json")
    (tmp_path / "cell" / "model.json").symlink_to(twin)
    with pytest.raises(CheckpointError, match="'model.json' is no file of the folder"):
        load_exported(tmp_path / "cell", ["marks"])


def test_a_folder_without_a_description_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no cell.json in"):
        load_exported(tmp_path)
