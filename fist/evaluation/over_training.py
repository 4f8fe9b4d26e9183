"""The score over training: what a method reaches with every checkpoint that was kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from fist.evaluation.evaluate import Trial, evaluate
from fist.stage.files import write_text
from fist.stage.text import csv_table
from fist.training.checkpoint import kept

COLUMNS = ("step", "n_episodes", "subtasks_ordered", "success_rate", "length")


def score_over_training(out: Path, trial: Trial) -> None:
    """Test a method with every kept checkpoint of its model, and write a row for each.

    Args:
        out: the CSV to write: gradient steps, number of episodes, and of these the mean number of
            subtasks in order (blank without subtasks), the success rate and the mean length.
        trial: what is tested; all checkpoints on the same episodes.

    Raises:
        FileNotFoundError: none was kept.
    """
    records = []
    for step, file in kept(trial.spec.model).items():
        rows = evaluate(None, replace(trial, spec=replace(trial.spec, model=file)))
        means = {
            "success_rate": np.mean([row.success for row in rows]),
            "length": np.mean([row.length for row in rows]),
        }
        if rows[0].steps:  # an environment without subtasks counts none
            means["subtasks_ordered"] = np.mean([row.subtasks_ordered or 0 for row in rows])
        record = {name: f"{value:.3f}" for name, value in means.items()}
        records.append(record | {"step": str(step), "n_episodes": str(len(rows))})
    write_text(out, csv_table(COLUMNS, records))
