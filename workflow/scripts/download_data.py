"""Fetch a published file from the first of its URLs that has it, and check it."""

from dataclasses import dataclass
from pathlib import Path

from _cli import main
from fist.data.sources.download import Download, fetch


@dataclass(frozen=True)
class Arguments:
    out: Path
    """File to write."""
    name: str
    """Its name in the cache folder; the suffix says the format."""
    urls: tuple[str, ...]
    """Where it is: http, https or file; tried in this order."""
    sha256: str | None = None
    """Its checksum; without one, that of the first time holds from then on."""
    bytes: int | None = None
    """Its size."""
    page: str | None = None
    """A page from which a person can fetch it."""
    cache: Path = Path("data/cache")
    """Folder in which downloads are kept; a file that is there is not fetched."""


def run(args: Arguments) -> None:
    wanted = Download(args.name, args.urls, args.sha256, args.bytes, args.page)
    fetch(wanted, args.out, args.cache)


if __name__ == "__main__":
    main(Arguments, run, __doc__)
