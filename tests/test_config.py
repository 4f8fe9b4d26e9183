"""Laws of the configuration: what it refuses, and what its settings become."""

import copy
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace as Of

import pytest
import torch
import yaml

import declarations
from configuration import ConfigError, full_schema, load
from d4rl.kitchen.sequences import PLAY_SEQUENCES, sequence_name
from declarations import ask, declared
from fist.data.episodes import Episodes
from fist.methods.base import Material, Model, class_named
from fist.stage import provenance
from fist.training.settings import TrainSettings
from options import Options
from reference import README, reference
from targets import Targets
from values import given_twice, merge, model_settings, split_name

ROOT = Path(__file__).parents[1]
MODELS = ("skills", "distance", "bc", "goal_bc")
"""Models of the paper."""
STAGES = [(model, part) for model in MODELS for part in ("model", "train", "finetune")]
CLAIM = {"text": "x", "table": "kitchen_table", "better": "fist", "worse": "spirl"}
FIST = "fist.methods.skills:FIST"

PLAY = "environments.kitchen.data.play"

MORE_METHODS = """
from fist.stage.settings import settings
from outside_method import Chunk, ChunkModel, ChunkSettings

@settings
class Tagged(ChunkSettings):
    tag: str = ""
    \'\'\'A text.\'\'\'

class Head(ChunkModel):
    name, Settings = "head", Tagged
    trains_on, parts = ("play", "distance"), ("head",)
    recipe = {"train": {"batch_size": 7}, "finetune": {}}

class WithHead(Chunk):
    Model = Head

class Late(Chunk):
    Model = type("Late", (Head,), {"name": "late", "trains_on": ()})

class ReadsLate(Chunk):
    Model = type("Impatient", (Head,), {"name": "impatient", "finetunes_on": ("late",)})

class Circle(Chunk):
    Model = type("Circle", (Head,), {"name": "circle", "trains_on": ("circle",)})

class Steals(Chunk):
    Model = type("Thief", (ChunkModel,), {"name": "skills"})

class Reads(Chunk):
    Model = type("Reader", (ChunkModel,), {"name": "reader", "trains_on": ("nothing",)})
"""


@functools.cache
def _read(name):
    return yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())


def read(*names):
    """Return config.yaml with other files of config/ on top, as they are written."""
    return copy.deepcopy(functools.reduce(merge, map(_read, ("config", *names))))


def fault(config, **sources):
    """Return the message with which a configuration is refused."""
    with pytest.raises(ConfigError) as error:
        load(sources or {"mine": config})
    return str(error.value)


def changed(path, value):
    """Return config.yaml with one value changed."""
    config = read()
    *folders, last = path.split(".")
    entry = config
    for folder in folders:
        entry = entry.setdefault(folder, {})
    entry[last] = value
    return config


def loaded(*names):
    return load({"mine": read(*names)})


def trial_of(config, method):
    """Return how a method acts in the maze, and on what it is tested there."""
    return Options(Targets(config, declared(config))).tests(
        Of(env="maze", task="left", method=method)
    )


def look_again():
    """Let the code be read again, as a new process would."""
    for known in (provenance.code_version, provenance._imports, provenance._spec):
        known.cache_clear()


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A folder of a run in which two modules of methods lie."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    look_again()
    shutil.copy(ROOT / "tests" / "outside_method.py", tmp_path)
    (tmp_path / "more.py").write_text(MORE_METHODS)
    return tmp_path


@pytest.mark.parametrize("name", ["config", "paper", "real", "test"])
def test_every_configuration_of_the_repository_is_accepted_and_then_complete(name):
    config = loaded(*[name][: name != "config"])
    assert load({"again": config}) == config


@pytest.mark.parametrize(
    "path",
    [
        "sedes",
        "environments.kitchen.env",
        "environments.kitchen.data.play.episode",
        "environments.kitchen.tasks.kettle.heldout",
        "environments.kitchen.models.skill",
        "tables.kitchen_table.task",
        "methods.fist.look_up",
        "methods.bc.rollout.replan_every",
        "models.vae",
        "models.skills.model.zdim",
        "models.skills.train.stepps",
        "models.distance.finetune.learning_rat",
        "rollout.episode",
        "pathvars.result",
    ],
)
def test_an_unknown_key_is_refused_by_its_name(path):
    message = fault(changed(path, 1))
    assert f"unknown key `{path}`" in message
    assert "known keys here" in message


