"""Laws of the parts that a stage has finished, and of Ctrl-C in a script."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fist.stage.resume import Finished, write_resume
from interruption import ROOT, heed_ctrl_c


def test_finished_parts_come_back_as_they_were_to_the_run_that_made_them_alone(tmp_path):
    """Arrays keep type and values; another key begins with nothing."""
    path = tmp_path / "run.resume"
    parts = Finished(path, "mine", save_every=0)
    parts[0] = {"rows": np.arange(6, dtype=np.float32).reshape(2, 3), "successful": True}
    parts[4] = {"rows": np.zeros((0, 3), np.float32), "successful": False}
    again = Finished(path, "mine")
    assert list(again) == [0, 4]
    for number, part in parts.items():
        assert again[number]["successful"] is part["successful"]
        assert again[number]["rows"].dtype == np.float32
        np.testing.assert_array_equal(again[number]["rows"], part["rows"])
    assert Finished(path, "yours") == {}


def test_parts_are_saved_now_and_then(monkeypatch, tmp_path):
    """Not each of them: writing all of many parts after each would take longer than making them."""
    now = [0.0]
    monkeypatch.setattr("fist.stage.resume.time.monotonic", lambda: now[0])
    parts = Finished(tmp_path / "run.resume", "mine", save_every=30)
    saved = []
    for number, seconds in enumerate((10, 29, 31, 45, 62)):
        now[0] = seconds
        parts[number] = {"successful": True}
        saved.append(len(Finished(tmp_path / "run.resume", "mine")))
    assert saved == [0, 0, 3, 3, 5]


BROKEN = {
    "no parts": {},
    "parts that are none": {"parts": 3},
    "a part that is none": {"parts": {0: [1]}},
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_resume_file_with_the_key_of_a_run_but_not_its_content_is_refused(content, tmp_path):
    write_resume(tmp_path / "run.resume", "mine", content)
    with pytest.raises(ValueError, match="run.resume is not what such a run leaves .*: delete it"):
        Finished(tmp_path / "run.resume", "mine")


def test_a_resume_file_that_is_no_file_or_no_tensors_is_set_aside_unread(tmp_path):
    """Whatever it is, nothing of it runs, and the run begins anew."""
    path = tmp_path / "run.resume"
    made = (
        lambda: path.mkdir(),
        lambda: os.mkfifo(path),
        lambda: path.write_bytes(pickle.dumps(Path("x"))),
        lambda: torch.save({"key": "mine", "parts": {0: {"a": Path("x")}}}, path),
        lambda: path.open("wb").truncate(1 << 40),
    )
    for make in made:
        make()
        assert Finished(path, "mine") == {}
        aside = path.with_suffix(".damaged")
        assert not path.exists() and aside.exists()
        aside.rmdir() if aside.is_dir() else aside.unlink()


SCRIPT = """
import sys
sys.argv = ["{folder}/make_split.py"]
sys.path.insert(0, "{folder}")
import _cli  # it listens from here on
import contextlib, os, signal, threading
from fist.stage.files import replacing

def run():
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    {what}
    threading.Event().wait(60)

{start}
"""
STARTS = {"run()": "starts", "_cli.main(run, '')": "works"}
WHAT = {
    "import torch": "imports",
    "pass": "waits",
    "with replacing('out') as file: file.touch(); threading.Event().wait(60)": "writes",
}


@pytest.mark.parametrize("start", STARTS, ids=STARTS.values())
@pytest.mark.parametrize("what", WHAT, ids=WHAT.values())
def test_ctrl_c_ends_a_script_in_one_line(start, what, tmp_path):
    """While it imports: in the midst of PyTorch's import an exception would abort the process."""
    code = SCRIPT.format(folder=ROOT / "workflow/scripts", what=what, start=start)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    said = (done.returncode, done.stdout, done.stderr)
    assert said == (130, "", "make_split.py: interrupted\n")
    assert STARTS[start] == "starts" or not list(tmp_path.iterdir())
