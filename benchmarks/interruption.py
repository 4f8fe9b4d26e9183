"""Stop every stage at random moments, start it again, and compare with a run left alone.

Each stage is run once undisturbed. Then it is stopped, by SIGTERM, SIGINT or SIGKILL, at moments
that are spread evenly over that run's time, start-up and last write included. After every stop,
each output must be absent or whole; after three stops in a row the stage runs to its end, and each
output must be the undisturbed run's, bit for bit (of learning curves all but the speed). The exit
status is 1 where one is not.

    python benchmarks/interruption.py --kills 30
    python benchmarks/interruption.py --kills 100 --stage train_skills
"""

from __future__ import annotations

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import tyro

ROOT = Path(__file__).resolve().parents[1]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
STOPS_IN_A_ROW = 3
SAVE_EVERY = 0.2
"""Seconds between savings of the resume state."""

TRAINING = (
    "--train.steps 300 --train.batch-size 32 --train.optimizer adam --train.validation 0"
    f" --train.log-every 1 --train.save-every {SAVE_EVERY} --seed 3 --device cpu"
)
MODEL = "--model.normalise --model.hidden 32"
DEMOS = "--demos demos.hdf5 --n-demos 2"
LABELS = (
    "--labels.env kitchen --labels.task t --labels.method fist --labels.seed 3"
    " --labels.data-source generated"
)


@dataclass(frozen=True)
class Stage:
    """One script, and the files that it declares to make."""

    script: str
    options: str
    outputs: tuple[str, ...]
    state: str = ""
    """Resume state, where the stage has one."""

    @property
    def command(self) -> list[str]:
        """The command line; paths are relative to the folder of the run."""
        state = f" --state {self.state}" if self.state else ""
        script = ROOT / "workflow" / "scripts" / f"{self.script}.py"
        return [sys.executable, str(script), *f"{self.options}{state}".split()]


def trained(name: str, script: str, options: str) -> Stage:
    """Return a stage that trains a model called so."""
    outputs = tuple(f"{name}{suffix}" for suffix in (".pt", ".json", ".csv"))
    return Stage(script, f"--out {name}.pt {options} {TRAINING}", outputs, f".state/{name}.state")


RECORDED = Stage(
    "generate_data",
    "--sequence microwave-kettle --episodes 2 --seed 1 --out raw.hdf5",
    ("raw.hdf5",),
)
"""What the stages need and none of them makes."""

STAGES = {
    "generate_data": Stage(
        "generate_data",
        "--sequence kettle-light_switch --episodes 2 --out play.hdf5",
        ("play.hdf5",),
    ),
    "make_demos": Stage(
        "make_demos",
        "--files raw.hdf5 --order microwave kettle --out demos.hdf5",
        ("demos.hdf5", "demos.json"),
    ),
    "make_split": Stage(
        "make_split",
        "--files play.hdf5 --held-out microwave --demos demos.hdf5 --out split.hdf5",
        ("split.hdf5", "split.json"),
    ),
    "train_skills": trained("skills", "train_skills", f"--data split.hdf5 {MODEL}"),
    "train_distance": trained("distance", "train_distance", f"--data split.hdf5 {MODEL}"),
    "train_bc": trained("bc", "train_bc", f"--data split.hdf5 {MODEL}"),
    "finetune_skills": trained("tuned_skills", "finetune_skills", f"--init skills.pt {DEMOS}"),
    "finetune_distance": trained(
        "tuned_distance", "finetune_distance", f"--init distance.pt --data split.hdf5 {DEMOS}"
    ),
    "finetune_bc": trained("tuned_bc", "finetune_bc", f"--init bc.pt {DEMOS}"),
    "rollout": Stage(
        "rollout",
        f"--model tuned_skills.pt --distance tuned_distance.pt {DEMOS} --rollout.batch 1"
        f" --rollout.episodes 6 --rollout.max-steps 40 {LABELS} --out episodes.csv",
        ("episodes.csv",),
        ".state/episodes.state",
    ),
    "summarise": Stage(
        "summarise",
        "--files episodes.csv --held-out t microwave --out table.csv",
        ("table.csv", "table.md"),
    ),
}


@dataclass
class Report:
    """What was seen of one stage."""

    whole: float
    """Seconds that the undisturbed run took, start-up included."""
    kills: int = 0
    resumed: int = 0
    """Runs that went on from a state."""
    lost_states: int = 0
    """Resume states that were there before a run and of no use to it."""
    redone: float = 0.0
    """Most seconds of work that one stop cost, since the last saving or, without one, the start."""
    seen: list[str] = field(default_factory=list)
    """Outputs that were half-written after a stop, or not the undisturbed run's in the end."""


