"""Laws of the feedback that recorded actions contain."""

import torch
from recordings import random_episodes

from fist.data.episodes import Episodes, load_episodes
from fist.methods.base import Material
from fist.methods.feedback import feedback_gain
from fist.methods.skills import SkillSettings, SkillVAE


def tracking(gain, noise=0.02, episodes=30, steps=100) -> Episodes:
    """Return recordings of an operator who steers towards smooth set-points.

    States are two observed positions and a third dimension that has nothing to do with it; actions
    are gain * (set-point - observed position).
    """
    generator = torch.Generator().manual_seed(0)
    phase = 6 * torch.rand(episodes, 1, 2, generator=generator)
    time = torch.linspace(0, 3, steps)[None, :, None]
    path = torch.sin(phase + time)
    observed = path + noise * torch.randn(path.shape, generator=generator)
    set_point = torch.sin(phase + time + 0.05)
    other = torch.randn(episodes, steps, 1, generator=generator)
    states = torch.cat((observed, other), -1).flatten(0, 1)
    actions = (gain * (set_point - observed)).flatten(0, 1)
    return Episodes(states, actions, torch.full((episodes,), steps))


def test_the_gain_is_the_operators():
    episodes = tracking(gain=6.25)
    expected = torch.tensor([[-6.25, 0, 0], [0, -6.25, 0]])
    torch.testing.assert_close(feedback_gain(episodes, episodes.states), expected, atol=0.3, rtol=0)


def test_without_noise_there_is_nothing_to_learn_and_the_gain_is_small():
    episodes = tracking(gain=6.25, noise=0.0)
    assert feedback_gain(episodes, episodes.states)[:, :2].abs().max() < 3


def test_rows_of_two_episodes_are_never_regressed_on_each_other():
    episodes = tracking(gain=6.25)
    order = torch.randperm(len(episodes), generator=torch.Generator().manual_seed(1))
    shuffled = episodes.take(order.tolist())
    torch.testing.assert_close(
        feedback_gain(episodes, episodes.states),
        feedback_gain(shuffled, shuffled.states),
        atol=1e-4,
        rtol=0,
    )


def test_people_recorded_through_the_kitchens_control_law(real_demos):
    """The law's slope is -1 / 0.16 = -6.25 on each joint; regression dilutes it a little."""
    for file in sorted(real_demos.glob("kitchen-demo-*.hdf5")):
        episodes = load_episodes(file)
        scale = episodes.states.std(0).clamp(min=0.1)
        gain = feedback_gain(episodes, (episodes.states - episodes.states.mean(0)) / scale) / scale
        slopes = gain[:, :9].diagonal()
        assert ((slopes > -6.6) & (slopes < -3.5)).all(), slopes


def test_the_decoder_acts_on_the_feedback_only_if_asked_to():
    episodes = tracking(gain=6.25)
    for feedback in (False, True):
        torch.manual_seed(0)
        vae = SkillVAE(SkillSettings(feedback=float(feedback)), 3, 2).eval()
        vae.prepare(Material(play=episodes))
        with torch.no_grad():
            vae.decoder.head.weight.zero_()
            s = torch.tensor([[1.0, 0.0, 0.0]])
            action = vae.decode(s, torch.zeros(1, 10), torch.zeros(1).long())
        assert (abs(float(action[0, 0])) > 5) == feedback


def test_the_network_is_trained_and_the_slope_is_not():
    episodes = random_episodes([40])
    vae = SkillVAE(SkillSettings(feedback=1.0), 4, 2)
    vae.prepare(Material(play=episodes))
    s, a = episodes.states[:11][None], episodes.actions[:10][None]
    terms = vae.losses(s.expand(4, -1, -1), a.expand(4, -1, -1), torch.randn(4, 10))
    terms["reconstruction"].backward()
    assert vae.decoder.head.weight.grad.abs().sum() > 0
    assert not vae.slope.requires_grad
