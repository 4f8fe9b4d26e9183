"""Laws of the skill VAE."""

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from fist.methods.networks import SequenceEncoder
from fist.methods.skills import SkillSettings, SkillVAE
from plain import PlainSkillVAE

B, H, S, A, Z = 16, 10, 6, 3, 10


@pytest.fixture
def batch():
    """States, actions and noise in float64."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    return draw(B, H + 1, S), draw(B, H, A).clamp(-1, 1), draw(B, Z)


@pytest.fixture(params=[{}, {"phase": True}, {"encoder": "mlp"}], ids=["", "phase", "mlp"])
def vae(request):
    """A skill VAE of the paper's shape on small states, in float64 and training mode."""
    torch.manual_seed(0)
    return SkillVAE(SkillSettings(**request.param), S, A).double()


def test_the_papers_kitchen_model_has_371505_parameters():
    vae = SkillVAE(SkillSettings(priors=("goal",)), state_dim=60, action_dim=9)
    assert sum(p.numel() for p in vae.parameters()) == 371_505


def test_the_priors_send_no_gradient_into_posterior_and_decoder(vae, batch):
    terms = vae.losses(*batch)
    (terms["prior_goal"] + terms["prior_state"]).backward()
    assert all(p.grad is not None for p in vae.priors.parameters())
    assert all(p.grad is None for p in vae.posterior.parameters())
    assert all(p.grad is None for p in vae.decoder.parameters())


def test_training_the_second_prior_changes_nothing_for_the_rest(batch):
    gradients = []
    for priors in (("goal",), ("goal", "state")):
        torch.manual_seed(0)
        vae = SkillVAE(SkillSettings(priors=priors), S, A).double()
        sum(vae.losses(*batch).values()).backward()
        shared = [*vae.posterior.parameters(), *vae.decoder.parameters()]
        gradients.append([p.grad for p in (*shared, *vae.priors["goal"].parameters())])
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


