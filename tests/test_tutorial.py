"""Laws of the tutorial: what it tells people to do works, word by word."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pipeline_copy import ROOT, copy_pipeline

TUTORIAL = ROOT / "docs" / "tutorials" / "your-own-task.md"


def steps():
    """Yield what the tutorial has people do: (file, its content) or (None, commands)."""
    text = TUTORIAL.read_text()
    for said, language, block in re.findall(r"([^\n]*)\n\n```(\w+)\n(.*?)```", text, flags=re.S):
        named = re.fullmatch(r"Save this as `(.+)`:", said)
        assert (named is None) == (language == "sh"), said
        yield (named[1] if named else None), block


@pytest.mark.slow
def test_the_tutorial_gives_a_table_as_it_is_written(tmp_path):
    folder = copy_pipeline(tmp_path)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "d4rl" / "src")]),
    }
    done = []
    for file, content in steps():
        if file:
            (folder / file).write_text(content)
            continue
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", content],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=1800,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        done.append(run.stdout)
    assert "80 episodes, 4000 rows, 16 state dimensions, 4 action dimensions" in done[0]
    with open(folder / "results" / "fetch_table.csv", newline="") as table:
        rows = {row["method"]: row for row in csv.DictReader(table)}
    assert list(rows) == ["fist", "spirl", "bc"]
    assert "fist" in done[1]
    # A hand that does not know where to go is within 5 cm of the goal in fewer than one of ten.
    assert max(float(row["success_rate"]) for row in rows.values()) > 0.5
