"""Laws of action chunks."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from recordings import random_episodes

from fist.data.episodes import Episodes
from fist.methods.base import Material
from fist.methods.chunk import Chunk, ChunkModel, ChunkSettings, GoalChunk, GoalChunkModel
from fist.methods.retrieval import DemoIndex, raw_states

S, A, H = 4, 2, 3
MODELS = pytest.mark.parametrize("cls", [ChunkModel, GoalChunkModel])


def made(cls=GoalChunkModel, **settings):
    """A model of play that has feedback in it and is not normalised by chance."""
    torch.manual_seed(0)
    given = {"horizon": H, "hidden": 8, "normalise": True, "feedback": 0.5} | settings
    model = cls(ChunkSettings(**given), S, A)
    model.prepare(Material(play=random_episodes([40, 30])))
    return model


def window(rows=5):
    """States (B, H+1, S), actions (B, H, A) and noise (B, H, A)."""
    torch.manual_seed(1)
    return torch.randn(rows, H + 1, S), torch.rand(rows, H, A), torch.randn(rows, H, A)


def sees(model, s, goal, x, time):
    """The network's answer to a state, its goal, a chunk and a time, by hand."""
    told = [s, goal] if isinstance(model, GoalChunkModel) else [s]
    told = [(part - model.normaliser.shift) * model.normaliser.scale for part in told]
    return model.net(torch.cat([*told, x.flatten(1), torch.full((len(s), 1), time)], 1))


@MODELS
def test_the_loss_is_the_error_of_a_guess_and_of_a_noisy_answer_refined(cls):
    model, (s, a, noise) = made(cls), window()
    assert model.slope.abs().max() > 0
    seen = (s[:, :-1] - model.normaliser.shift) * model.normaliser.scale
    r = a - torch.einsum("bhs,as->bha", seen, model.settings.feedback * model.slope)
    guess = sees(model, s[:, 0], s[:, -1], torch.zeros_like(r), 0.0)
    refined = sees(model, s[:, 0], s[:, -1], r + 0.1 * noise, 0.9)
    terms = model.losses(s, a, noise)
    assert terms.keys() == {"guess", "refined"}
    for name, found in {"guess": guess, "refined": refined}.items():
        torch.testing.assert_close(terms[name], (found - r.flatten(1)).square().mean())


@MODELS
def test_the_loss_has_the_gradient_of_its_differences(cls):
    model = made(cls, blocks=1).double()
    batch = [part.double() for part in window()]
    sum(model.losses(*batch).values()).backward()
    for parameter in model.parameters():
        way = torch.randn_like(parameter)
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.add_(sign * 1e-5 * way)
                values.append(sum(model.losses(*batch).values()))
                parameter.sub_(sign * 1e-5 * way)
        slope = (values[0] - values[1]) / 2e-5
        torch.testing.assert_close((parameter.grad * way).sum(), slope, rtol=1e-5, atol=1e-8)


@MODELS
def test_a_chunk_is_a_guess_refined_once(cls):
    model, (s, _, _) = made(cls).eval(), window()
    told = (s[:, 0], s[:, -1]) if model.sees_goal else (s[:, 0],)
    guess = sees(model, s[:, 0], s[:, -1], torch.zeros(len(s), H, A), 0.0)
    expected = sees(model, s[:, 0], s[:, -1], guess, 0.9).unflatten(1, (H, A))
    torch.testing.assert_close(model(*told), expected)


def test_without_a_goal_the_last_state_of_a_window_is_not_seen():
    s, a, noise = window()
    moved = s.clone()
    moved[:, -1] += 1
    for cls in (ChunkModel, GoalChunkModel):
        model = made(cls)
        one, two = (model.losses(states, a, noise)["guess"] for states in (s, moved))
        assert (one == two) == (cls is ChunkModel)


def test_a_model_that_knows_the_answer_has_no_loss():
    """The actions less their feedback are what it learns: of pure feedback, nothing is left."""
    model, (s, _, noise) = made(), window()
    with torch.no_grad():
        for parameter in model.net[-1].parameters():
            parameter.zero_()
    actions = model.normaliser(s[:, :-1]) @ (model.settings.feedback * model.slope).T
    assert sum(model.losses(s, actions, noise).values()) < 1e-12


@pytest.mark.parametrize("replan_every", [1, 2, 5])
def test_a_chunk_is_acted_step_by_step_with_the_feedback_on_the_live_state(replan_every):
    """What it says of its last step holds for all that follow."""
    model = made().eval()
    demos = random_episodes([20, 15], seed=3)
    policy = GoalChunk(
        model, DemoIndex(demos, raw_states, H), GoalChunk.Settings(replan_every=replan_every)
    )
    policy.reset([0, 1])
    seen = 0.3 * torch.randn(10, 2, S, generator=torch.Generator().manual_seed(2))
    for t, s in enumerate(seen):
        if t % replan_every == 0:
            with torch.no_grad():
                chunk = model(s, policy.index.target(s))
        feedback = ((s - model.normaliser.shift) * model.normaliser.scale) @ (
            model.settings.feedback * model.slope
        ).T
        expected = (chunk[:, min(t % replan_every, H - 1)] + feedback).clamp(-1, 1)
        assert np.allclose(policy.act(s.numpy(), [0, 1]), expected, atol=1e-5)


def test_towards_the_end_of_a_demonstration_its_last_state_is_the_goal():
    states = torch.arange(8.0)[:, None].expand(8, S).contiguous()
    demos = Episodes(states, torch.zeros(8, A), torch.tensor([8]))
    goals = []

    def chunk(s, goal):
        goals.extend(goal[: len(seen), 0].tolist())
        return torch.zeros(len(s), H, A)

    stub = SimpleNamespace(state_dim=S, normaliser=raw_states, feedback=lambda s: s[:, :A])
    model = type("Stub", (), {"__call__": lambda self, *told: chunk(*told)})()
    model.__dict__.update(vars(stub), eval=lambda: model)
    policy = GoalChunk(model, DemoIndex(demos, raw_states, H), GoalChunk.Settings())
    seen = np.array([[3.0] * S, [6.0] * S])
    policy.reset([0, 1])
    policy.act(seen, [0, 1])
    assert goals == [6.0, 7.0]


def test_a_chunk_without_goals_takes_no_demonstrations():
    with pytest.raises(ValueError, match="Chunk looks nothing up"):
        Chunk(made(ChunkModel), DemoIndex(random_episodes([20]), raw_states, H), None)
