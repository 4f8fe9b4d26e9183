"""Networks that the skill model, the baselines and the distance are made of."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

LOG_SIGMA_RANGE = (-10.0, 2.0)


class Gaussian(NamedTuple):
    """A diagonal Gaussian."""

    mean: Float[Tensor, "*B D"]
    log_sigma: Float[Tensor, "*B D"]

    def sample(self, noise: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Return mean + sigma * noise; `noise` is standard normal."""
        return self.mean + self.log_sigma.exp() * noise

    def nll(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Return the negative log-likelihood of x, per dimension, in nats."""
        scaled = (x - self.mean) * (-self.log_sigma).exp()
        return 0.5 * scaled.square() + self.log_sigma + 0.5 * math.log(2 * math.pi)

    def kl_to_standard_normal(self) -> Float[Tensor, "*B D"]:
        """Return KL(self || N(0, 1)), per dimension, in nats."""
        variance = (2 * self.log_sigma).exp()
        return 0.5 * (variance + self.mean.square() - 1) - self.log_sigma


def gaussian(parameters: Float[Tensor, "*B 2D"]) -> Gaussian:
    """Read the first half as the mean and the second, clamped to [-10, 2], as log-sigma."""
    mean, log_sigma = at_least_float32(parameters).chunk(2, dim=-1)
    return Gaussian(mean, log_sigma.clamp(*LOG_SIGMA_RANGE))


def at_least_float32(x: Tensor) -> Tensor:
    """Return x in float32, or as it is where it is more precise than that."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class MLP(nn.Module):
    """Linear, then blocks of Linear - [batch norm] - LeakyReLU(0.2), then Linear.

    Weights are Xavier-normal and biases 0. With batch norm the blocks' Linears have no bias, as in
    SPiRL's predictor networks.
    """

    def __init__(
        self, inputs: int, outputs: int, hidden: int, blocks: int, batch_norm: bool = True
    ):
        super().__init__()
        self.input = nn.Linear(inputs, hidden)
        self.blocks, self.norms = nn.ModuleList(), nn.ModuleList()
        for _ in range(blocks):
            self.blocks.append(nn.Linear(hidden, hidden, bias=not batch_norm))
            self.norms.append(nn.BatchNorm1d(hidden) if batch_norm else nn.Identity())
        self.head = nn.Linear(hidden, outputs)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, *inputs: Float[Tensor, "*B _"]) -> Float[Tensor, "N outputs"]:
        """Return outputs (N, outputs) for N inputs, given whole, or in parts that broadcast.

        A part that many inputs share goes through its columns of the first Linear only once.
        """
        *weights, last = self.input.weight.split([part.shape[-1] for part in inputs], dim=1)
        x = F.linear(inputs[-1], last, self.input.bias)
        for part, weight in zip(inputs, weights, strict=False):
            x = F.linear(part, weight) + x
        x = F.leaky_relu(x.flatten(0, -2), 0.2, inplace=True)
        for linear, norm in zip(self.blocks, self.norms, strict=True):
            x = F.leaky_relu(norm(linear(x)), 0.2, inplace=True)
        return self.head(x)


class SequenceEncoder(nn.Module):
    """Linear - LSTM - Linear - Linear over a sequence; the last step's output is returned.

    The forget gates start open: the forget quarter of both LSTM bias vectors is 1. The first Linear
    has no activation behind it, so its weights are folded into the LSTM's input weights on the fly:
    one product of (H·B, inputs) with (inputs, 4·hidden) in place of two through `hidden`.
    """

    def __init__(self, inputs: int, outputs: int, hidden: int, readout: int):
        super().__init__()
        self.embed = nn.Linear(inputs, hidden)
        self.lstm = nn.LSTMCell(hidden, hidden)
        self.output = nn.Linear(hidden, readout)
        self.readout = nn.Linear(readout, outputs)
        for bias in (self.lstm.bias_ih, self.lstm.bias_hh):
            nn.init.ones_(bias.data[hidden : 2 * hidden])

    def forward(self, x: Float[Tensor, "B H inputs"]) -> Float[Tensor, "B outputs"]:
        lstm = self.lstm
        # (inputs, 4·hidden), so that its gradient is xᵀ times that of the gates: faster than the
        # transpose of that.
        weight = self.embed.weight.t() @ lstm.weight_ih.t()
        bias = F.linear(self.embed.bias, lstm.weight_ih, lstm.bias_ih) + lstm.bias_hh
        recurrent = lstm.weight_hh.t()
        # Time first: every step's slice is then contiguous.
        steps = torch.addmm(bias, x.transpose(0, 1).flatten(0, 1), weight)
        steps = steps.unflatten(0, (x.shape[1], -1))  # (H, B, 4·hidden)
        h = c = None
        for gates in steps.unbind(0):
            if h is not None:
                gates = torch.addmm(gates, h, recurrent)
            i, f, g, o = gates.chunk(4, dim=1)  # PyTorch's order of gates
            new = i.sigmoid() * g.tanh()
            c = new if c is None else torch.addcmul(new, f.sigmoid(), c)
            h = o.sigmoid() * c.tanh()
        return self.readout(self.output(h))


class Normaliser(nn.Module):
    """Shift and scale states; the identity until `fit` is called.

    The scale of a dimension is its standard deviation, but at least `floor` (in the state's own
    units), so that an object that hardly moves in the play data does not become huge once a
    demonstration moves it.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, dims: int, floor: float = 0.1):
        super().__init__()
        self.floor = floor
        self.register_buffer("shift", torch.zeros(dims))
        self.register_buffer("scale", torch.ones(dims))

    def fit(self, states: Float[Tensor, "N S"]) -> None:
        """Take mean and standard deviation from the rows of a data set."""
        self.shift.copy_(states.mean(0))
        self.scale.copy_(1 / states.std(0).clamp(min=self.floor))

    def forward(self, states: Float[Tensor, "*B S"]) -> Float[Tensor, "*B S"]:
        return (states - self.shift) * self.scale