def test_the_loss_is_the_papers(vae, batch):
    s, a, noise = batch
    terms = vae.losses(s, a, noise)
    q = vae.encode(s[:, :-1], a)
    posterior = Normal(q.mean, q.log_sigma.exp())
    z = q.mean + q.log_sigma.exp() * noise
    rows = s[:, :-1].flatten(0, 1), z.repeat_interleave(H, 0), torch.arange(H).repeat(B)
    a_hat = vae.decode(*rows).unflatten(0, (B, H))
    expected = {
        "reconstruction": 0.5 * (a_hat - a).square().mean(),
        "kl": 5e-4 * kl_divergence(posterior, Normal(0.0, 1.0)).mean(),
    }
    for name, (mean, log_sigma) in {
        "prior_goal": vae.prior_goal(s[:, 0], s[:, -1]),
        "prior_state": vae.prior_state(s[:, 0]),
    }.items():
        expected[name] = -Normal(mean, log_sigma.exp()).log_prob(z).sum(-1).mean()
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name].double(), value.double(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("phase", [False, True])
def test_the_step_of_the_skill_counts_with_phase_alone_up_to_its_last_one(phase):
    vae = SkillVAE(SkillSettings(phase=phase), S, A).eval()
    s, z = torch.randn(1, S).expand(H + 2, S), torch.randn(1, Z).expand(H + 2, Z)
    with torch.no_grad():
        a = vae.decode(s, z, torch.arange(H + 2))
    assert len(a.unique(dim=0)) == (H if phase else 1)
    assert torch.equal(a[H - 1], a[H]) and torch.equal(a[H], a[H + 1])


def test_losses_and_gradients_are_those_of_the_plain_implementation(vae, batch):
    """To float64's precision, whatever is folded, split or reordered here for speed."""
    plain = PlainSkillVAE(vae)  # of the same parameters
    found, gradients = {}, []
    for model in (vae, plain):
        terms = model.losses(*batch)
        found[model] = terms
        vae.zero_grad()
        sum(terms.values()).backward()
        gradients.append({name: p.grad for name, p in vae.named_parameters()})
    assert found[vae].keys() == found[plain].keys()
    for name, term in found[plain].items():
        torch.testing.assert_close(found[vae][name], term, rtol=1e-10, atol=0)
    for name, gradient in gradients[1].items():
        error = (gradients[0][name] - gradient).norm() / gradient.norm()
        assert error <= 1e-10, name


def test_the_folded_encoder_is_linear_then_lstm_then_two_linears(batch):
    s, a, _ = batch
    x = torch.cat((a, s[:, :-1]), -1)
    torch.manual_seed(0)
    encoder = SequenceEncoder(A + S, 2 * Z, hidden=32, readout=16).double()
    plain = nn.LSTM(32, 32, batch_first=True).double()
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            parameter.copy_(getattr(encoder.lstm, name.removesuffix("_l0")))
    last = plain(encoder.embed(x))[0][:, -1]
    expected, found = encoder.readout(encoder.output(last)), encoder(x)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    gradient = torch.autograd.grad(expected.square().sum(), encoder.embed.weight)
    folded = torch.autograd.grad(found.square().sum(), encoder.embed.weight)
    torch.testing.assert_close(folded, gradient, rtol=1e-10, atol=1e-12)


def test_the_forget_gates_start_open():
    lstm = SequenceEncoder(5, 4, hidden=8, readout=8).lstm
    assert (lstm.bias_ih[8:16] == 1).all()
    assert (lstm.bias_hh[8:16] == 1).all()


def test_the_posterior_does_not_see_the_goal_state_but_fists_prior_does(vae, batch):
    s, a, noise = batch
    moved = s.clone()
    moved[:, -1] += 1
    before, after = vae.losses(s, a, noise), vae.losses(moved, a, noise)
    assert before["reconstruction"] == after["reconstruction"]
    assert before["kl"] == after["kl"]
    assert before["prior_state"] == after["prior_state"]
    assert before["prior_goal"] != after["prior_goal"]


def test_log_sigma_is_clamped(vae, batch):
    s, a, _ = batch
    log_sigma = vae.encode(1e6 * s[:, :-1], a).log_sigma
    assert log_sigma.min() >= -10
    assert log_sigma.max() <= 2


@pytest.mark.parametrize(
    ("part", "trained"), [("prior", {"goal", "state"}), ("goal_prior", {"goal"})]
)
@pytest.mark.parametrize("moving", [False, True])
def test_prior_only_losses_move_of_the_vae_the_decoders_statistics_at_most(
    batch, part, trained, moving
):
    vae = SkillVAE(SkillSettings(moving_statistics=moving), S, A).double()
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    losses, parameters, _ = vae.objective(part)
    terms = losses(*batch)
    assert terms.keys() == {f"prior_{name}" for name in trained}
    sum(terms.values()).backward()
    moved = {name for name, p in vae.named_parameters() if p.grad is not None}
    assert {id(p) for p in parameters} == {id(vae.get_parameter(name)) for name in moved}
    assert {name.split(".")[1] for name in moved} == trained
    changed = {n for n, v in vae.state_dict().items() if not torch.equal(before[n], v)}
    decoder = {name for name in changed if name.startswith("decoder.")}
    assert bool(decoder) == moving and all("norms" in name for name in decoder)
    assert not any(name.startswith("posterior.") for name in changed)


def test_the_curve_tells_the_unweighted_kl_and_the_error_of_the_best_of_100_skills(vae, batch):
    vae.eval()
    s, a, _ = batch
    found = vae.measures(*batch)
    torch.testing.assert_close(0.0005 * found.pop("kl_unweighted"), vae.losses(*batch)["kl"])
    noise = torch.randn(100, B, Z, generator=torch.Generator().manual_seed(0)).double()
    priors = {"goal": vae.prior_goal(s[:, 0], s[:, -1]), "state": vae.prior_state(s[:, 0])}
    for name, prior in priors.items():
        errors = torch.zeros(100, B, H, A, dtype=torch.double)
        for sample, step in ((i, h) for i in range(100) for h in range(H)):
            now = torch.full((B,), step)
            actions = vae.decode(s[:, step], prior.sample(noise[sample]), now)
            errors[sample, :, step] = (actions - a[:, step]) ** 2
        best = errors.mean((2, 3)).min(0).values.mean()
        torch.testing.assert_close(found.pop(f"best_of_100_{name}"), best)
    assert not found


def test_a_normalised_model_does_not_care_about_the_units_of_a_state(batch):
    s, a, noise = batch
    found = []
    for unit in (1.0, 100.0):
        torch.manual_seed(0)
        vae = SkillVAE(SkillSettings(normalise=True), S, A).double()
        vae.normaliser.fit((unit * s).flatten(0, 1))
        found.append(vae.losses(unit * s, a, noise))
    for name in found[0]:
        torch.testing.assert_close(found[0][name], found[1][name], rtol=1e-5, atol=1e-6)


def test_a_constant_state_dimension_is_not_blown_up():
    vae = SkillVAE(SkillSettings(normalise=True, scale_floor=0.1), S, A)
    vae.normaliser.fit(torch.ones(50, S))
    assert vae.normaliser(torch.full((1, S), 2.0)).max() == pytest.approx(10)


def test_asking_for_a_prior_that_was_not_trained_is_refused():
    vae = SkillVAE(SkillSettings(priors=("state",)), S, A)
    with pytest.raises(ValueError, match="no 'goal' prior, only state"):
        vae.prior_goal(torch.zeros(1, S), torch.zeros(1, S))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": 0}, "horizon is 0"),
        ({"priors": ()}, "priors is ()"),
        ({"z_dim": -1}, "z_dim is -1"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")):
        SkillSettings(**change)
