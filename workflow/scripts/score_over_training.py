"""Test every checkpoint that was kept while the model of a method was trained."""

from _trial import main, with_trial
from fist.evaluation.over_training import score_over_training

command = with_trial(score_over_training)

if __name__ == "__main__":
    main(command)
