"""Bring data from elsewhere into D4RL's layout: with a source, a function that is named."""

from _cli import main
from fist.data.sources.convert import convert as run

if __name__ == "__main__":
    main(run, description=__doc__)
