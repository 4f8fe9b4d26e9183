"""Bring a Minari data set into D4RL's layout; it is downloaded if it is not here."""

from dataclasses import dataclass
from pathlib import Path

from _cli import function, main
from fist.data.sources.minari import import_minari


@dataclass(frozen=True)
class Arguments:
    out: Path
    """HDF5 file to write, in D4RL's layout."""
    what: str
    """Minari data set: D4RL/kitchen/mixed-v2."""
    converter: str | None = None
    """Function that makes states of observations, module:function; by default laid flat."""


def run(args: Arguments) -> None:
    observations = None if args.converter is None else function(args.converter)
    import_minari(args.what, args.out, observations)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
