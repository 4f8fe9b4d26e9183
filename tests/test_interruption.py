"""Laws of stages that are stopped, or that find no room to write."""

import os
import re
import resource
import shutil
import signal
import subprocess
import time
from functools import partial

import pytest
from pipeline_copy import TINY, copy_pipeline, snakemake, wait_for
from pipeline_copy import start as start_snakemake

from interruption import RECORDED, ROOT, STAGES, content, finish, start, stop_often

pytestmark = pytest.mark.slow

OURS = re.compile(rf'File "{re.escape(str(ROOT))}/(fist/|workflow/scripts/_cli\.py.* in main\b)')
"""A traceback's line in code that runs only once a script listens to Ctrl-C."""

took = {}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder in which every stage has been run; the seconds each took are in `took`."""
    folder = tmp_path_factory.mktemp("made")
    finish(RECORDED, folder)
    for name, stage in STAGES.items():
        began = time.monotonic()
        finish(stage, folder)
        took[name] = time.monotonic() - began
    return folder


@pytest.fixture
def before(made, tmp_path):
    """Copy the files that there are before a stage, to a folder that is returned."""

    def copy(name):
        folder = tmp_path / name
        shutil.copytree(made, folder)
        for made_later in list(STAGES)[list(STAGES).index(name) :]:
            for output in STAGES[made_later].outputs:
                (folder / output).unlink()
        shutil.rmtree(folder / ".state", ignore_errors=True)
        return folder

    return copy


def full_disk():
    """Let no file grow beyond 100 bytes: a write then fails where it would on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_finds_the_disk_full_says_so_in_one_line_and_leaves_nothing(name, before):
    folder, stage = before(name), STAGES[name]
    there = {path.name for path in folder.iterdir()}
    process = subprocess.run(
        stage.command, cwd=folder, capture_output=True, text=True, preexec_fn=full_disk, timeout=120
    )
    assert process.returncode == 1
    last = process.stderr.splitlines()[-1]
    assert re.match(rf"{stage.script}\.py: error: .*could not write \S+: File too large", last)
    assert "Traceback" not in process.stderr
    assert {path.name for path in folder.rglob("*") if path.is_file()} <= there
    finish(stage, folder)


@pytest.mark.parametrize("share", [0.3, 0.7])
@pytest.mark.parametrize("name", STAGES)
def test_ctrl_c_ends_a_stage_with_one_line_and_leaves_nothing_half_written(name, share, before):
    """While it imports what it needs, or while it works."""
    folder, stage = before(name), STAGES[name]
    there = {path.name for path in folder.iterdir()} | {".state", "log"}
    for attempt in range(5):
        process = start(stage, folder)
        time.sleep(share * took[name] + 0.2 * attempt)
        process.send_signal(signal.SIGINT)
        status = process.wait(60)
        said = (folder / "log").read_text()
        # Before the script's first lines it is Python that starts, and Python that answers; before
        # Python's own, nobody does.
        if OURS.search(said) or ("Traceback" not in said and (said or status == 0)):
            break
    assert "Traceback" not in said
    if status != 0:  # else it had ended
        assert re.search(r"interrupted|stopped by signal 2", said)
        assert {path.name for path in folder.iterdir()} <= there
    finish(stage, folder)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_is_killed_again_and_again_ends_as_if_it_had_not(name, made, tmp_path):
    folder = tmp_path / "stopped"
    shutil.copytree(made, folder)
    report = stop_often(STAGES[name], folder, made, kills=4, seed=1)
    assert report.kills == 4
    assert report.seen == []
    assert report.lost_states == 0
    assert report.redone <= report.whole + 1


def test_a_pipeline_gives_the_same_files_in_any_folder_for_any_number_of_jobs_and_stops(tmp_path):
    """Four jobs at a time and left alone; one at a time, elsewhere, and killed again and again."""
    alone, killed = copy_pipeline(tmp_path / "alone"), copy_pipeline(tmp_path / "else" / "where")
    status, said = snakemake(alone, "-j4", *TINY)
    assert status == 0, said
    for number, models in ((signal.SIGKILL, 1), (signal.SIGINT, 3), (signal.SIGTERM, 5)):
        process = start_snakemake(killed, "-j1", *TINY)
        made = partial(lambda n: len(list(killed.glob("results/**/*.pt"))) >= n, models)
        wait_for(made, process, what=f"model {models}")
        os.killpg(process.pid, number)
        assert process.wait(120) != 0
        status, said = snakemake(killed, "--unlock", *TINY)
        assert status == 0, said
    status, said = snakemake(killed, "-j1", *TINY)
    assert status == 0, said
    names = sorted(
        path.relative_to(alone)
        for folder in ("data", "results")
        for path in (alone / folder).rglob("*")
        if path.is_file() and path.suffix not in (".tsv", ".state")
    )
    assert {name.suffix for name in names} == {".hdf5", ".json", ".pt", ".csv", ".md"}
    for name in names:
        assert content(killed / name) == content(alone / name), name
