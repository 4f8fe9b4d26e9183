"""The feedback that is in recorded actions, found by least squares.

Whoever records a robot closes a loop: the action corrects where the robot was *observed* to be,
noise included. In the kitchen an action is (set-point - observed joints) / 0.16, so its slope over
the joints is -6.25, however smooth the set-points are. A network learns the smooth part and hardly
any of the slope (-0.2 after 4,000 steps on play), because between two neighbouring states the slope
explains little of the loss. In closed loop it is what counts: without it a policy that is a little
off its path stays off, and drifts away.

The slope can be read off the data. What the present state adds to a prediction of the action from
the two steps before is noise and what the operator did about it; the rest is continuity:

    a_t = K s_t + L [s_{t-1}, s_{t-2}, a_{t-1}, a_{t-2}, 1] + error
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from fist.data.episodes import Episodes
from fist.methods.base import Material, Model, ModelSettings
from fist.stage.settings import NonNegative, settings

RIDGE = 1e-5
"""Penalty on the coefficients, per row: dimensions without noise to learn from get a slope of 0."""


def feedback_gain(episodes: Episodes, states: Float[Tensor, "N S"]) -> Float[Tensor, "A S"]:
    """Return K, the slope of the actions over the present state.

    Args:
        episodes: recorded play; only rows with two rows of their episode before them are used.
        states: the episodes' states as the policy sees them, of order 1 (normalised).
    """
    t = torch.nonzero(episodes.steps >= 2)[:, 0]
    s, a = states.double(), episodes.actions.double()
    inputs = torch.cat((s[t], s[t - 1], s[t - 2], a[t - 1], a[t - 2], torch.ones(len(t), 1)), 1)
    gram = inputs.T @ inputs
    gram.diagonal().add_(RIDGE * len(t))
    slopes = torch.linalg.solve(gram, inputs.T @ a[t])
    return slopes[: s.shape[1]].T.float()


@settings
class FeedbackSettings(ModelSettings):
    """What a model that knows of feedback has a setting for."""

    feedback: NonNegative = 0.0
    """Share of the linear feedback in the recorded actions that is given and not learnt
    (`fist.methods.feedback`); 0 leaves all of it to be learnt."""


class FeedbackModel(Model):
    """A model that is given a share of the feedback, by its setting, and learns the rest."""

    slope: Float[Tensor, "A S"]
    """The whole feedback, over normalised states; zeros where it is not known."""

    def __init__(self, settings: Any, state_dim: int, action_dim: int):
        super().__init__(settings, state_dim, action_dim)
        self.register_buffer("slope", torch.zeros(action_dim, state_dim))

    def prepare(self, material: Material) -> None:
        """Take the states' scale and the feedback from the data."""
        super().prepare(material)
        self.slope.copy_(feedback_gain(material.main, self.normaliser(material.main.states)))

    def feedback(self, s: Float[Tensor, "*B S"]) -> Float[Tensor, "*B A"]:
        """Return the share of the feedback at normalised states."""
        with torch.autocast(s.device.type, enabled=False):  # bfloat16 is too coarse for it
            return s @ (self.settings.feedback * self.slope).T
