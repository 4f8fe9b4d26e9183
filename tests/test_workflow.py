"""Laws of the pipeline: what it makes, what makes it run again, and how it stops.

One run of everything with config/test.yaml serves all tests (conftest.py).
"""

import csv
import json
import os
import re
import shutil
import signal
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pipeline_copy
import pytest
from pipeline_copy import ROOT, copy_made, copy_pipeline, finish, snakemake, start, wait_for
from pipeline_copy import TINY as TEST

from d4rl_layout import write
from interruption import content

EVERYTHING = {  # in the kitchen and in the maze
    "generate_data": 4 + 2,
    "make_split": 1 + 1,
    "make_demos": 1 + 1,
    "train_skills": 1 + 1,
    "train_distance": 1 + 1,
    "train_bc": 0 + 1,
    "finetune_skills": 1 + 1,
    "finetune_distance": 1 + 1,
    "finetune_bc": 0 + 1,
    "rollout": 2 + 4,
    "summarise": 1 + 1,
}


MODELS = ("skills", "distance", "bc")


def plan(folder, *options):
    """Return how often each stage would run."""
    rules = Counter(job.rule for job in pipeline_copy.plan(folder, *options))
    return {rule: n for rule, n in rules.items() if rule in EVERYTHING}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A copy of the pipeline in which nothing has been made."""
    return copy_pipeline(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="module")
def run(made_pipeline, tmp_path_factory):
    """A copy of the pipeline in which everything has been made."""
    return copy_made(made_pipeline, tmp_path_factory.mktemp("run") / "copy")


def test_everything_is_planned_from_nothing(fresh):
    assert plan(fresh, *TEST) == EVERYTHING


def test_every_target_that_the_documentation_names_can_be_made(fresh):
    page = ROOT / "docs" / "start" / "targets.md"
    table = page.read_text().split("## Targets")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    targets = [target for row in rows for target in re.findall(r"`([^`]+)`", row)]
    assert len(targets) >= 10
    jobs = pipeline_copy.plan(fresh, *targets)
    planned = {name for job in jobs for name in (job.rule, *job.input, *job.output)}
    assert planned >= set(targets)


def test_every_page_of_the_settings_names_a_command_that_makes_its_table(fresh):
    """All of them, and the overview, are of one configuration file."""
    asked = {
        word
        for page in (ROOT / "docs" / "results").glob("*.md")
        for line in re.findall(r"^Made by `snakemake (.+settings[.]yaml)`", page.read_text(), re.M)
        for word in line.split()
        if word.endswith(".csv")
    }
    assert len(asked) > 10 and "results/settings/settings_table.csv" in asked
    jobs = pipeline_copy.plan(fresh, *sorted(asked), "--configfile", "config/settings.yaml")
    assert asked <= {name for job in jobs for name in job.output}


def test_every_job_runs_one_script_that_is_no_input_and_quotes_every_word(fresh):
    targets = ("all", "figures", "videos", "checkpoints", "results/test/all_experiments.csv")
    jobs = [job for job in pipeline_copy.plan(fresh, *targets, *TEST) if job.shell]
    assert {job.rule for job in jobs} > {*EVERYTHING, "render_video", "combine_tables"}
    for job in jobs:
        [script] = re.findall(r"\bpython (\S+)", job.shell)
        assert script not in job.input, job
    rules = "".join(file.read_text() for file in (ROOT / "rules").glob("*.smk"))
    commands = re.findall(r"^    +shell:\n((?: +\".*\"\n)+)", rules, flags=re.M)
    words = re.findall(r"\{[^}]*\}", "".join(commands))
    assert len(words) > 50 and [word for word in words if not word.endswith(":q}")] == []


VARIANT = """\
methods:
  fist_twice: {like: fist, rollout: {replan_every: 2}}
tables:
  kitchen_table:
    methods: [fist, fist_twice]