def test_a_misspelt_key_is_answered_with_the_right_one():
    assert "did you mean `steps`?" in fault(changed("models.skills.train.stepps", 1))


def test_the_message_names_the_file_that_the_key_came_from():
    sources = {"config/config.yaml": read(), "mine.yaml": {"models": {"bc": {"train": {"x": 1}}}}}
    with pytest.raises(ConfigError, match=r"^mine.yaml: unknown key"):
        load(sources)
    with pytest.raises(ConfigError, match=r"^--config: `seeds` is 'x'"):
        load({"config/config.yaml": read()}, ["seeds=x"])


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("seeds", [], "`seeds` is []"),
        ("seeds", [0, 0], "stands there twice"),
        ("rollout.skill", "median", "must be one of sample, mean"),
        ("rollout.episodes", 0, "must be at least 1"),
        ("models.skills.train.learning_rate", "1e-3", "write 1.0e-3"),
        ("models.skills.train.learning_rate", float("nan"), "of type number (finite)"),
        ("models.skills.train.epochs", float("inf"), "of type number (finite)"),
        ("models.skills.train.steps", 2.0, "must be of type integer"),
        ("n_demos", True, "must be of type integer"),
        ("models.skills.model.normalise", 1, "must be of type boolean"),
        ("models.skills.model.priors", [], "must have at least 1 entry"),
        ("tables.kitchen_table.rows", "section\n", "must match"),
        ("environments.kit\n", {}, "must match"),
        ("tables.cost", read()["tables"]["maze_table"], "the pipeline has files of that name"),
        ("environments.kitchen.tasks.all", {"order": ["kettle"]}, "the row over all tasks"),
        ("environments.kitchen.tasks.none", {"order": ["kettle"]}, "none means that nothing is"),
        ("environments.kitchen.suites.none", ["kettle"], "none means that nothing is learnt"),
        ("environments.figures", read()["environments"]["maze"], "files of that name"),
        ("methods.fist", {"finetune": "all"}, "`methods.fist` lacks class, or like"),
        ("methods.fist.lookup", "none", "FIST needs a lookup (distance, euclidean, random)"),
        (
            "methods.fist.finetune",
            "head",
            "FIST needs finetune: all, prior, goal_prior, state_prior, scratch, none",
        ),
        ("methods.bc.lookup", "distance", "BC takes no lookup"),
        ("methods.bc.finetune", "prior", "BC needs finetune: all, scratch, none"),
        ("methods.replay.finetune", "all", "Replay has no model to finetune"),
        ("methods.fist.like", "fits", "no fits among methods: fist, spirl"),
        ("methods.fist.like", "fist_one_shot", "like the next: fist, fist_one_shot, fist"),
        ("methods.fist.class", "FIST", "must match"),
        ("methods.fist.class", "fist.methods.skills:Fist", "has no attribute 'Fist'"),
        ("methods.fist.class", "fist.methods.skills:SkillVAE", "no subclass of fist.methods"),
        ("methods.fist.class", "nowhere_at_all:FIST", "PYTHONPATH and in the folder of the run"),
        ("methods.fist.distance", "mixed", "must contain saw_held_out"),
        ("methods.fist_no_finetuning.retrieve", "all", "needs a model that is fine-tuned without"),
        ("methods.fist_graph.lookup", "euclidean", "search graph needs lookup distance"),
        ("methods.replay.retrieve", "iwr", "needs a model that is fine-tuned without play"),
        ("methods.fist.retrieve", "near", "must be one of none, all, nearest, iwr, sdtw"),
        ("tables.kitchen_table.tasks", ["kettel"], "no kettel among tasks"),
        ("tables.kitchen_table.methods", ["bcc"], "no bcc among methods"),
        ("tables.kitchen_table.env", "kitschen", "no kitschen among environments"),
        ("default_tables", ["kitchen"], "no kitchen among tables: kitchen_table"),
        ("baselines", ["sprl"], "no sprl among methods: fist"),
        ("tables.kitchen_table.references", ["sprl"], "no sprl among methods: fist"),
        ("tables.kitchen_table.references", ["fist"], "fist is a row, so it is no reference"),
        ("tables.kitchen_table.demonstrations", ["fist_3"], "no fist_3 among methods: fist"),
        ("claims", [CLAIM | {"worse": "sprl"}], "`claims.0`: no sprl among methods: fist"),
        ("claims", [CLAIM | {"table": "kitchen"}], "`claims.0`: no kitchen among tables"),
        ("claims", [CLAIM | {"at_least": 2}], "needs either worse (a method) or at_least"),
        ("environments.kitchen.tasks.kettle.paper", {"x": {"success": 2}}, "must be at most 1"),
        ("environments.kitchen.tasks.kettle.n_demos", 23, "n_demos 23 is more than"),
        ("environments.kitchen.data.play.source", "local", "source local needs files"),
        ("environments.kitchen.data.demos.seed", 0, "same seed"),
        ("environments.kitchen.env_id", "d4rl:kitchn-v0", "`environments.kitchen.env_id`: d4rl:"),
        ("environments.kitchen.env_id", "nowhere_at_all:X-v0", "PYTHONPATH and in the folder of"),
        ("environments.kitchen.env_id", "a\nb", "must match"),
        ("environments.kitchen.order_argument", "task", "no task among arguments: task_elements"),
        (f"{PLAY}.generator", "d4rl.kitchen.generate:generat", "has no attribute 'generat'"),
        (f"{PLAY}.generator", "d4rl.kitchen.elements:ELEMENTS", "it is no function"),
        (f"{PLAY}.generator", "math:sin", "it is called with (path, sequence, episodes, seed, w"),
        (f"{PLAY}.arguments", {"only_succesful": True}, "did you mean `only_successful`?"),
        (f"{PLAY}.arguments", {"only_successful": 1}, "must be of type boolean"),
        (f"{PLAY}.arguments", {"workers": 2}, "unknown key"),
        ("environments.maze.data.play.arguments.sections", 3, "must be of type"),
        ("environments.maze.env_kwargs.start", 3, "did you mean `starts`?"),
        ("environments.maze.tasks.left.env_kwargs", {"start": 3}, "did you mean `starts`?"),
        ("environments.maze.env_kwargs.starts", "x", "must be of type integer"),
        ("pathvars.data", "a{b}", "`a{b}` must match"),
        ("cache_dir", "-a", "`-a` must match"),
        ("tables.kitchen_table.tasks", ["a" * 201], "must have at most 200 letters"),
        ("pathvars.data", "./results", "`pathvars.results`: is the folder of data, too"),
        ("pathvars.logs", "data/maze/x", "`pathvars.logs`: lies in maze of data"),
        ("pathvars.logs", "results/.resume/x", "`pathvars.logs`: lies in .resume of results"),
        ("cache_dir", "data/downloads", "the pipeline's own folder of downloads"),
        ("tables.maze_table_statistics", read()["tables"]["maze_table"], "statistics are called"),
    ],
)
def test_a_value_that_cannot_work_is_refused_with_the_way_out(path, value, message):
    assert message in fault(changed(path, value))


