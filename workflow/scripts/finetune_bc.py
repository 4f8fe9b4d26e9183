"""Fine-tune a cloned policy on the first few demonstrations of a task."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from _cli import main
from fist.training.settings import TrainSettings
from fist.training.stages import Job, finetune_bc


@dataclass(frozen=True)
class Arguments:
    init: Path
    """Cloned policy to start from (.pt)."""
    demos: Path
    """Demonstrations, HDF5 in D4RL's layout."""
    job: Annotated[Job, arg(name="")]
    n_demos: int = 10
    """How many of them to use, the first ones."""
    parameters: Literal["all", "scratch"] = "all"
    """What to train: the whole policy, or a new one of the same shape."""
    train: TrainSettings = TrainSettings(batch_size=1280, epochs=500, validation=0)


def run(args: Arguments) -> None:
    finetune_bc(args.init, args.demos, args.n_demos, args.parameters, args.train, args.job)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
