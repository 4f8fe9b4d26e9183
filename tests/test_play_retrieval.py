"""Laws of the play that is learnt from beside the demonstrations."""

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest
import torch
from recordings import random_episodes

from fist.data.episodes import DataError, Episodes, save_episodes
from fist.data.windows import Windows
from fist.methods.base import Material
from fist.methods.chunk import ChunkModel, ChunkSettings
from fist.methods.cloning import BCModel, BCSettings
from fist.methods.distance import Distance
from fist.methods.labelled import TaskBCModel, TaskBCSettings, TaskSkillSettings, TaskSkillVAE
from fist.methods.sailor import SailorModel, SailorSettings
from fist.methods.skills import SkillSettings, SkillVAE
from fist.training.checkpoint import load_model, save_model
from fist.training.play_retrieval import (
    beside,
    density_ratio,
    nearest,
    retrieved,
    slowest,
    warp,
    warped,
)
from fist.training.settings import Retrieve, TrainSettings
from fist.training.stages import Inputs, Job, finetune_model

S, A, H = 3, 2, 4
SKILLS = {"hidden": 8, "z_dim": 2, "horizon": H, "encoder": "mlp", "normalise": True}
NETS = {"hidden": 8, "blocks": 1, "horizon": H, "normalise": True}
MODELS = {
    SkillVAE: SkillSettings(**SKILLS),
    TaskSkillVAE: TaskSkillSettings(**SKILLS, tasks=2),
    BCModel: BCSettings(**NETS),
    TaskBCModel: TaskBCSettings(**NETS, tasks=2),
    ChunkModel: ChunkSettings(**NETS),
    SailorModel: SailorSettings(**SKILLS),
}
every_model = pytest.mark.parametrize("cls", MODELS)
HOW = pytest.mark.parametrize("how", get_args(Retrieve))


def made(cls, data):
    torch.manual_seed(0)
    model = cls(MODELS[cls], S, A)
    model.prepare(Material(play=data))
    return model


def walks(lengths, at=0.0, seed=0):
    """Smooth walks about a place."""
    episodes = random_episodes(lengths, S, A, seed)
    generator = torch.Generator().manual_seed(seed)
    states = 0.2 * torch.randn(episodes.states.shape, generator=generator) + at
    return replace(episodes, states=states)


def there(episodes, rows):
    """How many windows of some rows are drawn, of 10,000."""
    first = Windows(episodes, H).draw(10_000, torch.Generator().manual_seed(0))
    return torch.isin(first, rows).sum().item()


def test_windows_are_drawn_as_often_as_their_first_row_weighs():
    weights = torch.zeros(30)
    weights[[2, 7, 20, 29]] = torch.tensor([1.0, 2.0, 1.0, 100.0])  # no window begins at row 29
    windows = Windows(replace(random_episodes([15, 15]), weights=weights), H)
    drawn = windows.draw(40_000, torch.Generator().manual_seed(0)).bincount(minlength=30) / 40_000
    expected = torch.zeros(30)
    expected[[2, 7, 20]] = torch.tensor([0.25, 0.5, 0.25])
    torch.testing.assert_close(drawn, expected, atol=0.01, rtol=0)


def test_an_episode_takes_its_weights_along():
    episodes = replace(random_episodes([3, 4, 2]), weights=torch.arange(9.0))
    assert episodes.take([2, 0]).weights.tolist() == [7, 8, 0, 1, 2]


def test_the_nearest_tenth_of_play_is_what_a_search_by_hand_finds():
    generator = torch.Generator().manual_seed(0)
    play, demos = (torch.randn(n, 3, generator=generator) for n in (3000, 40))
    away = (play[:, None] - demos).square().sum(-1).amin(1)
    weights = nearest(play, demos)
    assert weights.sum() == 300
    assert away[weights == 1].max() < away[weights == 0].min()