def test_every_task_needs_its_local_demonstrations():
    config = changed("environments.kitchen.data.demos", {"source": "local", "files": {"a-b": "x"}})
    assert "no file for microwave-kettle-top_burner-light_switch" in fault(config)


def test_the_reference_says_what_the_settings_say():
    assert reference(README.read_text()) == README.read_text()


def test_every_key_of_the_configuration_is_described():
    assert all(words.strip() for words in _descriptions(full_schema(declared(loaded()))))


def _descriptions(schema):
    """Collect what is said of every property in a schema, but for the names of models."""
    for entry in schema.get("properties", {}).values():
        yield entry["description"] if "title" in entry else "a section"
        yield from _descriptions(entry)
    for entry in (schema.get("items"), schema.get("additionalProperties")):
        yield from _descriptions(entry) if isinstance(entry, dict) else ()


@pytest.mark.parametrize(("model", "part"), STAGES)
def test_the_paper_is_what_the_classes_do_by_default(model, part):
    config = loaded("paper")
    known = declared(config)["models"][model][part]["properties"]
    for key, value in model_settings(config, "kitchen", model, part).items():
        assert known[key]["default"] == value


def test_the_paper_names_every_setting_that_decides_its_results():
    paper, known = _read("paper")["models"], declared(loaded("paper"))["models"]
    housekeeping = {"log_every", "save_every", "keep_every", "precision", "compile", "scale_floor"}
    housekeeping.add("encoder_blocks")  # an LSTM has none
    for model, part in STAGES:
        assert set(paper[model][part]) == set(known[model][part]["properties"]) - housekeeping


