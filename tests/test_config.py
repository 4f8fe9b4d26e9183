"""Laws of the configuration: what it refuses, and what its settings become."""

import copy
import dataclasses
import importlib
import re
import shlex
import typing
from pathlib import Path

import pytest
import tyro
import yaml

from configuration import SCHEMA, ConfigError, check
from d4rl.kitchen.sequences import PLAY_SEQUENCES, sequence_name
from values import flags, settings, split_name, typed

ROOT = Path(__file__).parents[1]
SETTINGS = {
    "skill_model": "fist.methods.skills.SkillSettings",
    "distance_model": "fist.methods.distance.DistanceSettings",
    "bc_model": "fist.methods.cloning.BCSettings",
    "train": "fist.training.settings.TrainSettings",
    "rollout": "fist.evaluation.rollout.RolloutSettings",
}
SCRIPTS = [
    ("train_skills", "skills", "train"),
    ("finetune_skills", "skills", "finetune"),
    ("train_distance", "distance", "train"),
    ("finetune_distance", "distance", "finetune"),
    ("train_bc", "bc", "train"),
    ("finetune_bc", "bc", "finetune"),
]
CLAIM = {"text": "x", "table": "kitchen_table", "better": "fist", "worse": "spirl"}
SET_BY_THE_METHOD = {"goal"}  # of bc.model


def merge(base, top):
    """Merge as Snakemake does: mappings key by key, everything else replaced."""
    if not isinstance(base, dict) or not isinstance(top, dict):
        return top
    return base | {key: merge(base.get(key), value) for key, value in top.items()}


def load(*names):
    """Return config.yaml with other files of config/ on top."""
    config = {}
    for name in ("config", *names):
        config = merge(config, yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text()))
    return config


def fault(config, **sources):
    """Return the message with which a configuration is refused."""
    with pytest.raises(ConfigError) as error:
        check(config, sources)
    return str(error.value)


def changed(path, value):
    """Return config.yaml with one value changed."""
    config = load()
    *folders, last = path.split(".")
    entry = config
    for folder in folders:
        entry = entry[folder]
    entry[last] = value
    return config


@pytest.mark.parametrize("name", ["config", "paper", "real", "test"])
def test_every_configuration_of_the_repository_is_accepted(name):
    check(load(*[name][: name != "config"]), {})


@pytest.mark.parametrize(
    "path",
    [
        "sedes",
        "environments.kitchen.env",
        "environments.kitchen.data.play.episode",
        "environments.kitchen.tasks.kettle.heldout",
        "tables.kitchen_table.task",
        "methods.fist.look_up",
        "skills.model.zdim",
        "skills.train.stepps",
        "distance.finetune.learning_rat",
        "rollout.episode",
        "pathvars.result",
    ],
)
def test_an_unknown_key_is_refused_by_its_name(path):
    message = fault(changed(path, 1))
    assert f"unknown key `{path}`" in message
    assert "known keys here" in message


def test_a_misspelt_key_is_answered_with_the_right_one():
    assert "did you mean `steps`?" in fault(changed("skills.train.stepps", 1))


def test_the_message_names_the_file_that_the_key_came_from():
    config = changed("skills.train.stepps", 1)
    sources = {"config/config.yaml": load(), "mine.yaml": {"skills": {"train": {"stepps": 1}}}}
    with pytest.raises(ConfigError, match=r"^mine.yaml: unknown key"):
        check(config, sources)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("seeds", [], "`seeds` is []"),
        ("seeds", [0, 0], "stands there twice"),
        ("rollout.skill", "median", "must be one of sample, mean"),
        ("rollout.episodes", 0, "must be at least 1"),
        ("skills.train.learning_rate", "1e-3", "write 1.0e-3"),
        ("methods.fist", {"prior": "goal", "finetune": "all"}, "lacks lookup"),
        ("methods.fist", {"prior": "goal", "lookup": "distance"}, "skills needs finetune"),
        ("methods.fist", {"lookup": "distance", "finetune": "all"}, "needs a prior"),
        ("methods.fist.lookup", "none", "prior goal needs a lookup"),
        ("methods.fist.prior", "state", "prior state takes no lookup"),
        ("methods.bc.lookup", "distance", "kind bc takes no lookup"),
        ("methods.bc.finetune", "prior", "kind bc needs finetune: all, none, scratch"),
        ("methods.goal_bc.prior", "goal", "kind goal_bc takes no prior"),
        ("methods.fist.distance", "mixed", "must contain saw_held_out"),
        ("tables.kitchen_table.tasks", ["kettel"], "no kettel among tasks"),
        ("tables.kitchen_table.methods", ["bcc"], "no bcc among methods"),
        ("tables.kitchen_table.env", "kitschen", "no kitschen among environments"),
        ("tables.maze_table.fold", 7, "100 does not make folds of 7"),
        ("default_tables", ["kitchen"], "no kitchen among tables: kitchen_table"),
        ("baselines", ["sprl"], "no sprl among methods: fist"),
        ("tables.kitchen_table.references", ["sprl"], "no sprl among methods: fist"),
        ("tables.kitchen_table.references", ["fist"], "fist is a row, so it is no reference"),
        ("tables.kitchen_table.demonstrations", ["fist_3"], "no fist_3 among methods: fist"),
        ("claims", [CLAIM | {"worse": "sprl"}], "`claims.0`: no sprl among methods: fist"),
        ("claims", [CLAIM | {"table": "kitchen"}], "`claims.0`: no kitchen among tables"),
        ("claims", [CLAIM | {"at_least": 2}], "needs either worse (a method) or at_least"),
        ("environments.kitchen.tasks.kettle.n_demos", 23, "n_demos 23 is more than"),
        ("environments.kitchen.data.play.source", "local", "source local needs files"),
        ("environments.kitchen.data.demos.seed", 0, "same seed"),
    ],
)
def test_a_value_that_cannot_work_is_refused_with_the_way_out(path, value, message):
    assert message in fault(changed(path, value))


