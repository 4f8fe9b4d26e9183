"""Laws of the parts that a stage has finished."""

import subprocess
import sys

import numpy as np

from fist.stage.resume import Finished
from interruption import heed_ctrl_c


def test_finished_parts_come_back_as_they_were_to_the_run_that_made_them_alone(tmp_path):
    """Arrays keep type and values; another key begins with nothing."""
    path = tmp_path / "run.state"
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
    parts = Finished(tmp_path / "run.state", "mine", save_every=30)
    saved = []
    for number, seconds in enumerate((10, 29, 31, 45, 62)):
        now[0] = seconds
        parts[number] = {"successful": True}
        saved.append(len(Finished(tmp_path / "run.state", "mine")))
    assert saved == [0, 0, 3, 3, 5]


IMPORT = """
import os, signal, sys, threading
from fist.stage.interrupt import import_torch
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    import_torch()
    threading.Event().wait(60)  # it was quick, or this machine is slow
except KeyboardInterrupt:
    print(hasattr(sys.modules["torch"], "compile"))
"""


def test_ctrl_c_waits_until_pytorch_is_imported():
    """In the midst of it an exception would abort the process."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], capture_output=True, text=True, preexec_fn=heed_ctrl_c
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
