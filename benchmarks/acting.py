"""Control steps, physics and episodes: of this library, of a plain implementation, and at best."""

from __future__ import annotations

import gymnasium
import mujoco
import numpy as np
import torch

import d4rl  # noqa: F401  (registers the kitchen)
from d4rl.kitchen.env import SUBSTEPS
from d4rl.kitchen.generate import perform
from fist.evaluation.rollout import rollout
from fist.methods.distance import Distance, DistanceSettings
from fist.methods.retrieval import DemoIndex
from fist.methods.skills import FIST
from timing import Step
from training import H, Z, skill_model, walks

REPLAN = 2
ENV = "kitchen-mixed-v0"
ORDER = ("microwave", "kettle", "top_burner", "light_switch")


class Control:
    """FIST's control step with untrained networks: look-up, prior and decoder.

    The demonstrations are ten of 205 rows, as in the kitchen; a skill is kept for two steps.
    """

    def __init__(self) -> None:
        self.demos = walks(10, 205)
        self.model = skill_model(self.demos).eval()
        torch.manual_seed(0)
        self.distance = Distance(DistanceSettings(), self.demos.state_dim).eval()
        self.index = DemoIndex(self.demos, self.distance.features, H)
        self.features = self.distance.features(self.demos.states).detach()

    def ours(self, lanes: int) -> Step:
        """Return a step of the library's policy, of many episodes at once."""
        policy = FIST(self.model, self.index, FIST.Settings(replan_every=REPLAN, skill="mean"))
        policy.reset(range(lanes))
        states = self.demos.states[torch.arange(lanes) * 7 % len(self.demos.states)].numpy()
        return lambda: policy.act(states, range(lanes))

    def plain(self) -> Step:
        """Return a plain step of one episode: distances to every state, then module by module."""
        state, z, step = self.demos.states[:1], torch.zeros(1, Z), 0

        def act() -> np.ndarray:
            nonlocal z, step
            with torch.no_grad():
                if step % REPLAN == 0:
                    own = self.distance.encoder(state)
                    row = int(((self.features - own) ** 2).sum(1).argmin())
                    last = (row // 205 + 1) * 205 - 1
                    goal = self.demos.states[min(row + H, last)][None]
                    prior = self.model.priors["goal"](torch.cat((state, goal), 1))
                    z = prior[:, :Z]
                step += 1
                return self.model.decoder(torch.cat((state, z), 1)).clamp(-1, 1).numpy()

        return act


class Physics:
    """Steps of the kitchen: the environment's, and MuJoCo's alone."""

    def __init__(self) -> None:
        self.env = gymnasium.make(ENV, task_elements=list(ORDER), max_episode_steps=10**9)
        self.env.reset(seed=0)
        self.rng = np.random.default_rng(0)

    def step(self) -> None:
        """Step the environment with a random action."""
        self.env.step(self.rng.uniform(-1, 1, 9))

    def bare(self) -> None:
        """Do what MuJoCo has to do in such a step, and nothing else."""
        env = self.env.unwrapped
        mujoco.mj_step(env.model, env.data, SUBSTEPS)


def episodes(control: Control, count: int, batch: int, steps: int) -> tuple[Step, dict[str, float]]:
    """Return a rollout of some episodes, and where it adds up the seconds that the policy took."""
    policy = FIST(control.model, control.index, FIST.Settings(replan_every=REPLAN))
    spent = {"policy": 0.0}
    act = policy.act

    def timed(*arguments: object) -> np.ndarray:
        from time import process_time

        begin = process_time()
        actions = act(*arguments)
        spent["policy"] += process_time() - begin
        return actions

    policy.act = timed
    arguments = {"task_elements": list(ORDER)}
    seeds = range(100_000, 100_000 + count)
    return lambda: rollout(f"d4rl:{ENV}", arguments, policy, seeds, steps, batch), spent


def performance() -> int:
    """Generate one episode; return its number of steps."""
    return len(perform(ORDER, 0, 0).actions)
