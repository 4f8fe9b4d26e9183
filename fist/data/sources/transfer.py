"""One URL into one file: streamed, resumed after breaks, given up on when nothing moves.

What has come so far lies in a `.part` file; a small JSON file beside it remembers of which content
(ETag or date, total size), so that parts of two different files are never joined. All that is no
data has one deadline; the body has a lowest rate and a largest size.

requests does the talking. Why no library for the whole: gdown (6.5.1) reads redirects' bodies and
pages whole into memory, follows a page's form to any host, waits for ever on a head that drips, and
joins parts of two contents of two runs; pooch does not resume.
"""

import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from fist.data.sources.pages import WEB, Page
from fist.stage.files import read_json, write_json

CHUNK, LONGEST_PAGE, MOST_REDIRECTS = 1 << 18, 1 << 16, 10
"""Bytes of a file that are read at once, bytes of a page that are read at all; hops in a row."""
ENOUGH = 1 << 20
"""Bytes (or a hundredth of the file) that an attempt must gain to count as progress."""
NETWORK = (requests.RequestException, HTTPError, TimeoutError, ConnectionError)
PASSING = {408, 425, 429, 500, 502, 503, 504}
"""HTTP statuses that may be gone at the next attempt."""


class TransferError(OSError):
    """A URL that did not give its file; the message says why."""


