"""Laws of the policies."""

import numpy as np
import pytest
import torch

from fist.data.episodes import Episodes
from fist.methods.chunk import Chunk, GoalChunk
from fist.methods.cloning import BC, GoalBC
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.in_context import InContext
from fist.methods.lanes import by_rows
from fist.methods.nearest import Neighbours, Replay
from fist.methods.retrieval import DemoIndex, raw_states
from fist.methods.skills import FIST, SkillSettings, SkillVAE, SPiRL

S, A, H = 3, 2, 4
LEARNT = [FIST, SPiRL, BC, GoalBC, Chunk, GoalChunk, InContext]
SEEDS = range(100, 108)
LANES = list(range(len(SEEDS)))


@pytest.fixture
def model() -> SkillVAE:
    torch.manual_seed(0)
    settings = SkillSettings(horizon=H, z_dim=2, hidden=16, decoder_blocks=1, prior_blocks=1)
    return SkillVAE(settings, S, A)


@pytest.fixture
def index() -> DemoIndex:
    states = torch.randn(30, S, generator=torch.Generator().manual_seed(1))
    return DemoIndex(Episodes(states, torch.zeros(30, A), torch.tensor([18, 12])), raw_states, H)


def acting(method, model, index=None, **act):
    """Return the policy of a method."""
    return method(model, index, method.Settings(**act))


def states(seed: int, n: int = len(SEEDS)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, S))


def run(policy, steps: int = 6, lanes=LANES, seeds=SEEDS) -> np.ndarray:
    """Return the actions (steps, lanes, A) of a few lanes; the states of a lane are its own."""
    policy.reset(seeds)
    return np.stack([policy.act(states(t)[lanes], lanes) for t in range(steps)])


def record(model: SkillVAE, name: str, monkeypatch) -> list[tuple]:
    """Note the arguments of every call of one of the model's methods, for SEEDS' rows alone."""
    calls, method = [], getattr(model, name)

    def noting(*arguments):
        calls.append(tuple(argument[: len(SEEDS)] for argument in arguments))
        return method(*arguments)

    monkeypatch.setattr(model, name, noting)
    return calls


def test_fists_prior_sees_the_state_and_the_target(model, index, monkeypatch):
    calls = record(model, "prior_goal", monkeypatch)
    run(acting(FIST, model, index), steps=1)
    s = torch.from_numpy(states(0).astype(np.float32))
    [(state, goal)] = calls
    assert torch.equal(state, s)
    assert torch.equal(goal, index.target(s))


def test_spirls_prior_sees_the_state_alone(model, monkeypatch):
    calls = record(model, "prior_state", monkeypatch)
    monkeypatch.setattr(model, "prior_goal", None)
    run(acting(SPiRL, model), steps=1)
    [(state,)] = calls
    assert torch.equal(state, torch.from_numpy(states(0).astype(np.float32)))


@pytest.mark.parametrize("replan_every", [1, 2, 3])
def test_a_skill_is_kept_for_replan_every_steps_and_the_decoder_told_of_them(
    model, monkeypatch, replan_every
):
    calls = record(model, "decode", monkeypatch)
    run(acting(SPiRL, model, replan_every=replan_every))
    skills = [z.clone() for _, z, _ in calls]
    for t in range(1, 6):
        assert torch.equal(skills[t], skills[t - 1]) == (t % replan_every != 0)
    steps = [step.unique().tolist() for *_, step in calls]
    assert steps == [[t % replan_every] for t in range(6)]


def test_the_action_follows_the_live_state_while_the_skill_is_kept(model, monkeypatch):
    calls = record(model, "decode", monkeypatch)
    actions = run(acting(SPiRL, model, replan_every=2), steps=2)
    assert torch.equal(calls[1][0], torch.from_numpy(states(1).astype(np.float32)))
    assert not np.allclose(actions[0], actions[1])


def make(method, model, index, **act):
    torch.manual_seed(2)
    if method.Model is not SkillVAE:
        model = method.Model(method.Model.Settings(horizon=H, hidden=16, blocks=1), S, A)
    return acting(method, model, index if method.looks_up else None, **act)


@pytest.mark.parametrize("method", [FIST, SPiRL, BC, GoalBC])
class TestEveryPolicyThatDraws:
    def test_other_seeds_give_other_actions(self, method, model, index):
        policy = make(method, model, index)
        assert not np.array_equal(run(policy), run(policy, seeds=range(200, 208)))

    def test_lanes_of_different_seeds_draw_different_noise(self, method, model, index):
        policy = make(method, model, index)
        policy.reset([1, 2])
        first, second = policy.act(np.repeat(states(0)[:1], 2, axis=0), [0, 1])
        assert not np.allclose(first, second)

    def test_the_mean_has_no_noise(self, method, model, index):
        policy = make(method, model, index, skill="mean")
        assert np.array_equal(run(policy), run(policy, seeds=range(200, 208)))

    def test_an_unknown_choice_is_refused(self, method, model, index):
        with pytest.raises(ValueError, match="'sample' or 'mean'"):
            make(method, model, index, skill="mode")


