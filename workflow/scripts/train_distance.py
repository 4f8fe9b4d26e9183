"""Train the contrastive distance on play data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from _cli import main
from fist.methods.distance import DistanceSettings
from fist.training.settings import TrainSettings
from fist.training.stages import Job, train_distance


@dataclass(frozen=True)
class Arguments:
    data: Path
    """Play data, HDF5 in D4RL's layout."""
    job: Annotated[Job, arg(name="")]
    model: DistanceSettings = DistanceSettings()
    train: TrainSettings = TrainSettings(
        optimizer="adam", batch_size=1024, epochs=200, validation=0
    )


def run(args: Arguments) -> None:
    train_distance(args.data, args.model, args.train, args.job)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