def test_every_task_needs_its_local_demonstrations():
    config = changed("environments.kitchen.data.demos", {"source": "local", "files": {"a-b": "x"}})
    assert "no file for microwave-kettle-top_burner-light_switch" in fault(config)


@pytest.mark.parametrize(("definition", "path"), SETTINGS.items())
def test_the_schema_knows_exactly_the_fields_of_the_settings(definition, path):
    module, name = path.rsplit(".", 1)
    fields = dataclasses.fields(getattr(importlib.import_module(module), name))
    schema = yaml.safe_load(SCHEMA.read_text())["$defs"][definition]["properties"]
    assert set(schema) == {field.name for field in fields} - SET_BY_THE_METHOD


def test_every_key_of_the_schema_is_described_in_the_reference():
    text = re.sub(r"```.*?```", "", (ROOT / "config" / "README.md").read_text(), flags=re.S)
    words = {word for span in re.findall(r"`([^`]+)`", text) for word in re.split(r"[.\s]", span)}
    assert _keys(yaml.safe_load(SCHEMA.read_text())) <= words


def _keys(schema):
    """Collect the names of all properties in a schema."""
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", {}))
    return own.union(*(_keys(value) for value in schema.values()))


@pytest.mark.parametrize(("script", "section", "part"), SCRIPTS)
@pytest.mark.parametrize("overlay", [(), ("paper",), ("test",)])
def test_settings_reach_the_script_as_they_are_written(script, section, part, overlay):
    config = load(*overlay)
    for name, arguments in _sections(script):
        written = settings(config, "kitchen", section, "model" if name == "model" else part)
        read = tyro.cli(arguments, args=shlex.split(flags(name, written)), prog=script)
        for key, value in written.items():
            expected = tuple(value) if isinstance(value, list) else value
            assert getattr(getattr(read, name), key) == expected


@pytest.mark.parametrize(("script", "section", "part"), SCRIPTS)
def test_the_paper_is_what_the_scripts_do_by_default(script, section, part):
    for name, arguments in _sections(script):
        written = settings(load("paper"), "kitchen", section, "model" if name == "model" else part)
        read = tyro.cli(arguments, args=shlex.split(flags(name, written)), prog=script)
        assert read == tyro.cli(arguments, args=[], prog=script)


def test_the_paper_names_every_setting_that_decides_its_results():
    paper = yaml.safe_load((ROOT / "config" / "paper.yaml").read_text())
    housekeeping = {"log_every", "save_every", "precision", "compile", "scale_floor"}
    schema = yaml.safe_load(SCHEMA.read_text())["$defs"]
    for section in ("skills", "distance", "bc"):
        model = {"skills": "skill_model"}.get(section, f"{section}_model")
        assert set(paper[section]["model"]) == set(schema[model]["properties"]) - housekeeping
        for part in ("train", "finetune"):
            assert set(paper[section][part]) == set(schema["train"]["properties"]) - housekeeping


def _sections(script):
    """Return (name, class with only that group of options) for the settings of a script."""
    arguments = importlib.import_module(script).Arguments
    hints = typing.get_type_hints(arguments)
    for field in dataclasses.fields(arguments):
        if field.name in ("model", "train"):
            only = [(field.name, hints[field.name], dataclasses.field(default=field.default))]
            yield field.name, dataclasses.make_dataclass("Arguments", only, frozen=True)


def test_an_environment_may_have_settings_of_its_own():
    config = load()
    config["skills"]["model"] = {"hidden": 64, "z_dim": 10}
    config["environments"]["kitchen"]["skills"] = {"model": {"z_dim": 4}}
    before = copy.deepcopy(config)
    assert settings(config, "kitchen", "skills", "model") == {"hidden": 64, "z_dim": 4}
    assert config == before


