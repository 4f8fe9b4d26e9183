"""Laws of which files there are, and of the options that say how they are made."""

import json
import re
import shlex
from types import SimpleNamespace as Of

import pytest

import options as options_module
from figures import Figures
from options import Options, flags, ordered
from targets import Cell, TargetError, Targets, made_name
from values import split_name, split_parts

DECLARED = {
    "models": {
        "skills": {"class": "fist.methods.skills:SkillVAE", "parts": ["all", "prior"]},
        "distance": {"class": "fist.methods.distance:Distance", "finetunes_on": ["play", "demos"]},
        "both": {"class": "mine:Both", "trains_on": ["play", "skills", "distance"]},
        "late": {"class": "mine:Late", "trains_on": [], "finetunes_on": ["demos", "skills"]},
    },
    "methods": {
        name: {"model": model, "acts": {"properties": {"skill": {}}}, "told_task": name == "late"}
        for name, model in (("fist", "skills"), ("replay", None), ("late", "late"), ("two", "both"))
    },
    "rollout": {"properties": {"episodes": {}}},
    "environments": {"kitchen": {"registered": [["kitchen.env"], "{}"]}},
}
for entry in DECLARED["models"].values():
    entry.setdefault("trains_on", ["play"])
    entry.setdefault("finetunes_on", ["demos"])

KITCHEN = {
    "env_id": "d4rl:kitchen-mixed-v0",
    "env_kwargs": {"a": 1},
    "order_argument": "task_elements",
    "data": {
        "play": {"source": "generated", "sequences": ["a-b", "c"]},
        "demos": {"source": "generated"},
    },
    "tasks": {
        "left": {
            "held_out": ["b", "c_d"],
            "order": ["a", "b"],
            "n_demos": 4,
            "learns_from": "left",
        },
        "right": {"held_out": [], "order": ["c"], "learns_from": "right"},
    },
    "rollout": {"episodes": 7},
    "models": {"skills": {"train": {"steps": 9}}},
}
METHOD = {"class": "fist.methods.skills:FIST", "lookup": "distance", "distance": "held_out"}
METHOD |= {"retrieve": "none"}
CONFIG = {
    "seeds": [0, 1],
    "n_demos": 10,
    "tensorboard": True,
    "pathvars": {"results": "my $(results)", "data": "data"},
    "environments": {"kitchen": KITCHEN},
    "models": {"skills": {"model": {"z_dim": 3}, "train": {"steps": 5, "warmup": 1}}},
    "methods": {
        "fist": METHOD | {"finetune": "all"},
        "replay": METHOD | {"finetune": "none", "lookup": "euclidean"},
        "late": METHOD | {"finetune": "all", "lookup": "none", "n_demos": 1},
        "two": METHOD | {"finetune": "none", "distance": "mixed"},
    },
    "rollout": {"episodes": 3, "skill": "mean", "replan_every": 2},
    "tables": {
        "table": {
            "env": "kitchen",
            "tasks": ["left", "right"],
            "methods": ["fist"],
            "references": ["replay"],
        }
    },
    "default_tables": ["table"],
    "claims": [
        {"text": "", "table": "table", "better": "fist", "worse": "two"},
        {"text": "", "table": "table", "better": "fist", "at_least": 2},
    ],
    "baselines": ["two"],
}


@pytest.fixture
def targets():
    return Targets(CONFIG, DECLARED)


@pytest.fixture
def options(targets):
    return Options(targets)


@pytest.mark.parametrize("lacking", [[], ["b"], ["b", "c_d"]])
@pytest.mark.parametrize("percent", [100, 10])
def test_a_split_has_one_name(lacking, percent):
    name = split_name({"held_out": lacking, "play_percent": percent})
    assert split_parts(name)[1:] == (lacking, percent)


def test_a_cell_acts_with_files_that_follow_from_its_method(targets):
    folder = "<results>/kitchen/left/finetune_all_4demos/seed_1"
    assert targets.acting(Cell("kitchen", "left", "fist", 1)) == {
        "model": f"{folder}/skills.pt",
        "distance": f"{folder}/distance.pt",
        "demos": "<data>/kitchen/demos/a-b.hdf5",
    }
    assert targets.acting(Cell("kitchen", "right", "two", 1)) == {
        "model": "<results>/kitchen/mixed/seed_1/both.pt",
        "distance": "<results>/kitchen/mixed/seed_1/distance.pt",
        "demos": "<data>/kitchen/demos/c.hdf5",
    }
    late = "<results>/kitchen/left/finetune_all_1demos/seed_0/late.pt"
    assert targets.acting(Cell("kitchen", "left", "late", 0)) == {"model": late}
    assert targets.acting(Cell("kitchen", "left", "replay", 0)).keys() == {"demos"}