def test_an_environment_may_have_settings_of_its_own():
    config = read()
    config["models"]["skills"]["model"] = {"hidden": 64, "z_dim": 10}
    config["environments"]["kitchen"]["models"] = {"skills": {"model": {"z_dim": 4}}}
    before = copy.deepcopy(config)
    assert model_settings(config, "kitchen", "skills", "model") == {"hidden": 64, "z_dim": 4}
    assert model_settings(config, "maze", "skills", "model")["readout"] == 32
    assert config == before


def test_a_method_takes_the_settings_of_tests_that_its_class_has():
    config = load({"x": changed("methods.neighbours.rollout", {"neighbours": 3, "episodes": 4})})
    found = {name: trial_of(config, name) for name in ("fist", "bc", "neighbours")}
    acts = {name: act for name, (act, _) in found.items()}
    assert acts["fist"] == {"replan_every": 5, "skill": "sample"}
    assert (acts["bc"], acts["neighbours"]) == ({"skill": "sample"}, {"neighbours": 3})
    assert found["neighbours"][1] == {"episodes": 4, "max_steps": 2001, "batch": 100}


def test_a_method_is_like_another_but_for_what_it_says_itself():
    base = {"class": FIST, "rollout": {"skill": "mean", "episodes": 3}}
    variant = {"like": "base", "lookup": "random", "rollout": {"episodes": 5}}
    config = changed("methods.base", base)
    config["methods"] |= {"variant": variant, "third": {"like": "variant", "finetune": "none"}}
    methods = load({"x": config})["methods"]
    known = {"class": FIST, "distance": "held_out", "retrieve": "none"}
    assert methods["base"] == known | base | {"lookup": "distance", "finetune": "all"}
    told = {"lookup": "random", "rollout": {"skill": "mean", "episodes": 5}}
    assert methods["variant"] == known | told | {"finetune": "all"}
    assert methods["third"] == known | told | {"finetune": "none"}


def test_what_a_method_leaves_out_follows_from_its_class():
    config = read()
    for name in ("fist", "spirl", "bc", "replay"):
        config["methods"][name] = {"class": config["methods"][name]["class"]}
    methods = load({"x": config})["methods"]
    found = {name: (methods[name]["lookup"], methods[name]["finetune"]) for name in methods}
    assert found["fist"] == ("distance", "all") and found["spirl"] == ("none", "all")
    assert found["bc"] == ("none", "all") and found["replay"] == ("distance", "none")


def test_a_class_from_outside_is_checked_by_what_it_declares(outside):
    config = changed("methods.mine", {"class": "more:WithHead", "rollout": {"kept": 2}})
    config["models"]["head"] = {"model": {"hidden": 8}}
    config = load({"x": config}, ["models={head: {model: {tag: 1e3}, train: {steps: 5}}}"])
    assert config["methods"]["mine"]["finetune"] == "head"
    assert model_settings(config, "maze", "head", "model") == {"hidden": 8, "tag": "1e3"}
    assert model_settings(config, "maze", "head", "train") == {"steps": 5}
    assert trial_of(config, "mine")[0] == {"kept": 2}
    assert declared(config)["methods"]["mine"]["model"] == "head"
    model = declared(config)["models"]["head"]
    assert model["class"] == "more:Head" and model["trains_on"] == ["play", "distance"]
    assert model["train"]["properties"]["batch_size"]["default"] == 7
    config["models"]["head"]["model"]["hidden"] = 0
    assert "`models.head.model.hidden` is 0: must be at least 1" in fault(config)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({"class": "more:Steals"}, "its model more:Thief is called skills like fist.methods"),
        ({"class": "more:Reads"}, "its model reads nothing, which is no method's model"),
        ({"class": "more:Circle"}, "models train on each other: circle, circle"),
        ({"class": "more:Late", "finetune": "none"}, "more:Late needs finetune: head;"),
        ({"class": "more:WithHead", "lookup": "random"}, "more:WithHead takes no lookup"),
        ({"class": "broken:Broken"}, "`methods.mine.class`: broken:Broken cannot be used: oh no"),
    ],
)
def test_a_class_that_cannot_be_used_is_refused_by_the_method_that_names_it(
    outside, method, message
):
    (outside / "broken.py").write_text("raise RuntimeError('oh no')\n")
    assert message in fault(changed("methods.mine", method))


