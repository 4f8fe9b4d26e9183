"""Fetch a published file from the first of its URLs that has it, and check it."""

from _cli import main
from fist.data.sources.download import fetch as run

if __name__ == "__main__":
    main(run, description=__doc__)
