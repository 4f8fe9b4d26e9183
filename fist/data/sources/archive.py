"""Members of a zip archive that somebody else has packed.

An archive with a member that would land outside its folder, with a link, or with more content than
its size makes plausible is refused as a whole.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath, PureWindowsPath

CHUNK = 1 << 20


class ArchiveError(ValueError):
    """An archive that cannot be used, or is not safe; the message names it and the member."""


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to."""

    members: int = 20_000
    """Files and folders."""
    bytes: int = 64 << 30
    """Bytes of all members together."""
    ratio: float = 100.0
    """Bytes per byte of the archive, above the first 100 MiB."""


def names(archive: Path, limits: Limits | None = None) -> list[str]:
    """Return the files in an archive, checked, in the order they were packed.

    Raises:
        ArchiveError: not a zip archive, or not a safe one.
    """
    with _open(archive) as opened:
        return [member.filename for member in _checked(archive, opened, limits or Limits())]


def matching(archive: Path, pattern: str, limits: Limits | None = None) -> list[str]:
    """Return the files that a pattern names, sorted.

    A pattern matches a file's path, the end of it (whole parts), or a folder around the file; *
    and ? stand for any characters.

    Raises:
        ArchiveError: no file matches; or as for `names`.
    """
    inside = names(archive, limits)
    found = sorted(name for name in inside if _matches(name, pattern))
    if not found:
        folders = sorted({str(PurePosixPath(name).parent) for name in inside})
        what, there = ("files", sorted(inside)) if len(inside) <= 40 else ("folders", folders)
        shown = ", ".join(there[:40]) + (" …" if len(there) > 40 else "")
        raise ArchiveError(f"{archive}: nothing matches {pattern!r}; its {what}: {shown}")
    return found


def extract(
    archive: Path, members: Iterable[str], into: Path, limits: Limits | None = None
) -> list[Path]:
    """Write members into a folder, under their paths in the archive; return the files.

    Raises:
        ArchiveError: the archive is unsafe or damaged, or lacks a member.
        OSError: a file cannot be written.
    """
    with _open(archive) as opened:
        known = {
            member.filename: member for member in _checked(archive, opened, limits or Limits())
        }
        files = []
        for name in members:
            if name not in known:
                raise ArchiveError(f"{archive}: has no member {name!r}")
            files.append(into / PurePosixPath(name))
            files[-1].parent.mkdir(parents=True, exist_ok=True)
            _write(archive, opened, known[name], files[-1])
    return files


def _open(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise ArchiveError(f"{archive}: not a zip archive, or a damaged one ({error})") from None


def _checked(archive: Path, opened: zipfile.ZipFile, limits: Limits) -> Sequence[zipfile.ZipInfo]:
    """Return the files of an archive; ArchiveError where anything in it is not as it should be."""
    members = opened.infolist()
    if len(members) > limits.members:
        raise ArchiveError(f"{archive}: {len(members)} members, more than {limits.members}")
    size = sum(member.file_size for member in members)
    most = min(limits.bytes, max(100 << 20, limits.ratio * archive.stat().st_size))
    if size > most:
        raise ArchiveError(
            f"{archive}: would unpack to {size} bytes, more than {most:.0f}: a bomb?"
        )
    seen: set[str] = set()
    for member in members:
        fault = _fault(member)
        if fault is None and member.filename.casefold() in seen:
            fault = "is there twice"
        if fault:
            raise ArchiveError(
                f"{archive}: member {member.filename!r} {fault}; nothing was unpacked"
            )
        seen.add(member.filename.casefold())
    return [member for member in members if not member.is_dir()]


def _fault(member: zipfile.ZipInfo) -> str | None:
    """Say what is wrong with a member."""
    name = member.filename
    mode = member.external_attr >> 16
    path = PurePosixPath(name)
    if path.is_absolute() or PureWindowsPath(name).anchor or "\\" in name:
        return "has an absolute or foreign path"
    if ".." in path.parts or not path.parts:
        return "would land outside the folder"
    if any(ord(character) < 32 for character in name):
        return "has a control character in its name"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if member.flag_bits & 1:
        return "is encrypted"
    return None


def _write(archive: Path, opened: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path) -> None:
    """Unpack one member; zipfile checks its length and its checksum."""
    faults = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)
    try:
        with opened.open(member) as source, open(file, "xb") as target:
            shutil.copyfileobj(source, target, CHUNK)
    except faults as error:
        raise ArchiveError(f"{archive}: member {member.filename!r} is damaged ({error})") from None
    if file.stat().st_size != member.file_size:
        raise ArchiveError(f"{archive}: member {member.filename!r} is not as long as it claims")


def _matches(name: str, pattern: str) -> bool:
    parts = PurePosixPath(name).parts
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    folders = [
        "/".join(parts[start:stop]) for stop in range(1, len(parts)) for start in range(stop)
    ]
    return any(fnmatchcase(candidate, pattern) for candidate in ends + folders)
