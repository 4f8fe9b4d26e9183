"""Laws of a cell in a folder: it is all that its episodes need, and its description is true."""

import errno
import json
import os
import shutil
from dataclasses import replace

import marks  # noqa: F401  registers the environments
import pytest
from untrained import LABELS, ROLLOUT, cell_of_marks

from fist.data.episodes import DataError
from fist.evaluation.evaluate import PolicySpec, Trial, evaluate
from fist.evaluation.export import (
    evaluate_exported,
    export_policy,
    load_exported,
)
from fist.methods.skills import SPiRL
from fist.stage.files import read_json, write_json
from fist.training.checkpoint import CheckpointError


@pytest.fixture
def cell(tmp_path):
    """A cell whose files lie in different places."""
    return cell_of_marks(tmp_path)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The folder of a cell, which is left as it was."""
    folder = tmp_path_factory.mktemp("exported")
    export_policy(folder / "cell", cell_of_marks(folder))
    return folder / "cell"


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


@pytest.mark.parametrize("written", ["save_model", "save_episodes", "write_json"])
def test_an_export_that_fails_leaves_the_earlier_one_as_it_was(
    tmp_path, cell, written, monkeypatch
):
    export_policy(tmp_path / "cell", cell)
    before = {path.name: path.read_bytes() for path in (tmp_path / "cell").iterdir()}

    def full(path, *_):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, f"could not write {path}: No space left on device")

    monkeypatch.setattr(f"fist.evaluation.export.{written}", full)
    with pytest.raises(OSError, match="No space left") as error:
        export_policy(tmp_path / "cell", replace(cell, labels=replace(LABELS, seed=9)), slim=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "cell").iterdir()} == before
    assert "/made/" not in str(error.value)


@pytest.mark.parametrize("nth", range(1, 14))
@pytest.mark.parametrize("again", [True, False])
def test_an_export_that_is_stopped_while_files_change_places_changes_nothing(
    tmp_path, cell, again, nth, monkeypatch
):
    """Of six files each is put aside, if there is an earlier one, and each is put in place."""
    (tmp_path / "cell").mkdir()
    if again:
        export_policy(tmp_path / "cell", cell)
    before = {path.name: path.read_bytes() for path in (tmp_path / "cell").iterdir()}
    rename, done = os.rename, []

    def stopped(*paths):
        done.append(paths)
        if len(done) == nth:
            raise KeyboardInterrupt
        rename(*paths)

    monkeypatch.setattr(os, "rename", stopped)
    try:
        export_policy(tmp_path / "cell", cell)
    except KeyboardInterrupt:
        assert nth <= (12 if again else 6)
    else:
        assert nth > (12 if again else 6)
        return
    assert {path.name: path.read_bytes() for path in (tmp_path / "cell").iterdir()} == before


def test_a_folder_in_the_way_of_an_export_is_named_and_nothing_is_lost(tmp_path, cell):
    (tmp_path / "cell" / "demos.hdf5").mkdir(parents=True)
    with pytest.raises(OSError, match=r"could not write .*cell/demos.hdf5: it is a folder"):
        export_policy(tmp_path / "cell", cell)
    assert [path.name for path in (tmp_path / "cell").iterdir()] == ["demos.hdf5"]


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
    "nothing": ('{"format": 2, "files": {}}', "Cell.labels is missing"),
    "a key twice": ('{"format": 2, "format": 2}', "the key 'format' is there twice"),
    "brackets": ("[" * 200_000, "does not describe a cell"),
    "no UTF-8": ('{"format": "\xff"}', "not UTF-8"),
}


@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD)
def test_a_damaged_description_is_refused(tmp_path, content, reason):
    (tmp_path / "cell.json").write_bytes(content.encode("latin1"))
    with pytest.raises(CheckpointError, match=reason) as error:
        load_exported(tmp_path)
    assert "cell.json" in str(error.value) and "\n" not in str(error.value)


WRONG = {
    "labels": [
        [],
        {},
        {"seed": -1},
        {"seed": "0"},
        {"seed": 1 << 70},
        {"task": 3},
        {"more": 1},
        {"task": "a\0"},
    ],
    "about": ["a\x1b[31m", "a\nb", "x" * 2000, None],
    "env_id": [None, 3, "strange:Env-v0"],
    "env_kwargs": [None, [], "{}"],
    "method": [None, {}, "os:fork", "fist.methods.skills:SkillVAE", "fist.methods.base:Policy"],
    "act": [[], {"replan_every": 0}, {"skill": "median"}, {"more": 1}, "mean"],
    "lookup": ["bogus", None, 3, "none"],
    "n_demos": [-1, 0, 2.0, True, "2", None, 10**9],
    "rollout": [
        *[None, [], {"episodes": 0}, {"episodes": 10**12}, {"batch": 10**9}, {"batch": 1.0}],
        *[{"max_steps": -1}, {"max_steps": 10**12}, {"first_test_seed": 1 << 64}, {"more": 1}],
    ],
    "files": [None, [], {}, {"../model.json": ""}, {"model.json": 3}, {"a\0": ""}, {"": ""}],
    "model": [None, 3, "", "../cell/model.safetensors", "demos.hdf5", "cell.json", "x" * 5000],
    "distance": [None, [], "/etc/passwd"],
    "demos": [None, "model.json", ".", "../cell/demos.hdf5"],
    "more": [1],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_field_of_another_type_or_beyond_all_measure_is_refused_in_a_line(exported, name, value):
    description = exported / "cell.json"
    content = read_json(description)
    if isinstance(value, dict) and value and name in ("labels", "act", "rollout"):
        value = (content[name] or {}) | value
    write_json(description, content | {name: value})
    try:
        with pytest.raises((CheckpointError, FileNotFoundError, DataError)) as error:
            load_exported(exported, ["marks"]).policy()
        said = str(error.value)
        assert str(exported) in said and "\n" not in said and len(said) < 800
    finally:
        write_json(description, content)


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
    with pytest.raises(CheckpointError, match="'model.json' is no file of the folder"):
        load_exported(tmp_path / "cell", ["marks"])
    content["files"]["model.json"] = digest
    description.write_text(json.dumps(content))
    twin = (tmp_path / "cell" / "model.json").rename(tmp_path / "elsewhere.json")
    (tmp_path / "cell" / "model.json").symlink_to(twin)
    with pytest.raises(CheckpointError, match="'model.json' is no file of the folder"):
        load_exported(tmp_path / "cell", ["marks"])


@pytest.mark.parametrize("where", ["model", "files"])
def test_a_name_of_two_lines_is_refused_in_one(tmp_path, cell, where):
    export_policy(tmp_path / "cell", cell)
    description = tmp_path / "cell" / "cell.json"
    content = json.loads(description.read_text())
    content |= {"model": "a\nb"} if where == "model" else {"files": {"a\nb": "0"}}
    description.write_text(json.dumps(content))
    with pytest.raises(CheckpointError) as refused:
        load_exported(tmp_path / "cell", ["marks"])
    assert str(refused.value) == str(description) + r": 'a\nb' is no file of the folder"


@pytest.mark.parametrize("env_id", ["marks:Marks-v0", "d4rl:maze2d-large-v1"])
def test_arguments_that_the_environment_does_not_take_are_refused_in_a_line(tmp_path, cell, env_id):
    export_policy(tmp_path / "cell", replace(cell, env_id=env_id, env_kwargs={"bogus": 1}))
    with pytest.raises(ValueError, match="-v[01] cannot be made: .*bogus"):
        evaluate_exported(tmp_path / "cell", tmp_path / "a.csv", trusted=["marks"])


@pytest.mark.parametrize("env_id", ["x" * 10_000, "a\nb", "d4rl:nope-v0"])
def test_an_environment_that_there_is_not_is_named_in_a_line(tmp_path, cell, env_id):
    with pytest.raises(ValueError, match="no environment '") as refused:
        evaluate(None, replace(cell, env_id=env_id))
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500


def test_a_description_that_is_elsewhere_is_not_read(tmp_path, cell):
    export_policy(tmp_path / "cell", cell)
    (tmp_path / "cell" / "cell.json").rename(tmp_path / "moved.json")
    (tmp_path / "cell" / "cell.json").symlink_to(tmp_path / "moved.json")
    with pytest.raises(CheckpointError, match=r"cell\.json is a link to another file"):
        load_exported(tmp_path / "cell", ["marks"])


def test_a_folder_without_a_description_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no cell.json in"):
        load_exported(tmp_path)
