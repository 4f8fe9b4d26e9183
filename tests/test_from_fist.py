"""The guide for people who come from the original: every command in it can be run."""

import re
import shlex

import pytest
import yaml
from pipeline_copy import ROOT, copy_pipeline, plan, snakemake

PAGE = (ROOT / "docs" / "reference" / "from-fist.md").read_text()
GUIDE = re.sub(r"<!--.*?-->", "", PAGE, flags=re.S)  # what is switched on later is not shown
COMMANDS = re.findall(r"(?:^|`)snakemake ([^`\n]+)", GUIDE, flags=re.M)
CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
PAPER = "config/paper.yaml"
WITHOUT = ("maze_ablations", "all_experiments")
"""Files of which the page says that they cannot be made under the paper's configuration."""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return copy_pipeline(tmp_path_factory.mktemp("fresh"))


def planned(folder, *words):
    """Dry-run a command; return every path and rule that it would make."""
    return {name for job in plan(folder, *words) for name in (job.rule, *job.output)}


def targets(*files):
    """Return what the page's commands make that name these configuration files and no option."""
    lines = [shlex.split(line) for line in COMMANDS if "|" not in line]
    found = set()
    for words in (line for line in lines if "--config" not in line):
        at = words.index("--configfile") if "--configfile" in words else len(words)
        if tuple(words[at + 1 :]) == files:
            found |= {word for word in words[:at] if not word.startswith("-j")}
    return found


def test_every_command_without_a_file_makes_its_target(fresh):
    asked = targets()
    assert len(asked) > 20
    assert asked <= planned(fresh, *sorted(asked))


def test_every_command_that_names_the_papers_file_makes_its_target_under_it(fresh):
    asked = targets(PAPER)
    assert {target.split("/")[1] for target in asked - {"data"}} == {"paper"}
    assert asked <= planned(fresh, *sorted(asked), "--configfile", PAPER)


def test_what_is_made_here_is_made_by_the_papers_file_in_a_folder_of_its_own(fresh):
    asked = {t for t in targets() if t.startswith("results/") and not any(w in t for w in WITHOUT)}
    asked = {target.replace("results/", "results/paper/", 1) for target in asked}
    assert len(asked) > 20
    assert asked <= planned(fresh, *sorted(asked), "--configfile", PAPER)


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
        *("--val_data_size", "pip install -e .", "finetuned/…", "all_blocked", "fine_tune"),
    ):
        assert command in GUIDE, command


def test_the_tasks_and_methods_that_are_named_exist():
    families = GUIDE.split("## Families")[1].split("\n## ")[0]
    rows = [line.split("|")[2:4] for line in families.split("###")[0].splitlines()]
    tasks, methods = (
        set(re.findall(r"`([\w-]+)`", " ".join(column)))
        for column in zip(*(row for row in rows if len(row) == 2), strict=True)
    )
    known = {name for entry in CONFIG["environments"].values() for name in entry["tasks"]}
    tasks = {task.removesuffix("-one_demo") for task in tasks}
    assert len(tasks) > 10 and tasks - {*CONFIG["environments"], *CONFIG["tables"]} <= known
    assert len(methods) > 10 and methods <= set(CONFIG["methods"])
