"""Laws of the optimiser."""

import copy

import torch

from fist.training.optimizer import RAdam


def descend(optimizer_type, steps, settings):
    """Take steps along made-up gradients of many sizes; yield the parameters after each."""
    generator = torch.Generator().manual_seed(0)
    p = torch.nn.Parameter(torch.randn(500, dtype=torch.float64, generator=generator))
    optimizer = optimizer_type([p], lr=1e-3, **settings)
    for _ in range(steps):
        sizes = 10 ** torch.randn(500, dtype=torch.float64, generator=generator)
        p.grad = sizes * torch.randn(500, dtype=torch.float64, generator=generator)
        optimizer.step()
        yield p.detach().clone()


def test_every_step_is_that_of_pytorchs_radam():
    """Before its rectification begins (steps 1 to 5) and after."""
    ours = descend(RAdam, 60, {})
    theirs = descend(torch.optim.RAdam, 60, {"foreach": False})
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-12)


def test_the_learning_rate_that_was_set_stays_set():
    p = torch.nn.Parameter(torch.ones(3))
    optimizer = RAdam([p], lr=0.5)
    p.grad = torch.ones(3)
    optimizer.step()
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["eps"]) == (0.5, 1e-8)


def test_a_restored_optimizer_continues_where_the_other_stopped():
    first, second = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    whole, begun = RAdam([first], 1e-2), RAdam([second], 1e-2)
    gradients = torch.randn(12, 3, generator=torch.Generator().manual_seed(1))
    for i, gradient in enumerate(gradients):
        if i == 4:
            saved = copy.deepcopy(begun.state_dict())
            begun = RAdam([second], 1e-2)
            begun.load_state_dict(saved)
        first.grad, second.grad = gradient.clone(), gradient.clone()
        whole.step()
        begun.step()
    assert torch.equal(first, second)
