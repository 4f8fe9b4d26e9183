"""Laws of the look-up in the demonstrations."""

import numpy as np
import pytest
import torch

from fist.data.episodes import Episodes, save_episodes
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.retrieval import DemoIndex, Guide, Tracker, raw_states
from fist.methods.roadmap import roadmap
from fist.training.checkpoint import load_model
from fist.training.settings import TrainSettings
from fist.training.stages import Inputs, Job, train_model

H = 3


def line_demos(*lengths: int) -> Episodes:
    """Demonstrations whose states are (demo, step)."""
    states = [[float(demo), float(t)] for demo, n in enumerate(lengths) for t in range(n)]
    return Episodes(torch.tensor(states), torch.zeros(len(states), 1), torch.tensor(lengths))


def random_demos(seed: int = 0, dims: int = 6) -> Episodes:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor([40, 25, 60])
    states = torch.randn(int(lengths.sum()), dims, generator=generator)
    return Episodes(states, torch.zeros(len(states), 2), lengths)


def test_the_target_is_h_steps_ahead_and_clamped_at_the_demos_end():
    demos = line_demos(7, 4)
    index = DemoIndex(demos, raw_states, H)
    targets = index.target(demos.states)
    for state, target in zip(demos.states.tolist(), targets.tolist(), strict=True):
        demo, step = state
        assert target == [demo, min(step + H, demos.lengths[int(demo)] - 1)]


def test_a_window_goes_on_for_h_steps_and_stays_at_the_demos_end():
    index = DemoIndex(line_demos(7, 4), raw_states, H)
    rows = torch.tensor([[0, 4, 6], [7, 9, 10]])
    expected = [[[0, 1, 2, 3], [4, 5, 6, 6], [6] * 4], [[7, 8, 9, 10], [9, 10, 10, 10], [10] * 4]]
    assert index.window(rows).tolist() == expected


def test_a_demonstration_state_is_nearest_to_itself():
    demos = random_demos()
    nearest = DemoIndex(demos, raw_states, H).nearest(demos.states)
    rows = demos.starts[nearest.demo] + nearest.step
    assert torch.equal(rows, torch.arange(len(demos.states)))
    assert nearest.distance.max() < 1e-5


def test_the_lookup_finds_what_a_plain_search_in_feature_space_finds():
    demos = random_demos()
    projection = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    index = DemoIndex(demos, lambda s: torch.tanh(s @ projection), H)
    queries = torch.randn(200, 6, generator=torch.Generator().manual_seed(2))
    features = torch.tanh(demos.states @ projection).double()
    distances = torch.cdist(torch.tanh(queries @ projection).double(), features).square()
    expected, rows = distances.min(dim=1)
    nearest = index.nearest(queries)
    assert torch.equal(demos.starts[nearest.demo] + nearest.step, rows)
    assert torch.allclose(nearest.distance.double(), expected, atol=1e-5)


def test_features_far_from_the_origin_lose_no_precision():
    demos = random_demos()
    offset = 1000.0
    far = Episodes(demos.states + offset, demos.actions, demos.lengths)
    queries = torch.randn(100, 6, generator=torch.Generator().manual_seed(3))
    near_answer = DemoIndex(demos, raw_states, H).nearest(queries)
    far_answer = DemoIndex(far, raw_states, H).nearest(queries + offset)
    agree = (near_answer.demo == far_answer.demo) & (near_answer.step == far_answer.step)
    assert agree.float().mean() > 0.98


