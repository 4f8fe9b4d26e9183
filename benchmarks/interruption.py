"""Stop every stage at random moments, start it again, and compare with a run left alone.

Each stage is run once undisturbed. Then it is stopped, by SIGTERM, SIGINT and SIGKILL in turn, at
moments that are spread evenly over that run, its last write included. After every stop, each output
must be absent or whole, and Ctrl-C must end in one line and leave nothing else behind; after three
stops in a row the stage runs to its end, and each output must be the undisturbed run's, bit for bit
(of learning curves all but the speed). The exit status is 1 where one is not. Moments are of the
processor's time, so that a busy machine does not move them; the time in which Python starts and
imports is left out: nothing is there to lose.

    python benchmarks/interruption.py --kills 30
    python benchmarks/interruption.py --kills 100 --stage train_skills
"""

from __future__ import annotations

import csv
import logging
import math
import os
import random
import re
import runpy
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import psutil
import tyro

ROOT = Path(__file__).resolve().parents[1]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
STOPS_IN_A_ROW = 3
SAVE_EVERY = 0.1
"""Seconds between writings of the resume file."""
IMPORTS = (
    "tyro",
    "torch._dynamo",  # an optimiser imports it
    "d4rl.kitchen.generate",
    "fist.evaluation.evaluate",
    "fist.training.stages",
    "fist.data.split",
    "fist.analysis.tables",
)
"""Modules that take seconds to import."""

TRAINING = (
    "--train.steps 200 --train.batch-size 16 --train.optimizer adam --train.validation 0"
    f" --train.log-every 1 --train.save-every {SAVE_EVERY} --seed 3 --device cpu"
)
MODEL = "--play split.hdf5 --model.normalise --model.hidden 32"
KITCHEN = "--env d4rl:kitchen-mixed-v0 {}"
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
    resume: str = ""
    """Resume file, where the stage has one."""

    @property
    def command(self) -> list[str]:
        """The command line; paths are relative to the folder of the run."""
        resume = f" --resume {self.resume}" if self.resume else ""
        script = ROOT / "workflow" / "scripts" / f"{self.script}.py"
        return [sys.executable, str(script), *f"{self.options}{resume}".split()]


def trained(name: str, script: str, model: str, options: str) -> Stage:
    """Return a stage that trains a model, which is then called so."""
    outputs = tuple(f"{name}{suffix}" for suffix in (".pt", ".json", ".csv"))
    options = f"fist.methods.{model} --out {name}.pt {options} {TRAINING}"
    return Stage(script, options, outputs, f".resume/{name}.resume")


RECORDED = Stage(
    "generate_data",
    "--sequence microwave-kettle --episodes 2 --seed 1 --out raw.hdf5",
    ("raw.hdf5",),
)
"""What the stages need and none of them makes."""