def test_a_model_that_reads_one_that_is_not_trained_on_play_is_refused(outside):
    config = changed("methods.late", {"class": "more:Late"})
    config["methods"]["mine"] = {"class": "more:ReadsLate"}
    assert "its model reads late, which is not trained on play" in fault(config)


SOURCES_OF_MINE = """
def load(files, what, out, rows, cut: int = 0): ...
def everything(files, what, out, **options): ...
def convert(logs, out, more): ...
def small(files): ...
"""


@pytest.mark.parametrize(
    ("play", "message"),
    [
        ({"source": "nowhere_at_all:load"}, "PYTHONPATH and in the folder of the run"),
        ({"source": "mine:lod"}, "`environments.kitchen.data.play.source`: mine:lod cannot be"),
        ({"source": "mine:load"}, "`environments.kitchen.data.play` lacks options"),
        ({"source": "mine:load", "options": {}}, "`environments.kitchen.data.play.options` lacks"),
        ({"source": "mine:load", "options": {"rows": 1, "cutt": 1}}, "did you mean `cut`?"),
        ({"source": "mine:load", "options": {"rows": 1, "cut": "x"}}, "must be of type integer"),
        ({"source": "mine:small"}, "it is called with (files, what, out, ...): too many"),
        (
            {"source": "relay", "archive": "relay-kitchen.zip", "converter": "mine:convert"},
            "`environments.kitchen.data.play.converter`: mine:convert cannot be used: it needs",
        ),
    ],
)
def test_a_source_that_cannot_be_called_as_the_configuration_says_is_refused(
    outside, play, message
):
    (outside / "mine.py").write_text(SOURCES_OF_MINE)
    assert message in fault(changed(PLAY, {"files": ["a.zip"]} | play))


def test_a_source_may_take_whatever_it_is_given(outside):
    (outside / "mine.py").write_text(SOURCES_OF_MINE)
    play = {"source": "mine:everything", "files": ["a.zip"], "options": {"x": [{}]}}
    assert load({"x": changed(PLAY, play)})["environments"]["kitchen"]["data"]["play"] == play


@pytest.mark.parametrize("first", ["fist", "link_b"])
def test_methods_that_are_like_each_other_however_many_are_told_in_one_line(first):
    """A chain of 1,100 is followed, a circle of them refused."""
    names = ["link_b", *(f"link_{n}b" for n in range(1, 1100))]
    config = read()
    for name, before in zip(names, [first, *names], strict=False):
        config["methods"][name] = {"like": before}
    if first == "fist":
        assert load({"x": config})["methods"][names[-1]]["class"] == FIST
    else:
        assert "each of these is like the next: link_b, link_b" in fault(config)


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
@pytest.mark.parametrize(
    "path", ["cache_dir", "local_dir", "pathvars.data", "environments.kitchen.env_id"]
)
def test_a_text_that_no_file_can_be_named_is_refused_by_its_key(path, text):
    message = f"mine: `{path.split('.')[0]}`: {text!r} holds NUL or half of a character"
    assert fault(changed(path, text)) == message
    assert "half of a character" in fault(read() | {text: 1})


def test_a_value_that_cannot_be_walked_through_is_refused_by_its_key():
    """Too deep, without an end, or an explosion of YAML's names."""
    deep, endless, bomb = [], [], "x"
    for _ in range(200_000):
        deep = [deep]
    endless.append(endless)
    for _ in range(10):
        bomb = [bomb] * 9
    for value in (deep, endless):
        assert fault(changed("claims", value)) == "mine: `claims` is nested deeper than 50 levels"
    assert fault(changed("claims", bomb)) == "mine: `claims` holds more than 1000000 values"
    with pytest.raises(ConfigError, match="^--config: `rollout` is nested deeper"):
        load({"x": read()}, ["rollout=" + "[" * 20_000])
    assert len(fault(changed("seeds", ["x" * 10_000]))) < 400
    many = fault(changed("seeds", [{"x": n} for n in range(20_000)])).splitlines()
    assert len(many) == 30


