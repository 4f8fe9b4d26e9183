"""Laws of the gradient step."""

import torch
from small_models import build

from fist.training.divergence import Watch
from fist.training.gradient_step import GradientStep
from fist.training.speed import flatten


def test_the_first_step_that_is_not_finite_is_remembered_with_its_batch():
    watch = Watch()
    assert watch.seen() is None
    for number, value in enumerate([1.0, 2.0, float("nan"), 3.0, float("inf")]):
        values = {"kl": torch.tensor(0.5 + number), "nll": torch.tensor(value)}
        watch.look(values, (torch.full((3, 2), number), torch.arange(number, number + 4.0)))
    step, values, batch = watch.seen()
    assert (step, values["kl"]) == (2, 2.5)
    assert values["nll"] != values["nll"]
    assert torch.equal(batch[0], torch.full((3, 2), 2))
    assert torch.equal(batch[1], torch.arange(2.0, 6.0))


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
        precision=torch.autocast("cpu", enabled=False),
    )
    assert all(step(1e-3)[name].is_meta for name in ("reconstruction", "kl", "prior_goal"))
