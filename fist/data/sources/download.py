"""A published file, from the first of its URLs that has it.

What is fetched is kept in a cache folder, under its own name, and linked to where it is wanted. A
file that somebody has put into the cache by hand is as good as a downloaded one.
"""

import logging
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from filelock import FileLock

from d4rl_layout import DataError, opened
from fist.data.sources.pages import Page, direct, is_page
from fist.data.sources.transfer import Patience, TransferError, forget, transfer
from fist.stage.files import read_json, replacing, sha256, write_json

log = logging.getLogger(__name__)

LOCK_FILE = "checksums.json"
"""In the cache folder: checksums of the files that have none in the configuration."""
MOST_PAGES = 3
"""Confirmation pages in a row that are followed."""
PATIENCE = Patience()


class DownloadError(OSError):
    """A file that could not be had; the message says from where, why, and how to get it by hand."""


class CheckError(ValueError):
    """A file that is not the one that was meant; the message names what differs."""


@dataclass(frozen=True)
class Download:
    """A published file."""

    name: str
    """Its file name, in the cache and elsewhere; the suffix says the format."""
    urls: tuple[str, ...]
    """Where it is: http, https or file; tried in this order."""
    sha256: str | None = None
    """Its checksum. Where none is known, the one that it has when it is first seen."""
    bytes: int | None = None
    """Its size, if known."""
    limit: int = 1 << 36
    """Bytes at which a download of unknown size is stopped."""
    page: str | None = None
    """A page from which a person can fetch it."""


def fetch(wanted: Download, out: Path, cache: Path, patience: Patience = PATIENCE) -> None:
    """Put a published file at a place, from the cache folder or from its URLs.

    Args:
        wanted: the file.
        out: file to write.
        cache: folder in which downloads are kept; a file that is there is not fetched.
        patience: how long to wait for a server.

    Raises:
        DownloadError: no URL gives the file, or the file in the cache is another one.
        CheckError: the file with the checksums is damaged.
        OSError: a file cannot be written.
    """
    kept, seen = cache / wanted.name, cache / LOCK_FILE
    digest = wanted.sha256 or _checksums(seen).get(wanted.name, {}).get("sha256")
    trust = f"config, downloads.{wanted.name}.sha256" if wanted.sha256 else f"its entry in {seen}"
    or_trust = f". If the file was published anew: remove {trust}" if digest else ""
    with _locked(kept):
        if kept.exists():
            try:
                found = _check(kept, wanted, digest)
            except CheckError as error:
                why = f"{error}; delete it to have it downloaded again{or_trust}"
                raise DownloadError(f"{kept} is not {wanted.name}: {why}") from None
            url = kept.absolute().as_uri()
        else:
            found, url = _download(wanted, kept, digest, patience, or_trust)
    if digest is None:
        with _locked(seen):
            entry = {"sha256": found, "bytes": kept.stat().st_size, "url": url}
            write_json(seen, dict(sorted(({wanted.name: entry} | _checksums(seen)).items())))
        log.info("%s: SHA-256 %s recorded in %s", wanted.name, found, seen)
    with replacing(out) as temporary:  # the same file, or a copy of it on another disk
        temporary.unlink(missing_ok=True)
        try:
            os.link(kept, temporary)
        except OSError:
            shutil.copyfile(kept, temporary)
        os.utime(temporary)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Make the folder of a file, and let nobody else write it meanwhile."""
    lock = FileLock(file.with_name(f".{file.name}.lock"))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        reason = error.strerror or error
        raise OSError(error.errno, f"could not write {file}: {reason}") from error
    try:
        yield
    finally:
        lock.release()


def _download(
    wanted: Download, kept: Path, digest: str | None, patience: Patience, or_trust: str
) -> tuple[str, str]:
    """Try one URL after the other; return the checksum and the URL of the one that worked."""
    part, failures = kept.with_name(f"{kept.name}.part"), []
    for url in wanted.urls:
        try:
            found = _from(url, part, wanted, digest, patience)
        except (TransferError, Page, ValueError) as error:
            failures.append(str(error) if url in str(error) else f"{url}: {error}")
            log.warning("%s", failures[-1])
        except OSError as error:
            reason = error.strerror or error
            raise OSError(error.errno, f"could not write {kept}: {reason}") from error
        else:
            os.replace(part, kept)
            forget(part)
            return found, url
    where = f"from {wanted.page} " if wanted.page else ""
    raise DownloadError(
        f"{wanted.name} could not be downloaded: {'; '.join(failures) or 'no URL is given'}. "
        f"Fetch it by hand {where}and put it at {kept}{or_trust}"
    )


def _from(url: str, part: Path, wanted: Download, digest: str | None, patience: Patience) -> str:
    """Bring the file of one URL into `part` and check it; what fails the check is removed."""
    target, most = direct(url), wanted.bytes or wanted.limit
    for _ in range(MOST_PAGES):
        resumed = False
        try:
            if urlsplit(url).scheme == "file":  # the configuration's own; no page leads here
                source = Path(url2pathname(urlsplit(url).path))
                if not source.is_file():
                    raise TransferError("No such file")
                forget(part)
                shutil.copyfile(source, part)
            else:
                resumed = transfer(target, part, patience, most, resumable=digest is not None)
            return _check(part, wanted, digest)
        except Page as page:
            confirmed = page.confirmed()
            if confirmed is None or confirmed == target:
                raise
            target = confirmed
        except CheckError:
            forget(part)
            if not resumed:
                raise  # joined parts may be of two contents: once more, from the start
    raise TransferError(f"{url}: confirmation pages without end")


def _check(path: Path, wanted: Download, digest: str | None) -> str:
    """Return a file's SHA-256; CheckError where it is not the one that is meant."""
    size = path.stat().st_size
    if not size:
        raise CheckError("the file is empty")
    if is_page(path):
        raise CheckError("a web page came instead of the file")
    if wanted.bytes is not None and size != wanted.bytes:
        raise CheckError(f"{size} bytes, expected {wanted.bytes}")
    found = sha256(path)
    if digest is not None and found != digest.lower():
        raise CheckError(f"SHA-256 is {found}, expected {digest}")
    if wanted.name.endswith((".hdf5", ".h5")):
        try:
            with opened(path):
                pass
        except DataError as error:
            raise CheckError(str(error)) from None
    elif wanted.name.endswith(".zip") and not zipfile.is_zipfile(path):
        raise CheckError("not a zip archive, or a truncated one")
    return found


def _checksums(path: Path) -> dict[str, dict[str, Any]]:
    """Return what is known of the files that were seen before, by their names."""
    try:
        entries = read_json(path) if path.exists() else {}
        return {name: entry | {"sha256": str(entry["sha256"])} for name, entry in entries.items()}
    except ValueError as error:
        raise CheckError(f"{error}: repair or delete it") from None
    except (TypeError, KeyError):
        raise CheckError(f"{path} holds no table of checksums: repair or delete it") from None
