"""Laws of the one training loop."""

import csv
import os
import signal
import struct
import zipfile
from dataclasses import replace

import pytest
import torch
from small_models import build
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fist.data.episodes import load_episodes
from fist.data.windows import Windows
from fist.methods.skills import SkillSettings, SkillVAE
from fist.stage.interrupt import Interrupted
from fist.training.divergence import TrainingDiverged
from fist.training.learning_curve import read_curve
from fist.training.loop import Run, train
from fist.training.settings import TrainSettings

SETTINGS = TrainSettings(steps=60, batch_size=16, log_every=20, precision="float32")


def weights(
    kind, settings=SETTINGS, seed=0, resume=None, key="k", stop_at=None, number=signal.SIGTERM
):
    """Train and return the final weights; optionally signal this process before a step's batch."""
    model, sample, losses = build(kind)
    drawn = 0

    def sample_or_stop(generator):
        nonlocal drawn
        if drawn == stop_at:
            os.kill(os.getpid(), number)
        drawn += 1
        return sample(generator)

    train(model, sample_or_stop, losses, Run(settings, settings.steps, seed, key, resume))
    return model.state_dict()


def same(one, two):
    return all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("kind", ["bc", "skills", "chunk"])
@pytest.mark.parametrize("optimizer", ["adam", "radam"])
@pytest.mark.parametrize("stops", [(0,), (1,), (7, 20), (58,), (3, 3, 3)])
def test_stopping_at_any_step_and_resuming_gives_the_same_weights(kind, optimizer, stops, tmp_path):
    settings = TrainSettings(
        steps=60, batch_size=16, optimizer=optimizer, schedule="cosine", warmup=5, log_every=20
    )
    resume = tmp_path / "run.resume"
    for stop in stops:
        with pytest.raises(Interrupted) as stopped:
            weights(kind, settings, resume=resume, stop_at=stop)
        assert stopped.value.code == 128 + signal.SIGTERM
    assert same(weights(kind, settings, resume=resume), weights(kind, settings))


def test_ctrl_c_saves_all_that_sigterm_does(tmp_path):
    resume = tmp_path / "run.resume"
    with pytest.raises(Interrupted):
        weights("bc", resume=resume, stop_at=30, number=signal.SIGINT)
    assert torch.load(resume, weights_only=True)["step"] == 31
    assert same(weights("bc", resume=resume), weights("bc"))


def test_a_finished_run_started_again_gives_its_weights_without_training(tmp_path):
    resume = tmp_path / "run.resume"
    first = weights("bc", resume=resume)
    second = weights("bc", resume=resume, stop_at=0)  # a signal would come with the first batch
    assert same(first, second)


def test_the_seed_decides_the_result_and_nothing_else_does():
    torch.manual_seed(123)
    first = weights("skills")
    torch.rand(100)
    assert same(first, weights("skills"))
    assert not same(first, weights("skills", seed=1))


def test_a_learning_curve_has_ten_rows_at_least_and_their_number_decides_no_weight(tmp_path):
    steps = {}
    for log_every in (1, 6, 200):
        model, sample, losses = build("skills")
        curve = tmp_path / f"{log_every}.csv"
        settings = replace(SETTINGS, log_every=log_every)
        train(model, sample, losses, Run(settings, 60, 0, "k", curve=curve))
        steps[log_every] = [*read_curve(curve)["step"]]
        assert same(model.state_dict(), weights("skills"))
    assert steps[1] == [*range(1, 61)] and steps[200] == steps[6] == [*range(6, 61, 6)]


def test_a_resume_file_of_other_settings_is_not_used(tmp_path, caplog):
    resume = tmp_path / "run.resume"
    weights("bc", resume=resume, key="old")
    assert same(weights("bc", resume=resume, key="new"), weights("bc"))
    assert "is of other settings, data or code: starting anew" in caplog.text


def test_a_damaged_resume_file_is_set_aside_with_a_word(tmp_path, caplog):
    resume = tmp_path / "run.resume"
    weights("bc", resume=resume)
    resume.write_bytes(resume.read_bytes()[:100])
    assert same(weights("bc", resume=resume), weights("bc"))
    assert "damaged" in caplog.text
    assert (tmp_path / "run.damaged").exists()


