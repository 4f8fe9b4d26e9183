"""Laws of the gradient step, and of its recording on a GPU."""

import dataclasses

import pytest
import torch
from small_models import build

from fist.training.gradient_step import LAUNCHED, GradientStep, Watch
from fist.training.loop import Run, TrainingDiverged, TrainSettings, flatten, make_step, train

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
SETTINGS = TrainSettings(batch_size=16, log_every=10, precision="float32")


def test_the_first_step_that_is_not_finite_is_remembered_with_its_batch():
    watch = Watch()
    assert watch.seen() is None
    for number, value in enumerate([1.0, 2.0, float("nan"), 3.0, float("inf")]):
        values = {"kl": torch.tensor(0.5 + number), "nll": torch.tensor(value)}
        watch.look(values, (torch.full((3, 2), number), torch.arange(number, number + 4.0)))
    seen = watch.seen()
    assert (seen.step, seen.values["kl"]) == (2, 2.5)
    assert seen.values["nll"] != seen.values["nll"]
    assert torch.equal(seen.batch[0], torch.full((3, 2), 2))
    assert torch.equal(seen.batch[1], torch.arange(2.0, 6.0))


def test_steps_that_are_finite_leave_nothing_to_see():
    watch = Watch()
    for _ in range(3):
        watch.look({"kl": torch.tensor(1.0)}, (torch.ones(2),))
    assert watch.seen() is None


def test_a_step_asks_its_device_for_no_value():
    """A GPU that is asked lies idle until it has answered; the device "meta" can't answer."""
    model, sample, losses = build("skills", phase=True)
    vector = flatten(list(model.to("meta").parameters()))
    step = GradientStep(
        lambda generator: tuple(part.to("meta") for part in sample(generator)),
        losses,
        vector,
        torch.optim.SGD([vector]),
        torch.Generator(),
        clip_norm=1.0,
        amp=torch.autocast("cpu", enabled=False),
    )
    assert all(step(1e-3)[name].is_meta for name in ("reconstruction", "kl", "prior_goal"))


@on_gpu
@pytest.mark.parametrize("optimizer", ["adam", "radam"])
def test_steps_replayed_on_a_gpu_are_those_that_are_launched(optimizer):
    weights = {}
    for replayed in (True, False):
        model, sample, losses = build("skills", device="cuda", phase=True)
        settings = dataclasses.replace(SETTINGS, optimizer=optimizer)
        step = make_step(model, sample, losses, settings, seed=0, steps=1)
        if not replayed:
            step._take = step._launch
        for number in range(40):
            step(1e-3 / (1 + number))
        weights[replayed] = step.vector.detach().cpu()
        assert not replayed or step._take._graph is not None
    torch.testing.assert_close(weights[True], weights[False], rtol=1e-4, atol=1e-5)


@on_gpu
def test_a_run_that_diverges_in_a_graph_says_at_which_step(tmp_path):
    model, sample, losses = build("skills", device="cuda", phase=True)
    calls = torch.zeros((), device="cuda")

    def poisoned(*batch):
        calls.add_(1)
        terms = losses(*batch)
        return terms | {"kl": torch.where(calls == LAUNCHED + 5, torch.nan, terms["kl"])}

    run = Run(SETTINGS, 60, seed=0, key="k", state=tmp_path / "run.state")
    with pytest.raises(TrainingDiverged, match=f"step {LAUNCHED + 4}: kl = nan"):
        train(model, sample, poisoned, run)
