"""Fine-tune a skill VAE on the first few demonstrations of a task."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from _cli import main
from fist.training.settings import TrainSettings
from fist.training.stages import Job, finetune_skills


@dataclass(frozen=True)
class Arguments:
    init: Path
    """Skill VAE to start from (.pt)."""
    demos: Path
    """Demonstrations, HDF5 in D4RL's layout."""
    job: Annotated[Job, arg(name="")]
    n_demos: int = 10
    """How many of them to use, the first ones."""
    parameters: Literal["all", "prior", "scratch"] = "all"
    """What to train: the whole model, its priors alone, or a new model of the same shape."""
    train: TrainSettings = TrainSettings(epochs=50, validation=0)


def run(args: Arguments) -> None:
    finetune_skills(args.init, args.demos, args.n_demos, args.parameters, args.train, args.job)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