def test_a_model_that_retrieves_play_reads_it_and_has_a_folder_of_its_own(targets, options):
    """Not the distance, which reads it anyway; and not where there is no play to learn from."""
    targets.methods["fist"] = targets.methods["fist"] | {"retrieve": "iwr"}
    folder = "<results>/kitchen/left/finetune_all_4demos"
    acting = targets.acting(Cell("kitchen", "left", "fist", 1))
    assert acting["model"] == f"{folder}_retrieve_iwr/seed_1/skills.pt"
    assert acting["distance"] == f"{folder}/seed_1/distance.pt"
    job = Of(env="kitchen", learner="left", part="all", n_demos="4", seed=1, retrieve="")
    plain = targets.reads("finetune", "skills", job)
    told = options.stage("finetune", "skills", job)
    job.retrieve = "_retrieve_iwr"
    play = {"play": "<data>/kitchen/play/no_b-c_d.hdf5"}
    assert targets.reads("finetune", "skills", job) == plain | play
    assert options.stage("finetune", "skills", job) == [*told, "--retrieve=iwr"]
    tasks = KITCHEN["tasks"] | {"left": KITCHEN["tasks"]["left"] | {"play_percent": 0}}
    targets.config = CONFIG | {"environments": {"kitchen": KITCHEN | {"tasks": tasks}}}
    targets.methods["fist"] |= {"lookup": "euclidean"}
    model = targets.acting(Cell("kitchen", "left", "fist", 1))["model"]
    assert model == "<results>/kitchen/left/finetune_scratch_4demos/seed_1/skills.pt"


def test_a_model_reads_what_it_declares(targets):
    play = Of(env="kitchen", split="no_b", seed=2)
    demos = Of(env="kitchen", learner="left", part="all", n_demos="3", seed=2)
    folder, split = "<results>/kitchen/no_b/seed_2", "<results>/kitchen/no_b-c_d/seed_2"
    assert targets.reads("train", "both", play) == {
        "play": "<data>/kitchen/play/no_b.hdf5",
        "skills": f"{folder}/skills.pt",
        "distance": f"{folder}/distance.pt",
    }
    assert targets.reads("finetune", "distance", demos) == {
        "init": f"{split}/distance.pt",
        "play": "<data>/kitchen/play/no_b-c_d.hdf5",
        "demos": ["<data>/kitchen/demos/a-b.hdf5"],
    }
    assert targets.stages("late") == ["finetune"]
    assert targets.reads("finetune", "late", demos) == {
        "demos": ["<data>/kitchen/demos/a-b.hdf5"],
        "skills": f"{split}/skills.pt",
    }


def test_a_model_that_does_not_learn_from_play_has_one_curve(options):
    """No stage would make the other."""
    shown = CONFIG["tables"]["table"] | {"tasks": ["left"], "methods": ["late"]}
    options.config = CONFIG | {"tables": {"table": shown}}
    options.targets.config = options.config
    drawn = Figures(options).files("curves", "table")["curves"]
    assert {label[:3] for label, _ in drawn} == {("fine-tuning", "late", "left")}


def test_recordings_do_not_lie_where_what_is_made_of_them_does(targets):
    """A sequence may be called like a split."""
    recordings = targets.recordings("play", Of(env="kitchen", split="mixed"))
    assert recordings == [f"<data>/kitchen/raw/play/{name}.hdf5" for name in ("a-b", "c")]
    [shown] = targets.recordings("demos", Of(env="kitchen", sequence="a-b"))
    assert shown == "<data>/kitchen/raw/demos/a-b.hdf5"
    assert shown != targets.demos(Of(env="kitchen", task="left"))


def test_a_task_that_is_not_there_is_named(targets):
    with pytest.raises(TargetError, match="environment kitchen has no task up"):
        targets.demos(Of(env="kitchen", task="up"))


def test_a_table_needs_its_rows_and_its_references(targets):
    table = targets.table(Of(table="table"))
    rows = [
        f"<results>/kitchen/{t}/fist/seed_{s}/episodes.csv"
        for t in KITCHEN["tasks"]
        for s in (0, 1)
    ]
    assert table["episodes"] == rows
    assert table["references"] == [row.replace("fist", "replay") for row in rows]
    claimed = [*rows, *(row.replace("fist", "two") for row in rows)]
    assert sorted(targets.claimed()) == sorted(claimed)


def test_what_a_source_makes_is_named_after_all_that_decides_it():
    """Two archives may hold files of the same name, and a file's name may be anything."""
    play = {"source": "fist", "archive": "play.zip"}
    given = [
        (play, "maze/data.hdf5"),
        (play, "maze/data.pkl"),
        (play | {"archive": "demos.zip"}, "maze/data.hdf5"),
        (play | {"source": "mine:unpack", "options": {"a": 1}}, "maze/data.hdf5"),
        (play, "../$(touch x)/" + "a" * 500),
    ]
    names = [made_name(data, file) for data, file in given]
    assert len({*names}) == len(names)
    assert names[0].startswith("play-maze_data-")
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name) for name in names)


