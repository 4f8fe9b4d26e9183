"""Run a few test episodes of a trained method and write one row per step, look-ups included."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from _cli import main
from fist.evaluation.episode_results import Labels
from fist.evaluation.evaluate import Method
from fist.evaluation.rollout import RolloutSettings
from fist.evaluation.trace import trace


@dataclass(frozen=True)
class Arguments:
    out: Path
    """CSV file to write."""
    method: Annotated[Method, arg(name="")]
    labels: Labels
    env_id: str = "d4rl:kitchen-mixed-v0"
    """Gymnasium id of the environment."""
    env_kwargs: str = "{}"
    """Arguments of the environment, as JSON: '{"task_elements": ["microwave", "kettle"]}'."""
    episodes: int = 3
    """How many test episodes, from the first one on."""
    rollout: RolloutSettings = RolloutSettings()


def run(args: Arguments) -> None:
    env_kwargs = json.loads(args.env_kwargs)
    trace(args.out, args.env_id, env_kwargs, args.method, args.rollout, args.labels, args.episodes)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
