"""Make a set of demonstrations: the episodes that complete a sequence of subtasks."""

from _cli import main
from fist.data.split import make_demos as run

if __name__ == "__main__":
    main(run, description=__doc__)
