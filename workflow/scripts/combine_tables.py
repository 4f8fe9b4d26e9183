"""Put the rows of all tables into one CSV."""

from _cli import main
from fist.analysis.tables import combine as run

if __name__ == "__main__":
    main(run)
