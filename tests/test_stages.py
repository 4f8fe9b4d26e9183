"""Laws of the training stages."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from pipeline_copy import PATIENCE, wait_for
from recordings import random_episodes

from fist.data.episodes import DataError, save_episodes
from fist.data.windows import Windows
from fist.methods.base import Material, Model
from fist.methods.cloning import BCModel, BCSettings
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.skills import SkillSettings, SkillVAE
from fist.stage.interrupt import Interrupted
from fist.training.checkpoint import kept, load_model
from fist.training.settings import TrainSettings
from fist.training.stages import Inputs, Job, finetune_model, train_model
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
    optimisation = replace(TRAIN, validation=0.25)
    train_model(SkillVAE, Inputs(files / "play.hdf5"), SMALL, optimisation, job)
    return load_model(job.out).state_dict()


def tuned(files, n_demos, part, demos="demos.hdf5", model=SkillVAE, init="skills.pt", **change):
    job = replace(Job(files / "tuned.pt"), **change)
    inputs = Inputs(files / "play.hdf5", (files / demos,), files / init)
    finetune_model(model, inputs, n_demos, part, TRAIN, job)
    return load_model(job.out).state_dict()


def is_newer(file, than):
    return file.exists() and file.stat().st_mtime_ns > than


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
    assert provenance["inputs"]["play"]["path"] == str(files / "play.hdf5")
    header = (files / "skills.csv").read_text().splitlines()[0]
    assert "validation_reconstruction" in header


def test_the_seed_decides_the_model(files):
    first = trained(files)
    torch.rand(7)  # what others draw from the global generator does not matter
    assert same(first, trained(files))
    assert not same(first, trained(files, seed=1))


@pytest.mark.parametrize(
    ("part", "moved"),
    [
        ("all", {"posterior.embed", "decoder.head", "priors.goal", "priors.state"}),
        ("prior", {"priors.goal", "priors.state"}),
        ("goal_prior", {"priors.goal"}),
        ("state_prior", {"priors.state"}),
    ],
)
def test_fine_tuning_changes_what_it_is_asked_to(files, part, moved):
    before = trained(files)
    after = tuned(files, 3, part)
    changed = [n for n in before if not torch.equal(before[n], after[n]) and "norms" not in n]
    named = {".".join(n.split(".")[:2]) for n in changed}
    assert named & {"posterior.embed", "decoder.head", "priors.goal", "priors.state"} == moved


@pytest.mark.parametrize("apart", [True, False])
def test_gradients_that_are_clipped_apart_leave_fists_weights_to_fist_alone(files, apart):
    """Clipped as one vector, its steps depend on the gradient of the prior beside its own."""
    results = []
    for priors in (("goal",), ("goal", "state")):
        shape, optimisation = replace(SMALL, priors=priors), replace(TRAIN, clip_apart=apart)
        train_model(
            *(SkillVAE, Inputs(files / "play.hdf5"), shape, optimisation, Job(files / "some.pt"))
        )
        results.append(load_model(files / "some.pt").state_dict())
    alone, both = results
    assert all(torch.allclose(alone[n], both[n], atol=1e-6) for n in alone) == apart


def test_checkpoints_that_are_kept_are_those_of_shorter_runs(files):
    def run(**change):
        optimisation = replace(TRAIN, **change)
        train_model(
            *(SkillVAE, Inputs(files / "play.hdf5"), SMALL, optimisation, Job(files / "a.pt"))
        )
        return load_model(files / "a.pt").state_dict()

    with pytest.raises(FileNotFoundError, match=r"a\.steps.*set keep_every"):
        kept(files / "a.pt")
    whole = run(keep_every=10)
    found = {step: load_model(file).state_dict() for step, file in kept(files / "a.pt").items()}
    assert list(found) == [10, 20, 30] and same(found[30], whole)
    assert same(found[20], run(steps=20)) and same(whole, run())
    assert not (files / "a.steps").exists()  # they were of another run


def test_a_run_that_was_stopped_keeps_the_checkpoints_of_before(files, monkeypatch):
    play, optimisation = Inputs(files / "play.hdf5"), replace(TRAIN, keep_every=10)
    job = Job(files / "a.pt", resume=files / "a.resume")
    draw, drawn = Windows.sample, []

    def stopping(self, *arguments):
        drawn.append(1)
        if len(drawn) == 15:
            os.kill(os.getpid(), signal.SIGTERM)
        return draw(self, *arguments)

    monkeypatch.setattr(Windows, "sample", stopping)
    with pytest.raises(Interrupted):
        train_model(SkillVAE, play, SMALL, optimisation, job)
    train_model(SkillVAE, play, SMALL, optimisation, job)
    assert list(kept(files / "a.pt")) == [10, 20, 30]


def test_from_scratch_owes_nothing_to_the_pretrained_weights(files):
    results = []
    for seed in (0, 1):
        trained(files, seed=seed)
        results.append(tuned(files, 3, "scratch", seed=5))
    assert same(*results)


def test_demonstrations_beyond_the_number_asked_for_are_not_looked_at(files):
    trained(files)
    results = []
    for extra in (1, 2):
        demos = random_episodes([30] * 4, seed=1)
        demos.actions[60:] = torch.rand(60, 2, generator=torch.Generator().manual_seed(extra))
        save_episodes(files / "demos.hdf5", demos)
        results.append(tuned(files, 2, "all"))
    assert same(*results)


def test_the_distance_learns_from_play_and_then_from_both(files):
    job = Job(files / "distance.pt")
    train_model(Distance, Inputs(files / "play.hdf5"), DistanceSettings(), TRAIN, job)
    after = tuned(files, 3, "all", model=Distance, init="distance.pt")
    assert not same(load_model(files / "distance.pt").state_dict(), after)


def test_behaviour_cloning_learns_a_linear_policy(files):
    play = random_episodes([200] * 5)
    play.states[:, 0] = 0
    save_episodes(files / "linear.hdf5", replace(play, actions=play.states[:, 1:3].tanh()))
    settings = replace(TRAIN, steps=400, batch_size=128, optimizer="adam")
    inputs, job = Inputs(files / "linear.hdf5"), Job(files / "bc.pt")
    train_model(BCModel, inputs, BCSettings(normalise=True), settings, job)
    model = load_model(files / "bc.pt")
    error = (model(play.states).mean - play.states[:, 1:3].tanh()).abs().mean()
    assert error < 0.1


def test_data_of_other_dimensions_is_refused_with_both_files_named(files):
    trained(files)
    save_episodes(files / "wide.hdf5", random_episodes([30], state_dim=5))
    with pytest.raises(DataError, match=r"wide\.hdf5 has state_dim 5, but .*skills\.pt .* 4"):
        tuned(files, 1, "all", demos="wide.hdf5")


def test_a_part_that_a_model_does_not_have_is_refused(files):
    with pytest.raises(ValueError, match="Distance has no part 'prior', only all"):
        tuned(files, 1, "prior", model=Distance)


class Follower(Model):
    """Predicts the skill of a window from its first state, of play and demonstrations at once."""

    name = "follower"
    trains_on = ()
    finetunes_on = ("play", "demos", "skills")

    def __init__(self, settings, state_dim, action_dim):
        super().__init__(settings, state_dim, action_dim)
        self.head = torch.nn.Linear(state_dim, 3)

    def sampler(self, material: Material, batch, device):
        parts = [Windows(part, self.settings.horizon) for part in (material.play, material.demos)]
        skills = material.models["skills"]

        def sample(generator):
            drawn = [windows.sample(batch // 2, generator) for windows in parts]
            s, a = (torch.cat(both) for both in zip(*drawn, strict=True))
            with torch.no_grad():
                return s[:, 0], skills.encode(s[:, :-1], a).mean

        return sample

    def losses(self, s, z):
        return {"mse": (self.head(s) - z).square().mean()}


def test_a_model_may_learn_from_play_demonstrations_and_another_model_at_once(files):
    trained(files)
    inputs = Inputs(
        files / "play.hdf5", (files / "demos.hdf5",), models={"skills": files / "skills.pt"}
    )
    job, settings = Job(files / "follower.pt"), Follower.Settings()
    finetune_model(Follower, inputs, 2, "all", TRAIN, job, settings)
    assert load_model(job.out, Follower).head.weight.shape == (3, 4)
    read = json.loads((files / "follower.json").read_text())["provenance"]["inputs"]
    assert read.keys() == {"play", "demos", "skills"}


def test_a_state_of_other_data_starts_anew(files, caplog):
    trained(files, resume=files / "run.resume")
    save_episodes(files / "play.hdf5", random_episodes([40] * 12, seed=9))
    fresh = trained(files)
    assert same(trained(files, resume=files / "run.resume"), fresh)
    assert "starting anew" in caplog.text


@pytest.mark.slow
def test_a_killed_process_continues_and_ends_with_the_same_weights(files):
    """The real thing: the script, as the workflow runs it, killed three times, each in its way."""
    script = ROOT / "workflow" / "scripts" / "train.py"

    def start(name, *options):
        command = [sys.executable, script, "fist.methods.skills:SkillVAE"]
        command += ["--play", files / "play.hdf5", "--out", files / name]
        command += "--model.hidden 32 --train.batch-size 16 --train.steps 2000".split()
        command += ["--train.save-every", "0.2", "--device", "cpu", *options]
        return subprocess.Popen(
            map(str, command),
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_ctrl_c,
        )

    resume = files / "run.resume"
    options = ("--resume", resume)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        process = start("killed.pt", *options)
        before = resume.stat().st_mtime_ns if resume.exists() else 0
        saved = partial(
            lambda before: resume.exists() and resume.stat().st_mtime_ns > before, before
        )
        wait_for(saved, process, what="resume file")
        os.kill(process.pid, number)
        assert process.wait(PATIENCE) != 0
        assert not (files / "killed.pt").exists()
    process = start("killed.pt", *options)
    _, messages = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, messages
    assert "resuming at step" in messages
    assert start("whole.pt").wait(PATIENCE) == 0
    one, two = (load_model(files / name).state_dict() for name in ("killed.pt", "whole.pt"))
    assert same(one, two)
