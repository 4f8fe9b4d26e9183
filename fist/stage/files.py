"""Files of ours: written whole or not at all, read within bounds, and their fingerprints."""

import errno
import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

LARGEST, LARGEST_JSON = 4 << 30, 4 << 20
"""Bytes of the largest file that is read at once, and of the largest JSON file of others."""
DEEPEST = 50
"""Lists and dictionaries in one another, in JSON."""


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Make a path's folder; OSError, which names the path, where no file can be written there."""
    try:
        if path.parent.exists() and not path.parent.is_dir():
            raise FileExistsError(errno.EEXIST, "its folder is a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise FileExistsError(errno.EEXIST, "it is a folder, a pipe or a device")
        yield
    except OSError as error:
        raise OSError(error.errno, f"could not write {path}: {error.strerror or error}") from error


def check_place(path: str | Path, read: Iterable[Path] = ()) -> None:
    """Raise OSError as `replacing` does, before long work, and where a file that is read would go.

    Args:
        path: what is to be written.
        read: what it is made of.
    """
    path = Path(path)
    with _writing(path):
        if path.exists() and any(path.samefile(file) for file in read if file.exists()):
            raise FileExistsError(errno.EEXIST, "it is what is read")
        tempfile.TemporaryFile(dir=path.parent).close()


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it becomes `path` only if the block ends well.

    After an error or Ctrl-C the temporary file is removed, and `path` is as it was before. The
    suffix is kept, for writers that choose a format by it.

    Raises:
        OSError: the disk is full, the folder cannot be written, or the path is no file; the message
            names `path`.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    with _writing(path):
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def replacing_in(folder: Path, last: str) -> Iterator[Path]:
    """Yield a temporary folder; its files go into `folder` only if the block ends well.

    After an error or Ctrl-C `folder` is as it was before. Files that are there are replaced, others
    stay. Who finds the file `last` there finds all of them.

    Raises:
        OSError: nothing can be written to `folder`; the message names the file there.
    """
    new = not folder.exists()
    with _writing(folder / last):
        temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    made, old = temporary / "made", temporary / "old"
    try:
        made.mkdir()
        old.mkdir()
        with named_as(made, folder):
            yield made
        names = sorted((file.name for file in made.iterdir()), key=lambda name: name == last)
        for name in names:
            with _writing(folder / name):
                pass
        try:
            for name in reversed(names):
                if os.path.lexists(folder / name):
                    os.rename(folder / name, old / name)
            for name in names:
                os.rename(made / name, folder / name)
        except BaseException:
            for name in names:
                if os.path.lexists(old / name):
                    os.replace(old / name, folder / name)
                elif not (made / name).exists():
                    (folder / name).unlink()
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if new:
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def named_as(temporary: Path, path: Path) -> Iterator[None]:
    """Let what is said of a temporary path in an error name the path that it stands for."""
    try:
        yield
    except Exception as error:
        error.args = tuple(
            part.replace(str(temporary), str(path)) if isinstance(part, str) else part
            for part in error.args
        )
        if isinstance(error, OSError) and error.strerror:
            error.strerror = error.strerror.replace(str(temporary), str(path))
        raise


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, UTF-8 with \\n line ends, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, value: Any) -> None:
    """Write indented JSON of finite numbers, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_bytes(path: str | Path, largest: int = LARGEST) -> bytes:
    """Read a file.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: it is a folder, a pipe or a device, or larger than that; the message names it.
    """
    path = Path(path)
    if path.exists() and not path.is_file():  # to open a pipe would wait for its other end
        raise ValueError(f"{path} is no file, but a folder, a pipe or a device")
    with path.open("rb") as file:
        if (size := os.fstat(file.fileno()).st_size) > largest:
            raise ValueError(f"{path} has {size} bytes, more than {largest}")
        return file.read(size)


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON file within the bounds of `read_bytes`, and those of `parse_json`."""
    content = read_bytes(path, LARGEST_JSON)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 ({error})") from None
    return parse_json(text, str(path))


def parse_json(text: str, name: str, kind: type = dict) -> Any:
    """Return what JSON says.

    Args:
        text: JSON.
        name: what the text is called, in the message of an error.
        kind: what it has to be: dict or list.

    Raises:
        ValueError: it is not JSON or not of that kind, has a key twice, a number that is not
            finite, or more than `DEEPEST` brackets in one another.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite
        )
        level, depth = [value], 0
        while level := [v for v in level if isinstance(v, (dict, list))]:
            level = [inner for v in level for inner in (v.values() if isinstance(v, dict) else v)]
            if (depth := depth + 1) > DEEPEST:
                raise ValueError(f"more than {DEEPEST} brackets in one another")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: not JSON ({reason(error)})") from None
    if not isinstance(value, kind):
        raise ValueError(f"{name}: holds a {type(value).__name__}, expected a {kind.__name__}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:40]!r} is there twice")
        found[key] = value
    return found


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"{digits[:40]} is no finite number")
    return number


def reason(error: BaseException) -> str:
    """Return what an error says, in one line that is not too long."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def plain(text: str) -> str:
    """Return text for a screen: its lines, and written out what a terminal would act on."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def line(text: str, longest: int = 100) -> str:
    """Return text of others as a part of one line of a screen, cut where it is too long."""
    shown = plain(text.replace("\n", "\\n"))
    return shown if len(shown) <= longest else f"{shown[:longest]}…"


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(value: Any) -> str:
    """Return a hash of anything that JSON can write; equal values have equal fingerprints."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
