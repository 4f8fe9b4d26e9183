"""A published file, from the first of its URLs that has it.

What is fetched is kept in a cache folder, under its own name, and linked to where it is wanted. A
file that somebody has put into the cache by hand is as good as a downloaded one.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from filelock import FileLock

from fist.data.sources.checks import CheckError, Lock, check_file
from fist.data.sources.pages import Page, direct
from fist.data.sources.transfer import Patience, TransferError, forget, transfer
from fist.stage.files import replacing

log = logging.getLogger(__name__)

LOCK_FILE = "checksums.json"
"""Name of the lock file in the cache folder."""
MOST_PAGES = 3
"""Confirmation pages in a row that are followed."""


class DownloadError(OSError):
    """A file that could not be had; the message says from where, why, and how to get it by hand."""


@dataclass(frozen=True)
class Download:
    """A published file."""

    name: str
    """Its file name, in the cache and elsewhere; the suffix says the format."""
    urls: Sequence[str]
    """Where it is: http, https or file; tried in this order."""
    sha256: str | None = None
    """Its checksum. Where none is known, the one that it has when it is first seen."""
    bytes: int | None = None
    """Its size, if known."""
    page: str | None = None
    """A page from which a person can fetch it."""


def fetch(wanted: Download, out: Path, cache: Path, patience: Patience | None = None) -> None:
    """Put a published file at `out`, from the cache folder or from its URLs.

    Raises:
        DownloadError: no URL gives the file, or the file in the cache is another one.
        CheckError: the lock file is damaged.
        OSError: a file cannot be written.
    """
    cache.mkdir(parents=True, exist_ok=True)
    kept, lock = cache / wanted.name, Lock(cache / LOCK_FILE)
    digest = wanted.sha256 or lock.known(wanted.name)
    with FileLock(cache / f".{wanted.name}.lock"):
        if kept.exists():
            try:
                found = check_file(kept, wanted.name, wanted.bytes, digest)
            except CheckError as error:
                raise DownloadError(
                    f"{kept} is not {wanted.name}: {error}; delete it to have it downloaded again"
                    f"{_or_trust(wanted, lock)}"
                ) from None
            source = kept.absolute().as_uri()
        else:
            found, source = _download(wanted, kept, digest, patience or Patience(), lock)
    if digest is None:
        lock.record(wanted.name, found, kept.stat().st_size, source)
        log.info("%s: SHA-256 %s recorded in %s", wanted.name, found, lock.path)
    _link(kept, out)


def _download(
    wanted: Download, kept: Path, digest: str | None, patience: Patience, lock: Lock
) -> tuple[str, str]:
    """Try one URL after the other; return the checksum and the URL of the one that worked."""
    part, failures = kept.with_name(f"{kept.name}.part"), []
    for url in wanted.urls:
        try:
            found = _from(url, part, wanted, digest, patience)
        except (TransferError, CheckError, Page) as error:
            failures.append(str(error) if url in str(error) else f"{url}: {error}")
            log.warning("%s", failures[-1])
            continue
        os.replace(part, kept)
        forget(part)
        return found, url
    where = f"from {wanted.page} " if wanted.page else ""
    raise DownloadError(
        f"{wanted.name} could not be downloaded: {'; '.join(failures) or 'no URL is given'}. "
        f"Fetch it by hand {where}and put it at {kept}{_or_trust(wanted, lock)}"
    )


def _from(url: str, part: Path, wanted: Download, digest: str | None, patience: Patience) -> str:
    """Bring the file of one URL into `part` and check it; what fails the check is removed."""
    target = direct(url)
    for _ in range(MOST_PAGES):
        resumed = False
        try:
            if urlsplit(target).scheme == "file":
                _copy(target, part)
            else:
                resumed = transfer(target, part, patience, resumable=digest is not None)
            return check_file(part, wanted.name, wanted.bytes, digest)
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


def _copy(url: str, part: Path) -> None:
    """Copy what a file:// URL names."""
    source = Path(url2pathname(urlsplit(url).path))
    forget(part)
    try:
        shutil.copyfile(source, part)
    except OSError as error:
        raise TransferError(f"{url}: {error.strerror or error}") from None


def _link(kept: Path, out: Path) -> None:
    """Make `out` the same file as `kept`, or a copy of it on another disk."""
    with replacing(out) as temporary:
        temporary.unlink(missing_ok=True)
        try:
            os.link(kept, temporary)
        except OSError:
            shutil.copyfile(kept, temporary)
        os.utime(temporary)


def _or_trust(wanted: Download, lock: Lock) -> str:
    """Say where the expected checksum comes from, for the case that it is the one that is wrong."""
    if wanted.sha256:
        return f". If the file was published anew: config, downloads.{wanted.name}.sha256"
    if lock.path.exists() and lock.known(wanted.name):
        return f". If the file was published anew: remove its entry from {lock.path}"
    return ""
