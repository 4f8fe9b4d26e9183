"""Windows of episodes: what every model is trained on.

One episode of T rows, and the window that starts at row t with horizon H = 3:

    row      0    1    2    3    4    5    6    7  = T-1
    state    s0   s1   s2   s3   s4   s5   s6   s7
    action   a0   a1   a2   a3   a4   a5   a6   a7
                       |---- window, t = 2 ---|
                       s2   s3   s4   s5            H+1 states, the last one is the goal s_{t+H}
                       a2   a3   a4                 H actions

Legal starts are t = 0 … T-1-H: a window never crosses an episode's end, and every legal start of
every episode is equally likely. The rows after the last legal start are only ever reached as part
of a window, never as its start.
"""

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from fist.data.episodes import DataError, Episodes


class Windows:
    """All windows of H actions and H+1 states, drawn uniformly, one gather per batch."""

    def __init__(self, episodes: Episodes, horizon: int, device: torch.device | str = "cpu"):
        """Index every legal start; DataError where no episode has H+1 rows."""
        per_episode = (episodes.lengths - horizon).clamp(min=0)
        if int(per_episode.sum()) == 0:
            raise DataError(
                f"the longest episode has {int(episodes.lengths.max())} steps, needs at least "
                f"H+1 = {horizon + 1} (config: skills.model.horizon)"
            )
        rows = torch.arange(len(episodes.states))
        ends = (episodes.starts + per_episode).repeat_interleave(episodes.lengths)
        self.starts = rows[rows < ends].to(device)
        self.states = episodes.states.to(device)
        self.actions = episodes.actions.to(device)
        self.horizon = horizon
        self._steps = torch.arange(horizon + 1, device=device)

    def __len__(self) -> int:
        return len(self.starts)

    def draw(self, batch: int, generator: Generator) -> Int[Tensor, " B"]:
        """Draw the first rows of `batch` windows, with replacement."""
        picks = torch.randint(
            len(self.starts), (batch,), generator=generator, device=self.starts.device
        )
        return self.starts[picks]

    def gather(self, first: Int[Tensor, " B"]) -> tuple[Tensor, Tensor]:
        """Return states (B, H+1, S) and actions (B, H, A) of the windows that begin at `first`."""
        rows = first[:, None] + self._steps
        return self.states[rows], self.actions[rows[:, :-1]]

    def sample(self, batch: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Draw a batch of windows: states (B, H+1, S), actions (B, H, A)."""
        return self.gather(self.draw(batch, generator))
