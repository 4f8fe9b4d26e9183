"""A law of the pipeline: a method is one file, wherever it lies, and one entry."""

import csv
import json
import shutil
from pathlib import Path

import outside_method
import pytest
from pipeline_copy import ROOT, TINY, copy_made, plan, snakemake

ENTRY = """
methods:
  outside: {class: "outside_method:Chunk", finetune: all, rollout: {kept: 3}}
models:
  outside:
    model: {hidden: 16}
    train: {steps: 40, log_every: 20}
    finetune: {steps: 20, log_every: 20}
tables:
  maze_table:
    methods: [fist, outside]
default_tables: [maze_table]
"""
CELL = "maze/left/outside/seed_0"
MODELS = {
    f"results/test/maze/{folder}/seed_0/outside.pt": stage
    for folder, stage in (("no_left", "train"), ("left/finetune_all_2demos", "finetune"))
}


@pytest.fixture(scope="module")
def run(made_pipeline, tmp_path_factory):
    """A made pipeline beside which the method's file and its entry have been put, and used."""
    folder = copy_made(made_pipeline, tmp_path_factory.mktemp("outside") / "run")
    shutil.copy(outside_method.__file__, folder)
    (folder / "outside.yaml").write_text(ENTRY)
    targets = ["results/test/maze_table.csv", "results/test/report.html"]
    targets += ["results/test/figures/maze_table/paths.pdf"]
    targets += [f"results/test/videos/{CELL}.mp4", f"results/test/checkpoints/{CELL}/episodes.csv"]
    status, said = snakemake(folder, "-j2", *targets, *TINY, "outside.yaml")
    assert status == 0, said
    return folder


def test_nothing_of_the_repository_knows_the_method():
    code = [file for part in ("fist", "workflow", "rules") for file in (ROOT / part).rglob("*.*")]
    assert not [file for file in code if "outside_method" in file.read_text(errors="ignore")]


def test_it_has_rows_figures_films_and_stages_with_costs_of_their_own(run):
    with open(run / "results/test/maze_table.csv", newline="") as file:
        assert [row["method"] for row in csv.DictReader(file)] == ["fist", "outside"]
    with open(run / "results/test/cost.csv", newline="") as file:
        assert {row["stage"] for row in csv.DictReader(file)} >= {
            "train_outside",
            "finetune_outside",
        }
    for figure in ("scores", "paths"):
        assert "outside" in (run / f"results/test/figures/maze_table/{figure}.csv").read_text()
    curves = (run / "results/test/figures/maze_table/curves.csv").read_text()
    assert "mse" in curves
    assert (run / f"results/test/videos/{CELL}.mp4").stat().st_size > 0


def test_its_export_gives_the_same_episodes(run):
    exported = run / f"results/test/checkpoints/{CELL}/episodes.csv"
    assert exported.read_bytes() == (run / f"results/test/{CELL}/episodes.csv").read_bytes()
    cell = json.loads((run / f"results/test/checkpoints/{CELL}/cell.json").read_text())
    assert cell["method"] == "outside_method:Chunk"
    assert cell["act"] == {"kept": 3}


def test_a_training_of_it_that_was_stopped_goes_on(run):
    """The resume files of both stages are its own: what was done is not done again."""
    for model, stage in MODELS.items():
        (run / model).unlink()
        status, said = snakemake(run, "-j1", model, *TINY, "outside.yaml")
        assert status == 0, said
        log = Path(run, model.replace("results", "logs", 1)).with_suffix(".log").read_text()
        assert "resuming at step" in log, stage


def test_a_change_of_its_file_makes_its_stages_run_again_and_no_others(run):
    file = run / "outside_method.py"
    text = file.read_text()
    try:
        file.write_text(text.replace("blocks=2", "blocks=1"))
        jobs = {job.rule for job in plan(run, "results/test/maze_table.csv", *TINY, "outside.yaml")}
    finally:
        file.write_text(text)
    assert jobs == {"train_outside", "finetune_outside", "rollout", "summarise"}