@dataclass
class Arguments:
    """What to stop."""

    kills: int = 30
    """Stops of each stage."""
    stage: tuple[str, ...] = tuple(STAGES)
    """Stages to stop; the others are only run."""
    seed: int = 0
    """Seed of the moments and signals."""


def start(stage: Stage, folder: Path) -> subprocess.Popen:
    """Start a stage in a folder; what it says goes to the file `log`, which begins anew."""
    with open(folder / "log", "w") as log:
        return subprocess.Popen(
            stage.command,
            cwd=folder,
            stdout=log,
            stderr=log,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            # A shell that starts this in the background has its children ignore SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )


def finish(stage: Stage, folder: Path) -> None:
    """Run a stage to its end.

    Raises:
        RuntimeError: it failed; the message is what it said.
    """
    if start(stage, folder).wait() != 0:
        raise RuntimeError(f"{stage.script}: {(folder / 'log').read_text()[-2000:]}")


def content(path: Path) -> object:
    """Return what has to be the same: all of a file, but for the speed in a learning curve."""
    if path.suffix == ".csv":
        with open(path, newline="") as file:
            return [
                [(name, cell) for name, cell in row.items() if name != "steps_per_s"]
                for row in csv.DictReader(file)
            ]
    return path.read_bytes()


def differing(stage: Stage, folder: Path, expected: Path, complete: bool) -> list[str]:
    """Return the outputs that differ from the expected ones; an absent one only if all must be."""
    return [
        name
        for name in stage.outputs
        if (complete or (folder / name).exists())
        and not ((folder / name).exists() and content(folder / name) == content(expected / name))
    ]


def clean(stage: Stage, folder: Path) -> None:
    """Remove what a stage has made."""
    for name in (*stage.outputs, *filter(None, [stage.state])):
        (folder / name).unlink(missing_ok=True)


def stop_often(stage: Stage, folder: Path, expected: Path, kills: int, seed: int) -> Report:
    """Stop a stage so many times; `expected` is the folder of the undisturbed run."""
    draw = random.Random(seed)
    clean(stage, folder)
    began = time.monotonic()
    finish(stage, folder)
    report = Report(whole=time.monotonic() - began)
    moments = [report.whole * (i + draw.random()) / kills for i in range(kills)]
    draw.shuffle(moments)
    while report.kills < kills:
        clean(stage, folder)
        for _ in range(min(STOPS_IN_A_ROW, kills - report.kills)):
            if stop_once(stage, folder, moments[report.kills], draw.choice(SIGNALS), report):
                report.kills += 1
            note(stage, folder, expected, False, report)
        had_state = (folder / stage.state).is_file()
        finish(stage, folder)
        note(stage, folder, expected, True, report)
        report.lost_states += had_state and "resuming at" not in (folder / "log").read_text()
    return report


def stop_once(
    stage: Stage, folder: Path, moment: float, number: signal.Signals, report: Report
) -> bool:
    """Start a stage and stop it after so many seconds; return False if it had ended by then."""
    began = time.time()
    process = start(stage, folder)
    try:
        process.wait(moment)
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    process.wait()
    state = folder / stage.state
    saved = state.stat().st_mtime if state.is_file() else 0.0
    report.redone = max(report.redone, time.time() - max(began, saved))
    return True


def note(stage: Stage, folder: Path, expected: Path, complete: bool, report: Report) -> None:
    """Note what is wrong after a run: with the outputs, all of them if complete, or the state."""
    for name in differing(stage, folder, expected, complete):
        report.seen.append(f"{name} {'differs' if complete else 'is half-written'}")
    report.resumed += "resuming at" in (folder / "log").read_text()


def main(args: Arguments) -> int:
    """Print a line per stage; return the exit status."""
    print(
        "| stage | seconds, undisturbed | stops | resumed | outputs that differ | states lost"
        " | most seconds done again |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|", flush=True)
    reports = []
    with tempfile.TemporaryDirectory() as scratch:
        expected, folder = Path(scratch, "expected"), Path(scratch, "stopped")
        expected.mkdir()
        finish(RECORDED, expected)
        for name, stage in STAGES.items():
            finish(stage, expected)
            if name not in args.stage:
                continue
            shutil.copytree(expected, folder)
            report = stop_often(stage, folder, expected, args.kills, args.seed)
            shutil.rmtree(folder)
            print(
                f"| {name} | {report.whole:.1f} | {report.kills} | {report.resumed}"
                f" | {len(report.seen)} | {report.lost_states} | {report.redone:.1f} |",
                flush=True,
            )
            reports.append(report)
    for line in (line for report in reports for line in report.seen):
        print(line)
    return int(any(report.seen or report.lost_states for report in reports))


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
