"""How one gets from anywhere to the demonstrations: a graph of the places that play has passed.

The demonstrated state that is nearest may lie behind a wall. Play knows the ways around it:

    nodes   states of play, one for each cluster of them in the space of the look-up
    edges   from the node of a state of play to that of the state H steps later

From the node of the present state the shortest way leads to a node at which a demonstration passes.
Its next node, about H steps ahead, is the goal, until a demonstration is reached; from there on the
goal is looked up in it as ever. (After Eysenbach et al., "Search on the replay buffer", 2019, where
a learnt distance draws the edges.)
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from fist.data.episodes import Episodes
from fist.data.windows import Windows

CLUSTERED, LINKED = 20_000, 200_000
"""States that are clustered, and windows that are looked at for edges, at most; evenly spaced."""
ROUNDS = 10
"""Rounds of k-means."""


class Roadmap(NamedTuple):
    """Places of play, and from which of them play has gone to which."""

    nodes: Float[Tensor, "K S"]
    linked: Bool[Tensor, "K K"]
    """Whether play has gone from a node (row) to another one within H steps."""


@torch.no_grad()
def roadmap(
    play: Episodes, features: Callable[[Tensor], Tensor], horizon: int, count: int
) -> Roadmap:
    """Find the places and ways of play.

    Args:
        play: the episodes.
        features: maps states (N, S) to the space in which they are clustered (N, F).
        horizon: H.
        count: K, the number of nodes, at most a state of play each.
    """
    from scipy.cluster.vq import kmeans2  # here: it takes 0.3 s, and few processes need it

    seen = play.states[_spaced(len(play.states), CLUSTERED)]
    embedded = features(seen)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a cluster without states stays where it was
        centres, _ = kmeans2(embedded.numpy(), min(count, len(seen)), ROUNDS, minit="points", rng=0)
    nodes = seen[nearest(torch.from_numpy(centres).to(embedded), embedded)]
    windows = Windows(play, horizon)
    first = windows.starts[_spaced(len(windows), LINKED)]
    ends = (play.states[rows] for rows in (first, first + horizon))
    marks = features(nodes)
    begins, arrives = (nearest(features(states), marks) for states in ends)
    linked = torch.zeros(count, count, dtype=torch.bool)
    linked[begins, arrives] = True
    padded = torch.cat([nodes, nodes[-1:].expand(count - len(nodes), -1)])
    return Roadmap(padded, linked)


def onward(map_of: Roadmap, reached: Int[Tensor, " N"]) -> tuple[Bool[Tensor, " K"], Tensor]:
    """Return which nodes have to go on before they reach some others, and to which node (K,).

    A node from which no way leads there does not go on.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    back = csr_array(map_of.linked.numpy().T.astype(np.int8))
    goals = np.unique(reached.numpy())
    steps, following, _ = dijkstra(
        back, indices=goals, unweighted=True, min_only=True, return_predecessors=True
    )
    goes = torch.from_numpy(np.isfinite(steps) & (steps > 0))
    return goes, torch.from_numpy(following.astype(np.int64)).clamp(min=0)


def nearest(f: Float[Tensor, "N F"], marks: Float[Tensor, "M F"]) -> Int[Tensor, " N"]:
    """Return the row of `marks` that is nearest to each of f."""
    return torch.cat([torch.cdist(block, marks).argmin(1) for block in f.split(4096)])


def _spaced(count: int, most: int) -> Int[Tensor, " M"]:
    return torch.linspace(0, count - 1, min(most, count), dtype=torch.double).round().long()
