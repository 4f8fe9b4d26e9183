"""Write a data set as a Minari data set."""

from _cli import main
from fist.data.sources.minari import export_minari as run

if __name__ == "__main__":
    main(run, description=__doc__)
