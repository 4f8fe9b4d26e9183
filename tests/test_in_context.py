"""Laws of the policy that is shown a task when it acts."""

import pytest
import torch
from recordings import random_episodes

from fist.data.episodes import DataError, Episodes
from fist.methods.base import Material
from fist.methods.in_context import InContextModel, InContextSettings

S, A, H, K = 4, 2, 3, 5


def made(**settings):
    torch.manual_seed(0)
    given = {"horizon": H, "hidden": 4, "neighbours": K, "normalise": True, "feedback": 0.5}
    model = InContextModel(InContextSettings(**given | settings), S, A)
    model.prepare(Material(play=random_episodes([40, 30])))
    return model.eval()


def shown(rows=6):
    """A state, and windows of its neighbours: states (B, k, H+1, S), actions (B, k, H, A)."""
    torch.manual_seed(1)
    return torch.randn(rows, S), torch.randn(rows, K, H + 1, S), torch.rand(rows, K, H, A)


def chunk_of(model, near_s, near_a):
    """The nearest neighbour's actions, less their feedback."""
    seen = (near_s[:, 0, :-1] - model.normaliser.shift) * model.normaliser.scale
    return near_a[:, 0] - torch.einsum("bhs,as->bha", seen, (model.settings.feedback * model.slope))


@torch.no_grad()
def test_the_nearest_chunk_is_followed_where_it_is_and_less_the_farther_it_is():
    model, (s, near_s, near_a) = made(), shown()
    near_s[:, 0, 0] = s
    torch.testing.assert_close(model(s, near_s, near_a), chunk_of(model, near_s, near_a))
    network = made(decay=1e9)
    network.load_state_dict(model.state_dict())
    near_s[:, 0, 0] = s + 0.1 / model.normaliser.scale  # a distance of 0.1
    found, own = (one(s, near_s, near_a) for one in (model, network))
    weight = torch.tensor(-30 * 0.1).exp()
    expected = weight * chunk_of(model, near_s, near_a) + (1 - weight) * own
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_order_of_neighbours_beside_the_nearest_does_not_matter():
    model, (s, near_s, near_a) = made(), shown()
    order = [0, 3, 1, 4, 2]
    torch.testing.assert_close(
        model(s, near_s, near_a), model(s, near_s[:, order], near_a[:, order])
    )


def test_the_loss_is_the_error_of_the_chunk_without_its_feedback():
    model, (s, near_s, near_a) = made(), shown()
    window, a = torch.randn(len(s), H + 1, S), torch.rand(len(s), H, A)
    r = chunk_of(model, window[:, None], a[:, None])
    expected = (model(window[:, 0], near_s, near_a) - r).square().mean()
    torch.testing.assert_close(model.losses(window, a, near_s, near_a)["chunk"], expected)


def test_in_training_an_episode_is_told_by_others_that_end_as_it_does():
    """Two kinds of ends, three episodes each; a state's last dimension says of which episode."""
    lengths = torch.tensor([9, 8, 12, 10, 9, 11])
    states, kind = random_episodes(lengths.tolist(), S).states, torch.tensor([0, 1, 0, 1, 1, 0])
    states[:, 0] = 100 * kind.repeat_interleave(lengths)
    states[:, -1] = torch.arange(6).repeat_interleave(lengths)
    play = Material(play=Episodes(states, torch.zeros(len(states), A), lengths))
    sample = made(context=2, normalise=False).sampler(play, 200, "cpu")
    s, a, near_s, near_a = sample(torch.Generator().manual_seed(0))
    assert near_s.shape == (200, K, H + 1, S) and near_a.shape == (200, K, H, A)
    own, others = s[:, 0, -1].long(), near_s[..., -1].long()
    assert (others != own[:, None, None]).all()
    assert (kind[others] == kind[own][:, None, None]).all()
    assert (others == others[:, :, :1]).all()  # a window is of one episode
    distance = (near_s[:, :, 0] - s[:, :1]).norm(dim=-1)
    assert (distance.diff(dim=1) >= -1e-2).all()


def test_an_episode_alone_is_refused():
    with pytest.raises(DataError, match="in_context needs two"):
        made().sampler(Material(play=random_episodes([40])), 8, "cpu")