def test_declarations_are_kept_for_as_long_as_the_code_is_the_same(outside, monkeypatch):
    named, kept = [("policy", "more:WithHead")], outside / "kept"
    first = ask(named, kept)
    with monkeypatch.context() as patch:
        patch.setattr(declarations.subprocess, "run", None)
        assert ask(named, kept) == first
    inner = outside / "outside_method.py"
    inner.write_text(inner.read_text().replace("hidden: Count = 32", "hidden: Count = 133"))
    look_again()
    again = ask(named, kept)["models"]["head"]["model"]["properties"]["hidden"]
    assert again["default"] == 133


BAD_MODULES = {
    "no policy that can act": ("", "fist.methods.base:Policy", "Policy has no method `act`"),
    "no policy": ("", "fist.methods.skills:SkillVAE", "is no subclass of fist.methods.base:Policy"),
    "a name with a path": ('name = "../x"', "mine:Mine", "mine:Model is called '../x': take ano"),
    "a name of a file": ('name = "demos"', "mine:Mine", "mine:Model is called 'demos'"),
    "a name that is none": ("name = 3", "mine:Mine", "mine:Model is called 3"),
    "no name": ("name = None", "mine:Mine", "mine:Model has no `name`"),
    "no losses": ("losses = None", "mine:Mine", "mine:Model has no method `losses`"),
    "no sampler": ("sampler = Bare.sampler", "mine:Mine", "mine:Model has no method `sampler`"),
    "a text of parts": ('parts = "all"', "mine:Mine", "`parts` 'all', which is no tuple of names"),
    "parts that are no names": ("parts = (1, 'a b')", "mine:Mine", "mine:Model has `parts` .1, 'a"),
    "no parts": ("parts = ()", "mine:Mine", "mine:Model has no `parts`"),
    "a text of data": ('trains_on = "play"', "mine:Mine", "`trains_on` 'play', which is no tuple"),
    "other settings": ("Settings = dict", "mine:Mine", "mine:Model has `Settings` that are no sub"),
    "half a recipe": ("recipe = {'train': {}}", "mine:Mine", "mine:Model has a `recipe` that"),
    "a recipe of nothing": (
        "recipe = {'train': {'stepps': 1}, 'finetune': {}}",
        "mine:Mine",
        "stepps",
    ),
    "an end": ("raise SystemExit('bye')", "mine:Mine", "mine:Mine cannot be used: bye"),
    "no Python": ("class", "mine:Mine", "mine:Mine cannot be used: .*syntax"),
}


@pytest.mark.parametrize(("line", "path", "reason"), BAD_MODULES.values(), ids=BAD_MODULES)
def test_a_class_that_cannot_be_used_is_refused_with_the_reason(outside, line, path, reason):
    module = "from fist.methods.base import Model as Bare\n"
    module += "from outside_method import Chunk, ChunkModel\n"
    module += f"class Model(ChunkModel):\n    {line or 'pass'}\n"
    (outside / "mine.py").write_text(f"{module}class Mine(Chunk):\n    Model = Model\n")
    look_again()
    assert re.search(reason, ask([("policy", path)], outside / "kept")["fault"])


def test_what_a_module_prints_is_no_declaration(outside):
    """Not even what it writes to the file descriptor itself."""
    printed = "import os; os.write(1, b'hello'); print('hello')\nfrom outside_method import Chunk\n"
    (outside / "loud.py").write_text(printed)
    look_again()
    assert (
        ask([("policy", "loud:Chunk")], outside / "kept")["policy"]["loud:Chunk"]["model"]
        == "outside"
    )


def test_a_folder_that_cannot_be_written_to_is_in_nobodys_way(outside):
    (outside / "file").write_text("")
    assert ask([("policy", "more:WithHead")], outside / "file" / "kept")["policy"]