def test_flags_are_what_a_shell_and_tyro_expect():
    options = flags("model", {"z_dim": 10, "normalise": True, "priors": ["goal", "state"]})
    assert options == "--model.z-dim 10 --model.normalise --model.priors goal state"
    assert (
        flags("train", {"normalise": False, "a": "b c"}) == "--train.no-normalise --train.a 'b c'"
    )


def test_splits_are_named_after_what_they_leave_out():
    assert split_name([]) == "mixed"
    assert split_name(["top_burner", "microwave"]) == "no_top_burner-microwave"


def test_play_is_the_24_sequences_of_the_recordings():
    sequences = load()["environments"]["kitchen"]["data"]["play"]["sequences"]
    assert sorted(sequences) == sorted(map(sequence_name, PLAY_SEQUENCES))


def test_every_held_out_object_stands_in_some_play_sequences_but_not_in_all():
    kitchen = load()["environments"]["kitchen"]
    for task in kitchen["tasks"].values():
        for name in task["held_out"]:
            having = [name in line.split("-") for line in kitchen["data"]["play"]["sequences"]]
            assert any(having) and not all(having)


def test_the_conda_environment_has_the_pinned_versions():
    constraints = set((ROOT / "constraints.txt").read_text().split())
    *_, packages = yaml.safe_load((ROOT / "envs" / "fist.yaml").read_text())["dependencies"]
    assert set(packages["pip"]) <= constraints


def test_numbers_on_the_command_line_are_numbers():
    given = {
        "rollout": {"episodes": "3", "skill": "mean"},
        "seeds": ["0", 1],
        "tensorboard": "true",
    }
    assert typed(given) == {
        "rollout": {"episodes": 3, "skill": "mean"},
        "seeds": [0, 1],
        "tensorboard": True,
    }


@pytest.mark.parametrize("text", ["a: b", "*x", "@home", "{a", "[1, 2]", "100 %: all"])
def test_a_text_on_the_command_line_stays_what_it_is(text):
    assert typed({"local_dir": text}) == {"local_dir": text}


def test_a_task_may_leave_out_what_is_held_out_and_its_order():
    config = changed("environments.kitchen.tasks.kettle", {})
    config["default_tables"] = ["maze_table"]
    check(config, {})
    assert config["environments"]["kitchen"]["tasks"]["kettle"] == {
        "held_out": [],
        "order": ["kettle"],
    }


SOURCES = {
    "d4rl": ({"source": "d4rl", "files": ["nowhere.hdf5"]}, "no nowhere.hdf5 among downloads"),
    "fist": ({"source": "fist", "files": ["a"]}, "source fist needs archive"),
    "archive": (
        {"source": "fist", "archive": "no.zip", "files": ["a"]},
        "no no.zip among downloads",
    ),
    "relay": (
        {"source": "relay", "archive": "relay-kitchen.zip", "files": ["*"]},
        "source relay needs converter",
    ),
    "minari": ({"source": "minari"}, "source minari needs files"),
    "split": (
        {"source": "minari", "files": {"no_kettle": ["D4RL/kitchen/mixed-v2"]}},
        "data.play.files has no files for no_top_burner",
    ),
    "split name": ({"source": "minari", "files": {"kettle": ["x-v0"]}}, "`kettle` must match"),
}


@pytest.mark.parametrize(("play", "message"), SOURCES.values(), ids=SOURCES)
def test_a_source_that_lacks_something_is_refused(play, message):
    assert message in fault(changed("environments.kitchen.data.play", play))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "lacks urls"),
        ({"urls": []}, "must have at least 1 entry"),
        ({"urls": ["ftp://x"]}, "must match ^(https?|file)://"),
        ({"urls": ["http://x"], "sha256": "abc"}, "must match"),
    ],
)
def test_a_download_that_cannot_be_fetched_is_refused(entry, message):
    assert message in fault(changed("downloads", {"a.hdf5": entry}))


def test_a_checksum_can_be_overridden():
    config = load()
    entry = config["downloads"]["kitchen-mixed-v0.hdf5"]
    for value in ("0" * 64, None):
        entry["sha256"] = value
        check(config, {})


@pytest.mark.parametrize(
    ("section", "items", "steps"),
    [  # of the reference, on 4,000,000 rows in one episode
        ("skills", int(0.99 * 4_000_000 / 11), 702_000),
        ("distance", 4_000_000 - 10, 781_200),
        ("bc", 4_000_000 - 1, 351_000),
    ],
)
def test_the_paper_trains_the_maze_for_as_many_steps_as_the_reference(section, items, steps):
    settings_of = importlib.import_module("fist.training.settings").TrainSettings
    train = settings_of(**settings(load("paper"), "maze", section, "train"))
    assert train.validation == (0.01 if section == "skills" else 0)
    assert train.total_steps(items) == steps
    assert train.schedule == "constant" and train.warmup == 0
