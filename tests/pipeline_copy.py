"""Run a copy of the pipeline in a folder of its own, for tests that stop it or change it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from interruption import heed_ctrl_c

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "rules", "workflow", "config", "envs", "profiles", "fist", "d4rl/src")
TINY = ("--configfile", "config/test.yaml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info")


def copy_pipeline(folder):
    """Copy what a run needs, so that nothing changes under it; return the folder."""
    for part in PARTS:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=LEFT_OUT)
        else:
            shutil.copy(source, target)
    return folder


def start(folder, *options):
    """Start Snakemake in a folder, in a process group of its own that Ctrl-C reaches."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with open(folder / "said.log", "a") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *options],
            cwd=folder,
            env=environment | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=heed_ctrl_c,
        )


def finish(folder, process, seconds=900):
    """Wait for Snakemake's end; return its exit status and everything said in its folder."""
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        stop(process)
        raise AssertionError(
            f"not done after {seconds} s:\n{(folder / 'said.log').read_text()[-3000:]}"
        ) from None
    return status, (folder / "said.log").read_text()


def snakemake(folder, *options, seconds=900):
    """Run Snakemake in a folder to its end; return its exit status and what it said."""
    (folder / "said.log").unlink(missing_ok=True)
    return finish(folder, start(folder, *options), seconds)


def stop(process):
    """End a Snakemake that is still there, and its jobs, at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(condition, process, seconds=300, what="that"):
    """Wait until a condition holds and return its value; fail where Snakemake ends before."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert process.poll() is None, f"Snakemake ended with {process.poll()} before {what}"
        assert time.monotonic() < deadline, f"no {what} in {seconds} s"
        time.sleep(0.1)
    return value
