"""The guide for people who come from the original: every command in it can be run."""

import re
import shlex

import pytest
import yaml
from pipeline_copy import ROOT, copy_pipeline, plan, snakemake

GUIDE = (ROOT / "docs" / "reference" / "from-fist.md").read_text()
COMMANDS = re.findall(r"(?:^|`)snakemake ([^`\n]+)", GUIDE, flags=re.M)
CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return copy_pipeline(tmp_path_factory.mktemp("fresh"))


def planned(folder, *words):
    """Dry-run a command; return every path and rule that it would make."""
    return {name for job in plan(folder, *words) for name in (job.rule, *job.output)}


def test_every_command_without_options_makes_its_target(fresh):
    commands = [shlex.split(line) for line in COMMANDS if "--" not in line]
    targets = {word for words in commands for word in words if not word.startswith("-j")}
    assert len(targets) > 20
    assert targets <= planned(fresh, *sorted(targets))


def test_every_command_with_a_configuration_makes_its_target(fresh):
    commands = [
        shlex.split(line) for line in COMMANDS if "--configfile" in line and "|" not in line
    ]
    assert commands
    for target, *options in ([w for w in words if not w.startswith("-j")] for words in commands):
        assert target in planned(fresh, target, *options)


def test_the_commands_that_draw_the_pictures_draw_them_anew(fresh):
    lines = [line.partition("|") for line in COMMANDS if "|" in line]
    assert len(lines) == 2
    for command, _, rest in lines:
        status, said = snakemake(fresh, *shlex.split(command))
        assert status == 0, said
        rules = set(re.findall(r'label = "(\w+?)(?:\\n|")', said))
        picture = (ROOT / rest.split(">")[1].strip()).read_text()
        assert len(rules) > 6
        assert rules == set(re.findall(r">(\w+)</text>", picture))


def test_the_commands_of_the_original_that_are_named_are_all_there():
    for command in (
        *("download_data.py", "download_ckpts.py", "train_contrastive_reachability.py"),
        *("exact-mixed-all", "spirl/train.py", "hierarchical_cl_gc", "hierarchical_cl_no"),
        *("fewshot_kitchen_train.py", "fewshot_train.py", "--eval 1", "--resume", "checkpt_path"),
        *("fewshot_data", "fewshot_batch_size", "finetune_vae", "contra_config", "contra_ckpt"),
        *("--val_data_size", "pip install -e ."),
    ):
        assert command in GUIDE, command


def test_the_tasks_and_methods_that_are_named_exist():
    families = GUIDE.split("## Families")[1].split("\n## ")[0]
    rows = [line.split("|")[2:4] for line in families.splitlines() if line.startswith("| `")]
    tasks, methods = (
        set(re.findall(r"`(\w+)`", " ".join(column))) for column in zip(*rows, strict=True)
    )
    known = {name for entry in CONFIG["environments"].values() for name in entry["tasks"]}
    assert len(tasks) > 10 and tasks - {"maze"} <= known
    assert len(methods) > 10 and methods <= set(CONFIG["methods"])
