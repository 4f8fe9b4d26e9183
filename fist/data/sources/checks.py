"""Is this the file that was meant? Size, checksum, format; and checksums that were seen first."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
from filelock import FileLock

from fist.data.sources.pages import is_page
from fist.stage.files import sha256, write_json


class CheckError(ValueError):
    """A file that is not the one that was meant; the message names what differs."""


def check_file(path: Path, name: str, size: int | None = None, digest: str | None = None) -> str:
    """Check a file and return its SHA-256.

    Args:
        path: the file.
        name: what it should be called; the suffix says the format.
        size: bytes it must have, if that is known.
        digest: SHA-256 it must have, if that is known.

    Raises:
        CheckError: it is empty, a web page, of another size, content or format.
    """
    actual = path.stat().st_size
    if not actual:
        raise CheckError("the file is empty")
    if is_page(path):
        raise CheckError("a web page came instead of the file")
    if size is not None and actual != size:
        raise CheckError(f"{actual} bytes, expected {size}")
    found = sha256(path)
    if digest is not None and found != digest.lower():
        raise CheckError(f"SHA-256 is {found}, expected {digest}")
    suffix = Path(name).suffix
    if suffix in (".hdf5", ".h5"):
        try:
            h5py.File(path, "r").close()
        except OSError as error:
            raise CheckError(f"not an HDF5 file, or a truncated one ({error})") from None
    elif suffix == ".zip" and not zipfile.is_zipfile(path):
        raise CheckError("not a zip archive, or a truncated one")
    return found


class Lock:
    """Checksums of files that were seen before, in a JSON file that several processes share."""

    def __init__(self, path: Path):
        self.path = path

    def known(self, name: str) -> str | None:
        """Return the SHA-256 that a file had when it was first seen."""
        entry = self._read().get(name)
        return entry["sha256"] if isinstance(entry, dict) else None

    def record(self, name: str, digest: str, size: int, url: str) -> None:
        """Remember a file that has not been seen before."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_name(f".{self.path.name}.lock")):
            entries = self._read()
            entries.setdefault(name, {"sha256": digest, "bytes": size, "url": url})
            write_json(self.path, dict(sorted(entries.items())))

    def _read(self) -> dict:
        if not self.path.exists():
            return {}
        try:
            entries = json.loads(self.path.read_text())
        except ValueError as error:
            raise CheckError(
                f"{self.path} is no JSON file ({error}): repair or delete it"
            ) from None
        if not isinstance(entries, dict):
            raise CheckError(f"{self.path} holds no table of checksums: repair or delete it")
        return entries
