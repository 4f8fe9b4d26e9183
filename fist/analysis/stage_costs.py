"""What the stages have cost: time, memory and waiting, from what each job has left behind.

A job leaves three files of the same name, and a checkpoint if it trained one:

    <benchmarks>/<job>.tsv      one row: s (seconds on the clock), rule_name (the stage)
    <logs>/<job>.log            its last line says what the script used: processor time and memory
    <results>/<job>.json        of a checkpoint: the device that it was trained on

A job that was stopped and went on has measured only its last part.
"""

import logging
import re
import subprocess
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from fist.stage.columns import Column, write_table
from fist.stage.files import read_json, write_text
from fist.stage.text import csv_table, markdown

SCHEMA = (
    Column("stage", str),
    Column("jobs", int, 1),
    *(Column(name, float, 0) for name in ("cpu_s", "gpu_s", "clock_s", "longest_s", "memory_mb")),
    Column("queue_s", float, 0, optional=True),
)
"""Sums over the jobs of a stage, but for the longest job and the largest memory of one."""
COLUMNS = tuple(column.name for column in SCHEMA)
USED = re.compile(r"used (\d+\.\d) s of processor time and at most (\d+) MB of memory")

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
        head, _, rest = _text(file).partition("\n")
        row = dict(zip(head.split("\t"), rest.partition("\n")[0].split("\t"), strict=False))
        stage = re.search(r"\w+", row.get("rule_name", ""))
        clock = re.fullmatch(r"\d{1,12}(\.\d+)?", row.get("s", ""))
        used = _used((logs / name).with_suffix(".log"))
        if not stage or not clock or not used:
            log.warning(
                "%s is left out: it or its log does not say what was used; run its job again", file
            )
            continue
        twin = (results / name).with_suffix(".json")
        provenance = read_json(twin).get("provenance") if twin.exists() else None
        on_gpu = isinstance(provenance, dict) and provenance.get("device", "cpu") != "cpu"
        clock_s, (cpu, memory) = float(clock[0]), used
        job = {"stage": stage[0], "clock_s": clock_s, "gpu_s": clock_s if on_gpu else 0.0}
        jobs.append(job | {"cpu_s": cpu, "memory_mb": memory})
    if not jobs:
        raise CostError(f"no job has been measured: no *.tsv in {benchmarks} that tells all")
    return pd.DataFrame(jobs)


def seconds_used(file: Path) -> float | None:
    """Return the seconds of processor time that a job's log tells; None where it does not."""
    used = _used(file)
    return used[0] if used else None


def _used(file: Path) -> tuple[float, float] | None:
    """Return seconds and megabytes, as the last line of a log tells them."""
    found = USED.findall(_text(file))
    return (float(found[-1][0]), float(found[-1][1])) if found else None


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""


def slurm_waits(folder: Path, stages: Iterable[str]) -> dict[str, float]:
    """Return how long jobs that were submitted from a folder have waited, in seconds by stage.

    Only what Slurm still remembers, and tells: a job's comment names its stage, or its group's.
    Empty where there is no Slurm.
    """
    squeue = ["squeue", "--states=all", "--noheader", "--format=%Z|%V|%S|%k"]
    try:
        listed = subprocess.run(squeue, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    waits: dict[str, float] = {}
    for line in listed.splitlines():
        where, submitted, began, comment = line.split("|", 3)
        known = [stage for stage in stages if stage in comment]
        if known and Path(where) == folder and "N/A" not in (submitted, began):
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
    table = jobs[["cpu_s", "gpu_s", "clock_s"]].sum().assign(jobs=jobs.size())
    table["longest_s"], table["memory_mb"] = jobs.clock_s.max(), jobs.memory_mb.max()
    table["queue_s"] = pd.Series(slurm_waits(Path.cwd(), table.index), dtype=float)
    places = [*order, *table.index]
    table = table.loc[sorted(table.index, key=places.index)]
    told = table.map(lambda value: "" if pd.isna(value) else f"{value:.0f}").reset_index()
    records = [dict(zip(COLUMNS, row, strict=True)) for row in told[[*COLUMNS]].to_numpy()]
    text = markdown({name: f"{{{name}}}" for name in COLUMNS}, records) + "\n"
    write_table(out, SCHEMA, csv_table(COLUMNS, records))
    write_text(out.with_suffix(".md"), text)
    return text
