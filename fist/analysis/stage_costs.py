"""What the stages have cost: time, memory and waiting, from what each job has left behind.

A job leaves three files of the same name, and a checkpoint if it trained one:

    <benchmarks>/<job>.tsv      one row: s (seconds on the clock), rule_name (the stage)
    <logs>/<job>.log            its last line says what the script used: processor time and memory
    <results>/<job>.json        of a checkpoint: the device that it was trained on

A job that was stopped and went on has measured only its last part.
"""

from __future__ import annotations

import csv
import json
import logging
import re
import subprocess
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from fist.stage.files import write_text
from fist.stage.text import csv_table, markdown

COLUMNS = ("stage", "jobs", "cpu_s", "gpu_s", "clock_s", "longest_s", "memory_mb", "queue_s")
"""Sums over the jobs of a stage, but for the longest job and the largest memory of one."""
USED = re.compile(r"used ([\d.]+) s of processor time and at most (\d+) MB of memory")
UNFINISHED = "N/A"


log = logging.getLogger(__name__)


class CostError(ValueError):
    """There is nothing to add up; the message says where it was looked for."""


def read_jobs(benchmarks: Path, logs: Path, results: Path) -> pd.DataFrame:
    """Read what all jobs have left behind; those that do not tell all are left out with a word.

    Columns: stage, clock_s (seconds from its start to its end), cpu_s (seconds of processor time),
    gpu_s (seconds for which it held a GPU; 0 where it had none), memory_mb (largest resident
    memory).

    Raises:
        CostError: no job is left.
    """
    jobs = []
    for file in sorted(benchmarks.rglob("*.tsv")):
        name = file.relative_to(benchmarks)
        job = _job(file, logs / name, results / name)
        if job is None:
            log.warning(
                "%s is left out: it or its log does not say what was used; run its job again", file
            )
        else:
            jobs.append(job)
    if not jobs:
        raise CostError(f"no job has been measured: no *.tsv in {benchmarks} that tells all")
    return pd.DataFrame(jobs)


def _job(file: Path, log: Path, result: Path) -> dict[str, str | float] | None:
    with open(file, newline="") as lines:
        row = next(csv.DictReader(lines, delimiter="\t"), {})
    stage = re.search(r"\w+", row.get("rule_name") or "")
    said = USED.findall(_text(log.with_suffix(".log")))
    if stage is None or not said:
        return None
    checkpoint = json.loads(_text(result.with_suffix(".json")) or "{}")
    on_gpu = checkpoint.get("provenance", {}).get("device", "cpu") != "cpu"
    clock, (cpu, memory) = float(row["s"]), map(float, said[-1])
    return {
        "stage": stage[0],
        "clock_s": clock,
        "cpu_s": cpu,
        "gpu_s": clock if on_gpu else 0.0,
        "memory_mb": memory,
    }


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def slurm_waits(folder: Path, stages: Iterable[str]) -> dict[str, float]:
    """Return how long jobs that were submitted from a folder have waited, in seconds by stage.

    Only what Slurm still remembers, and tells: a job's comment names its stage, or its group's.
    Empty where there is no Slurm.
    """
    try:
        listed = subprocess.run(
            ["squeue", "--states=all", "--noheader", "--format=%Z|%V|%S|%k"],
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    waits: dict[str, float] = {}
    for line in listed.splitlines():
        where, submitted, began, comment = line.split("|", 3)
        known = [stage for stage in stages if stage in comment]
        if known and Path(where) == folder and UNFINISHED not in (submitted, began):
            wait = datetime.fromisoformat(began) - datetime.fromisoformat(submitted)
            stage = max(known, key=len)
            waits[stage] = waits.get(stage, 0.0) + max(0.0, wait.total_seconds())
    return waits


def summarise_cost(
    benchmarks: Path, logs: Path, results: Path, out: Path, order: Sequence[str] = ()
) -> str:
    """Write the cost of every stage as CSV and, beside it, as Markdown; return the Markdown.

    Args:
        benchmarks: folder of the jobs' measurements (*.tsv).
        logs: folder of the jobs' logs.
        results: folder of the checkpoints, which say on what device they were trained.
        out: the CSV to write; the Markdown gets the suffix .md.
        order: stages in the order of the rows; others come after these.

    Raises:
        CostError: no job has been measured.
    """
    jobs = read_jobs(benchmarks, logs, results).groupby("stage")
    table = jobs[["cpu_s", "gpu_s", "clock_s"]].sum()
    table["jobs"] = jobs.size()
    table["longest_s"], table["memory_mb"] = jobs.clock_s.max(), jobs.memory_mb.max()
    table["queue_s"] = pd.Series(slurm_waits(Path.cwd(), table.index), dtype=float)
    rank = {stage: place for place, stage in reversed([*enumerate(order)])}
    table = table.loc[sorted(table.index, key=lambda stage: (rank.get(stage, len(order)), stage))]
    records = [
        {"stage": stage} | {key: f"{value:.0f}" for key, value in row.dropna().items()}
        for stage, row in table.iterrows()
    ]
    text = markdown({name: f"{{{name}}}" for name in COLUMNS}, records) + "\n"
    write_text(out, csv_table(COLUMNS, records))
    write_text(out.with_suffix(".md"), text)
    return text
