"""Clone the behaviour in play data, with or without goals."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from _cli import main
from fist.methods.cloning import BCSettings
from fist.training.settings import TrainSettings
from fist.training.stages import Job, train_bc


@dataclass(frozen=True)
class Arguments:
    data: Path
    """Play data, HDF5 in D4RL's layout."""
    job: Annotated[Job, arg(name="")]
    model: BCSettings = BCSettings()
    train: TrainSettings = TrainSettings(batch_size=1280, epochs=181.8)


def run(args: Arguments) -> None:
    train_bc(args.data, args.model, args.train, args.job)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
