"""Laws of the workflow as a module: another workflow imports its rules, with its own settings."""

import pytest
from pipeline_copy import copy_pipeline, plan, snakemake

IMPORTER = """\
import yaml

OWN = {{"seeds": [3], "pathvars": {{}}}}

module fist:
    snakefile: "{repository}/Snakefile"
    config: yaml.safe_load(open("{repository}/config/test.yaml")) | OWN
    pathvars:
        results="made/results"

use rule * from fist as fist_*

rule all:
    default_target: True
    input: "made/results/maze/left/finetune_all_2demos/seed_3/distance.pt"
    output: "own.txt"
    shell: "wc -c {{input:q}} > {{output}}"
"""


@pytest.fixture
def importer(tmp_path):
    """The folder of a workflow that imports this one."""
    repository = copy_pipeline(tmp_path / "the repository")
    folder = tmp_path / "importer"
    folder.mkdir()
    (folder / "Snakefile").write_text(IMPORTER.format(repository=repository))
    return folder


def test_another_workflow_plans_with_its_rules_and_settings(importer):
    jobs = plan(importer, "fist_all", "fist_figures")
    rules = {job.rule for job in jobs}
    assert {"fist_train_skills", "fist_finetune_bc", "fist_rollout", "fist_plot_curves"} <= rules
    cells = {job.wildcards["seed"] for job in jobs if job.rule == "fist_rollout"}
    assert cells == {"3"}
    trained = [file for job in jobs if job.rule == "fist_train_bc" for file in job.output]
    assert "made/results/maze/no_left/seed_3/bc.pt" in trained


def test_another_workflow_makes_what_its_own_rule_needs(importer):
    status, said = snakemake(importer, "-j2")
    assert status == 0, said
    made = "made/results/maze/left/finetune_all_2demos/seed_3"
    assert (importer / "own.txt").read_text().endswith(f"{made}/distance.pt\n")
    assert (importer / "made/results/.resume/maze/no_left/seed_3/distance.pt.resume").exists()
    assert plan(importer) == []
    assert plan(importer, "-R", "fist_finetune_distance")


def test_a_fault_in_the_importer_s_settings_is_named(importer):
    text = (importer / "Snakefile").read_text()
    (importer / "Snakefile").write_text(text.replace('"seeds"', '"sedes"'))
    status, said = snakemake(importer, "-n")
    assert status == 1
    assert "the workflow that imports fist: unknown key `sedes`: did you mean `seeds`?" in said
