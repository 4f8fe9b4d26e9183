"""Test a trained method and write one row per test episode."""

from _trial import main, with_trial
from fist.evaluation.evaluate import evaluate

command = with_trial(evaluate)

if __name__ == "__main__":
    main(command)