def test_among_equally_near_states_the_first_wins():
    states = torch.tensor([[1.0], [0.0], [2.0], [0.0], [0.0]])
    demos = Episodes(states, torch.zeros(5, 1), torch.tensor([3, 2]))
    nearest = DemoIndex(demos, raw_states, H).nearest(torch.tensor([[0.1], [0.0]]))
    assert nearest.demo.tolist() == [0, 0]
    assert nearest.step.tolist() == [1, 1]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_state_that_is_not_finite_is_refused_by_name(value):
    index = DemoIndex(line_demos(5), raw_states, H)
    queries = torch.zeros(4, 2)
    queries[2, 1] = value
    with pytest.raises(ValueError, match=r"state 2 of 4 is (nan|inf) in dimension 1"):
        index.nearest(queries)
    with pytest.raises(ValueError, match="not|finite"):
        index.target(queries)


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="feature 0 of 5"):
        DemoIndex(line_demos(5), lambda s: s / 0, H)


def test_states_of_another_environment_are_refused():
    index = DemoIndex(line_demos(5), raw_states, H)
    with pytest.raises(ValueError, match=r"\(1, 4\)"):
        index.nearest(torch.zeros(1, 4))


def test_no_demonstrations_and_no_horizon_are_refused():
    with pytest.raises(ValueError, match="no demonstrations"):
        DemoIndex(line_demos(5).take([]), raw_states, H)
    with pytest.raises(ValueError, match="horizon is 0"):
        DemoIndex(line_demos(5), raw_states, 0)


def test_the_answer_for_a_state_does_not_depend_on_its_batch():
    index = DemoIndex(random_demos(), raw_states, H)
    queries = torch.from_numpy(np.random.default_rng(4).normal(size=(50, 6)).astype(np.float32))
    together = index.target(queries)
    alone = torch.cat([index.target(query[None]) for query in queries])
    assert torch.equal(together, alone)


def tracked(demos: Episodes, states: torch.Tensor, steps: int = 1) -> torch.Tensor:
    """Return what a lane that sees some states, one after another, looks up: the targets."""
    tracker = Tracker(DemoIndex(demos, raw_states, H), steps)
    return torch.cat([tracker.target(state[None], [7]) for state in states])


def there_and_back(steps: int = 20) -> Episodes:
    """A demonstration along a line and back."""
    out = torch.arange(steps, dtype=torch.float32)
    states = torch.cat((out, out.flip(0)))[:, None]
    return Episodes(states, torch.zeros(len(states), 1), torch.tensor([len(states)]))


