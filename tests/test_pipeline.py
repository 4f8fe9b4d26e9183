"""Laws of the training stages."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from recordings import random_episodes

from fist.data.episodes import DataError, save_episodes
from fist.methods.cloning import BCSettings
from fist.methods.distance import DistanceSettings
from fist.methods.skills import SkillSettings
from fist.training.checkpoint import load_model
from fist.training.settings import TrainSettings
from fist.training.stages import (
    Job,
    finetune_distance,
    finetune_skills,
    train_bc,
    train_distance,
    train_skills,
)
from interruption import heed_ctrl_c

ROOT = Path(__file__).parents[1]
SMALL = SkillSettings(hidden=16, readout=16, z_dim=3)
TRAIN = TrainSettings(steps=30, batch_size=32, log_every=10, precision="float32")


@pytest.fixture
def files(tmp_path):
    """Play data and demonstrations."""
    save_episodes(tmp_path / "play.hdf5", random_episodes([40] * 12))
    save_episodes(tmp_path / "demos.hdf5", random_episodes([30] * 4, seed=1))
    return tmp_path


def trained(files, name="skills.pt", **change):
    job = replace(Job(files / name), **change)
    train_skills(files / "play.hdf5", SMALL, replace(TRAIN, validation=0.25), job)
    return load_model(job.out).state_dict()


def same(one, two):
    return all(torch.equal(one[name], two[name]) for name in one)


def test_a_stage_writes_weights_settings_and_curve(files):
    trained(files, seed=7)
    assert {path.name for path in files.glob("skills.*")} == {
        "skills.pt",
        "skills.json",
        "skills.csv",
    }
    provenance = json.loads((files / "skills.json").read_text())["provenance"]
    assert provenance["seed"] == 7
    assert provenance["steps"] == 30
    assert provenance["inputs"]["data"]["path"] == str(files / "play.hdf5")
    header = (files / "skills.csv").read_text().splitlines()[0]
    assert "validation_reconstruction" in header


def test_the_seed_decides_the_model(files):
    first = trained(files)
    torch.rand(7)  # what others draw from the global generator does not matter
    assert same(first, trained(files))
    assert not same(first, trained(files, seed=1))


@pytest.mark.parametrize(
    ("parameters", "moved"),
    [("all", {"posterior", "decoder", "priors"}), ("prior", {"priors"})],
)
def test_fine_tuning_changes_what_it_is_asked_to(files, parameters, moved):
    before = trained(files)
    job = Job(files / "tuned.pt")
    finetune_skills(files / "skills.pt", files / "demos.hdf5", 3, parameters, TRAIN, job)
    after = load_model(job.out).state_dict()
    assert {n.split(".")[0] for n in before if not torch.equal(before[n], after[n])} == moved


def test_from_scratch_owes_nothing_to_the_pretrained_weights(files):
    results = []
    for seed in (0, 1):
        trained(files, seed=seed)
        job = Job(files / "tuned.pt", seed=5)
        finetune_skills(files / "skills.pt", files / "demos.hdf5", 3, "scratch", TRAIN, job)
        results.append(load_model(job.out).state_dict())
    assert same(*results)


def test_demonstrations_beyond_the_number_asked_for_are_not_looked_at(files):
    trained(files)
    results = []
    for extra in (1, 2):
        demos = random_episodes([30] * 4, seed=1)
        demos.actions[60:] = torch.rand(60, 2, generator=torch.Generator().manual_seed(extra))
        save_episodes(files / "demos.hdf5", demos)
        job = Job(files / "tuned.pt")
        finetune_skills(files / "skills.pt", files / "demos.hdf5", 2, "all", TRAIN, job)
        results.append(load_model(job.out).state_dict())
    assert same(*results)


def test_the_distance_learns_from_play_and_then_from_both(files):
    train_distance(files / "play.hdf5", DistanceSettings(), TRAIN, Job(files / "distance.pt"))
    job = Job(files / "tuned.pt")
    demos = files / "demos.hdf5"
    finetune_distance(files / "distance.pt", files / "play.hdf5", demos, 3, TRAIN, job)
    assert not same(
        load_model(files / "distance.pt").state_dict(), load_model(job.out).state_dict()
    )


def test_behaviour_cloning_learns_a_linear_policy(files):
    play = random_episodes([200] * 5)
    play.states[:, 0] = 0
    save_episodes(files / "linear.hdf5", replace(play, actions=play.states[:, 1:3].tanh()))
    settings = replace(TRAIN, steps=400, batch_size=128, optimizer="adam")
    train_bc(files / "linear.hdf5", BCSettings(normalise=True), settings, Job(files / "bc.pt"))
    model = load_model(files / "bc.pt")
    error = (model(play.states).mean - play.states[:, 1:3].tanh()).abs().mean()
    assert error < 0.1


def test_data_of_other_dimensions_is_refused_with_both_files_named(files):
    trained(files)
    save_episodes(files / "wide.hdf5", random_episodes([30], state_dim=5))
    with pytest.raises(DataError, match=r"wide\.hdf5 has state_dim 5, but .*skills\.pt .* 4"):
        finetune_skills(
            files / "skills.pt", files / "wide.hdf5", 1, "all", TRAIN, Job(files / "x.pt")
        )


def test_a_state_of_other_data_starts_anew(files, caplog):
    trained(files, state=files / "run.state")
    save_episodes(files / "play.hdf5", random_episodes([40] * 12, seed=9))
    fresh = trained(files)
    assert same(trained(files, state=files / "run.state"), fresh)
    assert "starting anew" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_killed_process_continues_and_ends_with_the_same_weights(files, number):
    """The real thing: the script, as the workflow runs it, killed three times."""
    script = ROOT / "workflow" / "scripts" / "train_skills.py"

    def start(name, *options):
        command = [sys.executable, script, "--data", files / "play.hdf5", "--out", files / name]
        command += "--model.hidden 32 --train.batch-size 16 --train.steps 2000".split()
        command += ["--train.save-every", "0.2", "--device", "cpu", *options]
        return subprocess.Popen(
            map(str, command),
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_ctrl_c,
        )

    state = files / "run.state"
    options = ("--state", state)
    for _ in range(3):
        process = start("killed.pt", *options)
        before = state.stat().st_mtime_ns if state.exists() else 0
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if state.exists() and state.stat().st_mtime_ns > before:
                break
            time.sleep(0.02)
        os.kill(process.pid, number)
        assert process.wait(60) != 0
        assert not (files / "killed.pt").exists()
    process = start("killed.pt", *options)
    _, messages = process.communicate(timeout=300)
    assert process.returncode == 0, messages
    assert "resuming at step" in messages
    assert start("whole.pt").wait(300) == 0
    one, two = (load_model(files / name).state_dict() for name in ("killed.pt", "whole.pt"))
    assert same(one, two)