@pytest.mark.parametrize("method", LEARNT)
class TestEveryPolicy:
    def test_the_same_seeds_give_the_same_actions(self, method, model, index):
        policy = make(method, model, index)
        assert np.array_equal(run(policy), run(policy))

    def test_a_lane_does_not_notice_the_others(self, method, model, index):
        policy = make(method, model, index)
        together = run(policy)
        for lane in LANES:
            alone = run(policy, lanes=[lane])
            assert np.allclose(alone[:, 0], together[:, lane], atol=1e-5)
        reversed_lanes = run(policy, lanes=LANES[::-1])
        assert np.allclose(reversed_lanes[:, ::-1], together, atol=1e-5)

    def test_a_lane_that_joins_late_begins_with_a_plan_of_its_own(self, method, model, index):
        policy = make(method, model, index)
        expected = run(policy, lanes=[1], steps=1)
        policy.reset(SEEDS)
        policy.act(states(5)[:1], [0])
        late = policy.act(states(0)[[0, 1]], [0, 1])
        assert np.allclose(late[1], expected[0, 0], atol=1e-5)

    def test_actions_are_finite_and_within_bounds(self, method, model, index):
        policy = make(method, model, index)
        policy.reset(SEEDS)
        for parameter in policy.model.parameters():
            parameter.data.mul_(10)
        actions = policy.act(100 * states(0), LANES)
        assert actions.shape == (len(SEEDS), A) and actions.dtype == np.float32
        assert np.abs(actions).max() == 1

    def test_states_of_another_environment_are_refused(self, method, model, index):
        policy = make(method, model, index)
        policy.reset([0])
        with pytest.raises(ValueError, match=r"shape \(1, 5\).* 3 dimensions"):
            policy.act(np.zeros((1, 5)), [0])


def test_goals_need_demonstrations_and_states_take_none(model, index):
    with pytest.raises(ValueError, match="needs demonstrations"):
        acting(FIST, model)
    with pytest.raises(ValueError, match="SPiRL looks nothing up"):
        acting(SPiRL, model, index)


def test_a_skill_lasts_at_least_one_step(model):
    with pytest.raises(ValueError, match="replan_every"):
        acting(SPiRL, model, replan_every=0)


def shown(lengths=(18, 12)) -> DemoIndex:
    """Demonstrations whose states tell where they stand: (demo, step, 0); actions likewise."""
    rows = [(demo, step) for demo, length in enumerate(lengths) for step in range(length)]
    where = torch.tensor(rows, dtype=torch.float32)
    episodes = Episodes(torch.nn.functional.pad(where, (0, 1)), where / 100, torch.tensor(lengths))
    return DemoIndex(episodes, raw_states, H)


def test_a_replay_follows_one_demonstration_from_the_nearest_step_and_then_does_nothing():
    policy = acting(Replay, None, shown())
    policy.reset(SEEDS)
    first = np.array([[0.0, 15.2, 0.0], [1.0, 9.0, 0.0]])
    played = [policy.act(first, [0, 3])]
    played += [policy.act(states(t)[:2], [0, 3]) for t in range(4)]
    expected = [[(0, t), (1, t - 6)] for t in (15, 16, 17)]
    assert np.allclose(100 * np.stack(played[:3]), expected, atol=1e-4)
    assert not np.stack(played[3:]).any()


def test_neighbours_give_the_actions_of_the_nearest_states_weighted_by_nearness():
    index = shown()
    policy = acting(Neighbours, None, index, neighbours=2)
    [action] = policy.act(np.array([[0.0, 4.25, 0.0]]), [0])
    weights = np.exp([-0.25, -0.75]) / np.exp([-0.25, -0.75]).sum()
    assert np.allclose(100 * action, [0.0, weights @ [4, 5]], atol=1e-4)
    assert np.allclose(
        acting(Neighbours, None, index, neighbours=1).act(np.array([[1.0, 3.1, 0.0]]), [0]),
        [0.01, 0.03],
    )
    everyone = acting(Neighbours, None, index, neighbours=1000).act(
        np.array([[0.0, 4.0, 0.0]]), [0]
    )
    assert everyone.shape == (1, A)


@pytest.mark.parametrize("width", [60, 120, 256, 384, 1024])
@torch.inference_mode()
def test_a_row_of_a_product_has_the_same_bits_whatever_the_number_of_rows(width):
    torch.manual_seed(0)
    product, rows = torch.nn.Linear(width, 50), torch.randn(40, width)
    together = by_rows(product, rows)
    for number in range(1, 40):
        assert torch.equal(by_rows(product, rows[:number]), together[:number])


@pytest.mark.parametrize("method", [*LEARNT, Neighbours])
@pytest.mark.parametrize("lane", range(3))
def test_a_lane_acts_the_same_to_the_last_bit_whoever_acts_beside_it(method, lane):
    """With networks of the real size, where libraries add up few rows unlike many."""
    torch.manual_seed(0)
    demos = Episodes(torch.randn(300, 60), torch.randn(300, 9).tanh(), torch.tensor([200, 100]))
    index = DemoIndex(demos, Distance(DistanceSettings(), 60).eval().features, 10)
    model = method.Model and method.Model(method.Model.Settings(), 60, 9)
    policy = acting(method, model, index if method.looks_up else None)
    seen = np.random.default_rng(0).normal(size=(3, 40, 60))

    def act(lanes):
        policy.reset(range(40))
        return [policy.act(states[lanes], lanes)[lanes.index(lane)] for states in seen]

    together = act(list(range(40)))
    for lanes in ([lane], [lane, 9], [8, 9, lane], [30, lane, 4, 9, 12]):
        assert np.array_equal(act(lanes), together)
