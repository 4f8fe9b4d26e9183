"""Laws of skills that know of time."""

import numpy as np
import pytest
import torch
from recordings import random_episodes

from fist.methods.base import Material
from fist.methods.retrieval import DemoIndex, raw_states
from fist.methods.sailor import GoalSailor, Sailor, SailorModel, SailorSettings
from fist.methods.skills import SkillVAE

S, A, H = 3, 2, 4


def made(**changes):
    torch.manual_seed(0)
    given = {"hidden": 8, "z_dim": 2, "horizon": H, "encoder": "mlp", "normalise": True}
    model = SailorModel(SailorSettings(**given | changes), S, A)
    model.prepare(Material(play=random_episodes([80, 20, 70], S, A)))
    return model


def batch(model, size=400, **material):
    given = material or {"play": random_episodes([80, 20, 70], S, A)}
    return model.sampler(Material(**given), size, "cpu")(torch.Generator().manual_seed(0))


def test_a_window_comes_with_another_of_its_episode_at_most_fifty_steps_away():
    """The first dimension of a state counts the rows of all episodes."""
    s, _, _, other, _, apart = batch(made())
    assert torch.equal(other[:, 0, 0] - s[:, 0, 0], apart.float())
    assert torch.equal(other[:, -1, 0] - other[:, 0, 0], torch.full((400,), float(H)))
    episode, there = ((80 <= x[..., 0]).int() + (100 <= x[..., 0]).int() for x in (s, other))
    assert (episode[:, :1] == there).all()
    assert apart.abs().max() <= 50 and apart.min() < -20 and apart.max() > 20
    assert 0.5 < (apart.abs() <= 5).float().mean() < 0.8


def test_the_terms_are_those_of_the_skill_vae_with_slowness_and_time():
    model = made(slowness=0.5, time=2.0).eval()
    s, a, noise, other_s, other_a, apart = drawn = batch(model)
    terms = model.losses(*drawn)
    z, other = (model.encode(x[:, :-1], y).mean for x, y in ((s, a), (other_s, other_a)))
    near = apart.abs() <= 5
    slow = (z - other)[near].square().sum(-1).mean()
    told = model.time(torch.cat((z, other), 1))[:, 0]
    torch.testing.assert_close(terms.pop("slowness"), 0.5 * slow)
    torch.testing.assert_close(terms.pop("time"), 2 * (told - apart / 50).square().mean())
    for name, value in SkillVAE.losses(model, s, a, noise).items():
        torch.testing.assert_close(terms.pop(name), value)
    assert not terms


def test_the_flag_tells_demonstrations_whatever_their_task_from_play():
    model, demos = made(), random_episodes([20] * 3, S, A)
    for given, flag in (({"demos": demos, "tasks": (0, 1, 2)}, 1), ({"play": demos}, 0)):
        s, _, _, other, _, _ = batch(model, **given)
        assert (s[..., S:] == flag).all() and (other[..., S:] == flag).all()


def policies(model):
    index = DemoIndex(random_episodes([20, 20], S, A), raw_states, H)
    for cls, demos in ((Sailor, None), (GoalSailor, index)):
        policy = cls(model, demos, cls.Settings(skill="mean"))
        policy.reset([0, 1])
        yield policy


def test_it_acts_flagged_as_a_demonstration_and_the_twin_on_the_way_to_its_target():
    model, states = made().eval(), np.random.default_rng(0).normal(size=(2, S)).astype("f")
    for prior in model.priors.values():
        torch.nn.init.normal_(prior.input.weight)
    s = torch.cat((torch.from_numpy(states), torch.ones(2, 1)), 1)
    step = torch.zeros(2, dtype=torch.long)
    for policy in policies(model):
        if policy.index is None:
            z = model.prior_state(s).mean
        else:
            target = policy.index.target(torch.from_numpy(states))
            z = model.prior_goal(s, torch.cat((target, torch.ones(2, 1)), 1)).mean
        expected = model.decode(s, z, step).clamp(-1, 1)
        found = torch.from_numpy(policy.act(states, [0, 1]))
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("steps", [0, 3])
def test_a_flag_that_was_never_seen_says_nothing(steps):
    model = made()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        sum(model.losses(*batch(model, 32)).values()).backward()
        optimizer.step()
    s = torch.randn(5, S)
    model.eval()
    one, two = (model.prior_state(model.label(s, task)).mean for task in (None, 0))
    assert torch.equal(one, two)


def test_fine_tuning_of_the_priors_alone_takes_the_same_batches():
    model = made()
    objective = model.objective("prior")
    losses, parameters = objective.losses, objective.parameters
    assert losses(*batch(model)).keys() == {"prior_state", "prior_goal"}
    assert len(parameters) == len(list(model.priors.parameters()))
