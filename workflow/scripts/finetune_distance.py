"""Fine-tune a contrastive distance: half of each batch play data, half demonstrations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from _cli import main
from fist.training.settings import TrainSettings
from fist.training.stages import Job, finetune_distance


@dataclass(frozen=True)
class Arguments:
    init: Path
    """Distance to start from (.pt)."""
    data: Path
    """Play data that it was trained on, HDF5 in D4RL's layout."""
    demos: Path
    """Demonstrations, HDF5 in D4RL's layout."""
    job: Annotated[Job, arg(name="")]
    n_demos: int = 10
    """How many of them to use, the first ones."""
    train: TrainSettings = TrainSettings(optimizer="adam", batch_size=1024, epochs=20, validation=0)


def run(args: Arguments) -> None:
    finetune_distance(args.init, args.data, args.demos, args.n_demos, args.train, args.job)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
