"""Windows of episodes: what every model is trained on.

One episode of T rows, and the window that starts at row t with horizon H = 3:

    row      0    1    2    3    4    5    6    7  = T-1
    state    s0   s1   s2   s3   s4   s5   s6   s7
    action   a0   a1   a2   a3   a4   a5   a6   a7
                       |---- window, t = 2 ---|
                       s2   s3   s4   s5            H+1 states, the last one is the goal s_{t+H}
                       a2   a3   a4                 H actions

Legal starts are t = 0 … T-1-H: a window never crosses an episode's end, and every legal start of
every episode is equally likely, unless the episodes say otherwise (`Episodes.weights`). The rows
after the last legal start are only ever reached as part of a window, never as its start.
"""

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from fist.data.episodes import DataError, Episodes


class Windows:
    """All windows of H actions and H+1 states that can be drawn, one gather per batch."""

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
        starts = rows[rows < ends]
        self._shares: Tensor | None = None  # of all draws, those of a window and the ones before it
        if episodes.weights is not None:
            weights = episodes.weights[starts].double()
            starts, shares = starts[weights > 0], weights[weights > 0].cumsum(0)
            self._shares = (shares / shares[-1]).to(device)
        self.starts = starts.to(device)
        self.states = episodes.states.to(device)
        self.actions = episodes.actions.to(device)
        self.horizon = horizon
        self._steps = torch.arange(horizon + 1, device=device)

    def __len__(self) -> int:
        return len(self.starts)

    def draw(self, batch: int, generator: Generator) -> Int[Tensor, " B"]:
        """Draw the first rows of `batch` windows, with replacement."""
        at = self.starts.device
        if self._shares is None:
            picks = torch.randint(len(self.starts), (batch,), generator=generator, device=at)
            return self.starts[picks]
        drawn = torch.rand(batch, generator=generator, device=at, dtype=torch.double)
        return self.starts[torch.searchsorted(self._shares, drawn, right=True)]

    def gather(self, first: Int[Tensor, " B"]) -> tuple[Tensor, Tensor]:
        """Return states (B, H+1, S) and actions (B, H, A) of the windows that begin at `first`."""
        rows = first[:, None] + self._steps
        return self.states[rows], self.actions[rows[:, :-1]]

    def sample(self, batch: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Draw a batch of windows: states (B, H+1, S), actions (B, H, A)."""
        return self.gather(self.draw(batch, generator))