def test_the_configuration_is_checked_without_torch():
    script = (
        "import sys, yaml; from configuration import load; "
        "load({'x': yaml.safe_load(open('config/config.yaml'))}); assert 'torch' not in sys.modules"
    )
    path = f"{ROOT / 'workflow'}:{ROOT}:{ROOT / 'd4rl' / 'src'}"
    run = [sys.executable, "-c", script]
    subprocess.run(run, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": path})


def test_splits_are_named_after_what_they_leave_out():
    assert split_name({"held_out": []}) == "mixed"
    lacking = {"held_out": ["top_burner", "microwave"]}
    assert split_name(lacking) == "no_top_burner-microwave"
    assert split_name(lacking | {"play_percent": 5}) == "no_top_burner-microwave.5percent"


def test_play_is_the_24_sequences_of_the_recordings():
    sequences = read()["environments"]["kitchen"]["data"]["play"]["sequences"]
    assert sorted(sequences) == sorted(map(sequence_name, PLAY_SEQUENCES))


def test_every_held_out_object_stands_in_some_play_sequences_but_not_in_all():
    kitchen = read()["environments"]["kitchen"]
    for task in kitchen["tasks"].values():
        for name in task.get("held_out", []):
            having = [name in line.split("-") for line in kitchen["data"]["play"]["sequences"]]
            assert any(having) and not all(having)


def test_the_conda_environment_has_the_pinned_versions():
    constraints = set((ROOT / "constraints.txt").read_text().split())
    *_, packages = yaml.safe_load((ROOT / "envs" / "fist.yaml").read_text())["dependencies"]
    assert set(packages["pip"]) <= constraints


def test_numbers_on_the_command_line_are_numbers():
    given = ["rollout={episodes: 3, skill: mean}", "seeds=[0, 1]", "tensorboard=true", "n_demos=3"]
    config = load({"x": read()}, given)
    assert config["rollout"] == {"episodes": 3, "replan_every": 5, "skill": "mean"}
    assert (config["seeds"], config["tensorboard"], config["n_demos"]) == ([0, 1], True, 3)


@pytest.mark.parametrize(
    "text",
    *[
        [
            "a: b",
            "*x",
            "@home",
            "{a",
            "[1, 2]",
            "100 %: all",
            "2024_01_02",
            "1",
            "1e3",
            "true",
            "a=b",
        ]
    ],
)
def test_a_text_on_the_command_line_stays_what_it_is(text):
    assert load({"x": read()}, [f"local_dir={text}"])["local_dir"] == text


def test_texts_inside_sections_stay_texts_and_null_is_null():
    config = load(
        {"x": read()},
        [
            "pathvars={results: 2024_01_02}",
            "environments={maze: {env_kwargs: {starts: 7, targets: [007]}}}",
            "downloads={kitchen-mixed-v0.hdf5: {sha256: null, page: 1}}",
        ],
    )
    assert config["pathvars"]["results"] == "2024_01_02"
    assert config["environments"]["maze"]["env_kwargs"] == {"starts": 7, "targets": ["007"]}
    download = config["downloads"]["kitchen-mixed-v0.hdf5"]
    assert download["sha256"] is None and download["page"] == "1"


def test_a_task_may_leave_out_what_is_held_out_and_its_order():
    config = changed("environments.kitchen.tasks.kettle", {})
    config["default_tables"] = ["maze_table"]
    kettle = load({"x": config})["environments"]["kitchen"]["tasks"]["kettle"]
    assert kettle == {"held_out": [], "order": ["kettle"], "learns_from": "kettle"}


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
        ({"urls": ["ftp://x"]}, "must match ^((https?|file)://"),
        ({"urls": ["http://x"], "sha256": "abc"}, "must match"),
    ],
)
def test_a_download_that_cannot_be_fetched_is_refused(entry, message):
    assert message in fault(changed("downloads", {"a.hdf5": entry}))


def test_a_checksum_can_be_overridden():
    for value in ("0" * 64, None):
        load(
            {
                "x": changed(
                    "downloads", {"kitchen-mixed-v0.hdf5": {"urls": ["file:///x"], "sha256": value}}
                )
            }
        )


TEN_DEMOS, OTHERS, ONE_DEMO, MAZE_DEMOS = [205] * 5 + [206] * 5, [248, 249] * 5, [205], [300] * 10
"""Lengths of demonstrations of the reference's kitchen (1,955 and 2,385 windows) and of a maze."""