def test_the_ratio_of_densities_is_that_of_kernels_of_one_width():
    generator = torch.Generator().manual_seed(0)
    play, demos = (torch.randn(n, 2, generator=generator, dtype=torch.double) for n in (500, 80))
    width = 80 ** (-1 / 6)

    def by_hand(of):
        apart = (play[:, None] - of).square().sum(-1)
        return (-apart / (2 * width**2)).exp().mean(1)

    expected = by_hand(demos) / (by_hand(play) + 1 / len(play))
    torch.testing.assert_close(density_ratio(play, demos), expected / expected.max())


def test_a_window_far_from_everything_is_not_what_demonstrations_are_denser_at():
    play, demos = torch.randn(400, 2), torch.randn(30, 2)
    far = torch.full((1, 2), 40.0)
    assert density_ratio(torch.cat((play, far)), demos)[-1] < 1e-6


def test_the_best_alignment_is_what_trying_all_of_them_finds():
    generator = torch.Generator().manual_seed(0)
    play, stretch = (torch.randn(n, 2, generator=generator) for n in (14, 4))
    steps = torch.tensor([*range(6), *range(8)])
    costs, begins = warp(play, stretch, steps)

    def by_hand(end):
        tried = []
        for moves in product(range(3), repeat=3):
            rows = torch.tensor([end - sum(moves[i:]) for i in range(4)])
            if sum(moves) <= steps[end]:
                tried.append((float((play[rows] - stretch).square().mean()), int(rows[0])))
        return min(tried)

    for end in range(14):
        cost, begin = by_hand(end)
        assert costs[end].item() == pytest.approx(cost, rel=1e-5)
        assert begins[end] == begin


def test_demonstrations_are_cut_where_they_rest_and_no_stretch_is_short():
    ways = [torch.linspace(0, 1, 30), torch.ones(8), torch.linspace(1, 0, 30), torch.zeros(8)]
    path = torch.cat([*ways, ways[0]])[:, None]
    first, second = slowest(path)
    assert 30 <= first <= 38
    assert 68 <= second <= 76
    assert slowest(path[:45]) == []


def test_a_stretch_of_play_at_another_speed_is_retrieved_and_the_rest_of_its_episode_is_not():
    there = torch.linspace(0, 3, 61)
    arc = torch.stack([there.sin(), there.cos(), torch.zeros(61)], 1)
    other = torch.full((50, 3), -2.0) + 0.1 * torch.randn(50, 3)
    for way in (arc[::2], arc.repeat_interleave(2, 0)[:90]):
        play = Episodes(
            torch.cat([other, way, other, other]),
            torch.zeros(150 + len(way), A),
            torch.tensor([100 + len(way), 50]),
        )
        demo = arc[:46] + torch.tensor([0.0, 0.0, 40.0])  # its third dimension rests, elsewhere
        weights = warped(play, Episodes(demo, torch.zeros(46, A), torch.tensor([46])))
        rows = weights.nonzero()[:, 0]
        assert 50 <= rows.min() <= 55
        assert rows.max() < 50 + len(way)
        assert len(rows) > 0.7 * 46 * len(way) / 61


@pytest.mark.parametrize("cls", [BCModel, TaskBCModel, ChunkModel])
@pytest.mark.parametrize("how", ["nearest", "iwr", "sdtw"])
def test_play_that_goes_where_demonstrations_go_is_drawn_and_other_play_is_not(cls, how):
    near, far = walks([60] * 2), walks([60] * 18, at=3.0, seed=1)
    parts = ("states", "actions", "lengths")
    play = Episodes(*(torch.cat([getattr(walk, name) for walk in (far, near)]) for name in parts))
    alike = retrieved(how, made(cls, play), play, walks([40] * 3, seed=2))
    rows = torch.arange(18 * 60, 20 * 60)
    assert there(play, rows) < 1500
    assert there(alike, rows) > 9900


