"""Laws of GPUs on one machine: as many jobs at a time as there are, each on one of its own.

The GPUs are pretended: what a job is told to use is all that counts.
"""

import os
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest
from pipeline_copy import PATIENCE, ROOT, stop, wait_for

ON_GPU = ROOT / "workflow" / "scripts" / "on_gpu.sh"
CLUSTERS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "SGE_TASK_ID", "CUDA_VISIBLE_DEVICES")


@pytest.fixture
def environment(tmp_path):
    """The environment of a machine alone, its locks in a folder of this test."""
    own = {name: value for name, value in os.environ.items() if name not in CLUSTERS}
    return own | {"TMPDIR": str(tmp_path)}


def seen(environment, number="1", **changes):
    """Return what a command that asks for GPUs is told to use."""
    command = [ON_GPU, number, "bash", "-c", 'echo "${CUDA_VISIBLE_DEVICES-all}"']
    return subprocess.check_output(
        command, env=environment | changes, text=True, timeout=60
    ).strip()


def sleeps(process):
    """Return whether a shell is in a `sleep`."""
    with suppress(psutil.NoSuchProcess):  # it has just ended
        return any(child.name() == "sleep" for child in psutil.Process(process.pid).children())


@pytest.mark.parametrize("visible", ["3,GPU-5", "3,3"])
def test_a_job_waits_for_a_gpu_that_no_other_holds(environment, visible):
    """A GPU that is named twice is held by two."""
    holders = [
        subprocess.Popen(
            [ON_GPU, "1", "bash", "-c", "echo $CUDA_VISIBLE_DEVICES; read"],
            env=environment | {"CUDA_VISIBLE_DEVICES": visible},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    held = [holder.stdout.readline().strip() for holder in holders]
    assert sorted(held) == visible.split(",")
    waiting = subprocess.Popen(
        [ON_GPU, "1", "bash", "-c", "echo $CUDA_VISIBLE_DEVICES"],
        env=environment | {"CUDA_VISIBLE_DEVICES": visible},
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: sleeps(waiting), waiting, what="sleep, which follows a look at both")
    holders[0].kill()  # however a job ends, its GPU is free
    assert waiting.communicate(timeout=60)[0].strip() == held[0]
    holders[1].communicate("\n", timeout=60)
    holders[0].communicate()


def test_a_job_that_wants_no_gpu_sees_none(environment):
    assert seen(environment, "0", CUDA_VISIBLE_DEVICES="3,5") == ""


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_where_gpus_are_hidden_the_command_just_runs(environment, hidden):
    assert seen(environment, CUDA_VISIBLE_DEVICES=hidden) == hidden


@pytest.mark.parametrize("cluster", CLUSTERS[:-1])
def test_in_a_job_of_a_cluster_its_choice_stays(environment, cluster):
    assert seen(environment, CUDA_VISIBLE_DEVICES="0,1", **{cluster: "17"}) == "0,1"


# A job notes how many run as it begins, and lasts until so many have begun as may run at once.
JOBS = """\
rule all:
    input: expand("{job}.done", job=range(5))
rule train:
    output: "{job}.done"
    resources: gpu=1
    shell:
        "touch running/{wildcards.job} begun/{wildcards.job}; ls running | wc -l > {output}; "
        "until [ $(ls begun | wc -l) -ge AT_ONCE ]; do sleep 0.1; done; "
        "sleep 1; rm running/{wildcards.job}"
"""


@pytest.mark.parametrize(("visible", "at_once"), [("0,1", 2), ("", 5)])
def test_as_many_jobs_that_ask_for_a_gpu_run_as_there_are(environment, tmp_path, visible, at_once):
    """Without any, the request costs nothing."""
    (tmp_path / "Snakefile").write_text(JOBS.replace("AT_ONCE", str(at_once)))
    for folder in ("running", "begun"):
        (tmp_path / folder).mkdir()
    profile = ["--workflow-profile", str(ROOT / "profiles" / "default")]
    process = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "-j5", *profile],
        cwd=tmp_path,
        env=environment | {"CUDA_VISIBLE_DEVICES": visible},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert process.wait(PATIENCE) == 0
    finally:
        stop(process)
    running = [int((tmp_path / f"{job}.done").read_text()) for job in range(5)]
    assert max(running) == at_once
