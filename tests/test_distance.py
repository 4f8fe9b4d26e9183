"""Laws of the contrastive distance."""

import pytest
import torch
from recordings import random_episodes

from fist.data.episodes import Episodes
from fist.data.windows import Windows
from fist.methods.base import Material
from fist.methods.distance import Distance, DistanceSettings, sample_pairs
from fist.training.loop import Run, train
from fist.training.settings import TrainSettings


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("mode", ["exact", "reachable"])
def test_a_pair_is_at_most_h_steps_apart_and_of_one_episode(mode):
    episodes = random_episodes([15, 30, 12])
    ends = episodes.lengths.cumsum(0)
    anchor, positive = sample_pairs(Windows(episodes, 10), mode, 2000, generator())
    first, second = anchor[:, 0].long(), positive[:, 0].long()  # dimension 0 counts rows
    ahead = second - first
    assert torch.equal(
        torch.bucketize(first, ends, right=True), torch.bucketize(second, ends, right=True)
    )
    assert set(ahead.tolist()) == ({10} if mode == "exact" else set(range(1, 11)))


def test_fine_tuning_draws_half_of_its_pairs_from_the_demonstrations():
    play, demos = random_episodes([50]), random_episodes([50])
    demos.states[:, 0] += 1000
    sample = Distance(DistanceSettings(), 4).sampler(Material(play, demos), 1024, "cpu")
    anchor, positive, _ = sample(generator())
    for part in (anchor, positive):
        assert int((part[:, 0] >= 1000).sum()) == 512


def test_the_loss_is_cross_entropy_of_each_anchor_against_its_own_positive():
    torch.manual_seed(0)
    distance = Distance(DistanceSettings(), 4)
    anchor, positive = torch.randn(8, 4), torch.randn(8, 4)
    scores = torch.stack(
        [distance.features(a[None]) @ distance.W @ distance.features(positive).T for a in anchor]
    )[:, 0]
    expected = -(scores.diagonal() - scores.logsumexp(1)).mean()
    found = distance.losses(anchor, positive, torch.randn(2, 8, 4))["contrastive"]
    torch.testing.assert_close(found, expected)


def test_noise_is_added_to_both_states_in_units_of_the_normalised_state():
    settings = DistanceSettings(noise=0.5, normalise=True)
    torch.manual_seed(0)
    distance = Distance(settings, 4)
    distance.normaliser.fit(10 * torch.randn(100, 4))
    anchor, positive, noise = torch.randn(8, 4), torch.randn(8, 4), torch.randn(2, 8, 4)
    quiet = Distance(DistanceSettings(normalise=True), 4)
    quiet.load_state_dict(distance.state_dict())
    deviation = 1 / distance.normaliser.scale
    moved = [s + 0.5 * deviation * n for s, n in zip((anchor, positive), noise, strict=True)]
    torch.testing.assert_close(
        distance.losses(anchor, positive, noise)["contrastive"],
        quiet.losses(*moved, noise)["contrastive"],
    )


def test_the_encoder_has_the_references_shape():
    shapes = [tuple(p.shape) for p in Distance(DistanceSettings(), 60).encoder.parameters()]
    assert shapes == [(128, 60), (128,), (128, 128), (128,), (32, 128), (32,)]


def test_a_trained_distance_finds_the_same_progress_where_euclid_is_distracted():
    """Laps of a circle beside two larger dimensions of noise that foretell nothing."""
    laps, steps = 20, 60
    angle = torch.linspace(0, 5.5, steps).expand(laps, steps)
    circle = torch.stack((angle.cos(), angle.sin()), -1)
    distraction = 2 * torch.randn(laps, steps, 2, generator=generator())
    states = torch.cat((circle, distraction), -1).flatten(0, 1)
    episodes = Episodes(states, torch.zeros(len(states), 1), torch.full((laps,), steps))
    torch.manual_seed(0)
    distance = Distance(DistanceSettings(), 4)
    windows = Windows(episodes.take(range(15)), 10)
    settings = TrainSettings(steps=400, batch_size=256, optimizer="adam")
    run = Run(settings, settings.steps, seed=0, key="")
    train(
        distance,
        lambda g: (*sample_pairs(windows, "exact", 256, g), torch.zeros(2, 256, 4)),
        distance.losses,
        run,
    )

    def error(features):
        """Mean error of progress (steps) when one unseen lap is looked up in another."""
        query, index = features[15 * steps : 16 * steps], features[16 * steps : 17 * steps]
        found = torch.cdist(query, index).argmin(1)
        return (found - torch.arange(steps)).abs().float().mean()

    with torch.no_grad():
        learnt, euclidean = error(distance.features(states)), error(states)
    assert learnt < 4
    assert learnt < euclidean / 2


def test_settings_out_of_range_are_refused_by_name():
    with pytest.raises(ValueError, match="feature_dim is 0"):
        DistanceSettings(feature_dim=0)
