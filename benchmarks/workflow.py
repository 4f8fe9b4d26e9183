"""What the workflow engine and starting programs cost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SNAKEFILE = """
rule all:
    input: [f"{i}.txt" for i in range(COUNT)]
rule one:
    output: "{i}.txt"
    shell: "touch {output}"
"""


def cpu(command: list[str], folder: Path = REPOSITORY) -> float:
    """Return the CPU seconds of a command and of all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def snakemake(*arguments: str) -> list[str]:
    """Return a command that runs Snakemake."""
    return [sys.executable, "-m", "snakemake", *arguments]


def plan_seconds() -> float:
    """Return the CPU seconds of planning the default table from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        return cpu(snakemake("-n", "--quiet", "all", "--directory", folder))


def job_seconds(jobs: int = 20) -> float:
    """Return the CPU seconds that one more job of a shell command costs."""
    found = []
    for count in (1, 1 + jobs):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "Snakefile")
            path.write_text(SNAKEFILE.replace("COUNT", str(count)))
            options = ("-j1", "--quiet", "-s", str(path), "--workflow-profile", "none")
            found.append(cpu(snakemake(*options), Path(folder)))
    return (found[1] - found[0]) / jobs


def start_seconds() -> dict[str, float]:
    """Return the CPU seconds of starting each script, and of importing what most of them need."""
    scripts = sorted((REPOSITORY / "workflow/scripts").glob("[!_]*.py"))
    commands = {script.name: [sys.executable, str(script), "--help"] for script in scripts}
    commands["import torch alone"] = [sys.executable, "-c", "import torch"]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for command in commands.values():  # the first start reads from disk
        cpu(command)
    return {name: cpu(command) for name, command in commands.items()}
