"""Film one test episode of a trained method."""

from _trial import main, with_trial
from fist.evaluation.video import record_video

command = with_trial(record_video)

if __name__ == "__main__":
    main(command)
