"""Put everything that a cell's test episodes need into one folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from _cli import main
from fist.evaluation.episode_results import Labels
from fist.evaluation.evaluate import Method
from fist.evaluation.export import Cell, save_cell
from fist.evaluation.rollout import RolloutSettings


@dataclass(frozen=True)
class Arguments:
    out: Path
    """Folder to write to."""
    method: Annotated[Method, arg(name="")]
    labels: Labels
    env_id: str = "d4rl:kitchen-mixed-v0"
    """Gymnasium id of the environment."""
    env_kwargs: str = "{}"
    """Arguments of the environment, as JSON: '{"task_elements": ["microwave", "kettle"]}'."""
    rollout: RolloutSettings = RolloutSettings()


def run(args: Arguments) -> None:
    env_kwargs = json.loads(args.env_kwargs)
    save_cell(args.out, Cell(args.labels, args.env_id, env_kwargs, args.method, args.rollout))


if __name__ == "__main__":
    main(Arguments, run, __doc__)
