"""Film one test episode of a trained method."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from _cli import main
from fist.evaluation.evaluate import Method
from fist.evaluation.rollout import RolloutSettings
from fist.evaluation.video import record_video


@dataclass(frozen=True)
class Arguments:
    out: Path
    """MP4 file to write."""
    method: Annotated[Method, arg(name="")]
    env_id: str = "d4rl:kitchen-mixed-v0"
    """Gymnasium id of the environment."""
    env_kwargs: str = "{}"
    """Arguments of the environment, as JSON: '{"task_elements": ["microwave", "kettle"]}'."""
    seed: int = 0
    """Training seed of the models; decides the encoder of the look-up "random"."""
    episode: int = 0
    """Number of the test episode, from 0."""
    size: int = 256
    """Width and height of the picture, in pixels."""
    rollout: RolloutSettings = RolloutSettings()


def run(args: Arguments) -> None:
    record_video(
        args.out,
        args.env_id,
        json.loads(args.env_kwargs),
        args.method,
        args.rollout,
        args.seed,
        args.episode,
        args.size,
    )


if __name__ == "__main__":
    main(Arguments, run, __doc__)
