"""Film one test episode of a trained method."""

from _cli import main
from _trial import with_trial
from fist.evaluation.video import record_video
from fist.methods.base import Policy, class_named

if __name__ == "__main__":
    main(with_trial(record_video), base=Policy, named=class_named)
