"""Laws of following a demonstration."""

import numpy as np
import pytest
import torch

from fist.data.episodes import Episodes, concatenate
from fist.methods.follow import Follow
from fist.methods.retrieval import DemoIndex, raw_states
from fist.methods.skills import FIST, SkillSettings, SkillVAE

S, A, H = 3, 2, 4


def demo(steps=40, end=1.0, seed=0):
    """A way along the first dimension, at its end the second one moves; the third is noise."""
    generator = torch.Generator().manual_seed(seed)
    states = 0.001 * torch.randn(steps, S, generator=generator)
    states[:, 0] += torch.linspace(0, 1, steps)
    states[-8:, 1] += torch.linspace(0, end, 8)
    return Episodes(states, torch.rand(steps, A, generator=generator) - 0.5, torch.tensor([steps]))


@pytest.fixture
def model():
    torch.manual_seed(0)
    made = SkillVAE(SkillSettings(hidden=16, horizon=H, encoder="mlp"), S, A).eval()
    made.slope.copy_(torch.tensor([[-2.0, 0, 0], [0, -1.0, 0]]))
    return made


def made(model, demos, cls=Follow, **act):
    policy = cls(
        model, DemoIndex(demos, raw_states, H), cls.Settings(replan_every=2, skill="mean", **act)
    )
    policy.reset([0, 1, 2])
    return policy


def test_on_a_demonstration_its_actions_are_repeated(model):
    shown = demo()
    policy = made(model, shown)
    acted = [policy.act(s[None].numpy(), [0])[0] for s in shown.states]
    np.testing.assert_allclose(acted, shown.actions, atol=0.02)


def test_beside_it_they_are_corrected_by_the_feedback_of_play(model):
    shown = demo()
    policy = made(model, shown, within=100.0)
    beside = shown.states[5] + torch.tensor([0.0, 0.05, 0.0])
    for s in shown.states[:5]:
        policy.act(s[None].numpy(), [0])
    expected = shown.actions[5] + torch.tensor([0.0, -0.05])
    np.testing.assert_allclose(policy.act(beside[None].numpy(), [0])[0], expected, atol=0.01)


def test_far_from_all_demonstrations_it_acts_as_fist_does(model):
    far = np.full((1, S), 5.0, np.float32)
    ours, fist = (made(model, demo(), cls) for cls in (Follow, FIST))
    for _ in range(5):
        np.testing.assert_allclose(ours.act(far, [0]), fist.act(far, [0]), atol=1e-6)


def test_who_does_not_get_on_lets_go_for_a_while(model):
    """The state stays where it is: at first the demonstration is followed, then FIST acts alone."""
    shown = demo()
    ours, fist = (made(model, shown, cls) for cls in (Follow, FIST))
    still = shown.states[10][None].numpy()
    same = [
        bool(np.allclose(ours.act(still, [0]), fist.act(still, [0]), atol=1e-6)) for _ in range(40)
    ]
    assert not any(same[: 2 * H]) and sum(same) >= 3 * H - 1
    assert not all(same[5 * H + 2 :])  # and then it is followed again


def test_a_demonstration_that_ends_elsewhere_than_most_is_not_followed(model):
    good = [demo(seed=seed) for seed in range(4)]
    bad = demo(end=-1.0, seed=9)
    policy = made(model, concatenate([good[0], bad, *good[1:]]))
    assert torch.equal(policy._followed.states, concatenate(good).states)
    for pair in ([good[0]], [good[0], bad]):
        assert len(made(model, concatenate(pair))._followed.lengths) == len(pair)  # who is right?


def test_a_lane_does_not_notice_the_others(model):
    shown = demo()
    alone, among = made(model, shown), made(model, shown)
    others = torch.randn(2, S, generator=torch.Generator().manual_seed(3))
    for s in shown.states[:12]:
        batch = torch.stack([others[0], s, others[1]]).numpy()
        mine = alone.act(s[None].numpy(), [1])[0]
        assert (among.act(batch, [0, 1, 2])[1] == mine).all()


def test_every_episode_begins_anew(model):
    shown = demo()
    policy = made(model, shown)
    first = [policy.act(s[None].numpy(), [0]) for s in shown.states[:9]]
    policy.reset([0, 1, 2])
    again = [policy.act(s[None].numpy(), [0]) for s in shown.states[:9]]
    assert np.array_equal(first, again)