class _Broken(Exception):
    """An attempt that failed in a way that the next one need not."""

    def __init__(self, reason: str, wait: float = 0.0):
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server."""

    answer: float = 60.0
    """Seconds for all that is no data: connections, redirects, heads, a page instead of a file."""
    read: float = 60.0
    """Seconds without a byte until a connection counts as broken."""
    slowest: float = 1024.0
    """Bytes per second, over `read` seconds, below which it counts as broken, too."""
    attempts: int = 5
    """Attempts in a row that may fail without progress."""
    pause: float = 1.0
    """Seconds before the second attempt; doubled before each further one, up to `longest_pause`."""
    longest_pause: float = 60.0
    """Longest pause, also where the server asks for a longer one."""


class _Session(requests.Session):
    """Leaves redirects to us: it would read their bodies, however long."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def transfer(url: str, part: Path, patience: Patience, most: int, resumable: bool = False) -> bool:
    """Bring the content of an http(s) URL, of `most` bytes at most, into `part`.

    What another call has left there is continued if it is of the same content; if `resumable` (the
    caller knows a checksum), even where the server does not say so.

    Returns:
        Whether the file was put together from more than one answer.

    Raises:
        TransferError, ValueError: the server refuses, makes no sense, or the patience is exhausted.
        Page: it answers with a web page.
        OSError: the file cannot be written.
    """
    best, idle, resumed = _size(part), 0, False
    with _Session() as session:
        while True:
            try:
                return _attempt(session, url, part, patience, most, resumable) or resumed
            except _Broken as error:
                resumed = True
                size, total = _size(part), _remembered(part).get("total") or most
                if size - best >= min(ENOUGH, max(1, total // 100)):
                    best, idle = size, 0
                idle += 1
                if idle >= patience.attempts:
                    raise TransferError(f"{url}: {error} ({idle} attempts)") from None
                pause = max(patience.pause * 2 ** (idle - 1), error.wait)
                time.sleep(min(pause, patience.longest_pause))


def forget(part: Path) -> None:
    """Remove a part and what is remembered of it."""
    part.unlink(missing_ok=True)
    _memory(part).unlink(missing_ok=True)


def _attempt(
    session: requests.Session, url: str, part: Path, patience: Patience, most: int, resumable: bool
) -> bool:
    """Ask once; return whether the answer continued what was there."""
    old, start = _remembered(part), _size(part)
    if start and (old.get("url") != url or not (old.get("validator") or resumable)):
        forget(part)
        old, start = {}, 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "fist"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if old.get("validator"):
            headers["If-Range"] = old["validator"]
    coming = _in_background(lambda: _answer(session, url, headers, patience))
    with coming(patience.answer) as answer:
        new = _content(url, answer)
        total = new["total"]
        if answer.status_code == 200:
            start = 0
            forget(part)
            write_json(_memory(part), new)
        elif not _continues(answer, old, new, start):
            forget(part)
            raise _Broken("the file has changed on the server since the last attempt")
        elif answer.status_code == 416:
            return True
        if total is not None and total > most:
            raise TransferError(f"{total} bytes are announced, more than {most}")
        _append(coming, part, total, most, patience)
    return start > 0


def _append(
    coming: Callable[[float], Any], part: Path, total: int | None, most: int, patience: Patience
) -> None:
    """Append an answer's body to the part; raise _Broken where it is shorter than announced."""
    have, then = _size(part), time.monotonic()
    since = have
    every = 0.5 if sys.stderr.isatty() else 30.0  # seconds: a log file wants a line now and then
    bar = tqdm(
        total=total, initial=have, desc=part.stem, unit="B", unit_scale=True, mininterval=every
    )
    with bar, open(part, "ab") as file:
        while chunk := coming(patience.read):
            have += len(chunk)
            if have > most:
                raise TransferError(f"more than {most} bytes came")
            file.write(chunk)
            bar.update(len(chunk))
            if (seconds := time.monotonic() - then) > patience.read:
                if have - since < patience.slowest * seconds:
                    raise _Broken(f"only {(have - since) / seconds:.0f} bytes a second came")
                since, then = have, time.monotonic()
    if total is not None and have != total:
        raise _Broken(f"the connection ended after {have} of {total} bytes")


def _in_background(produce: Callable[[], Iterator[Any]]) -> Callable[[float], Any]:
    """Return a function that gives what is produced next, or None; it waits so many seconds for it.

    A server can keep a connection busy for ever, byte by byte, without a time-out of the socket:
    then the thread is left behind. Faults of the network become _Broken.
    """
    came: queue.Queue[Any] = queue.Queue(2)

    def run() -> None:
        try:
            for item in produce():
                came.put(item)
            came.put(None)
        except BaseException as error:
            came.put(error)

    def coming(seconds: float) -> Any:
        try:
            item = came.get(timeout=seconds)
        except queue.Empty:
            raise _Broken(f"nothing came in {seconds:g} s") from None
        if isinstance(item, NETWORK) and not isinstance(item, ValueError):  # addresses' faults
            while (inner := item.__cause__ or item.__context__) is not None:
                item = inner
            raise _Broken(f"{type(item).__name__}: {item}".replace("\n", " ")[:200]) from None
        if isinstance(item, BaseException):
            raise item
        return item

    threading.Thread(target=run, daemon=True).start()
    return coming


def _answer(
    session: requests.Session, url: str, headers: dict[str, str], patience: Patience
) -> Iterator[Any]:
    """Yield the answer that brings (a part of) the file, then its body, piece by piece."""
    for _ in range(1 + MOST_REDIRECTS):
        if urlsplit(url).scheme not in WEB:
            raise TransferError(f"a redirect to {url:.200}, which is not http or https")
        answer = session.get(url, headers=headers, stream=True, timeout=patience.read)
        target = requests.Session.get_redirect_target(session, answer)
        if target is None:
            _refuse(answer)
            yield answer
            while chunk := answer.raw.read1(CHUNK):
                yield chunk
            return
        answer.close()
        url = urljoin(url, target)
    raise TransferError("redirects without end")


def _refuse(answer: requests.Response) -> None:
    """Raise what an answer deserves that is no (part of a) file."""
    status, said = answer.status_code, f"HTTP {answer.status_code} {answer.reason}"
    if status in PASSING:
        wait = answer.headers.get("Retry-After", "")
        raise _Broken(said, float(wait) if wait.isdecimal() else 0.0)
    page = None
    if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
        page = Page(answer.url, answer.raw.read(LONGEST_PAGE).decode("utf-8", "replace"))
    if status not in (200, 206, 416):
        raise TransferError(said + (f" ({page.complaint()})" if page else ""))
    if page:
        raise page
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise TransferError("sent compressed although that was not asked for")


def _continues(answer: requests.Response, old: dict, new: dict, start: int) -> bool:
    """Tell whether an answer to a Range goes on with what is there, or says that this was all."""
    if answer.status_code == 416:
        return start > 0 and start == new["total"] == old.get("total")
    first = re.match(r"bytes (\d{1,20})-", answer.headers.get("Content-Range", ""))
    same = all(new[key] == old[key] for key in ("validator", "total") if new[key] and old.get(key))
    return start > 0 and first is not None and int(first[1]) == start and same


def _content(url: str, answer: requests.Response) -> dict[str, Any]:
    """Return what tells one content from another: URL, strong ETag or date, size of the whole."""
    etag, date = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
    told = answer.headers.get("Content-Length" if answer.status_code == 200 else "Content-Range")
    size = re.search(r"(?:^|/)(\d{1,20})$", told or "")
    validator = etag if etag and not etag.startswith("W/") else date
    return {"url": url, "validator": validator, "total": int(size[1]) if size else None}


def _memory(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _remembered(part: Path) -> dict[str, Any]:
    """Return what is remembered of a part."""
    try:
        return read_json(_memory(part))
    except (OSError, ValueError):
        return {}


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