"""


def test_a_variant_of_a_method_is_six_lines_of_yaml_or_fewer_and_trains_nothing_new(fresh):
    """What differs in how it acts alone shares every model with the method it varies."""
    assert len(VARIANT.splitlines()) <= 6
    (fresh / "variant.yaml").write_text(VARIANT)
    target, only = "results/test/kitchen_table.csv", ("--config", "default_tables=[kitchen_table]")
    jobs = pipeline_copy.plan(fresh, target, *TEST, "variant.yaml", *only)
    outputs = [file for job in jobs for file in job.output]
    assert "results/test/kitchen/top_burner/fist_twice/seed_0/episodes.csv" in outputs
    with_variant = plan(fresh, target, *TEST, "variant.yaml", *only)
    assert with_variant == plan(fresh, target, *TEST, *only)  # fist_twice instead of spirl


def write_human(folder, action=0.0):
    """Write the files of config/real.yaml, of one episode each, every action so large."""
    rows = {"observations": np.zeros((30, 60), "f4"), "actions": np.full((30, 9), action, "f4")}
    for sequence in ("kettle_bottomknob_switch_hinge", "microwave_kettle_topknob_switch"):
        file = folder / f"kitchen-demo-{sequence}.hdf5"
        write(file, rows | {"terminals": np.arange(30) == 29})


@pytest.mark.parametrize("name", ["paper", "real", "test"])
def test_the_other_configurations_write_to_folders_of_their_own(fresh, name):
    write_human(fresh / "data" / "real")
    jobs = pipeline_copy.plan(fresh, "--configfile", f"config/{name}.yaml")
    outputs = [file for job in jobs for file in (*job.output, *job.log)]
    assert any(path.startswith("results/") for path in outputs)
    own = tuple(f"{folder}/{name}/" for folder in ("results", "data", "logs"))
    assert [path for path in outputs if not path.startswith(own)] == []


def test_a_configuration_with_an_unknown_key_runs_nothing_and_names_the_key(fresh):
    status, said = snakemake(
        fresh, "-j2", *TEST, "--config", "models={skills: {train: {stepps: 3}}}"
    )
    assert status == 1
    assert "--config: unknown key `models.skills.train.stepps`: did you mean `steps`?" in said
    assert not (fresh / "results").exists()


def test_a_missing_local_data_set_is_named(fresh):
    options = ("--configfile", "config/real.yaml", "--config", "local_dir=nowhere")
    status, said = snakemake(fresh, "-j2", *options)
    assert status == 1
    assert "nowhere/kitchen-demo-" in said


def test_a_failed_job_shows_its_error_and_leaves_no_output(fresh, tmp_path):
    write_human(tmp_path, action=3.0)
    options = ("--configfile", "config/real.yaml", "--config", f"local_dir={tmp_path}")
    status, said = snakemake(fresh, "-j2", *options)
    assert status == 1
    assert "make_demos.py: error:" in said
    assert "microwave_kettle_topknob_switch.hdf5: actions[0, 0] is 3.0, outside [-1, 1]" in said
    assert not list((fresh / "data" / "real").rglob("*.json"))


def test_the_table_has_a_row_per_task_and_method_and_is_shown(made_pipeline):
    said = (made_pipeline / "said.log").read_text()
    with open(made_pipeline / "results/test" / "kitchen_table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["task"], row["method"]) for row in rows] == [
        ("top_burner", "fist"),
        ("top_burner", "spirl"),
    ]
    assert {row["n_seeds"] for row in rows} == {"1"}
    assert {row["n_episodes"] for row in rows} == {"2"}
    table = made_pipeline / "results/test" / "kitchen_table.md"
    assert table.read_text().splitlines()[0] in said


def test_a_cell_in_a_folder_of_its_own_gives_the_same_episodes(run):
    cell = Path("results/test/kitchen/top_burner/fist/seed_0/episodes.csv")
    again = Path("results/test/checkpoints/kitchen/top_burner/fist/seed_0/episodes.csv")
    status, said = snakemake(run, "-j2", str(again), *TEST)
    assert status == 0, said
    assert (run / again).read_bytes() == (run / cell).read_bytes()
    shutil.rmtree(run / "results/test" / "checkpoints")
    shutil.rmtree(run / "logs/test" / "checkpoints")
    shutil.rmtree(run / "results/test" / "benchmarks" / "checkpoints")


def test_every_job_leaves_a_log_and_a_benchmark(made_pipeline):
    jobs = sum(EVERYTHING.values())
    assert len(list((made_pipeline / "logs").rglob("*.log"))) == jobs
    assert len(list((made_pipeline / "results/test" / "benchmarks").rglob("*.tsv"))) == jobs


def test_a_second_run_has_nothing_to_do(run):
    status, said = snakemake(run, "-j2", *TEST)
    assert status == 0
    assert "Nothing to be done" in said


def test_the_report_of_a_made_pipeline_trains_and_tests_nothing_and_shows_what_there_is(run):
    """A figure that needs more is in it once it has been made."""
    report = ("results/test/report.html", *TEST)
    assert plan(run, *report) == {}
    names = {job.rule for job in pipeline_copy.plan(run, *report)}
    assert names >= {"plot_scores", "plot_curves", "render_video", "check_claims", "report"}
    assert "trace_episodes" not in names and "plot_retrieval" not in names
    figure = "results/test/figures/kitchen_table/retrieval.png"
    shown = []
    for _ in range(2):
        jobs = pipeline_copy.plan(run, *report)
        shown += [figure in job.input for job in jobs if job.rule == "report"]
        (run / figure).parent.mkdir(parents=True, exist_ok=True)
        (run / figure).touch()
    shutil.rmtree((run / figure).parents[1])
    assert shown == [False, True]


DEPENDANTS = {
    "summarise": {},
    "rollout": {"summarise": 2},
    "finetune_skills": {"rollout": 2 + 2, "summarise": 2},
    "finetune_distance": {"rollout": 1 + 2, "summarise": 2},
    "finetune_bc": {"rollout": 1, "summarise": 1},
    "train_distance": {"finetune_distance": 2, "rollout": 1 + 2, "summarise": 2},
    "train_skills": {"finetune_skills": 2, "rollout": 2 + 3, "summarise": 2},
    "train_bc": {"finetune_bc": 1, "rollout": 1, "summarise": 1},
    "make_split": {
        rule: EVERYTHING[rule] for rule in EVERYTHING if rule not in ("generate_data", "make_demos")
    },
}


@pytest.mark.parametrize("rule", DEPENDANTS)
def test_a_stage_that_is_forced_runs_again_with_what_depends_on_it(run, rule):
    expected = {rule: EVERYTHING[rule]} | DEPENDANTS[rule]
    assert plan(run, "all", *TEST, "-R", rule) == expected


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("rollout={skill: sample}", {"rollout": 2, "summarise": 1}),  # the maze has its own
        ("rollout={replan_every: 3}", {"rollout": 2 + 3, "summarise": 2}),  # not of a clone
        # The maze has a number of its own.
        (
            "models={distance: {finetune: {steps: 9}}}",
            {"finetune_distance": 1, "rollout": 1, "summarise": 1},
        ),
        # Which files there are stays the same: the order and the role of one have changed.
        ("tables={kitchen_table: {methods: [spirl, fist]}}", {"summarise": 1}),
        ("tables={kitchen_table: {methods: [fist], references: [spirl]}}", {"summarise": 1}),
        ("methods={spirl: {rollout: {replan_every: 3}}}", {"rollout": 2, "summarise": 2}),
        ("environments={maze: {rollout: {batch: 5}}}", {"rollout": 4, "summarise": 1}),
        (
            "tables={kitchen_table: {methods: [fist, spirl, fist_euclidean]}}",
            {"rollout": 1, "summarise": 1},
        ),
        ("pathvars={logs: other}", {}),
    ],
)
def test_a_changed_setting_makes_those_stages_run_that_use_it(run, setting, expected):
    assert plan(run, "all", *TEST, "--config", setting) == expected


MAZE = {f"{stage}_{model}": 1 for stage in ("train", "finetune") for model in MODELS} | {
    "rollout": 4,
    "summarise": 1,
}


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("fist/stage/files.py", EVERYTHING),
        ("fist/analysis/intervals.py", {"summarise": 2}),
        ("fist/evaluation/rollout.py", {"rollout": 2 + 4, "summarise": 2}),
        (
            "fist/methods/cloning.py",
            {"train_bc": 1, "finetune_bc": 1, "rollout": 1, "summarise": 1},
        ),
        ("d4rl/src/d4rl/maze/vector.py", {"make_split": 1, "make_demos": 1} | MAZE),
        (
            "workflow/scripts/finetune.py",
            {rule: EVERYTHING[rule] for rule in EVERYTHING if "finetune" in rule}
            | {"rollout": 2 + 4, "summarise": 2},
        ),
    ],
)
def test_changed_code_makes_its_stage_run_again_but_a_touched_file_does_not(run, module, expected):
    file = run / module
    file.touch()
    assert plan(run, *TEST) == {}
    text = file.read_text()
    try:
        file.write_text(text + "\n# changed\n")
        assert plan(run, *TEST) == expected
    finally:
        file.write_text(text)
    assert plan(run, *TEST) == {}


def test_training_that_is_interrupted_leaves_no_output_and_continues_in_the_next_run(run):
    target = "results/test/kitchen/no_top_burner/seed_7/skills.pt"
    log = run / "logs/test/kitchen/no_top_burner/seed_7/skills.log"
    options = (target, *TEST, "--config", "models={skills: {train: {steps: 150, log_every: 10}}}")
    process = start(run, "-j2", *options)
    wait_for(lambda: log.exists() and "step 20/150" in log.read_text(), process)
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C in a terminal does
    assert process.wait(timeout=300) != 0
    assert not (run / target).exists()
    status, said = snakemake(run, "-j2", *options)
    assert status == 0, said
    resumed = re.search(r"resuming at step (\d+) of 150", log.read_text())
    assert resumed and int(resumed[1]) >= 20
    assert (run / target).exists()


def test_a_folder_that_was_moved_or_copied_has_nothing_to_be_done(run, tmp_path):
    """Its place has changed, and its files are as old as the copy."""
    copy = tmp_path / "one" / "folder" / "deeper"
    shutil.copytree(run, copy, copy_function=shutil.copyfile)
    assert plan(copy, "all", *TEST) == {}
    outside = tmp_path / "results of another repository"
    shutil.copytree(copy, outside, ignore=shutil.ignore_patterns(*pipeline_copy.PARTS))
    assert plan(copy, "all", *TEST, "--directory", str(outside)) == {}


def test_what_stands_in_a_configuration_is_never_run(run):
    """A folder of results whose name is a command, with TensorBoard's files in it.

    Neither need the scripts be executable.
    """
    (run / "workflow/scripts/on_gpu.sh").chmod(0o644)
    folder = "r$(touch pwned)"
    paths = f"pathvars={{results: {json.dumps(folder)}, benchmarks: b}}"
    target = f"{folder}/maze/no_left/seed_0/distance.pt"
    options = (*TEST, "--config", "tensorboard=true", paths)
    status, said = snakemake(run, "-j2", target, *options)
    assert status == 0, said
    assert [*(run / folder / "tensorboard/maze/no_left/seed_0/distance").glob("events*")]
    assert not (run / "pwned").exists()


OUTSIDE = """\
from gymnasium import register
register(
    "Outside-v0",
    "d4rl.maze.env:MazeEnv",
    vector_entry_point="d4rl.maze.vector:MazeVectorEnv",
    max_episode_steps=5,
)
"""
OUTSIDE_TASK = """\
environments:
  outside:
    env_id: outside:Outside-v0
    order_argument: targets
    data:
      play: {source: generated, generator: d4rl.maze.generate:wander, seed: 0, episodes: 2}
      demos: {source: generated, generator: d4rl.maze.generate:demonstrate, seed: 1, episodes: 2}
    tasks: {left: {}}
    rollout: {episodes: 2, max_steps: 0}
