"""Laws of stages that are stopped, or that find no room to write."""

import os
import re
import resource
import shutil

import pytest

from interruption import RECORDED, STAGES, Process, finish, stop_often

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder in which every stage has been run."""
    folder = tmp_path_factory.mktemp("made")
    for stage in (RECORDED, *STAGES.values()):
        finish(stage, folder)
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
        shutil.rmtree(folder / ".resume", ignore_errors=True)
        return folder

    return copy


def run_on_full_disk(stage, folder):
    """Run a stage that can write 100 bytes to a file; return its exit status and what it said.

    A larger write then fails where it would on a full disk. What the stage says goes to a pipe.
    """
    reading, writing = os.pipe()

    def fill():
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    process = Process(stage, folder, fill)
    os.close(writing)
    with open(reading) as said:
        text = said.read()
    process.wait()
    return process.status, text


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_finds_the_disk_full_says_so_in_one_line_and_leaves_nothing(name, before):
    folder, stage = before(name), STAGES[name]
    there = {path.name for path in folder.iterdir()}
    status, said = run_on_full_disk(stage, folder)
    assert status == 1
    last = said.splitlines()[-1]
    assert re.match(rf"{stage.script}\.py: error: .*could not write \S+: File too large", last)
    assert "Traceback" not in said
    assert {path.name for path in folder.rglob("*") if path.is_file()} <= there
    finish(stage, folder)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_is_stopped_again_and_again_ends_as_if_it_had_not(name, made, tmp_path):
    """Killed, told to end, or interrupted by Ctrl-C, which it answers with one line."""
    folder = tmp_path / "stopped"
    shutil.copytree(made, folder)
    report = stop_often(STAGES[name], folder, made, kills=6, seed=1)
    assert report.kills == 6
    assert report.seen == []
    assert report.lost == 0
    assert bool(report.resumed) == bool(STAGES[name].resume)
