"""Draw a figure, as PDF and PNG beside the CSV of what it shows."""

from _cli import main
from fist.analysis.figures.plot import plot as run

if __name__ == "__main__":
    main(run)
