"""Ask of a skill model how much the goal says that the state does not say already.

At every state of some demonstrations, the action that follows from the goal prior (FIST) and the
one that follows from the state prior (SPiRL) are compared with each other and with the recorded
one, all as root mean squares over states and action dimensions.

    python benchmarks/what_goals_add.py \\
        --demos data/kitchen/demos/microwave-kettle-top_burner-light_switch.hdf5 \\
        --models results/kitchen/top_burner/finetune_all_10demos/seed_*/skills.pt
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from torch import Tensor

from fist.data.episodes import load_episodes
from fist.data.windows import Windows
from fist.methods.networks import Gaussian
from fist.methods.skills import SkillVAE
from fist.training.checkpoint import load_model


@dataclass(frozen=True)
class Arguments:
    demos: Path
    """Demonstrations, HDF5 in D4RL's layout."""
    models: tuple[Path, ...]
    """Skill models with both priors (.pt)."""
    n_demos: int = 10
    """How many of the demonstrations, the first ones."""
    ahead: tuple[int, ...] = (0, 5, 15, 20, 30)
    """Other goals to try: states so many steps ahead in place of H."""


def rms(values: Tensor) -> float:
    return float(values.square().mean().sqrt())


@torch.inference_mode()
def compare(model: SkillVAE, args: Arguments) -> list[str]:
    """Return a model's cells of the table."""
    horizon = model.settings.horizon
    episodes = load_episodes(args.demos, horizon + 1).first(args.n_demos, args.demos)
    rows = Windows(episodes, max(horizon, *args.ahead)).starts
    s, recorded = episodes.states[rows], episodes.actions[rows]

    def towards(steps: int) -> Gaussian:
        return model.prior_goal(s, episodes.states[rows + steps])

    goal, state = towards(horizon), model.prior_state(s)
    begun = torch.zeros(len(s), dtype=torch.long)
    by_goal, by_state = model.decode(s, goal.mean, begun), model.decode(s, state.mean, begun)
    moved = [rms(model.decode(s, towards(steps).mean, begun) - by_goal) for steps in args.ahead]
    sigmas = [float(prior.log_sigma.exp().mean()) for prior in (goal, state)]
    errors = [rms(by_goal - recorded), rms(by_state - recorded)]
    return [f"{x:.3f}" for x in (rms(recorded), *errors, rms(by_goal - by_state), *moved, *sigmas)]


def main(args: Arguments) -> None:
    head = ["model", "recorded action", "error, goal prior", "error, state prior", "between priors"]
    head += [f"goal at +{steps}" for steps in args.ahead]
    head += ["sigma of z, goal prior", "sigma of z, state prior"]
    print(f"| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}")
    for path in args.models:
        print(f"| {path.parent} | {' | '.join(compare(load_model(path, SkillVAE), args))} |")


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
