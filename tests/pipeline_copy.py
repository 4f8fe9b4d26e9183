"""Run a copy of the pipeline in a folder of its own, for tests that stop it or change it."""

import atexit
import hashlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from filelock import FileLock

from interruption import heed_ctrl_c

ROOT = Path(__file__).parents[1]
FIST = [sys.executable, "-c", "from fist.commands.main import main; main()"]
"""The command `fist`, of the code that is tested."""
PARTS = ("Snakefile", "rules", "workflow", "config", "envs", "profiles", "fist", "d4rl/src")
TINY = ("--configfile", "config/test.yaml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info")
PATIENCE = 900
"""Seconds that a run may take: many times what it takes on an idle machine."""


@dataclass(frozen=True)
class PlannedJob:
    """What Snakemake tells of a job that it would run."""

    rule: str
    wildcards: dict[str, str] = field(hash=False)
    input: list[str] = field(hash=False)
    output: list[str] = field(hash=False)
    log: list[str] = field(hash=False)
    shell: str | None


def copy_pipeline(folder):
    """Copy what a run needs, so that nothing changes under it; return the folder."""
    for part in PARTS:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=LEFT_OUT)
        else:
            shutil.copy2(source, target)
    return folder


def make_once(folder):
    """Make the tiny pipeline in a folder, unless it is there, and return the folder.

    Processes that ask at the same time wait for the one that makes it. It is read only: copy it
    with `copy_made` to change it. What Snakemake said is in its said.log.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        stamp, code = folder / "made", _fingerprint()
        if not stamp.exists() or stamp.read_text() != code:
            shutil.rmtree(folder, ignore_errors=True)
            copy_pipeline(folder)
            status, said = snakemake(folder, "-j2", *TINY)
            assert status == 0, said
            stamp.write_text(code)
    return folder


def copy_made(made, folder, *left_out):
    """Copy a made pipeline, but for what is called so; return the copy, which is as made."""
    shutil.copytree(made, folder, ignore=shutil.ignore_patterns("made", *left_out))
    return folder


def _fingerprint():
    """Return a hash of the files that a copy of the pipeline holds."""
    files = (file for part in PARTS for file in [ROOT / part, *(ROOT / part).rglob("*")])
    code = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file() and file.suffix != ".pyc"):
        code.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return code.hexdigest()


def environment():
    """Return the environment of a user of the copy: this checkout's code is out of reach."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return own | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def start(folder, *options):
    """Start Snakemake in a folder, in a process group of its own that Ctrl-C reaches."""
    with open(folder / "said.log", "a") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *options],
            cwd=folder,
            env=environment(),
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=heed_ctrl_c,
        )


def finish(folder, process, seconds=PATIENCE):
    """Wait for Snakemake's end; return its exit status and everything said in its folder."""
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        stop(process)
        raise AssertionError(
            f"not done after {seconds} s:\n{(folder / 'said.log').read_text()[-3000:]}"
        ) from None
    return status, (folder / "said.log").read_text()


def snakemake(folder, *options, seconds=PATIENCE):
    """Run Snakemake in a folder to its end; return its exit status and what it said."""
    (folder / "said.log").unlink(missing_ok=True)
    if "-n" not in options:
        return finish(folder, start(folder, *options), seconds)
    status = _server().ask(folder, options)
    return status, (folder / "said.log").read_text()


def plan(folder, *options):
    """Return the jobs that Snakemake would run in a folder: nothing is made."""
    jobs = folder / "plan.jsonl"
    jobs.unlink(missing_ok=True)
    status, said = snakemake(folder, *options, "-n", "--logger", "plan", "--logger-plan-file", jobs)
    assert status == 0, said
    lines = jobs.read_text().splitlines() if jobs.exists() else []
    return [PlannedJob(**json.loads(line)) for line in lines]


class Server:
    """A Snakemake that is imported once (snakemake_server.py), for dry runs: half their time."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("snakemake_server.py")],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        atexit.register(stop, self._process)

    def ask(self, folder, options):
        """Have it run Snakemake in a folder; return the exit status."""
        run = {"folder": str(folder), "options": [*map(str, options)], "environment": environment()}
        self._process.stdin.write(json.dumps(run) + "\n")
        self._process.stdin.flush()
        with selectors.DefaultSelector() as answers:
            answers.register(self._process.stdout, selectors.EVENT_READ)
            assert answers.select(PATIENCE), f"no plan after {PATIENCE} s"
        return int(self._process.stdout.readline())


@cache
def _server():
    return Server()


def stop(process):
    """End a Snakemake that is still there, and its jobs, at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(condition, process, seconds=PATIENCE, what="that"):
    """Wait until a condition holds and return its value; fail where the process ends before."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert process.poll() is None, f"ended with {process.poll()} before {what}"
        assert time.monotonic() < deadline, f"no {what} in {seconds} s"
        time.sleep(0.1)
    return value