@pytest.mark.parametrize(
    ("env", "task", "model", "part", "rows", "demos", "steps"),
    [  # of the reference: the published play, a small file, a maze's; its demonstrations
        ("kitchen", "top_burner", "skills", "", 136_950, None, 192_000),
        ("kitchen", "top_burner", "skills", "", 5_402, None, 6_000),
        ("kitchen", "top_burner", "skills", "all", None, TEN_DEMOS, 750),
        ("kitchen", "light_switch", "skills", "all", None, OTHERS, 900),
        ("kitchen", "top_burner", "skills", "goal_prior", None, TEN_DEMOS, 750),
        ("kitchen", "top_burner", "skills", "all", None, ONE_DEMO, 50),
        ("kitchen", "microwave-one_demo_200_epochs", "skills", "all", None, ONE_DEMO, 200),
        ("kitchen", "top_burner", "distance", "", 136_950, None, 26_600),
        ("kitchen", "top_burner", "distance", "all", 136_950, TEN_DEMOS, 2_660),
        *(
            ("kitchen", "top_burner", model, part, rows, demos, steps)
            for model in ("bc", "goal_bc")
            for part, rows, demos, steps in (
                ("", 136_950, None, 19_200),
                ("", 5_402, None, 600),
                ("all", None, TEN_DEMOS, 750),
                ("all", None, OTHERS, 900),
            )
        ),
        ("maze", "left", "skills", "", 4_000_000, None, 702_000),
        ("maze", "left", "skills", "goal_prior", None, MAZE_DEMOS, 220),
        ("maze", "left", "skills", "state_prior", None, MAZE_DEMOS, 2_200),
        ("maze", "left", "distance", "", 4_000_000, None, 781_200),
        ("maze", "left", "bc", "", 4_000_000, None, 351_000),
        ("maze", "left", "bc", "all", None, MAZE_DEMOS, 2_200),
    ],
)
def test_the_paper_trains_for_as_many_steps_as_the_reference(
    env, task, model, part, rows, demos, steps
):
    config = loaded("paper")
    stage = ("finetune", part, task) if part else ("train",)
    train = TrainSettings(**model_settings(config, env, model, *stage))
    cls = class_named(declared(config)["models"][model]["class"], Model)
    net = cls(cls.Settings(**model_settings(config, env, model, "model")), 1, 1)
    play, shown = (
        lengths and Episodes(*torch.zeros(2, sum(lengths), 1), torch.tensor(lengths))
        for lengths in (rows and [rows], demos)
    )
    items = net.items(Material(play=play, demos=shown), train.validation)
    assert train.total_steps(items) == steps
    assert train.schedule == "constant" and train.warmup == 0


def test_the_paper_fine_tunes_the_priors_of_a_maze_at_the_rates_of_the_release():
    config = loaded("paper")
    for task, goal in (("left", 1e-3), ("right", 1e-4), ("bottom", 1e-3)):
        for part, rate in (("goal_prior", goal), ("state_prior", 1e-4)):
            told = model_settings(config, "maze", "skills", "finetune", part, task)
            assert told["learning_rate"] == rate, (task, part)


def test_what_a_task_says_of_fine_tuning_is_said_last_and_of_its_part_alone():
    config = changed("models.skills.parts", {"prior": {"steps": 4}})
    maze = config["environments"]["maze"]
    maze["tasks"]["left"]["models"] = {"skills": {"finetune": {"steps": 5, "warmup": 7}}}
    asked = [("prior", ""), ("prior", "left"), ("all", "left"), ("prior", "right")]
    told = [model_settings(config, "maze", "skills", "finetune", *one) for one in asked]
    assert [one["steps"] for one in told] == [500, 5, 5, 500]
    assert [one["warmup"] for one in told] == [100, 7, 7, 100]
    for section in ("model", "train"):
        maze["tasks"]["left"]["models"] = {"skills": {section: {}}}
        assert f"`environments.maze.tasks.left.models.skills.{section}`" in fault(config)


def test_a_variant_that_fine_tunes_in_another_way_has_models_of_its_own():
    tasks = loaded("paper")["environments"]["kitchen"]["tasks"]
    assert tasks["microwave-one_demo_200_epochs"]["learns_from"] == "microwave-one_demo_200_epochs"
    assert tasks["microwave-one_demo"]["learns_from"] == "microwave"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a: 1\nb: {c: 1, c: 2}", "c"),
        ('[{"a": 1, "a": 1}]', "a"),
        ("a: &x {b: 1}\nc: {<<: *x, b: 2}", None),
        ("a: &x [*x]", None),
        ("", None),
    ],
)
def test_a_key_that_a_file_gives_twice_is_found(text, key):
    assert given_twice(text) == key
