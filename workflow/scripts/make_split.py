"""Make a pretraining set: play data without the held-out objects."""

from _cli import main
from fist.data.split import make_split as run

if __name__ == "__main__":
    main(run, description=__doc__)
