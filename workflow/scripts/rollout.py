"""Test a trained method and write one row per test episode."""

from _cli import main
from _trial import with_trial
from fist.evaluation.evaluate import evaluate
from fist.methods.base import Policy, class_named

command = with_trial(evaluate)

if __name__ == "__main__":
    main(command, base=Policy, named=class_named)