STAGES = {
    "generate_data": Stage(
        "generate_data",
        f"--sequence kettle-light_switch --episodes 4 --out play.hdf5 --save-every {SAVE_EVERY}",
        ("play.hdf5",),
        ".resume/play.resume",
    ),
    "make_demos": Stage(
        "make_demos",
        f"{KITCHEN} --files raw.hdf5 --order microwave kettle --out demos.hdf5",
        ("demos.hdf5", "demos.json"),
    ),
    "make_split": Stage(
        "make_split",
        f"{KITCHEN} --files play.hdf5 --held-out microwave --demos demos.hdf5 --out split.hdf5",
        ("split.hdf5", "split.json"),
    ),
    "train_skills": trained("skills", "train", "skills:SkillVAE", MODEL),
    "train_distance": trained("distance", "train", "distance:Distance", MODEL),
    "train_bc": trained("bc", "train", "cloning:BCModel", MODEL),
    "finetune_skills": trained(
        "tuned_skills", "finetune", "skills:SkillVAE", f"--init skills.pt {DEMOS}"
    ),
    "finetune_distance": trained(
        "tuned_distance",
        "finetune",
        "distance:Distance",
        f"--init distance.pt --play split.hdf5 {DEMOS}",
    ),
    "finetune_bc": trained("tuned_bc", "finetune", "cloning:BCModel", f"--init bc.pt {DEMOS}"),
    "rollout": Stage(
        "rollout",
        f"--method fist.methods.skills:FIST --model tuned_skills.pt {DEMOS}"
        " --distance tuned_distance.pt --rollout.batch 1 --rollout.episodes 6"
        f" --rollout.max-steps 40 {LABELS} --out episodes.csv",
        ("episodes.csv",),
        ".resume/episodes.resume",
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
    """Seconds of the processor that the undisturbed run took."""
    kills: int = 0
    resumed: int = 0
    """Runs that went on from a resume file."""
    lost: int = 0
    """Resume files that were there before a run and of no use to it."""
    redone: float = 0.0
    """Most seconds of work that one stop cost: of the processor or, if that is less, since the last
    saving."""
    seen: list[str] = field(default_factory=list)
    """What was wrong: outputs that were half-written after a stop, or not the undisturbed run's in
    the end; Ctrl-C that left files behind, or was answered with more than a line."""


@dataclass
class Arguments:
    """What to stop."""

    kills: int = 30
    """Stops of each stage."""
    stage: tuple[str, ...] = tuple(STAGES)
    """Stages to stop; the others are only run."""
    seed: int = 0
    """Seed of the moments and signals."""


def heed_ctrl_c() -> None:
    """Let SIGINT interrupt this process: what a shell starts in the background ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Process:
    """A stage that runs in a process of its own, a copy of this one, so with all imports done."""

    def __init__(self, stage: Stage, folder: Path, prepare: Callable[[], object] | None = None):
        """Start it in a folder; what it says goes to the file `log` there, which begins anew.

        Args:
            stage: what to run.
            folder: where its files are.
            prepare: called in the new process before the stage begins.
        """
        self.status: int | None = None
        self.cpu_s = 0.0
        """Processor seconds that it has used, once it has ended."""
        for module in IMPORTS:
            import_module(module)
        (folder / "log").write_text("")
        # No signal before the copy is ready for it.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS[:2])
        self._id = os.fork()
        if self._id:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS[:2])
        else:
            status = 1
            try:
                status = _run(stage, folder, prepare)
            finally:  # whatever stops it, this copy of the benchmark must not go on
                os._exit(status)

    def wait(self, cpu_s: float = math.inf) -> bool:
        """Wait until it has used so many seconds of the processor; return whether it has ended."""
        process = psutil.Process(self._id)
        while self.status is None:
            number, status, used = os.wait4(self._id, os.WNOHANG)
            if number:
                self.status = os.waitstatus_to_exitcode(status)
                self.cpu_s = used.ru_utime + used.ru_stime
            elif sum(process.cpu_times()[:2]) > cpu_s:
                return False
            else:
                time.sleep(0.005)
        return True

    def stop(self, number: signal.Signals) -> None:
        """Send it a signal and wait for its end."""
        os.kill(self._id, number)
        self.wait()


def _run(stage: Stage, folder: Path, prepare: Callable[[], object] | None) -> int:
    """Be the stage's script; return its exit status."""
    heed_ctrl_c()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS[:2])
    os.chdir(folder)
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout, sys.stderr = open(1, "w"), open(2, "w", buffering=1)
    logging.root.handlers.clear()
    sys.argv = stage.command[1:]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    sys.modules.pop("_cli", None)
    try:
        if prepare is not None:
            prepare()
        runpy.run_path(sys.argv[0], run_name="__main__")
        return 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()


def finish(stage: Stage, folder: Path) -> float:
    """Run a stage to its end; return the seconds of the processor that it took.

    Raises:
        RuntimeError: it failed; the message is what it said.
    """
    process = Process(stage, folder)
    process.wait()
    if process.status != 0:
        raise RuntimeError(f"{stage.script}: {(folder / 'log').read_text()[-2000:]}")
    return process.cpu_s


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
    for name in (*stage.outputs, *filter(None, [stage.resume])):
        (folder / name).unlink(missing_ok=True)


def stop_often(stage: Stage, folder: Path, expected: Path, kills: int, seed: int) -> Report:
    """Stop a stage so many times; `expected` is the folder of the undisturbed run."""
    draw = random.Random(seed)
    clean(stage, folder)
    report = Report(whole=finish(stage, folder))
    shares = [(i + draw.random()) / kills for i in range(kills)]
    draw.shuffle(shares)
    while shares:
        clean(stage, folder)
        for stopped in range(min(STOPS_IN_A_ROW, len(shares))):
            number = SIGNALS[report.kills % len(SIGNALS)]
            ended = not stop_once(stage, folder, report.whole * shares[-1], number, report)
            note(stage, folder, expected, ended, report)
            if ended and not stopped:
                shares[-1] *= 0.9  # it needs less than it did
            if ended:
                break
            report.kills += 1
            shares.pop()
        had_file = (folder / stage.resume).is_file()
        finish(stage, folder)
        note(stage, folder, expected, True, report)
        report.lost += had_file and "resuming at" not in (folder / "log").read_text()
    return report


def stop_once(
    stage: Stage, folder: Path, moment: float, number: signal.Signals, report: Report
) -> bool:
    """Start a stage and stop it after so much processor time; return False if it ended before."""
    there = {path.name for path in folder.iterdir()} | {".resume", "log"}
    process = Process(stage, folder)
    if process.wait(moment):
        return False
    process.stop(number)
    if number is signal.SIGINT and process.status != 0:
        left = {path.name for path in folder.iterdir()} - there - set(stage.outputs)
        report.seen += [f"{name} is left behind" for name in sorted(left)]
        said = (folder / "log").read_text()
        if "Traceback" in said or not re.search(r"interrupted|stopped by signal 2", said):
            report.seen.append(f"Ctrl-C is answered with: {said[-2000:]}")
    file = folder / stage.resume
    since_saved = time.time() - file.stat().st_mtime if file.is_file() else math.inf
    report.redone = max(report.redone, min(process.cpu_s, since_saved))
    return True


def note(stage: Stage, folder: Path, expected: Path, complete: bool, report: Report) -> None:
    """Note what is wrong after a run: with the outputs, all of them if complete."""
    for name in differing(stage, folder, expected, complete):
        report.seen.append(f"{name} {'differs' if complete else 'is half-written'}")
    report.resumed += "resuming at" in (folder / "log").read_text()


def main(args: Arguments) -> int:
    """Print a line per stage; return the exit status."""
    print(
        "| stage | seconds, undisturbed | stops | resumed | outputs that differ | resume files lost"
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
                f" | {len(report.seen)} | {report.lost} | {report.redone:.1f} |",
                flush=True,
            )
            reports.append(report)
    for line in (line for report in reports for line in report.seen):
        print(line)
    return int(any(report.seen or report.lost for report in reports))


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=__doc__)))
