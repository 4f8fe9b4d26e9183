"""Members of a zip archive that somebody else has packed.

An archive with a member that would land outside its folder, with a link, or with more content than
its size makes plausible is refused as a whole.
"""

import errno
import io
import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

MOST_MEMBERS, MOST_BYTES = 20_000, 64 << 30
"""Files and folders of an archive, and what they may have together."""
LARGEST_DIRECTORY = 16 << 20
"""Bytes of the list of its members."""
LARGEST_RATIO = 100
"""Bytes per byte of the archive, above the first 100 MiB."""
FOREIGN = re.compile(r"/|[A-Za-z]:|(.*/)?\.\.?(/|$)|.*[\\\x00-\x1f]|$", re.DOTALL)
"""Names that lead outside the folder, or mean something else on another system."""
DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)
THEIR_FAULT = (errno.EINVAL, errno.ENAMETOOLONG, None)
"""Numbers of errors that come of damage: places before the archive's begin, names that no system
can have, and what a decompressor says."""


class ArchiveError(ValueError):
    """An archive that cannot be used, or is not safe; the message names it and the member."""


def matching(archive: Path, pattern: str) -> list[str]:
    """Return the files that a pattern names, sorted.

    A pattern matches a file's path, the end of it (whole parts), or a folder around the file; *
    and ? stand for any characters.

    Raises:
        ArchiveError: not a zip archive, or not a safe one; or no file matches.
    """
    with opened(archive) as (_, members):
        inside = sorted(members)
    found = [n for n in inside if fnmatchcase(f"/{PurePosixPath(n)}/", f"*/{pattern}/*")]
    if not found:
        folders = sorted({str(PurePosixPath(name).parent) for name in inside})
        what, there = ("files", inside) if len(inside) <= 40 else ("folders", folders)
        shown = ", ".join(there[:40]) + (" …" if len(there) > 40 else "")
        raise ArchiveError(f"{archive}: nothing matches {pattern!r}; its {what}: {shown}")
    return found


def extract(archive: Path, names: Iterable[str], into: Path) -> list[Path]:
    """Write members into a folder, under their paths in the archive; return the files.

    Raises:
        ArchiveError: the archive is unsafe or damaged, or lacks a member.
        OSError: a file cannot be written.
    """
    files = []
    with opened(archive) as (reader, members):
        for name in names:
            if name not in members:
                raise ArchiveError(f"{archive}: has no member {name!r}")
            try:
                files.append(Path(reader.extract(name, into)))
            except (*DAMAGE, OSError) as error:
                if isinstance(error, OSError) and error.errno not in THEIR_FAULT:
                    raise
                raise ArchiveError(f"{archive}: member {name!r} is damaged ({error})") from None
            if files[-1].stat().st_size != members[name].file_size:
                raise ArchiveError(f"{archive}: member {name!r} is not as long as it claims")
    return files


class _Reader(io.BufferedReader):
    """A file of which nothing is read that lists more members than there may be.

    `zipfile` reads the whole directory at once, however many members the end of the archive tells.
    """

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > LARGEST_DIRECTORY:
            raise ValueError(f"{size} bytes of names, more than {LARGEST_DIRECTORY}")
        content = super().read(size)
        if content.count(b"PK\x01\x02") > MOST_MEMBERS:
            raise ValueError(f"more than {MOST_MEMBERS} members")
        return content


@contextmanager
def opened(archive: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """Open an archive and give its files by name; ArchiveError where anything in it is amiss."""
    with _Reader(io.FileIO(archive)) as file:
        try:
            opened = zipfile.ZipFile(file)
        except (*DAMAGE, OSError) as error:
            raise ArchiveError(
                f"{archive}: not a zip archive, a damaged or too large one ({error})"
            ) from None
        members = opened.infolist()
        size = sum(member.file_size for member in members)
        if size > min(MOST_BYTES, max(100 << 20, LARGEST_RATIO * archive.stat().st_size)):
            raise ArchiveError(f"{archive}: would unpack to {size} bytes: a bomb?")
        seen: set[str] = set()
        for member in members:
            name, kind = member.filename, stat.S_IFMT(member.external_attr >> 16)
            faults = {
                "has a path that leads outside, on some system": FOREIGN.match(name),
                "is a link or a device": kind not in (0, stat.S_IFREG, stat.S_IFDIR),
                "is encrypted": member.flag_bits & 1,
                "is there twice": name.casefold() in seen,
            }
            if found := [fault for fault, there in faults.items() if there]:
                raise ArchiveError(f"{archive}: member {name!r} {found[0]}; nothing was unpacked")
            seen.add(name.casefold())
        try:
            yield opened, {member.filename: member for member in members if not member.is_dir()}
        except OSError as error:
            if error.errno not in THEIR_FAULT:
                raise
            raise ArchiveError(f"{archive}: damaged ({error})") from None
