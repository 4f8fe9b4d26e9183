"""The goal-conditioned skill VAE (section 4.2 of the FIST paper), closed-loop as in SPiRL.

    posterior  q(z | s_t..s_{t+H-1}, a_t..a_{t+H-1})   reads a window of play, gives a skill z
    decoder    pi(a | s, z)                            acts it out, step by step, on the live state
    prior      p(z | s_t, s_{t+H})                     FIST: the skill that leads from here to there
    prior      p(z | s_t)                              SPiRL: the skill that usually follows here

Acting: every few steps a prior chooses a skill, and the decoder acts it out. FIST's prior is told
where the demonstrations go from the state that is nearest to the present one; SPiRL's is told
nothing.

The priors are fitted to detached samples of the posterior, so they send no gradient into the
posterior or the decoder: one VAE serves both, trained together for little more than the cost of
one.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from annotated_types import Len
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from fist.data.windows import Windows
from fist.methods.base import Batch, Material, Objective, Sampler, Terms
from fist.methods.feedback import FeedbackModel, FeedbackSettings
from fist.methods.lanes import Choice, LaneNoise, by_rows
from fist.methods.networks import MLP, Gaussian, SequenceEncoder, at_least_float32, gaussian
from fist.methods.plans import Planner, Replanning
from fist.methods.retrieval import LookupActing, lookup
from fist.stage.settings import Count, Flag, Natural, NonNegative, settings

Prior = Literal["goal", "state"]
Encoder = Literal["lstm", "mlp", "none"]
BEST_OF, MEASURED = 100, 16
"""Samples of a prior of which the best counts in a learning curve, and windows that it is of."""


@settings
class SkillSettings(FeedbackSettings):
    """Shape and loss of the skill VAE; the defaults are the reference's for the kitchen."""

    z_dim: Count = 10
    """Dimensions of the skill z."""
    hidden: Count = 128
    """Width of every hidden layer."""
    encoder: Encoder = "lstm"
    """The network of the posterior: an "lstm" reads the window step by step, an "mlp" all of it at
    once. For windows of ten steps the MLP learns the same with a fraction of the arithmetic. With
    "none" there is no posterior: such a model acts, and cannot be trained."""
    readout: Count = 128
    """Width between the LSTM's output and the posterior's parameters (32 in the mazes)."""
    encoder_blocks: Natural = 2
    """Hidden blocks of the MLP that reads the window."""
    decoder_blocks: Natural = 5
    """Hidden blocks of the decoder (3 in the mazes)."""
    prior_blocks: Natural = 6
    """Hidden blocks of each prior."""
    kl_weight: NonNegative = 5e-4
    """Weight of KL(q || N(0, I)), a mean over batch and dimensions (1e-2 in the mazes)."""
    priors: Annotated[tuple[Prior, ...], Len(1)] = ("goal", "state")
    """Priors to train: "goal" is FIST's, "state" is SPiRL's; one VAE serves both."""
    moving_statistics: Flag = True
    """Let the decoder's batch-norm statistics follow the demonstrations where the priors alone are
    fine-tuned, too, as the reference does; without it the decoder stays as it was."""
    phase: Flag = False
    """Tell the decoder how many steps of the skill have passed. Within one skill, a state on the
    way to a turn and the same state on the way back can then have different actions."""