@pytest.mark.parametrize("pace", [1, 2, 4])
def test_on_the_way_back_a_tracked_place_leads_back(pace):
    """The nearest state is the same on both ways, and the first of the two wins."""
    demos, index = there_and_back(), DemoIndex(there_and_back(), raw_states, H)
    seen = demos.states[::pace] + 0.2
    home = (demos.states[24::pace] - H).clamp(min=0)
    assert torch.equal(tracked(demos, seen, 2)[24 // pace :], home)
    assert not torch.equal(index.target(seen)[24 // pace :], home)


def test_a_lane_that_waits_keeps_its_place():
    demos = there_and_back()
    seen = torch.cat((demos.states[:30], demos.states[29:30].expand(9, 1), demos.states[30:]))
    rows = torch.tensor([29] * 9 + [*range(30, 40)])
    assert torch.equal(tracked(demos, seen)[30:], tracked(demos, demos.states)[rows])


def test_the_first_look_up_of_a_lane_is_the_nearest_state():
    demos, queries = random_demos(), torch.randn(50, 6, generator=torch.Generator().manual_seed(5))
    tracker = Tracker(index := DemoIndex(demos, raw_states, H), 4)
    assert torch.equal(tracker.target(queries, list(range(50))), index.target(queries))


def test_one_state_near_another_demonstration_is_not_followed_but_several_are():
    demos = line_demos(30, 30)
    seen = demos.states[:25].clone()
    seen[8, 0] = 0.9
    assert tracked(demos, seen)[:, 0].tolist() == [0.0] * 25
    seen[15:, 0] = 1.0
    assert tracked(demos, seen)[-1].tolist() == [1.0, 24.0 + H]


def test_a_lane_is_tracked_alike_whatever_other_lanes_look_up():
    demos = random_demos()
    walks = demos.states[None, :30] + torch.randn(
        5, 30, 6, generator=torch.Generator().manual_seed(6)
    )
    tracker = Tracker(DemoIndex(demos, raw_states, H), 1)
    together = torch.stack([tracker.target(walks[:, t], list(range(5))) for t in range(30)], 1)
    assert all(
        torch.equal(tracked(demos, walk), of) for walk, of in zip(walks, together, strict=True)
    )
    assert not torch.equal(together[0], DemoIndex(demos, raw_states, H).target(walks[0]))


def test_demonstrations_that_stand_still_can_be_tracked():
    demos = Episodes(torch.zeros(9, 2), torch.zeros(9, 1), torch.tensor([9]))
    demos.states[8] = 5.0
    assert torch.equal(tracked(demos, demos.states[-2:]), demos.states[-2:])


def around_a_wall(steps: int = 60) -> torch.Tensor:
    """A way from (-1, 0) around the end of a wall, (0, 5), to (1, 0)."""
    corners = torch.tensor([[-1.0, 0.0], [-1.0, 5.0], [1.0, 5.0], [1.0, 0.0]])
    way = torch.linspace(0, 12, steps)[:, None]
    parts = zip(corners[:-1], corners[1:], (0, 5, 7), (5, 2, 5), strict=True)
    return corners[0] + sum(
        ((way - begin).clamp(0, length) / length * (end - start))
        for start, end, begin, length in parts
    )


def by_ways(play: torch.Tensor, demo: torch.Tensor, count: int = 40) -> DemoIndex:
    lengths = torch.tensor([len(play)])
    ways = roadmap(Episodes(play, torch.zeros(len(play), 1), lengths), raw_states, H, count)
    demos = Episodes(demo, torch.zeros(len(demo), 1), torch.tensor([len(demo)]))
    return DemoIndex(demos, raw_states, H, ways)


def test_from_behind_a_wall_the_goals_lead_around_it_and_then_along_the_demonstration():
    play = around_a_wall()
    guide = Guide(by_ways(torch.cat([play, play.flip(0)]), play[45:]))
    place, passed = play[:1], []
    for _ in range(40):
        place = guide.target(place, [0])
        passed.append(place[0])
    hops = torch.stack([play[0], *passed]).diff(dim=0).norm(dim=1)
    assert hops.max() < 2 * H * 12 / 59
    assert not any((abs(x) < 0.9) and y < 4.9 for x, y in torch.stack(passed).tolist())
    assert torch.equal(passed[-1], play[-1])


def test_where_a_demonstration_passes_or_no_way_is_known_the_goal_is_the_usual_one():
    play = around_a_wall()
    index = by_ways(play.flip(0), play[45:])  # play only ever came back
    guide = Guide(index)
    for places in (play[45:], play[:20]):
        assert torch.equal(guide.target(places, range(len(places))), index.target(places))


def test_a_graph_is_searched_where_there_is_one():
    with pytest.raises(ValueError, match=r"models\.distance\.model\.nodes"):
        Guide(DemoIndex(line_demos(7), raw_states, H))


def test_the_roadmap_of_a_distance_is_drawn_in_training_and_kept(tmp_path):
    play = around_a_wall()
    save_episodes(tmp_path / "play.hdf5", Episodes.of([play.numpy()] * 2, [np.zeros((60, 1))] * 2))
    settings = DistanceSettings(horizon=H, hidden=8, feature_dim=4, nodes=70)
    train = TrainSettings(steps=20, batch_size=8, validation=0)
    job = Job(tmp_path / "distance.pt")
    train_model(Distance, Inputs(tmp_path / "play.hdf5"), settings, train, job)
    ways = load_model(job.out, Distance).roadmap()
    assert ways.nodes.shape == (70, 2)
    assert torch.isin(ways.nodes, play).all()
    assert ways.linked.sum() >= 40
    assert not Distance(DistanceSettings(), 2).roadmap()
