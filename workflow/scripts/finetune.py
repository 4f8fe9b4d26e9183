"""Fine-tune a model on a few demonstrations: finetune.py module:Class --init FILE --demos FILE."""

from collections.abc import Callable
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from _cli import main
from fist.methods.base import Model, class_named
from fist.training.settings import Retrieve, TrainSettings
from fist.training.stages import Inputs, Job, finetune_model


def command(cls: type[Model]) -> Callable[..., None]:
    """Return the script for a model: its parts and settings are options."""
    default, recipe = cls.Settings(), TrainSettings(**cls.recipe["finetune"])

    def finetune(
        name: Annotated[Positional[str], arg(metavar="MODULE:CLASS")],
        inputs: Annotated[Inputs, arg(name="")],
        job: Annotated[Job, arg(name="")],
        n_demos: int = 10,
        part: Literal[cls.parts] = cls.parts[0],
        retrieve: Retrieve = "none",
        model: cls.Settings = default,
        train: TrainSettings = recipe,
    ) -> None:
        """Fine-tune a model on the first few demonstrations of a task.

        Args:
            name: Class of the model.
            n_demos: How many demonstrations to use, the first ones.
            part: What to train: "all" of the model, a new one of its shape from "scratch", …
            retrieve: Which windows of play are half of each batch: none, "all" alike, the "nearest"
                tenth to the demonstrations, "iwr", weighted by a ratio of densities, or "sdtw",
                stretches that run alike.
            model: Settings of a model that begins here: others have those they were trained with.
        """
        finetune_model(cls, inputs, n_demos, part, train, job, model, retrieve)

    return finetune


if __name__ == "__main__":
    main(command, base=Model, named=class_named)