class SkillVAE(FeedbackModel):
    """Posterior, decoder and priors over skills."""

    name = "skills"
    Settings = SkillSettings
    parts = ("all", "prior", "goal_prior", "state_prior", "scratch")
    recipe: ClassVar = {"train": {}, "finetune": {"epochs": 50, "validation": 0}}

    def __init__(self, settings: SkillSettings, state_dim: int, action_dim: int):
        super().__init__(settings, state_dim, action_dim)
        z, hidden = settings.z_dim, settings.hidden
        inputs = action_dim + state_dim
        self.posterior: Any = None
        if settings.encoder == "lstm":
            self.posterior = SequenceEncoder(inputs, 2 * z, hidden, settings.readout)
        elif settings.encoder == "mlp":
            window = settings.horizon * inputs
            self.posterior = MLP(window, 2 * z, hidden, settings.encoder_blocks)
        phases = settings.horizon if settings.phase else 0
        self.decoder = MLP(state_dim + z + phases, action_dim, hidden, settings.decoder_blocks)
        told = {"goal": 2 * state_dim, "state": state_dim}
        self.priors = nn.ModuleDict()
        for name in settings.priors:
            self.priors[name] = MLP(told[name], 2 * z, hidden, settings.prior_blocks)

    def sampler(self, material: Material, batch: int, device: torch.device | str) -> Sampler:
        """Return what draws windows, with the noise that makes z a sample of the posterior."""
        windows = Windows(material.main, self.settings.horizon, device)

        def sample(generator: Generator) -> Batch:
            s, a = windows.sample(batch, generator)
            noise = torch.randn(len(s), self.settings.z_dim, generator=generator, device=s.device)
            return s, a, noise

        return sample

    def objective(self, part: str) -> Objective:
        """Return the whole loss over all parameters, or that of the priors, or of one of them."""
        trained = [part.removesuffix("_prior")] if part.endswith("_prior") else list(self.priors)
        apart = [list(self._prior(name).parameters()) for name in trained]
        if part.endswith("prior"):
            parameters = [p for group in apart for p in group]
            return Objective(partial(self.prior_losses, trained=trained), parameters, apart)
        vae = [p for name, p in self.named_parameters() if not name.startswith("priors.")]
        return super().objective(part)._replace(apart=[vae, *apart])

    def encode(self, s: Float[Tensor, "B H S"], a: Float[Tensor, "B H A"]) -> Gaussian:
        """Return q(z | s, a), mean and log-sigma (B, Z)."""
        return self._encode(self.normaliser(s), a)

    def represent(
        self, s: Float[Tensor, "B H1 S"], a: Float[Tensor, "B H A"]
    ) -> Float[Tensor, "B Z"]:
        """Return the means of q(z | s, a): windows are compared by their skills."""
        return self.encode(s[:, :-1], a).mean

    def decode(
        self, s: Float[Tensor, "B S"], z: Float[Tensor, "B Z"], step: Int[Tensor, " B"]
    ) -> Float[Tensor, "B A"]:
        """Return the mean action of pi(a | s, z); it is not squashed into [-1, 1].

        `step` says how many steps ago each skill z was begun; without `phase` it does not matter.
        """
        return self._decode(self.normaliser(s), z, step)

    def prior_goal(self, s: Float[Tensor, "B S"], goal: Float[Tensor, "B S"]) -> Gaussian:
        """Return FIST's p(z | s_t, s_{t+H})."""
        return gaussian(self._prior("goal")(self.normaliser(torch.stack((s, goal), 1)).flatten(1)))

    def prior_state(self, s: Float[Tensor, "B S"]) -> Gaussian:
        """Return SPiRL's p(z | s_t)."""
        return gaussian(self._prior("state")(self.normaliser(s)))

    def losses(
        self, s: Float[Tensor, "B H1 S"], a: Float[Tensor, "B H A"], noise: Float[Tensor, "B Z"]
    ) -> Terms:
        """Return the weighted terms of the loss; the total is their sum.

        Args:
            s: states s_t .. s_{t+H}; the posterior does not see the last one.
            a: actions a_t .. a_{t+H-1}.
            noise: standard normal, makes z a sample of the posterior.
        """
        s = self.normaliser(s)
        q = self._encode(s[:, :-1], a)
        z = q.sample(noise)
        a_hat = self._decode(s[:, :-1], z[:, None], torch.arange(a.shape[1], device=s.device))
        residual = a_hat - a.flatten(0, 1)
        terms = {
            "reconstruction": 0.5 * residual.square().mean(),
            "kl": self.settings.kl_weight * q.kl_to_standard_normal().mean(),
        }
        return terms | self._prior_losses(s[:, 0], s[:, -1], z.detach())

    def prior_losses(
        self,
        s: Float[Tensor, "B H1 S"],
        a: Float[Tensor, "B H A"],
        noise: Float[Tensor, "B Z"],
        trained: Sequence[str] = ("goal", "state"),
    ) -> Terms:
        """Return the terms of some priors alone, for fine-tuning that does not train the VAE."""
        s = self.normaliser(s)
        with torch.no_grad():
            z = self._encode(s[:, :-1], a).sample(noise)
            if self.settings.moving_statistics and self.training:
                self._decode(s[:, :-1], z[:, None], torch.arange(a.shape[1], device=s.device))
        return self._prior_losses(s[:, 0], s[:, -1], z, trained)

    def measures(self, *batch: Tensor) -> Terms:
        """Return the unweighted KL and, by prior, the mean squared error of the best actions.

        The best are those of `BEST_OF` samples of the prior; of the first few windows alone.
        """
        s, a = self.normaliser(batch[0][:MEASURED]), batch[1][:MEASURED]
        terms = {"kl_unweighted": self._encode(s[:, :-1], a).kl_to_standard_normal().mean()}
        noise = torch.randn(
            BEST_OF, len(s), self.settings.z_dim, generator=Generator().manual_seed(0)
        )
        shared, step = s[:, :-1].expand(BEST_OF, -1, -1, -1), torch.arange(a.shape[1])
        for name, prior in self._prior_gaussians(s[:, 0], s[:, -1], list(self.priors)).items():
            z = prior.sample(noise.to(s))[:, :, None].expand(*shared.shape[:3], -1)
            errors = self._decode(shared, z, step.to(s.device)).view(BEST_OF, *a.shape) - a
            terms[f"best_of_{BEST_OF}_{name}"] = errors.square().mean((2, 3)).amin(0).mean()
        return terms

    def _decode(
        self, s: Float[Tensor, "*B S"], z: Float[Tensor, "*B Z"], step: Int[Tensor, "*B"]
    ) -> Float[Tensor, "N A"]:
        """Return the mean action at normalised states: feedback, and what the network adds."""
        inputs = [s, z]
        if self.settings.phase:
            horizon = self.settings.horizon
            inputs.append(F.one_hot(step.clamp(max=horizon - 1), horizon).to(s.dtype))
        a = at_least_float32(self.decoder(*inputs))
        return a + self.feedback(s.flatten(0, -2)) if self.settings.feedback else a

    def _encode(self, s: Tensor, a: Tensor) -> Gaussian:
        if self.posterior is None:
            raise ValueError("this skill model has no posterior: it acts and cannot be trained")
        window = torch.cat((a, s), dim=-1)
        return gaussian(
            self.posterior(window if self.settings.encoder == "lstm" else window.flatten(1))
        )

    def _prior_losses(
        self, s: Tensor, goal: Tensor, z: Tensor, trained: Sequence[str] = ("goal", "state")
    ) -> Terms:
        """Return -log p(z | .), summed over z's dimensions, by prior (states normalised)."""
        found = self._prior_gaussians(s, goal, trained)
        return {f"prior_{name}": prior.nll(z).sum(-1).mean() for name, prior in found.items()}

    def _prior_gaussians(
        self, s: Tensor, goal: Tensor, names: Sequence[str]
    ) -> dict[str, Gaussian]:
        """Return the distributions of some priors (states normalised)."""
        inputs = {"goal": torch.cat((s, goal), dim=-1), "state": s}
        priors = [(name, prior) for name, prior in self.priors.items() if name in names]
        return {name: gaussian(prior(inputs[name])) for name, prior in priors}

    def _prior(self, name: str) -> nn.Module:
        if name not in self.priors:
            raise ValueError(
                f"this skill model has no {name!r} prior, only {', '.join(self.priors)} "
                f"(config: models.{self.name}.model.priors)"
            )
        return self.priors[name]


