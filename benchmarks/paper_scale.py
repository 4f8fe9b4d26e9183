"""Plan the run of every task, method and seed on other machines, from what one run has cost.

Snakemake itself counts the jobs, in an empty folder; `snakemake cost` has measured what a job of
each stage takes. With C the processor seconds of all jobs, C_t those of training alone, L the
longest chain of jobs that need each other, and n the number of jobs:

    laptop     T = max(C / cores, L)                                 one thread per job
    one GPU    T = max(C_t / speed, (C - C_t) / cores, L')           L' is L, training by the GPU
    cluster    T = max((C + n * start) / cores, L + links * start)   start: cost of a submission

    snakemake cost
    python benchmarks/paper_scale.py --cost results/cost.csv
    python benchmarks/paper_scale.py --ratios train_skills 96 finetune_skills 0.3
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import tyro
import yaml

ROOT = Path(__file__).resolve().parents[1]
LINKS = (
    ("generate_data",),
    ("make_demos",),
    ("make_split",),
    ("train_skills", "train_distance", "train_bc"),
    ("finetune_skills", "finetune_distance", "finetune_bc"),
    ("rollout",),
    ("summarise",),
)
"""Stages of the longest chain of jobs; those side by side do not need each other."""


@dataclass
class Arguments:
    """What is planned, and for which machines."""

    cost: Path = Path("results/cost.csv")
    """What a run with the default configuration has cost."""
    seeds: int = 5
    """Training seeds."""
    tables: tuple[str, ...] = ()
    """Tables to make; all of the configuration, if none is named."""
    ratios: dict[str, float] = field(default_factory=dict)
    """How many times as long a job of a stage takes as in the run that was measured: gradient steps
    of another configuration over its own."""
    laptop_cores: int = 4
    """Cores of the laptop."""
    gpu_speed: float = 1.0
    """Gradient steps of the GPU over those of one core in the same time; measure it there."""
    gpu_cores: int = 16
    """Cores of the machine with the GPU."""
    cluster_cores: int = 100
    """Cores of the cluster."""
    start: float = 6.0
    """Seconds that a submission to the cluster costs by itself, without waiting."""


def measured(file: Path, ratios: dict[str, float]) -> dict[str, float]:
    """Return the processor seconds of a job of every stage."""
    with open(file, newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {
        row["stage"]: float(row["cpu_s"]) / int(row["jobs"]) * ratios.get(row["stage"], 1.0)
        for row in rows
    }


def planned(tables: tuple[str, ...], seeds: int) -> dict[str, int]:
    """Let Snakemake count the jobs of every stage, from nothing."""
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    targets = [f"results/{table}.csv" for table in tables or config["tables"]]
    command = [sys.executable, "-m", "snakemake", *targets, "-n", "--quiet", "reason"]
    command += ["--snakefile", str(ROOT / "Snakefile"), "--config", f"seeds={[*range(seeds)]}"]
    with tempfile.TemporaryDirectory() as nothing:
        command += ["--directory", nothing]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(result.stdout + result.stderr)
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", result.stdout + result.stderr, flags=re.M))
    jobs.pop("total")
    return {stage: int(n) for stage, n in jobs.items()}


def plan(args: Arguments) -> None:
    """Print the jobs with their costs, and the time on each machine."""
    per_job, jobs = measured(args.cost, args.ratios), planned(args.tables, args.seeds)
    unknown = [stage for stage in jobs if stage not in per_job]
    if unknown:
        sys.exit(f"{args.cost} has no {', '.join(unknown)}: run them once, then `snakemake cost`")
    total = {stage: n * per_job[stage] for stage, n in jobs.items()}
    print("| stage | jobs | seconds each | hours of a core |\n|---|---:|---:|---:|")
    for stage, n in jobs.items():
        print(f"| {stage} | {n} | {per_job[stage]:.1f} | {total[stage] / 3600:.1f} |")
    everything, n = sum(total.values()), sum(jobs.values())
    print(f"| all | {n} | | {everything / 3600:.1f} |\n")
    training = sum(s for stage, s in total.items() if stage.startswith(("train_", "finetune_")))

    def chain(speed: float) -> float:
        """Return the seconds of the longest chain, training `speed` times as fast."""
        links = []
        for stages in LINKS:
            faster = speed if stages[0].startswith(("train_", "finetune_")) else 1.0
            links.append(max(per_job[stage] for stage in stages if stage in jobs) / faster)
        return sum(links)

    on_gpu = max(training / args.gpu_speed, (everything - training) / args.gpu_cores)
    on_cluster = (everything + n * args.start) / args.cluster_cores
    times = {
        f"laptop, {args.laptop_cores} cores": max(everything / args.laptop_cores, chain(1.0)),
        f"one GPU, {args.gpu_speed:g} x a core, and {args.gpu_cores} cores": max(
            on_gpu, chain(args.gpu_speed)
        ),
        f"cluster, {args.cluster_cores} cores": max(
            on_cluster, chain(1.0) + len(LINKS) * args.start
        ),
    }
    print("| machine | hours |\n|---|---:|")
    for machine, seconds in times.items():
        print(f"| {machine} | {seconds / 3600:.1f} |")


if __name__ == "__main__":
    plan(tyro.cli(Arguments, description=__doc__))
