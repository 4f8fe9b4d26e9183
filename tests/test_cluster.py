"""Laws of runs on a cluster, on a real Slurm of two pretended nodes on this machine.

The tests start it (tests/cluster/start_slurm.sh) and stop it again. A training of a few seconds is
stopped in every way that a cluster knows; its end must be that of a training left alone.
"""

import json
import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
from pipeline_copy import (
    PATIENCE,
    ROOT,
    TINY,
    copy_made,
    copy_pipeline,
    finish,
    snakemake,
    start,
    stop,
    wait_for,
)

pytestmark = pytest.mark.cluster

TABLE = "results/test/kitchen_table.csv"
MODEL = "results/test/kitchen/no_top_burner/seed_0/distance.pt"
LOG = "logs/test/kitchen/no_top_burner/seed_0/distance.log"
STEPS = 2000
LONG = (
    "--config",
    f"models={{distance: {{train: {{steps: {STEPS}, batch_size: 256, log_every: 20,"
    " save_every: 0.5}}}",
)
PLUGIN = (
    "--profile=profiles/slurm",
    "--cores=2",
    "--latency-wait=20",
    "--slurm-status-command=squeue",
    "--slurm-init-seconds-before-status-checks=6",
)
COMMANDS = (
    "--profile=profiles/sbatch",
    "--cores=2",
    "--latency-wait=20",
    "--seconds-between-status-checks=1",
)


def slurm_command(*words):
    """Run a command of Slurm and return what it prints."""
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


def jobs(*states):
    """Return the ids of the jobs in one of these states; by default, of those not ended."""
    chosen = f"--states={','.join(states)}" if states else "--states=PD,R,CG,CF,S,RQ"
    return slurm_command("squeue", "--noheader", chosen, "--format=%i").split()


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A Slurm of two idle nodes."""
    scripts = ROOT / "tests" / "cluster"
    folder = str(tmp_path_factory.mktemp("slurm"))
    started = subprocess.run(
        [scripts / "start_slurm.sh", folder], capture_output=True, text=True, timeout=600
    )
    if started.returncode == 77:
        pytest.skip(started.stderr.strip())
    assert started.returncode == 0, started.stdout + started.stderr
    yield
    subprocess.run([scripts / "stop_slurm.sh", folder], timeout=120, check=True)


@pytest.fixture(scope="module")
def undisturbed(made_pipeline, tmp_path_factory):
    """The model of the longer training, made by this machine without a stop."""
    folder = with_data(made_pipeline, tmp_path_factory.mktemp("undisturbed") / "run")
    status, said = snakemake(folder, "-j1", MODEL, *TINY, *LONG)
    assert status == 0, said
    return (folder / MODEL).read_bytes()


@pytest.fixture
def folder(slurm, made_pipeline, undisturbed, tmp_path):
    """A copy of the pipeline with the data made, on a cluster without jobs."""
    yield with_data(made_pipeline, tmp_path / "run")
    for job in jobs():
        slurm_command("scancel", job)
    with suppress(AssertionError):  # a node that is down says nothing of its jobs
        until(lambda: not jobs(), "end of all jobs", 30)
    # Slurm gives up a node that is down, and the processes that were there.
    for left in psutil.process_iter(["cwd"]):
        if left.info["cwd"] and Path(left.info["cwd"]).is_relative_to(tmp_path):
            with suppress(psutil.NoSuchProcess):
                left.kill()


def with_data(made, folder):
    """Copy a run as it was when its data were made."""
    return copy_made(made, folder, "results", "logs", "said.log")


def until(condition, what, seconds=PATIENCE):
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"no {what} in {seconds} s"
        time.sleep(0.1)


def steps_done(folder):
    """Return the last step that the training has told of."""
    try:
        told = re.findall(rf"step (\d+)/{STEPS}", (folder / LOG).read_text())
    except FileNotFoundError:  # between two attempts
        return 0
    return int(told[-1]) if told else 0


def running(folder, *options):
    """Submit the longer training; return Snakemake and the job's id once it is under way."""
    (folder / "said.log").unlink(missing_ok=True)
    process = start(folder, *options, MODEL, *TINY, *LONG)
    wait_for(lambda: steps_done(folder) >= 100, process, what="training")
    return process, jobs("R")[-1]


def resumed(folder):
    """Return the step at which the last attempt went on; 0 where it began anew."""
    said = re.search(rf"resuming at step (\d+) of {STEPS}", (folder / LOG).read_text())
    return int(said[1]) if said else 0


def assert_as_if_nothing_had_happened(folder, process, undisturbed):
    status, said = finish(folder, process)
    assert status == 0, said
    assert resumed(folder) >= 50
    assert (folder / MODEL).read_bytes() == undisturbed


def test_the_whole_pipeline_gives_the_local_table_on_the_cluster(slurm, made_pipeline, tmp_path):
    """Every file that the table is made from is the same, bit for bit."""
    repository, folder = copy_pipeline(tmp_path / "repository"), tmp_path / "run"
    status, said = snakemake(repository, *PLUGIN, TABLE, *TINY, "--directory", str(folder))
    assert status == 0, said
    episodes = made_pipeline.glob("results/test/kitchen/**/episodes.csv")
    names = [path.relative_to(made_pipeline) for path in episodes]
    assert len(names) >= 2
    for name in [TABLE, *names, MODEL]:
        assert (folder / name).read_bytes() == (made_pipeline / name).read_bytes(), name


