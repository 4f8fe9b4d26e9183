"""Write a data set in the layout of Minari, robomimic or LeRobot."""

from _cli import main
from fist.data.sources.exports import export as run

if __name__ == "__main__":
    main(run, description=__doc__)
