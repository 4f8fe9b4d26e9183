"""Convert raw logs in an archive: what could not be used is reported and left out."""

from dataclasses import dataclass
from pathlib import Path

from _cli import function, main
from fist.data.sources.logs import convert_logs


@dataclass(frozen=True)
class Arguments:
    out: Path
    """HDF5 file to write, in D4RL's layout; a JSON file beside it says what was left out."""
    archive: Path
    """Zip archive with the logs."""
    what: str
    """Folder in the archive, or files; * and ? stand for any characters."""
    converter: str = "d4rl.recorded.relay:convert"
    """Function that converts the files, module:function."""


def run(args: Arguments) -> None:
    convert_logs(args.archive, args.what, function(args.converter), args.out)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
