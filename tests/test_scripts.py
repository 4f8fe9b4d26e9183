"""Laws of the scripts: they explain themselves, and their errors are one line."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import tyro

from _cli import environments, main
from fist.methods.skills import FIST, SkillVAE

SCRIPTS = Path(__file__).parents[1] / "workflow" / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("[a-z]*.py"))
SKILLS = "fist.methods.skills:SkillVAE"


def run(script, *options):
    """Run a script as a user does."""
    command = [sys.executable, SCRIPTS / f"{script}.py", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("name", NAMES)
def test_help_describes_every_option_and_tells_its_default(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    with pytest.raises(SystemExit) as end:
        module = importlib.import_module(name)
        of_class = SkillVAE if name in ("train", "finetune") else FIST
        options = module.command(of_class) if hasattr(module, "command") else module.run
        tyro.cli(options, args=["--help"], registry=environments())
    assert end.value.code == 0
    options = []
    for line in capsys.readouterr().out.splitlines():
        text = line.strip("│ ")
        if re.match(r"--[a-z]", text):
            options.append(text)
        elif options and not options[-1].endswith(")"):
            options[-1] += f" {text}"  # a long option's description, on a line of its own
    assert options
    for option in options:
        assert re.search(r"[a-z]{2,} \w+.* \((default: .*|required)\)", option), option


@pytest.mark.parametrize("name", NAMES)
def test_a_script_is_short_and_says_what_it_is_for(name):
    assert len((SCRIPTS / f"{name}.py").read_text().splitlines()) <= 50
    assert importlib.import_module(name).__doc__.endswith(".")


def test_a_script_runs_by_hand():
    """The options are those of the class that it is told."""
    for words in (("train", SKILLS), ("rollout", "--method", "fist.methods.skills:FIST")):
        result = run(*words, "--help")
        assert result.returncode == 0
        assert ("--model.z-dim INT" if SKILLS in words else "--act.replan-every") in result.stdout
    assert "MODULE:CLASS" in run("train", "--help").stdout


def test_a_class_that_is_not_there_is_named():
    result = run("train", "fist.methods.skills:VAE")
    assert result.returncode == 1
    assert "train.py: error: no class 'fist.methods.skills:VAE'" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_long_list_of_files_goes_through_a_file(tmp_path):
    """More than a command line can hold; also what the shell gives as a file."""
    (tmp_path / "files").write_text("".join(f"{'x' * 60}/{i}.csv\n" for i in range(100_000)))
    result = run("summarise", "--files", f"@{tmp_path / 'files'}", "--out", tmp_path / "t.csv")
    assert result.returncode == 2  # of the other options
    assert "held-out" in result.stderr
    result = run(
        *("summarise", "--files", f"@{tmp_path / 'files'}", "--out", tmp_path / "t.csv"),
        *("--held-out", "a", "+"),
    )
    assert result.returncode == 1
    assert f"{'x' * 60}/0.csv" in result.stderr


def test_scripts_that_only_add_up_results_do_not_wait_for_pytorch():
    """It takes two seconds to import, as long as the rest of such a job several times over."""
    names = "summarise, combine_tables, check_claims, summarise_cost, plot"
    figures = "scores, progress, profile, demonstrations, curves, retrieval, cost"
    code = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import {names}; "
    code += f"from fist.analysis.figures import {figures}; print(sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "'fist.evaluation.episode_results'" in loaded.stdout, loaded.stderr
    assert "'torch'" not in loaded.stdout


def test_bad_data_end_in_one_line_that_names_the_file_and_leave_nothing(tmp_path):
    data = tmp_path / "play.hdf5"
    with h5py.File(data, "w") as file:
        file["observations"] = np.zeros((30, 60), np.float32)
        file["actions"] = np.full((30, 9), 2.0, np.float32)
        file["terminals"] = np.arange(30) == 29
    result = run("train", SKILLS, "--play", data, "--out", tmp_path / "skills.pt")
    assert result.returncode == 1
    assert result.stderr.startswith(f"train.py: error: {data}: actions[0, 0] is 2")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [data]


def test_a_bad_setting_is_refused_by_its_name():
    result = run("train", SKILLS, "--play", "x", "--out", "y.pt", "--train.clip-norm", "0")
    assert result.returncode == 2
    assert "TrainSettings.clip_norm is 0.0" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_file_ends_in_one_line_that_names_it(tmp_path):
    result = run(
        *("make_split", "--env", "d4rl:kitchen-mixed-v0", "{}", "--held-out", "kettle"),
        *("--files", tmp_path / "no.hdf5", "--out", tmp_path / "split.hdf5"),
    )
    assert result.returncode == 1
    assert f"no data set at {tmp_path / 'no.hdf5'}" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_disk_that_is_full_ends_in_one_line_and_leaves_no_output(tmp_path):
    data = tmp_path / "play.hdf5"
    rng = np.random.default_rng(0)
    with h5py.File(data, "w") as file:
        file["observations"] = rng.normal(size=(60, 60)).astype(np.float32)
        file["actions"] = rng.uniform(-1, 1, (60, 9)).astype(np.float32)
        file["terminals"] = np.arange(60) % 30 == 29
    out = tmp_path / "out" / "skills.pt"
    options = [SKILLS, "--play", str(data), "--out", str(out), "--train.steps", "2"]
    # A limit on the size of files stands in for a full disk: the write fails in the same place.
    limited = (
        "import resource, signal, sys, runpy;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        f"sys.argv = {['train.py', *options]!r};"
        f"sys.path.insert(0, {str(SCRIPTS)!r});"
        f"runpy.run_path({str(SCRIPTS / 'train.py')!r}, run_name='__main__')"
    )
    command = [sys.executable, "-c", limited]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1
    assert f"error: [Errno 27] could not write {out}" in result.stderr
    assert not out.exists()
    assert not list(tmp_path.rglob("*.tmp"))


def test_an_interrupted_script_says_so_without_a_traceback(capsys, monkeypatch):
    def stop(out: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["make_split.py", "--out", "x"])
    with pytest.raises(SystemExit) as end:
        main(stop)
    assert end.value.code == 130
    assert capsys.readouterr().err == "make_split.py: interrupted\n"
