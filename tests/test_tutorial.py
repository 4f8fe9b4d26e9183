"""Laws of the tutorials: what they have people do works word by word, and gives what they say."""

import csv
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from statistics import mean

import pytest
from pipeline_copy import ROOT, copy_pipeline

SHARE = 0.15
"""How far beyond the range of five seeds another processor may be, as a share of the best."""
MAKEFILE = """
setup:
	{python} -m venv $(VENV)
	echo {packages} > $$(echo $(VENV)/lib/python*/site-packages)/these.pth
	printf '#!/bin/sh\\nexec python -m snakemake "$$@"\\n' > $(VENV)/bin/snakemake
	printf '#!/bin/sh\\nexec python -c "{fist}" "$$@"\\n' > $(VENV)/bin/fist
	chmod +x $(VENV)/bin/snakemake $(VENV)/bin/fist
"""
"""Stands for the repository's: its virtual environment sees the packages of this one."""
FIST = "from fist.commands.main import main; main()"


def steps(page):
    """Yield what a page has people do: (file, its content), or (None, commands)."""
    text = (ROOT / "docs" / "tutorials" / page).read_text()
    for said, language, block in re.findall(r"([^\n]*)\n\n```(\w+)\n(.*?)```", text, flags=re.S):
        named = re.fullmatch(r"Save this as `(.+)`:", said)
        assert (named is None) == (language == "sh"), said
        yield (named[1] if named else None), block


def follow(page, folder, until=None):
    """Do what a page says, up to a command that begins so; return what each command said."""
    copy_pipeline(folder)
    about = {"python": sys.executable, "packages": sysconfig.get_path("purelib"), "fist": FIST}
    (folder / "Makefile").write_text(MAKEFILE.format(**about))
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "d4rl" / "src")]),
    }
    said, activated = {}, ""
    for file, content in steps(page):
        if file:
            (folder / file).write_text(content)
            continue
        for command in content.splitlines():
            if until and command.startswith(until):
                return said
            if command.startswith(". "):
                activated = f"{command} && "
                continue
            run = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", activated + command],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=1800,
            )
            if run.returncode and "pip install" in command:
                pytest.skip(f"{command}: {run.stderr.splitlines()[-1]}")
            assert run.returncode == 0, run.stdout + run.stderr
            said[command] = run.stdout
    return said


def compare(page, table, column, best):
    """Hold a table's means over the tasks against the ranges that a page gives, by method."""
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    text = (ROOT / "docs" / "tutorials" / page).read_text()
    ranges = re.findall(r"^\| `(\w+)` \| [\d.]+ \| ([\d.]+) to ([\d.]+) \|", text, flags=re.M)
    assert [method for method, *_ in ranges] == list(dict.fromkeys(row["method"] for row in rows))
    for method, low, high in ranges:
        found = mean(float(row[column]) for row in rows if row["method"] == method)
        assert float(low) - SHARE * best <= found <= float(high) + SHARE * best, method


def test_what_the_tutorial_has_people_save_is_recorded_and_planned(tmp_path):
    said = follow("your-own-task.md", tmp_path, until="snakemake -j")
    inspected = said["fist inspect data/bells/play.hdf5"]
    assert re.search(r"150 episodes, 18\d+ rows, 8 state dimensions, 2 action dim", inspected)
    assert re.search(r"rollout +15\b", said["snakemake -n --configfile bells.yaml"])


@pytest.mark.slow
def test_the_tutorial_gives_the_table_that_stands_in_it(tmp_path):
    said = follow("your-own-task.md", tmp_path)
    assert "follow" in said["cat results/bells_table.md"]
    table = tmp_path / "results" / "bells_table.csv"
    compare("your-own-task.md", table, "subtasks_ordered", best=4)


@pytest.mark.slow
def test_an_environment_with_a_mujoco_of_its_own_gives_the_table_that_stands_in_its_page(tmp_path):
    said = follow("meta-world.md", tmp_path)
    assert "follow" in said["cat results/push_table.md"]
    compare("meta-world.md", tmp_path / "results" / "push_table.csv", "success_rate", best=1)
