"""Laws of the gradient step."""

import pytest
import torch
from small_models import build

from fist.training.divergence import TrainingDiverged, Watch
from fist.training.gradient_step import GradientStep
from fist.training.settings import TrainSettings


def test_the_first_step_that_is_not_finite_is_remembered_with_its_batch(tmp_path):
    watch = Watch()
    watch.check(7, 0, None)
    for number, value in enumerate([1.0, 2.0, float("nan"), 3.0, float("inf")]):
        values = {"kl": torch.tensor(0.5 + number), "nll": torch.tensor(value)}
        watch.look(values, (torch.full((3, 2), number), torch.arange(number, number + 4.0)))
    with pytest.raises(TrainingDiverged, match=r"^step 9: nll = nan \(seed 1\); the batch is kept"):
        watch.check(7, 1, tmp_path / "run.resume")
    kept = torch.load(tmp_path / "run.diverged.pt", weights_only=True)
    assert kept["step"] == 9
    assert torch.equal(kept["batch"][0], torch.full((3, 2), 2))
    assert torch.equal(kept["batch"][1], torch.arange(2.0, 6.0))


def test_steps_that_are_finite_leave_nothing_to_see():
    watch = Watch()
    for _ in range(3):
        watch.look({"kl": torch.tensor(1.0)}, (torch.ones(2),))
    watch.check(0, 0, None)


def test_a_step_asks_its_device_for_no_value(monkeypatch):
    """A GPU that is asked lies idle until it has answered; the device "meta" can't answer."""
    module = "fist.training.gradient_step"
    monkeypatch.setattr(f"{module}.Generator", lambda device: torch.Generator())
    monkeypatch.setattr(f"{module}.autocast", lambda *_: torch.autocast("cpu", enabled=False))
    monkeypatch.setattr(f"{module}.make_optimizer", lambda _, vector: torch.optim.SGD([vector]))
    model, sample, losses = build("skills", phase=True)
    step = GradientStep(
        model.to("meta"),
        lambda generator: tuple(part.to("meta") for part in sample(generator)),
        losses,
        TrainSettings(),
        seed=0,
        steps=1,
    )
    assert all(step(1e-3)[name].is_meta for name in ("reconstruction", "kl", "prior_goal"))