def out_of_time(job):
    slurm_command("scontrol", "update", f"JobId={job}", "EndTime=now")


def requeued(job):
    slurm_command("scontrol", "requeue", job)
    at_once(job)


def cancelled(job):
    slurm_command("scancel", job)


def at_once(job):
    """Have a requeued job begin now: Slurm would wait two minutes."""
    until(lambda: job in jobs("PD"), f"job {job} in the queue again")
    slurm_command("scontrol", "update", f"JobId={job}", "StartTime=now")


@pytest.mark.parametrize(
    ("profile", "happens"),
    [(PLUGIN, out_of_time), (PLUGIN, requeued), (COMMANDS, cancelled)],
    ids=["out_of_time", "requeued", "cancelled"],
)
def test_a_job_that_the_cluster_stops_continues_where_it_was(folder, undisturbed, profile, happens):
    """Its time is up, it has to make way, or someone cancels it."""
    process, job = running(folder, *profile)
    try:
        happens(job)
        assert_as_if_nothing_had_happened(folder, process, undisturbed)
    finally:
        stop(process)


def test_a_node_that_fails_under_a_job_costs_neither_the_job_nor_its_work(folder, undisturbed):
    process, job = running(folder, *PLUGIN)
    node = slurm_command("squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()
    try:
        slurm_command("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
        at_once(job)
        assert_as_if_nothing_had_happened(folder, process, undisturbed)
        after = slurm_command(
            "squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%N"
        )
        assert after.strip() not in ("", node)
    finally:
        slurm_command("scontrol", "update", f"NodeName={node}", "State=RESUME")
        stop(process)


@pytest.mark.parametrize("profile", [PLUGIN, COMMANDS], ids=["slurm", "sbatch"])
def test_ctrl_c_leaves_no_job_behind_and_the_next_run_continues(folder, undisturbed, profile):
    process, _ = running(folder, *profile)
    os.killpg(process.pid, signal.SIGINT)
    status, _ = finish(folder, process)
    assert status != 0
    until(lambda: not jobs(), "end of all jobs")
    assert not (folder / MODEL).exists()
    process = start(folder, "-j1", MODEL, *TINY, *LONG)
    assert_as_if_nothing_had_happened(folder, process, undisturbed)


def test_a_second_snakemake_in_the_same_folder_is_refused(folder, undisturbed):
    process, _ = running(folder, *COMMANDS)
    try:
        os.killpg(process.pid, signal.SIGSTOP)  # or it might be done before the second begins
        try:
            second = subprocess.run(
                process.args, cwd=folder, capture_output=True, text=True, timeout=PATIENCE
            )
        finally:
            os.killpg(process.pid, signal.SIGCONT)
        assert second.returncode != 0
        assert "cannot be locked" in second.stderr
        status, said = finish(folder, process)
        assert status == 0, said
        assert (folder / MODEL).read_bytes() == undisturbed
    finally:
        stop(process)


@pytest.fixture
def small_disk(folder):
    """A file system of 600 kB for the results."""
    results = folder / "results"
    results.mkdir()
    mount = partial(subprocess.run, capture_output=True, text=True)
    mounted = mount(["mount", "-t", "tmpfs", "-o", "size=600k", "fist-tests", str(results)])
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.strip()}")
    yield lambda: mount(["mount", "-o", "remount,size=64m", str(results)], check=True)
    mount(["umount", "--lazy", str(results)], check=True)


def test_a_full_disk_is_named_and_a_larger_one_is_all_that_the_next_run_needs(
    folder, small_disk, undisturbed
):
    status, said = snakemake(folder, *COMMANDS, "--retries=0", MODEL, *TINY, *LONG)
    assert status != 0
    assert re.search(r"could not write results/\S+: No space left on device", said)
    assert not (folder / MODEL).exists()
    small_disk()
    status, said = snakemake(folder, *COMMANDS, MODEL, *TINY, *LONG)
    assert status == 0, said
    assert (folder / MODEL).read_bytes() == undisturbed


def test_a_job_that_asks_for_a_gpu_gets_one_of_its_node(folder):
    """Slurm's choice is what the job sees: no other choice is made for it."""
    gpu = folder / "gpu.json"
    (folder / "Gpu.smk").write_text(
        'rule gpu:\n    output: "gpu.json"\n    resources: gpu=1\n'
        '    shell: "workflow/scripts/on_gpu.sh 1 python -c \\"import json, os;'
        " json.dump(os.environ.get('CUDA_VISIBLE_DEVICES'), open('{output}', 'w'))\\\"\"\n"
    )
    status, said = snakemake(folder, "--snakefile=Gpu.smk", *COMMANDS)
    assert status == 0, said
    assert json.loads(gpu.read_text()) == "0"