def test_skills_are_what_a_skill_model_compares():
    s, a = torch.randn(6, H + 1, S), torch.rand(6, H, A)
    for cls in (SkillVAE, TaskSkillVAE):
        model = made(cls, walks([60])).eval()
        seen = model.label(s, 1) if cls is TaskSkillVAE else s
        assert torch.equal(model.represent(s, a), model.encode(seen[:, :-1], a).mean)


@every_model
def test_half_of_a_batch_is_play_and_the_other_half_demonstrations(cls):
    play, demos = walks([60] * 3, at=5.0), walks([40] * 3)
    model = made(cls, play)
    parts = (Material(demos=demos, tasks=(1, 1, 1)), 33), (Material(play=play), 31)
    both = beside(*(model.sampler(material, size, "cpu") for material, size in parts))
    batch = both(torch.Generator().manual_seed(0))
    assert {len(part) for part in batch} == {64}
    is_play = batch[0][:, 0, 0] > 2.5
    assert torch.equal(is_play, torch.arange(64) >= 33)
    assert torch.equal(batch[0][:, 0, S:].any(1), ~is_play & (batch[0].shape[-1] > S))
    assert sum(model.losses(*batch).values()).isfinite()


@pytest.fixture
def files(tmp_path):
    play = random_episodes([40] * 6, S, A)
    play.states[:, 0] += 1000
    save_episodes(tmp_path / "play.hdf5", play)
    save_episodes(tmp_path / "demos.hdf5", random_episodes([30] * 4, S, A, seed=1))
    for cls in MODELS:
        save_model(tmp_path / f"{cls.name}.pt", made(cls, random_episodes([40] * 6, S, A)), {})
    return tmp_path


def tuned(files, cls, how, part="all", play="play.hdf5", **change):
    inputs = Inputs(play and files / play, (files / "demos.hdf5",), files / f"{cls.name}.pt")
    train = TrainSettings(**{"steps": 5, "batch_size": 16, "validation": 0} | change)
    job = Job(files / "tuned.pt")
    finetune_model(cls, inputs, 4, part, train, job, retrieve=how)
    return load_model(job.out).state_dict()


@HOW
@every_model
def test_every_learner_sees_play_in_half_of_a_batch_if_it_is_retrieved(
    files, cls, how, monkeypatch
):
    seen, losses = [], cls.losses

    def noted(model, *batch):
        seen.append(int((batch[0][:, 0, 0] >= 1000).sum()))
        return losses(model, *batch)

    monkeypatch.setattr(cls, "losses", noted)
    for part in ("all", "scratch"):
        tuned(files, cls, how, part=part)
    assert set(seen) == {0 if how == "none" else 8}


def test_what_is_held_out_of_the_demonstrations_does_not_decide_what_is_retrieved(files):
    found = []
    for seed in (1, 2):
        demos = random_episodes([30] * 4, S, A, seed=1)
        demos.states[90:] = random_episodes([30], S, A, seed=seed).states
        save_episodes(files / "demos.hdf5", demos)
        found.append(tuned(files, SkillVAE, "nearest", validation=0.25))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_to_retrieve_there_has_to_be_play_that_is_not_read_anyway(files):
    with pytest.raises(ValueError, match=r"to retrieve all play, SkillVAE needs play \(--play\)"):
        tuned(files, SkillVAE, "all", play=None)
    with pytest.raises(ValueError, match="to retrieve iwr play, Distance has it there"):
        tuned(files, Distance, "iwr")
    save_episodes(files / "wide.hdf5", random_episodes([40] * 6, S + 1, A))
    with pytest.raises(DataError, match=r"wide\.hdf5 has state_dim 4, but .*skills\.pt .* 3"):
        tuned(files, SkillVAE, "all", play="wide.hdf5")


def test_play_that_hardly_varies_is_retrieved_all_the_same():
    still = Episodes(torch.zeros(40, S), torch.zeros(40, A), torch.tensor([20, 20]))
    for how in ("nearest", "iwr", "sdtw"):
        model = made(BCModel, still)
        assert (
            Windows(retrieved(how, model, still, walks([20])), H).draw(3, torch.Generator()).numel()
        )
