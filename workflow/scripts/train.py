"""Train a model on play data: train.py module:Class --play FILE --out FILE, and its settings."""

from collections.abc import Callable
from typing import Annotated

from tyro.conf import Positional, arg

from _cli import main
from fist.methods.base import Model, class_named
from fist.training.settings import TrainSettings
from fist.training.stages import Inputs, Job, train_model


def command(cls: type[Model]) -> Callable[..., None]:
    """Return the script for a model: its settings are options."""
    default, recipe = cls.Settings(), TrainSettings(**cls.recipe["train"])

    def train(
        name: Annotated[Positional[str], arg(metavar="MODULE:CLASS")],
        inputs: Annotated[Inputs, arg(name="")],
        job: Annotated[Job, arg(name="")],
        model: cls.Settings = default,
        train: TrainSettings = recipe,
    ) -> None:
        """Train a model on play data.

        Args:
            name: Class of the model; its settings are options (--model.*).
        """
        train_model(cls, inputs, model, train, job)

    return train


if __name__ == "__main__":
    main(command, base=Model, named=class_named)