methods: {replay_raw: {like: replay, lookup: euclidean}}
tables: {outside_table: {env: outside, layout: success, tasks: [left], methods: [replay_raw]}}
"""


def test_a_task_in_the_folder_of_the_run_is_followed(run, tmp_path):
    """Its module is imported from there, and an edit of it makes its results anew."""
    module = tmp_path / "outside.py"
    module.write_text(OUTSIDE)
    (tmp_path / "outside.yaml").write_text(OUTSIDE_TASK)
    options = ("--directory", str(tmp_path), "results/test/outside_table.csv")
    options += (*TEST, str(tmp_path / "outside.yaml"))
    status, said = snakemake(run, "-j2", *options)
    assert status == 0, said
    assert plan(run, *options) == {}
    module.write_text(OUTSIDE + "# changed\n")
    assert plan(run, *options)["rollout"] == 1


@pytest.mark.slow
def test_everything_can_be_made_from_another_folder_and_names_may_have_spaces(tmp_path):
    """Tables, checkpoints and videos of a maze, which has every kind of stage."""
    repository, folder = copy_pipeline(tmp_path / "my work"), tmp_path / "my run"
    names = ("results", "data", "logs", "benchmarks")
    folders = ", ".join(f'{name}: "my {name}"' for name in names)
    less = ("default_tables=[maze_table]", "tables={maze_table: {methods: [fist, bc]}}")
    options = ("--directory", str(folder), *TEST, "--config", f"pathvars={{{folders}}}", *less)
    status, said = snakemake(repository, "-j2", "all", "checkpoints", "videos", *options)
    assert status == 0, said
    results = folder / "my results"
    assert (results / "maze_table.csv").stat().st_size > 0
    assert (results / "videos/maze/left/fist/seed_0.mp4").stat().st_size > 0
    for place in (folder, repository):
        assert not any((place / name).exists() for name in names[:3])


@pytest.mark.slow
def test_a_pipeline_gives_the_same_files_in_any_folder_for_any_number_of_jobs_and_stops(
    made_pipeline, tmp_path
):
    """Two jobs at a time and left alone; one at a time, elsewhere, and killed again and again."""
    killed, table = copy_pipeline(tmp_path / "else" / "where"), "results/test/maze_table.csv"
    for number, models in ((signal.SIGKILL, 1), (signal.SIGINT, 3), (signal.SIGTERM, 5)):
        process = start(killed, "-j1", table, *TEST)
        made = partial(lambda n: len(list(killed.glob("results/**/*.pt"))) >= n, models)
        wait_for(made, process, what=f"model {models}")
        os.killpg(process.pid, number)
        status, _ = finish(killed, process)
        assert status != 0
        status, said = snakemake(killed, "--unlock", *TEST)
        assert status == 0, said
    status, said = snakemake(killed, "-j1", table, *TEST)
    assert status == 0, said
    names = sorted(
        name
        for folder in ("data", "results")
        for path in (killed / folder).rglob("*")
        if path.is_file() and not hidden(name := path.relative_to(killed))
    )
    kinds = {".hdf5", ".json", ".pt", ".csv", ".md", ".html", ".tsv"}
    assert {name.suffix for name in names} == kinds
    for name in names:
        if name.suffix != ".tsv":  # how long it took
            assert content(killed / name) == content(made_pipeline / name), name


def hidden(path):
    """Return whether a path leads through a hidden folder: what is there is no output."""
    return any(part.startswith(".") for part in path.parts)
