"""The goal-conditioned skill VAE (section 4.2 of the FIST paper), closed-loop as in SPiRL.

    posterior  q(z | s_t..s_{t+H-1}, a_t..a_{t+H-1})   reads a window of play, gives a skill z
    decoder    pi(a | s, z)                            acts it out, step by step, on the live state
    prior      p(z | s_t, s_{t+H})                     FIST: the skill that leads from here to there
    prior      p(z | s_t)                              SPiRL: the skill that usually follows here

The priors are fitted to detached samples of the posterior, so they send no gradient into the
posterior or the decoder: one VAE serves both, trained together for little more than the cost of
one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from fist.data.episodes import Episodes
from fist.methods.feedback import feedback_gain
from fist.methods.networks import (
    MLP,
    Gaussian,
    Normaliser,
    SequenceEncoder,
    at_least_float32,
    gaussian,
)

Prior = Literal["goal", "state"]


@dataclass(frozen=True)
class SkillSettings:
    """Shape and loss of the skill VAE; the defaults are the reference's for the kitchen."""

    horizon: int = 10
    """H: actions in a skill, and steps between a state and its goal."""
    z_dim: int = 10
    """Dimensions of the skill z."""
    hidden: int = 128
    """Width of every hidden layer."""
    readout: int = 128
    """Width between the LSTM's output and the posterior's parameters (32 in the mazes)."""
    decoder_blocks: int = 5
    """Hidden blocks of the decoder (3 in the mazes)."""
    prior_blocks: int = 6
    """Hidden blocks of each prior."""
    kl_weight: float = 5e-4
    """Weight of KL(q || N(0, I)), a mean over batch and dimensions (1e-2 in the mazes)."""
    priors: tuple[Prior, ...] = ("goal", "state")
    """Priors to train: "goal" is FIST's, "state" is SPiRL's."""
    normalise: bool = False
    """Shift and scale states by the pretraining data's mean and standard deviation."""
    scale_floor: float = 0.1
    """Smallest standard deviation to divide a state by, in the state's units."""
    phase: bool = False
    """Tell the decoder how many steps of the skill have passed. Within one skill, a state on the
    way to a turn and the same state on the way back can then have different actions."""
    feedback: float = 0.0
    """Share of the linear feedback in the recorded actions that the decoder is given, see
    `fist.methods.feedback`; 0 leaves all of it to be learnt."""

    def __post_init__(self) -> None:
        for name in ("horizon", "z_dim", "hidden", "readout"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"skills.model.{name} is {getattr(self, name)}, must be at least 1"
                )
        if not self.priors or set(self.priors) - {"goal", "state"}:
            raise ValueError(
                f'skills.model.priors is {self.priors}, must name "goal", "state" or both'
            )


class SkillVAE(nn.Module):
    """Posterior, decoder and priors over skills."""

    gain: Tensor

    def __init__(self, settings: SkillSettings, state_dim: int, action_dim: int):
        super().__init__()
        self.settings, self.state_dim, self.action_dim = settings, state_dim, action_dim
        z, hidden = settings.z_dim, settings.hidden
        self.normaliser = Normaliser(state_dim, settings.scale_floor)
        self.register_buffer("gain", torch.zeros(action_dim, state_dim))
        self.posterior = SequenceEncoder(action_dim + state_dim, 2 * z, hidden, settings.readout)
        phases = settings.horizon if settings.phase else 0
        self.decoder = MLP(state_dim + z + phases, action_dim, hidden, settings.decoder_blocks)
        inputs = {"goal": 2 * state_dim, "state": state_dim}
        self.priors = nn.ModuleDict(
            {
                name: MLP(inputs[name], 2 * z, hidden, settings.prior_blocks)
                for name in settings.priors
            }
        )

    def fit_normaliser(self, states: Float[Tensor, "N S"]) -> None:
        """Take the states' scale from the pretraining data, if the settings ask for it."""
        if self.settings.normalise:
            self.normaliser.fit(states)

    def fit_feedback(self, episodes: Episodes) -> None:
        """Take the feedback gain from the pretraining data, if the settings ask for it."""
        if self.settings.feedback:
            gain = feedback_gain(episodes, self.normaliser(episodes.states))
            self.gain.copy_(self.settings.feedback * gain)

    def encode(self, s: Float[Tensor, "B H S"], a: Float[Tensor, "B H A"]) -> Gaussian:
        """Return q(z | s, a), mean and log-sigma (B, Z)."""
        return self._encode(self.normaliser(s), a)

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
        self,
        s: Float[Tensor, "B H1 S"],
        a: Float[Tensor, "B H A"],
        noise: Float[Tensor, "B Z"],
    ) -> dict[str, Float[Tensor, ""]]:
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
    ) -> dict[str, Float[Tensor, ""]]:
        """Return the priors' terms alone, for fine-tuning that leaves the VAE as it is."""
        s = self.normaliser(s)
        with torch.no_grad():
            z = self._encode(s[:, :-1], a).sample(noise)
        return self._prior_losses(s[:, 0], s[:, -1], z)

    def _decode(
        self, s: Float[Tensor, "*B S"], z: Float[Tensor, "*B Z"], step: Int[Tensor, "*B"]
    ) -> Float[Tensor, "N A"]:
        """Return the mean action at normalised states: feedback, and what the network adds."""
        inputs = [s, z]
        if self.settings.phase:
            horizon = self.settings.horizon
            inputs.append(F.one_hot(step.clamp(max=horizon - 1), horizon).to(s.dtype))
        a = at_least_float32(self.decoder(*inputs))
        if not self.settings.feedback:
            return a
        with torch.autocast(s.device.type, enabled=False):  # bfloat16 is too coarse for it
            return a + s.flatten(0, -2) @ self.gain.T

    def _encode(self, s: Tensor, a: Tensor) -> Gaussian:
        return gaussian(self.posterior(torch.cat((a, s), dim=-1)))

    def _prior_losses(self, s: Tensor, goal: Tensor, z: Tensor) -> dict[str, Tensor]:
        """Return -log p(z | .), summed over z's dimensions, for every prior (states normalised)."""
        inputs = {"goal": torch.cat((s, goal), dim=-1), "state": s}
        return {
            f"prior_{name}": gaussian(prior(inputs[name])).nll(z).sum(-1).mean()
            for name, prior in self.priors.items()
        }

    def _prior(self, name: Prior) -> nn.Module:
        if name not in self.priors:
            raise ValueError(
                f"this skill model has no {name!r} prior, only {', '.join(self.priors)} "
                "(config: skills.model.priors)"
            )
        return self.priors[name]