@settings
class SkillActing(Replanning):
    """How one acts through skills."""

    skill: Choice = "sample"
    """Take a "sample" of the prior's skills, or their "mean"."""


@settings
class FISTActing(LookupActing, SkillActing):
    """How one acts through skills that lead to what is looked up."""


class SkillPolicy(Planner):
    """Act through skills: z from a prior every `replan_every` steps, a = pi(a | s, z) at each."""

    Model = SkillVAE
    Settings = SkillActing
    asks: ClassVar[Prior]
    """The prior that it acts with."""

    @classmethod
    def slim(cls, model: Any) -> Any:
        """Return the decoder and the prior that is asked: about half of the weights."""
        settings = replace(model.settings, encoder="none", priors=(cls.asks,))
        slim = type(model)(settings, model.state_dim, model.action_dim)
        weights = model.state_dict()
        slim.load_state_dict({name: weights[name] for name in slim.state_dict()})
        return slim

    def reset(self, seeds: Sequence[int]) -> None:
        super().reset(seeds)
        self._noise = LaneNoise(seeds)

    def plan(self, s: Float[Tensor, "B S"], lanes: Int[Tensor, " B"]) -> Float[Tensor, "B Z"]:
        return self._noise.pick(self.prior(s, lanes.tolist()), self.settings.skill, lanes)

    def carry_out(
        self, s: Float[Tensor, "B S"], plans: Float[Tensor, "B Z"], step: Int[Tensor, " B"]
    ) -> Float[Tensor, "B A"]:
        return self.model.decode(s, plans, step)

    def prior(self, s: Float[Tensor, "B S"], lanes: Sequence[int]) -> Gaussian:
        """Return the distribution over skills at some lanes' states, mean and log-sigma (B, Z)."""
        raise NotImplementedError


class FIST(SkillPolicy):
    """The prior is p(z | s, target), the target looked up in the demonstrations."""

    looks_up = True
    Settings = FISTActing
    asks = "goal"

    def reset(self, seeds: Sequence[int]) -> None:
        super().reset(seeds)
        self._target = lookup(self.index, self.settings.search, self.settings.replan_every)

    def prior(self, s: Float[Tensor, "B S"], lanes: Sequence[int]) -> Gaussian:
        return by_rows(self.model.prior_goal, s, self._target(s, lanes))


class SPiRL(SkillPolicy):
    """The prior is p(z | s): no look-up."""

    asks = "state"

    def prior(self, s: Float[Tensor, "B S"], lanes: Sequence[int]) -> Gaussian:
        return by_rows(self.model.prior_state, s)
