"""Laws of models on disk and of files that are whole or absent."""

import errno
import json

import pytest
import torch

from fist.methods.cloning import BCModel, BCSettings
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.skills import SkillSettings, SkillVAE
from fist.stage.files import replacing, write_text
from fist.training.checkpoint import CheckpointError, load_model, save_model

MODELS = [
    SkillVAE(SkillSettings(hidden=8, readout=8, priors=("goal",)), 4, 2),
    Distance(DistanceSettings(mode="reachable"), 4),
    BCModel(BCSettings(hidden=8), 4, 2),
]


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_a_loaded_model_is_the_saved_one(model, name, tmp_path):
    save_model(tmp_path / name, model, {"seed": 3})
    loaded = load_model(tmp_path / name, type(model))
    assert loaded.settings == model.settings
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
    assert json.loads((tmp_path / "model.json").read_text())["provenance"] == {"seed": 3}


def test_another_class_of_model_is_refused(tmp_path):
    save_model(tmp_path / "model.pt", MODELS[1], {})
    with pytest.raises(CheckpointError, match="holds a 'fist.*:Distance', expected .*:SkillVAE"):
        load_model(tmp_path / "model.pt", SkillVAE)


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors"])
def test_a_damaged_checkpoint_is_refused_with_the_way_out(name, tmp_path):
    path = tmp_path / name
    save_model(path, MODELS[0], {})
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(CheckpointError, match="delete it to have it trained again"):
        load_model(path)


def test_a_class_that_is_not_trusted_is_not_imported(tmp_path, monkeypatch):
    """A checkpoint is somebody's file: what it names is imported from trusted modules alone."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "strange.py").write_text(
        "from fist.methods.distance import Distance as Parent\n"
        "open('imported', 'w').close()\n"
        "class Distance(Parent): pass\n"
    )
    monkeypatch.chdir(tmp_path)
    save_model(tmp_path / "model.pt", MODELS[1], {})
    twin = tmp_path / "model.json"
    twin.write_text(twin.read_text().replace("fist.methods.distance", "strange"))
    with pytest.raises(CheckpointError, match="'strange:Distance' is not of fist"):
        load_model(tmp_path / "model.pt")
    assert not (tmp_path / "imported").exists()
    assert type(load_model(tmp_path / "model.pt", trusted=["strange"])).__module__ == "strange"


def test_weights_that_do_not_fit_the_settings_are_refused(tmp_path):
    save_model(tmp_path / "model.pt", MODELS[0], {})
    twin = tmp_path / "model.json"
    twin.write_text(twin.read_text().replace('"hidden": 8', '"hidden": 16'))
    with pytest.raises(CheckpointError, match="size mismatch"):
        load_model(tmp_path / "model.pt")


@pytest.mark.parametrize("twin", ["", "[]", '{"model": []}', '{"model": "Distance"}', "\xff"])
def test_a_damaged_description_is_refused(twin, tmp_path):
    save_model(tmp_path / "model.pt", MODELS[0], {})
    (tmp_path / "model.json").write_bytes(twin.encode("latin1"))
    with pytest.raises(CheckpointError, match="model"):
        load_model(tmp_path / "model.pt")


@pytest.mark.parametrize("lost", ["model.pt", "model.json"])
def test_a_missing_file_is_named(lost, tmp_path):
    save_model(tmp_path / "model.pt", MODELS[0], {})
    (tmp_path / lost).unlink()
    with pytest.raises(FileNotFoundError, match=lost):
        load_model(tmp_path / "model.pt")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    write_text(path, "old")
    with (
        pytest.raises(OSError, match=r"could not write .*table\.csv: No space left"),
        replacing(path) as temporary,
    ):
        temporary.write_text("half of the n")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
