"""How a model is trained. Free of torch."""

import math
from typing import Literal

from fist.stage.settings import Count, Flag, Natural, Positive, Share, settings

Retrieve = Literal["none", "all", "nearest", "iwr", "sdtw"]
"""Which windows of play are half of each batch, see `fist.training.play_retrieval`."""


@settings
class TrainSettings:
    """Optimisation; the defaults are the reference's for the skill VAE in the kitchen.

    The reference does not clip gradients, and does not survive every seed: fine-tuned from its own
    model of 3,000 steps, it reaches NaN with 8 of 9, because RAdam starts as plain momentum.
    `clip_norm` is the one deviation from it here.
    """

    steps: Natural = 0
    """Gradient steps; 0 means: as many as `epochs` asks for."""
    epochs: Positive = 2000
    """Passes over the data, where `steps` is 0; an epoch of the reference has up to ten."""
    batch_size: Count = 128
    """Windows (or pairs) in a batch."""
    learning_rate: Positive = 1e-3
    """Learning rate, after warm-up and before decay."""
    optimizer: Literal["radam", "adam"] = "radam"
    """Optimiser, with betas (0.9, 0.999) and no weight decay."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate after warm-up: constant, or down to 0 along half a cosine."""
    warmup: Natural = 0
    """Steps over which the learning rate rises linearly from 0."""
    clip_norm: Positive = 10.0
    """Largest Euclidean norm of the gradient; larger ones are scaled down."""
    clip_apart: Flag = True
    """Clip the gradients of parts with a loss of their own (of skills: the VAE, each prior) one by
    one, so that no part's steps depend on another's; otherwise as one vector."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the forward pass. bfloat16 is not faster on every processor that has it: see
    docs/benchmarks/speed.md."""
    compile: Literal["auto", "always", "never"] = "auto"
    """Compile the loss: a sixth less time per step, after about a minute of compiling (a few
    seconds for the next run of the same shape on the machine). "auto" compiles runs of 10,000 steps
    and more, if there are a C++ compiler and Python's headers."""
    validation: Share = 0.01
    """Share of the episodes (the last ones) that is held out for validation losses in the learning
    curve; nothing else uses them."""
    log_every: Count = 200
    """Steps between rows of the learning curve; a tenth of all steps, where that is less."""
    keep_every: Natural = 0
    """Steps between checkpoints that are kept in the folder `<model>.steps`, for
    `over_training.csv`; 0 keeps none."""
    save_every: Positive = 30.0
    """Seconds between savings of the resume file."""

    def total_steps(self, items: int) -> int:
        """Return the number of gradient steps on a data set of `items` items per epoch."""
        return self.steps or max(1, round(self.epochs * max(1, items // self.batch_size)))

    def rate(self, step: int, total: int) -> float:
        """Return the learning rate of step 0 <= step < total."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        if self.schedule == "constant":
            return self.learning_rate
        progress = (step - self.warmup) / max(1, total - self.warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
