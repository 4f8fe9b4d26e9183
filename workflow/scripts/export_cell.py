"""Put everything that a cell's test episodes need into one folder."""

from pathlib import Path

from _trial import main, with_trial
from fist.evaluation.evaluate import Trial
from fist.evaluation.export import Operator, export_policy
from fist.stage.files import parse_json


def run(
    folder: Path, trial: Trial, slim: bool = False, about: str = "", operator: str = ""
) -> None:
    """Put everything that a cell's test episodes need into one folder.

    Args:
        folder: where to.
        trial: what acts, where, and on which episodes it is tested.
        slim: leave out what only training needs: it acts as before, in half the space.
        about: what it has learnt from, for people.
        operator: what demonstrates other orders, as JSON: '{"order_argument": "task_elements",
            "generator": "d4rl.kitchen.generate:generate", "arguments": {}}'.
    """
    made = Operator(**parse_json(operator, "--operator")) if operator else None
    export_policy(folder, trial, slim, about, made)


command = with_trial(run)

if __name__ == "__main__":
    main(command)
