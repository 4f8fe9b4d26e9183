"""Run a few test episodes of a trained method and write one row per step, look-ups included."""

from _trial import main, with_trial
from fist.evaluation.trace import trace

command = with_trial(trace)

if __name__ == "__main__":
    main(command)
