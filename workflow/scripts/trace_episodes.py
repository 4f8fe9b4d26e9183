"""Run a few test episodes of a trained method and write one row per step, look-ups included."""

from _cli import main
from _trial import with_trial
from fist.evaluation.trace import trace
from fist.methods.base import Policy, class_named

command = with_trial(trace)

if __name__ == "__main__":
    main(command, base=Policy, named=class_named)
