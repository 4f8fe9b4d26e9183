"""Web pages that come where data was asked for: what do they want?

Google Drive puts a page with a form before large files ("can't scan this file for viruses"), and
answers with other pages when a file has been fetched too often or may not be seen.
"""

import re
from html import unescape
from pathlib import Path
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

DRIVE_FILE = re.compile(r"https://drive\.google\.com/(?:file/d/|(?:uc|open)\?(?:.*&)?id=)([\w-]+)")
DRIVE_DIRECT = "https://drive.usercontent.google.com/download?id={}&export=download&confirm=t"
BEGINNINGS = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<script")
WEB = ("http", "https")


class Page(Exception):
    """A web page came instead of a file."""

    def __init__(self, url: str, html: str):
        self.url, self.html = url, html
        super().__init__(f"{url}: {self.complaint()}")

    def complaint(self) -> str:
        """Say in a few words what the page is about."""
        text = self.html.lower()
        if "quota" in text or "too many users" in text:
            return "too many people have fetched this file lately (quota exceeded): try tomorrow"
        if "accounts.google.com" in self.url or "sign in" in text or "log in" in text:
            return "the server wants a login"
        title = re.search(r"<title>\s*(.{1,80}?)\s*</title>", self.html, re.S | re.I)
        return f"a web page came instead of the file{f' ({title[1]!r})' if title else ''}"

    def confirmed(self) -> str | None:
        """Return the URL that the page's download form leads to, if there is such a form.

        Only a form that leads to the page's own host, or from one of Google's to another, counts.
        """
        action, fields = None, {}
        for tag, inside in re.findall(r"<(/?form|input)\b([^>]*)>", self.html, re.I):
            given = {key: unescape(value) for key, value in re.findall(r'([\w-]+)="(.*?)"', inside)}
            if tag.lower() != "input":
                if action is not None:
                    break
                action = given.get("action", "") if given.get("id") == "download-form" else None
            elif action is not None and given.get("type") == "hidden":
                fields[given.get("name", "")] = given.get("value", "")
        if action is None:
            return None
        target = urljoin(self.url, action)
        here, there = urlsplit(self.url), urlsplit(target)
        related = here.hostname == there.hostname or (_is_googles(here) and _is_googles(there))
        if there.scheme not in WEB or not related:
            return None
        return there._replace(query=urlencode(fields)).geturl() if fields else target


def direct(url: str) -> str:
    """Return the URL that gives the file behind a link; Google Drive's links show a page."""
    found = DRIVE_FILE.match(url)
    return DRIVE_DIRECT.format(found[1]) if found else url


def is_page(path: Path) -> bool:
    """Tell whether a file is a web page, whatever it is called."""
    with open(path, "rb") as file:
        return file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(BEGINNINGS)


def _is_googles(url: SplitResult) -> bool:
    return f".{url.hostname}".endswith((".google.com", ".googleusercontent.com"))