def test_an_environment_s_settings_come_on_top_of_the_common_ones(options):
    wildcards = Of(env="kitchen", split="mixed", seed="0")
    words = options.stage("train", "skills", wildcards)
    assert words == [
        "fist.methods.skills:SkillVAE",
        "--model.z-dim=3",
        "--train.steps=9",
        "--train.warmup=1",
    ]


def test_a_model_is_told_what_it_is_like_where_it_begins(options):
    wildcards = Of(env="kitchen", learner="left", part="prior", n_demos="3", seed="0", retrieve="")
    words = options.stage("finetune", "skills", wildcards)
    assert words == ["fist.methods.skills:SkillVAE", "--n-demos=3", "--part=prior"]
    files = {"play": "p", "skills": "s", "distance": "d"}
    assert options.material(wildcards, files) == [
        "--play",
        "p",
        "--models",
        "skills",
        "s",
        "distance",
        "d",
    ]


def test_a_trial_is_told_the_settings_that_its_method_has(options):
    words = options.trial(Cell("kitchen", "left", "fist", 1))
    assert {"--n-demos=4", "--act.skill=mean", "--rollout.episodes=7", "--labels.seed=1"} <= {
        *words
    }
    assert not [word for word in words if "replan" in word]
    [kwargs] = [word for word in words if word.startswith("--env-kwargs=")]
    assert json.loads(kwargs.partition("=")[2]) == {"a": 1, "task_elements": ["a", "b"]}


def test_a_method_that_is_told_its_task_is_told_its_number_among_those_that_were_learnt(options):
    """By the order of the demonstrations; where none of them is its own, it is told nothing."""
    kitchen = KITCHEN | {"suites": {"both": ["right", "left"]}, "tasks": {**KITCHEN["tasks"]}}
    tasks, left = kitchen["tasks"], KITCHEN["tasks"]["left"]
    for name, learner in (("a", "both"), ("b", "right"), ("c", "none")):
        tasks[f"left-{name}"] = left | {"learns_from": learner}
    methods = {
        name: options.targets.methods["late"] | {"told_task": told, "finetune": part}
        for name, told, part in (
            ("told", True, "all"),
            ("early", True, "none"),
            ("blind", False, "all"),
        )
    }
    targets = options.targets
    targets.config = options.config = CONFIG | {
        "environments": {"kitchen": kitchen},
        "methods": methods,
    }
    targets.methods = methods

    def numbers(method):
        cells = (Cell("kitchen", task, method, 0) for task in tasks)
        return [[w for w in options.trial(cell) if w.startswith("--task=")] for cell in cells]

    assert numbers("told") == [["--task=0"], ["--task=0"], ["--task=1"], [], []]
    assert numbers("early") == numbers("blind") == [[]] * 5
    files = targets.learnt_demos(Of(env="kitchen", learner="both"))
    assert files[1] == targets.demos(Of(env="kitchen", task="left-a"))
    assert "task label" in options.told(Cell("kitchen", "left-a", "told", 0))


def test_files_beside_the_results_stay_in_their_folder(options):
    output = Of(weights="my $(results)/kitchen/x.pt")
    place = "my $(results)/tensorboard/kitchen/x"
    assert options.tensorboard(None, output) == ["--tensorboard", place]
    resume = ["--resume", "my $(results)/.resume/kitchen/x.pt.resume"]
    assert options.resume(None, [output.weights]) == resume
    moved = options.resume(None, ["prefix/data/kitchen/play/a.hdf5"])
    assert moved == ["--resume", "prefix/data/.resume/kitchen/play/a.hdf5.resume"]


def test_settings_become_words_of_which_none_is_empty():
    words = flags("a", {"x_y": 1.5, "on": True, "off": False, "many": ["b", "c"], "text": ""})
    assert words == ["--a.x-y=1.5", "--a.on", "--a.no-off", "--a.many", "b", "c", "--a.text="]
    assert shlex.split(shlex.join(words)) == words


def test_the_order_and_the_role_of_a_file_count():
    given = [{"a": ["x", "y"]}, {"a": ["y", "x"]}, {"b": ["x", "y"]}, {"a": ["x"], "b": ["y"]}]
    assert len({ordered(lambda _, files=files: files)(None) for files in given}) == 4


def test_a_stage_depends_on_the_classes_that_it_runs(options, monkeypatch):
    """Those of the models that it reads, too; of an environment, what its id registers."""
    asked = []
    monkeypatch.setattr(
        options_module, "code_version", lambda *entries, env=None: asked.append((*entries, env))
    )
    options.model_code("train.py", "both")
    options.acting_code("rollout.py", Cell("kitchen", "left", "fist", 0))
    scripts = options_module.SCRIPTS
    models = DECLARED["models"]
    read = [models[name]["class"] for name in ("both", "skills", "distance")]
    assert asked == [
        (scripts / "train.py", *read, None),
        (scripts / "rollout.py", METHOD["class"], (("kitchen.env",), "{}")),
    ]
