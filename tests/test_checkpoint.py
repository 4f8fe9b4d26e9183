"""Laws of models on disk and of files that are whole or absent."""

import contextlib
import errno
import json
import os
import re

import numpy as np
import pytest
import torch
from torch import nn

from d4rl_layout import write
from fist.methods.base import Model, ModelSettings
from fist.methods.chunk import ChunkModel, ChunkSettings
from fist.methods.cloning import BCModel, BCSettings
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.in_context import InContextModel, InContextSettings
from fist.methods.skills import SkillSettings, SkillVAE
from fist.stage.files import check_place, read_json, replacing, sha256, write_json, write_text
from fist.stage.settings import Count, settings
from fist.stage.tensors import write_tensors
from fist.training.building import Bounded
from fist.training.checkpoint import CheckpointError, load_model, save_model

MODELS = [
    SkillVAE(SkillSettings(hidden=8, readout=8, priors=("goal",)), 4, 2),
    Distance(DistanceSettings(mode="reachable"), 4),
    BCModel(BCSettings(hidden=8), 4, 2),
    ChunkModel(ChunkSettings(hidden=8), 4, 2),
    InContextModel(InContextSettings(hidden=8), 4, 2),
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


def changed_twin(path, **values):
    """Change entries of the twin of a checkpoint."""
    write_json(path.with_suffix(".json"), read_json(path.with_suffix(".json")) | values)


def one_line(error):
    """Return the message of an error, which is one line and not too long."""
    assert "\n" not in str(error.value) and len(str(error.value)) < 800
    return str(error.value)


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors"])
def test_weights_are_those_that_the_twin_describes(name, tmp_path):
    """Other weights of the same shape are refused; a twin of before there was a digest is taken."""
    save_model(tmp_path / name, MODELS[1], {})
    assert read_json(tmp_path / "model.json")["sha256"] == sha256(tmp_path / name)
    other = Distance(MODELS[1].settings, 4)
    save_model(tmp_path / "other" / name, other, {})
    os.replace(tmp_path / "other" / name, tmp_path / name)
    with pytest.raises(CheckpointError, match="not those that the JSON file") as error:
        load_model(tmp_path / name)
    assert name in one_line(error)
    twin = read_json(tmp_path / "model.json")
    del twin["sha256"]
    write_json(tmp_path / "model.json", twin)
    assert torch.equal(load_model(tmp_path / name).W, other.W)


def test_a_save_that_is_stopped_between_its_files_leaves_no_checkpoint_that_loads(
    tmp_path, monkeypatch
):
    """The new twin beside the old weights is what is there, and it is refused."""
    path = tmp_path / "model.pt"
    save_model(path, MODELS[1], {})
    with monkeypatch.context() as patch:
        patch.setattr("fist.training.checkpoint.write_bytes", None)
        with pytest.raises(TypeError):
            save_model(path, Distance(MODELS[1].settings, 4), {})
    with pytest.raises(CheckpointError, match="not those that the JSON file"):
        load_model(path)


@pytest.mark.parametrize("name", ["decoder.head.bias", "normaliser.scale", "slope"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_and_buffers_that_are_not_finite_are_refused_by_their_name(name, value, tmp_path):
    model = SkillVAE(MODELS[0].settings, 4, 2)
    model.state_dict()[name].flatten()[0] = value
    save_model(tmp_path / "model.pt", model, {})
    with pytest.raises(CheckpointError, match=f"{name} holds values that are not finite"):
        load_model(tmp_path / "model.pt")


@settings
class OddSettings(ModelSettings):
    """Settings that ask for a lot in ways of their own."""

    layers: Count = 1
    """Layers without weights."""
    linears: Count = 1
    """Layers with weights."""
    table: Count = 1
    """Length of a tensor that is no part of the weights."""
    outer: Count = 1
    """Root of the length of another one."""
    repeats: Count = 1
    """How often another one is repeated."""


class Odd(Model):
    """A model of somebody else."""

    Settings = OddSettings

    def __init__(self, settings, state_dim, action_dim=None):
        super().__init__(settings, state_dim, action_dim)
        self.empty = nn.Sequential(*[nn.Identity() for _ in range(settings.layers)])
        self.full = nn.Sequential(*[nn.Linear(1, 1) for _ in range(settings.linears)])
        self.table = torch.rand(settings.table, generator=torch.Generator().manual_seed(0))
        ones = torch.ones(settings.outer)
        self.product = ones[:, None] * ones[None]
        self.repeated = torch.zeros(3).repeat(settings.repeats)
        self.chosen = torch.arange(3)[torch.tensor([True, False, True])].tolist()


ABSURD = [(SkillVAE, name) for name in ("horizon", "hidden", "z_dim", "readout", "decoder_blocks")]
ABSURD += [(Distance, name) for name in ("horizon", "hidden", "feature_dim")]
ABSURD += [(BCModel, name) for name in ("horizon", "hidden", "blocks")]
ABSURD += [(ChunkModel, name) for name in ("horizon", "hidden", "blocks")]
ABSURD += [(InContextModel, name) for name in ("horizon", "hidden", "blocks")]
ABSURD += [(Odd, name) for name in ("layers", "linears", "table", "outer", "repeats")]


@pytest.mark.parametrize(("cls", "name"), ABSURD)
def test_settings_that_ask_for_more_than_the_weights_hold_are_refused_in_time(
    cls, name, tmp_path, monkeypatch
):
    """Of any class, before there is memory for what they ask, and without a loop to their end."""
    monkeypatch.setattr("fist.training.building.CALLS", 200_000)
    monkeypatch.setattr("fist.training.building.TENSORS", 200)
    model = cls(cls.Settings(**({} if cls is Odd else {"hidden": 8})), 4, 2)
    save_model(tmp_path / "model.pt", model, {})
    assert type(load_model(tmp_path / "model.pt", cls)) is cls
    changed_twin(tmp_path / "model.pt", settings=vars(model.settings) | {name: 10**9})
    with pytest.raises(CheckpointError, match="settings ask for|horizon is 1000000000") as error:
        load_model(tmp_path / "model.pt", cls)
    assert "model.pt" in one_line(error)


def test_a_model_is_the_same_whether_its_building_is_bounded_or_not():
    """Also its random numbers: what comes after draws the same ones."""
    for model in MODELS:
        drawn = []
        for bound in (contextlib.nullcontext(), Bounded(model.state_dict())):
            torch.manual_seed(0)
            with bound:
                made = type(model)(model.settings, 4, 2)
            drawn.append([*made.state_dict().values(), torch.rand(3)])
        assert all(map(torch.equal, *drawn))


TWIN = {"model": "fist.methods.distance:Distance", "provenance": {}, "settings": {}}
TWIN |= {"sizes": {"state_dim": 4, "action_dim": None}, "sha256": None}
BAD_TWINS = {
    "nothing": ("", "not JSON"),
    "a list": ("[]", "holds a list, expected a dict"),
    "no keys": ("{}", "Twin.model is missing"),
    "a class of another type": (json.dumps(TWIN | {"model": []}), "Twin.model is .."),
    "no class": (json.dumps(TWIN | {"model": "Distance"}), "Distance"),
    "an unknown key": (json.dumps(TWIN | {"more": 1}), "Twin.more is 1"),
    "settings that are none": (json.dumps(TWIN | {"settings": []}), "Twin.settings is .."),
    "an unknown setting": (json.dumps(TWIN | {"settings": {"width": 1}}), "width is 1"),
    "a setting of another type": (
        json.dumps(TWIN | {"settings": {"hidden": "8"}}),
        "hidden is '8'",
    ),
    "half a size": (json.dumps(TWIN | {"sizes": {"state_dim": 4.0, "action_dim": 2}}), "is 4.0"),
    "no size": (json.dumps(TWIN | {"sizes": {"state_dim": 0, "action_dim": 2}}), "state_dim is 0"),
    "a missing size": (json.dumps(TWIN | {"sizes": {}}), "Twin.sizes.state_dim is missing"),
    "another size": (json.dumps(TWIN | {"sizes": {"state_dim": 5, "action_dim": 2}}), "mismatch"),
    "a huge size": (
        json.dumps(TWIN | {"sizes": {"state_dim": 10**9, "action_dim": 2}}),
        "settings ask for much more",
    ),
    "provenance that is none": (json.dumps(TWIN | {"provenance": 3}), "Twin.provenance is 3"),
    "a long value": (json.dumps(TWIN | {"provenance": "x" * 100_000}), "Twin.provenance is 'x"),
    "many keys": (json.dumps(TWIN | {f"x{n}": 1 for n in range(1000)}), "Twin.x0 is 1"),
    "no UTF-8": (b"\xff", "not UTF-8"),
    "a key twice": ('{"model": "a", "model": "b"}', "the key 'model' is there twice"),
    "no number": ('{"settings": {"scale_floor": NaN}}', "NaN is no finite number"),
    "no finite number": ('{"settings": {"scale_floor": 1e999}}', "1e999 is no finite number"),
    "nested lists": ("[" * 200_000, "not JSON"),
    "nested dictionaries": ('{"a":' * 200_000, "not JSON"),
    "many brackets": ('{"provenance": ' + "[" * 80 + "]" * 80 + "}", "more than 50 brackets"),
    "digits": ('{"a": ' + "9" * 10_000 + "}", "not JSON"),
}


@pytest.mark.parametrize(("content", "fault"), BAD_TWINS.values(), ids=BAD_TWINS)
def test_a_twin_that_describes_no_model_is_refused_in_a_line(content, fault, tmp_path):
    save_model(tmp_path / "model.pt", MODELS[1], {})
    (tmp_path / "model.json").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    with pytest.raises(CheckpointError, match=fault) as error:
        load_model(tmp_path / "model.pt")
    assert str(tmp_path / "model.") in one_line(error)


@pytest.mark.parametrize("name", ["model.json", "model.pt", "model.safetensors"])
@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a gigabyte"])
def test_what_is_no_file_or_too_large_is_refused_by_name_and_not_read(kind, name, tmp_path):
    weights = tmp_path / ("model.safetensors" if "safe" in name else "model.pt")
    save_model(weights, MODELS[1], {})
    (tmp_path / name).unlink()
    if kind == "a folder":
        (tmp_path / name).mkdir()
    elif kind == "a pipe":
        os.mkfifo(tmp_path / name)
    else:
        with open(tmp_path / name, "wb") as file:
            file.truncate(1 << (30 if name == "model.json" else 40))
    with pytest.raises(CheckpointError, match="is no file|more than") as error:
        load_model(weights)
    assert str(tmp_path / name) in one_line(error)


@pytest.mark.parametrize("content", [[1], {"a": 1}, {1: torch.ones(2)}, torch.ones(3)])
def test_weights_that_are_no_tensors_by_name_are_refused(content, tmp_path):
    save_model(tmp_path / "model.pt", MODELS[1], {})
    write_tensors(tmp_path / "model.pt", content)
    changed_twin(tmp_path / "model.pt", sha256=None)
    with pytest.raises(CheckpointError, match="holds no tensors by name"):
        load_model(tmp_path / "model.pt")


def test_json_that_could_not_be_read_again_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="float values"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


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


WRITERS = {
    "text": lambda path: write_text(path, "new"),
    "HDF5": lambda path: write(path, {"observations": np.zeros((3, 2))}),
    "place": check_place,
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("kind", ["folder", "pipe", "in a file", "a long name"])
def test_what_is_no_file_is_not_replaced_and_the_message_names_it(tmp_path, kind, writer):
    """A device, as /dev/null, would be gone."""
    path = tmp_path / ("x" * 300 if kind == "a long name" else "there")
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "in a file":
        path.write_text("old")
        path /= "out.csv"
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match=re.escape(f"could not write {path}: ")) as error:
        writer(path)
    assert str(error.value).count(str(path.parent)) == 1
    assert sorted(tmp_path.iterdir()) == before
