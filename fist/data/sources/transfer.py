"""One URL into one file: streamed, resumed after breaks, given up on when nothing moves.

What has come so far lies in a `.part` file; a small JSON file beside it remembers of which content
(ETag or date, total size), so that parts of two different files are never joined.
"""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from fist.data.sources.pages import Page
from fist.stage.files import write_json

CHUNK = 1 << 18
ENOUGH = 1 << 20
"""Bytes (or a hundredth of the file) that an attempt must gain to count as progress."""
LONGEST_PAGE = 1 << 20
"""Bytes of a web page that are read."""
LARGEST = 1 << 36
"""Bytes at which a download is stopped whatever the server says: 64 GiB."""
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

    connect: float = 20.0
    """Seconds until a connection must stand."""
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


def transfer(url: str, part: Path, patience: Patience, resumable: bool = False) -> bool:
    """Bring the content of an http(s) URL into `part`, and on from what is there already.

    Args:
        url: where from.
        part: the file to write; what another call has left there is continued if it is of the same
            content, and overwritten if it is not.
        patience: when to give up.
        resumable: continue even where the server does not say whether the content has changed;
            only sensible where the caller knows a checksum.

    Returns:
        Whether the file was put together from more than one answer.

    Raises:
        TransferError: the server refuses, or the patience is exhausted.
        Page: it answers with a web page.
        OSError: the file cannot be written.
    """
    best, idle, resumed = _size(part), 0, False
    with requests.Session() as session:
        session.max_redirects = 10
        while True:
            try:
                return _attempt(session, url, part, patience, resumable) or resumed
            except _Broken as error:
                resumed = True
                size, total = _size(part), _state(part).get("total") or LARGEST
                if size - best >= min(ENOUGH, max(1, total // 100)):
                    best, idle = size, 0
                idle += 1
                if idle >= patience.attempts:
                    raise TransferError(f"{url}: {error} ({idle} attempts)") from None
                pause = min(patience.pause * 2 ** (idle - 1), patience.longest_pause)
                time.sleep(max(pause, min(error.wait, patience.longest_pause)))


def forget(part: Path) -> None:
    """Remove a part and what is remembered of it."""
    part.unlink(missing_ok=True)
    _memory(part).unlink(missing_ok=True)


def _attempt(
    session: requests.Session, url: str, part: Path, patience: Patience, resumable: bool
) -> bool:
    """Ask once; return whether the answer continued what was there."""
    state, start = _state(part), _size(part)
    if start and (state.get("url") != url or not (state.get("validator") or resumable)):
        forget(part)
        state, start = {}, 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "fist"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if state.get("validator"):
            headers["If-Range"] = state["validator"]
    try:
        with session.get(
            url, headers=headers, stream=True, timeout=(patience.connect, patience.read)
        ) as answer:
            _refuse(url, answer, patience)
            new = {"url": url, "validator": _validator(answer), "total": _total(answer)}
            if answer.status_code == 206 or answer.status_code == 416:
                _check_continuation(part, answer, state, new, start)
                if answer.status_code == 416:
                    return True
            else:
                start = 0
                forget(part)
                part.parent.mkdir(parents=True, exist_ok=True)
                write_json(_memory(part), new)
            _stream(answer, part, start, new["total"], patience)
            return start > 0
    except requests.TooManyRedirects:
        raise TransferError(f"{url}: redirects without end") from None
    except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL) as error:
        raise TransferError(f"{url}: {error}") from None
    except (requests.RequestException, HTTPError, TimeoutError, ConnectionError) as error:
        raise _Broken(_reason(error)) from None


def _refuse(url: str, answer: requests.Response, patience: Patience) -> None:
    """Raise what an answer deserves that is no (part of a) file."""
    status = answer.status_code
    if status in PASSING:
        wait = answer.headers.get("Retry-After", "")
        raise _Broken(f"HTTP {status} {answer.reason}", float(wait) if wait.isdecimal() else 0.0)
    html = answer.headers.get("Content-Type", "").lower().startswith("text/html")
    page = Page(answer.url, _text(answer, patience)) if html else None
    if status not in (200, 206, 416):
        more = f" ({page.complaint()})" if page else ""
        raise TransferError(f"{url}: HTTP {status} {answer.reason}{more}")
    if page:
        raise page
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise TransferError(f"{url}: sent compressed although that was not asked for")


def _text(answer: requests.Response, patience: Patience) -> str:
    """Return the beginning of a web page, as far as it comes in time."""
    body, until = b"", time.monotonic() + patience.read
    while len(body) < LONGEST_PAGE and time.monotonic() < until:
        chunk = answer.raw.read1(CHUNK)
        if not chunk:
            break
        body += chunk
    return body.decode("utf-8", "replace")


def _check_continuation(
    part: Path, answer: requests.Response, old: dict, new: dict, start: int
) -> None:
    """Make sure that an answer continues what is there; otherwise drop that and ask again."""
    if answer.status_code == 416:
        if start and start == new["total"] == old.get("total"):
            return
        forget(part)
        raise _Broken("the server has no more of it")
    first = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    same = all(new[key] == old[key] for key in ("validator", "total") if new[key] and old.get(key))
    if not start or not first or int(first[1]) != start or not same:
        forget(part)
        raise _Broken("the file has changed on the server since the last attempt")


def _stream(
    answer: requests.Response, part: Path, start: int, total: int | None, patience: Patience
) -> None:
    """Append an answer's body to the part; raise _Broken where it is shorter than announced."""
    have, since, then = start, start, time.monotonic()
    # A log file wants a line now and then, a terminal a bar that moves.
    interval = 0.5 if sys.stderr.isatty() else 30.0
    bar = tqdm(
        total=total, initial=start, desc=part.stem, unit="B", unit_scale=True, mininterval=interval
    )
    with open(part, "ab") as file, bar:
        while chunk := answer.raw.read1(CHUNK):
            file.write(chunk)
            have += len(chunk)
            bar.update(len(chunk))
            if have > (total or LARGEST):
                raise _Broken(f"more than the {total or LARGEST} bytes that were announced")
            now = time.monotonic()
            if now - then > patience.read:
                if have - since < patience.slowest * (now - then):
                    rate = (have - since) / (now - then)
                    raise _Broken(f"only {rate:.0f} bytes a second came")
                since, then = have, now
    if total is not None and have != total:
        raise _Broken(f"the connection ended after {have} of {total} bytes")


def _validator(answer: requests.Response) -> str | None:
    """Return what tells one content at a URL from another: a strong ETag, or the date."""
    etag = answer.headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified")


def _total(answer: requests.Response) -> int | None:
    """Return the size of the whole file, if the server tells it."""
    if answer.status_code in (206, 416):
        found = re.search(r"/(\d+)$", answer.headers.get("Content-Range", ""))
        return int(found[1]) if found else None
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _reason(error: Exception) -> str:
    """Name the innermost cause of a network error, in one line."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:200]


def _memory(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _state(part: Path) -> dict:
    """Return what is remembered of a part."""
    try:
        state = json.loads(_memory(part).read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
