"""Take one data set out of an archive of the FIST release."""

from dataclasses import dataclass
from pathlib import Path

from _cli import main
from fist.data.sources.release import unpack


@dataclass(frozen=True)
class Arguments:
    out: Path
    """HDF5 file to write, in D4RL's layout."""
    archive: Path
    """Zip archive."""
    what: str
    """Name of the member, or the end of its path: an HDF5 file or pickled demonstrations."""


def run(args: Arguments) -> None:
    unpack(args.archive, args.what, args.out)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
