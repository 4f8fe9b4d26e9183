"""Run a few test episodes of a trained method and write one row per step, look-ups included."""

from _cli import main
from _trial import with_trial
from fist.evaluation.trace import trace
from fist.methods.base import Policy, class_named

if __name__ == "__main__":
    main(with_trial(trace), base=Policy, named=class_named)
