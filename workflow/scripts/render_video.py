"""Film one test episode of a trained method."""

from _cli import main
from _trial import with_trial
from fist.evaluation.video import record_video
from fist.methods.base import Policy, class_named

command = with_trial(record_video)

if __name__ == "__main__":
    main(command, base=Policy, named=class_named)