def test_a_resume_file_with_a_flipped_bit_is_not_trusted(tmp_path, caplog):
    """In a weight it would change the result, and nothing else would tell."""
    resume = tmp_path / "run.resume"
    weights("bc", resume=resume)
    content = bytearray(resume.read_bytes())
    with zipfile.ZipFile(resume) as archive:
        part = max(archive.infolist(), key=lambda part: part.file_size)
    name_and_extra = struct.unpack_from("<HH", content, part.header_offset + 26)
    content[part.header_offset + 30 + sum(name_and_extra) + part.file_size // 2] ^= 1
    resume.write_bytes(content)
    assert same(weights("bc", resume=resume), weights("bc"))
    assert "damaged" in caplog.text
    assert (tmp_path / "run.damaged").exists()


@pytest.mark.parametrize("poison", ["kl", "prior_state"])
def test_a_loss_term_that_is_not_finite_stops_the_run_names_itself_and_keeps_the_batch(
    poison, tmp_path
):
    model, sample, losses = build("skills")
    calls = 0

    def poisoned(*batch):
        nonlocal calls
        calls += 1
        terms = losses(*batch)
        if calls == 5:
            terms[poison] = terms[poison] * float("nan")
        return terms

    run = Run(SETTINGS, SETTINGS.steps, seed=0, key="k", resume=tmp_path / "run.resume")
    with pytest.raises(TrainingDiverged, match=f"step 4: {poison} = nan"):
        train(model, sample, poisoned, run)
    kept = torch.load(tmp_path / "run.diverged.pt", weights_only=True)
    assert kept["step"] == 4
    assert kept["batch"][0].shape == (16, 11, 4)


def test_the_curve_has_every_term_and_the_speed(tmp_path):
    model, sample, losses = build("skills")
    run = Run(SETTINGS, SETTINGS.steps, seed=0, key="k", curve=tmp_path / "curve.csv")
    train(model, sample, losses, run, validate=lambda: {"kl": 1.5})
    rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
    assert [row["step"] for row in rows] == [str(step) for step in range(6, 61, 6)]  # ten rows
    terms = {"reconstruction", "kl", "prior_goal", "prior_state", "validation_kl", "gradient_norm"}
    assert set(rows[0]) == {"step", "learning_rate", "steps_per_s", *terms}


def test_the_curve_goes_to_tensorboard_if_asked(tmp_path):
    model, sample, losses = build("skills")
    run = Run(SETTINGS, SETTINGS.steps, seed=0, key="k", tensorboard=tmp_path / "events")
    train(model, sample, losses, run)
    events = EventAccumulator(str(tmp_path / "events")).Reload()
    assert [event.step for event in events.Scalars("kl")] == [*range(6, 61, 6)]


def test_only_the_named_parameters_are_trained():
    model, sample, _ = build("skills", moving_statistics=False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    priors = list(model.priors.parameters())
    run = Run(SETTINGS, SETTINGS.steps, seed=0, key="k")
    train(model, sample, model.prior_losses, run, [priors])
    changed = {
        n.split(".")[0] for n, v in model.state_dict().items() if not torch.equal(v, before[n])
    }
    assert changed == {"priors"}


def test_the_learning_rate_warms_up_and_follows_its_schedule():
    settings = TrainSettings(learning_rate=1.0, warmup=4, schedule="cosine")
    rates = [settings.rate(step, 104) for step in range(104)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[54] == pytest.approx(0.5)
    assert rates[103] < 1e-3
    assert TrainSettings(learning_rate=0.5).rate(99, 100) == 0.5


def test_epochs_become_the_references_number_of_steps():
    """192,000 steps on the 136,950-row set, 6,000 on the 5,402-row file, 750 on ten demos."""
    windows = [int(0.99 * rows / 11) for rows in (136_950, 5_402)]
    assert TrainSettings().total_steps(windows[0]) == 192_000
    assert TrainSettings().total_steps(windows[1]) == 6_000
    assert TrainSettings(epochs=50).total_steps(1_955) == 750
    assert TrainSettings(epochs=200, batch_size=1024).total_steps(136_940) == 26_600
    assert TrainSettings(steps=7).total_steps(136_940) == 7


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"batch_size": 0}, "greater than or equal to 1"),
        ({"learning_rate": -1.0}, "greater than 0"),
        ({"validation": 1.0}, "less than 1"),
        ({"steps": -1}, "greater than or equal to 0"),
        ({"epochs": 0}, "greater than 0"),
        ({"optimizer": "sgd"}, "'radam' or 'adam'"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(change, why):
    with pytest.raises(ValueError) as error:
        TrainSettings(**change)
    (name, value), *_ = change.items()
    assert str(error.value) == f"TrainSettings.{name} is {value!r}: Input should be {why}"


@pytest.mark.slow
def test_the_papers_recipe_diverges_for_none_of_100_seeds(real_demos):
    """RAdam's first steps are plain momentum: unclipped, one seed in five loses its prior there."""
    path = real_demos / "kitchen-demo-kettle_bottomknob_switch_hinge.hdf5"
    windows = Windows(load_episodes(path, 11), 10)
    for seed in range(100):
        torch.manual_seed(seed)
        model = SkillVAE(SkillSettings(), 60, 9)
        run = Run(TrainSettings(), 12, seed, key="")
        train(
            model,
            lambda g: (*windows.sample(128, g), torch.randn(128, 10, generator=g)),
            model.losses,
            run,
            model.objective("all").apart,  # clipped apart, as the recipe says
        )
        assert all(p.isfinite().all() for p in model.parameters())
