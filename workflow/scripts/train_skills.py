"""Train the skill VAE and its priors on play data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from _cli import main
from fist.methods.skills import SkillSettings
from fist.training.settings import TrainSettings
from fist.training.stages import Job, train_skills


@dataclass(frozen=True)
class Arguments:
    data: Path
    """Play data, HDF5 in D4RL's layout."""
    job: Annotated[Job, arg(name="")]
    model: SkillSettings = SkillSettings()
    train: TrainSettings = TrainSettings()


def run(args: Arguments) -> None:
    train_skills(args.data, args.model, args.train, args.job)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
