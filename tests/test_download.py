"""Laws of downloads: the right file or a clear error, whatever the server does."""

import errno
import hashlib
import json
import random
import threading

import pytest
from misbehaving import (
    drip,
    drip_head,
    drip_trailers,
    end_after,
    flood,
    good,
    ignore_if_range,
    length,
    no_length,
    no_ranges,
    other,
    page,
    redirect,
    reset_after,
    serving,
    silence,
    status,
)
from recordings import random_episodes

from fist.data.episodes import save_episodes
from fist.data.sources.download import CheckError, Download, DownloadError, fetch
from fist.data.sources.pages import direct
from fist.data.sources.transfer import Patience

HASTY = Patience(answer=0.6, read=0.4, slowest=2000, attempts=3, pause=0.01, longest_pause=0.05)
NAME = "play.hdf5"


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """Two data sets of the same size: the one that is meant, and another."""
    folder = tmp_path_factory.mktemp("contents")
    for seed in (0, 1):
        save_episodes(folder / f"{seed}.hdf5", random_episodes([300, 200], seed=seed))
    contents = [(folder / f"{seed}.hdf5").read_bytes() for seed in (0, 1)]
    size = max(map(len, contents))
    return [content.ljust(size, b"\0") for content in contents]  # HDF5 does not mind


@pytest.fixture
def folder(tmp_path):
    """A cache folder and a place for the file; afterwards nothing half-written is left as done."""
    yield tmp_path
    assert not [path for path in tmp_path.rglob("*") if ".tmp" in path.name]


def sha(content):
    return hashlib.sha256(content).hexdigest()


def get(folder, content, urls, **facts):
    """Fetch, and make sure that only the right file can have come."""
    out, cache = folder / "out" / NAME, folder / "cache"
    try:
        fetch(Download(NAME, urls, **facts), out, cache, HASTY)
    except (DownloadError, CheckError):
        assert not out.exists() and not (cache / NAME).exists()
        raise
    assert out.read_bytes() == (cache / NAME).read_bytes() == content
    assert not list(cache.glob("*.part*"))
    return out


def test_a_file_comes_and_its_checksum_is_recorded_and_holds_afterwards(folder, contents):
    right, wrong = contents
    with serving(right, good, other(wrong)) as server:
        get(folder, right, [server.url])
        recorded = json.loads((folder / "cache" / "checksums.json").read_text())
        assert recorded[NAME]["sha256"] == sha(right)
        assert recorded[NAME]["url"] == server.url
        (folder / "cache" / NAME).unlink()
        (folder / "out" / NAME).unlink()
        with pytest.raises(DownloadError, match=r"SHA-256 is .*remove its entry in .*checksums"):
            get(folder, right, [server.url])


def test_what_is_in_the_cache_is_not_fetched_again(folder, contents):
    with serving(contents[0], good, status(404)) as server:
        get(folder, contents[0], [server.url], sha256=sha(contents[0]))
        get(folder, contents[0], [server.url], sha256=sha(contents[0]))
        assert server.requests == 1


def test_a_file_that_was_put_into_the_cache_by_hand_is_taken(folder, contents):
    (folder / "cache").mkdir()
    (folder / "cache" / NAME).write_bytes(contents[0])
    get(folder, contents[0], [], sha256=sha(contents[0]))


def test_a_wrong_file_that_was_put_into_the_cache_by_hand_is_named(folder, contents):
    (folder / "cache").mkdir()
    (folder / "cache" / NAME).write_bytes(contents[1])
    with pytest.raises(DownloadError, match=r"cache/play\.hdf5 is not play\.hdf5: SHA-256 is"):
        fetch(Download(NAME, [], sha(contents[0])), folder / NAME, folder / "cache", HASTY)
    assert not (folder / NAME).exists()


def test_the_message_says_where_to_get_the_file_by_hand_and_where_to_put_it(folder, contents):
    with serving(b"", status(403)) as one, serving(b"", status(404)) as two:
        with pytest.raises(DownloadError) as error:
            get(folder, b"", [one.url, two.url], page="https://example.org/data")
    message = str(error.value)
    assert f"{one.url}: HTTP 403" in message and f"{two.url}: HTTP 404" in message
    assert f"by hand from https://example.org/data and put it at {folder}/cache/{NAME}" in message
    assert "\n" not in message


def test_the_urls_are_tried_in_their_order(folder, contents):
    with serving(b"", status(403)) as one, serving(contents[0], good) as two:
        get(folder, contents[0], [one.url, two.url])
        assert (one.requests, two.requests) == (1, 1)


@pytest.mark.parametrize("code", [429, 500, 502, 503])
def test_a_passing_fault_is_waited_for(folder, contents, code):
    with serving(contents[0], status(code, Retry_After=0), status(code), good) as server:
        get(folder, contents[0], [server.url])
        assert server.requests == 3


def test_a_lasting_fault_is_given_up_on(folder):
    with serving(b"", status(500)) as server:
        with pytest.raises(DownloadError, match=r"HTTP 500 .*\(3 attempts\)"):
            get(folder, b"", [server.url])


def test_a_redirect_is_followed_but_not_for_ever(folder, contents):
    with serving(contents[0], redirect("/elsewhere"), good) as server:
        get(folder, contents[0], [server.url])
    with serving(b"", redirect("/again")) as server:
        with pytest.raises(DownloadError, match="redirects without end"):
            get(folder / "loop", b"", [server.url])


def test_a_redirect_to_a_local_file_is_not_followed(folder, contents):
    secret = folder / "secret.hdf5"
    secret.write_bytes(contents[0])
    with serving(b"", redirect(secret.as_uri())) as server:
        with pytest.raises(
            DownloadError, match="a redirect to file:///.*, which is not http or https"
        ):
            get(folder, b"", [server.url])


@pytest.mark.parametrize("act", [drip, silence, drip_head, drip_trailers])
def test_a_server_that_hardly_moves_is_given_up_on_and_the_next_is_asked(folder, contents, act):
    with serving(contents[0], act) as server, serving(contents[0], good) as mirror:
        with pytest.raises(DownloadError, match=r"bytes a second came|timed out|nothing came in"):
            get(folder, contents[0], [server.url])
        get(folder, contents[0], [server.url, mirror.url])


@pytest.mark.parametrize(
    "place", ["http://[foo", "http://", "ftp://127.0.0.1/x", "http://a b/", ""]
)
def test_an_address_that_makes_no_sense_is_that_urls_failure(folder, contents, place):
    with serving(b"", redirect(place)) as server, serving(contents[0], good) as mirror:
        with pytest.raises(DownloadError, match=server.url):
            get(folder, contents[0], [server.url])
        get(folder, contents[0], [server.url, mirror.url])


def test_a_redirect_is_followed_without_its_body(folder, contents):
    with serving(contents[0], flood(302, Location="/elsewhere"), good) as server:
        get(folder, contents[0], [server.url])
        assert server.flooded < 1 << 26  # what the system's buffers take


@pytest.mark.parametrize("facts", [{"bytes": 10_000}, {"limit": 10_000}], ids=["size", "limit"])
def test_a_body_ends_at_the_size_that_is_known_or_at_the_limit(folder, contents, facts):
    for act in (flood(200), flood(200, Content_Length=1 << 40)):
        with serving(b"", act) as server, serving(contents[0], good) as mirror:
            with pytest.raises(DownloadError, match=r"more than 10000( bytes came)?"):
                get(folder, contents[0], [server.url], **facts)
            assert server.flooded < 1 << 26
            get(folder / "mirror", contents[0], [server.url, mirror.url], limit=len(contents[0]))


def test_a_page_without_end_is_read_to_its_title_only(folder):
    with serving(b"", flood(200, Content_Type="text/html")) as server:
        with pytest.raises(DownloadError, match="a web page came"):
            get(folder, b"", [server.url])
        assert server.flooded < 1 << 26


def test_a_file_that_cannot_be_written_is_named(folder, contents, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("fist.data.sources.transfer.write_json", full)
    with serving(contents[0], good) as server:
        with pytest.raises(OSError, match="could not write .*cache/play.hdf5: No space left"):
            fetch(Download(NAME, (server.url,)), folder / NAME, folder / "cache", HASTY)


@pytest.mark.parametrize("cache", ["file", "file/cache"])
def test_a_cache_that_cannot_be_made_is_told_before_anything_is_asked_for(folder, contents, cache):
    (folder / "file").write_text("")
    with serving(contents[0], good) as server:
        with pytest.raises(
            OSError, match="could not write .*file.*/play.hdf5: .* (exists|directory)"
        ):
            fetch(Download(NAME, (server.url,)), folder / NAME, folder / cache, HASTY)
        assert server.requests == 0


@pytest.mark.parametrize("known", [True, False], ids=["checksum known", "checksum unknown"])
def test_a_connection_that_breaks_anywhere_is_continued(folder, contents, known):
    right = contents[0]
    offsets = [0, 1, len(right) - 1, *random.Random(0).sample(range(len(right)), 60)]
    facts = {"sha256": sha(right)} if known else {}
    for number, offset in enumerate(offsets):
        with serving(right, reset_after(offset), good) as server:
            get(folder / str(number), right, [server.url], **facts)
            # Bytes that had not been read when the reset came are lost: at most those sent.
            asked = server.ranges[-1]
            assert server.requests == 2
            assert asked is None or 0 < int(asked[6:-1]) <= offset


def test_many_breaks_in_a_row_are_continued_as_long_as_something_comes(folder, contents):
    right = contents[0]
    with serving(right, *[end_after(len(right) // 30)] * 60, good) as server:
        get(folder, right, [server.url])
        assert 30 <= server.requests <= 32


def test_a_download_that_was_stopped_goes_on_in_the_next_run(folder, contents):
    right = contents[0]
    with serving(right, end_after(1000), status(404), good) as server:
        with pytest.raises(DownloadError, match="HTTP 404"):
            get(folder, right, [server.url])
        get(folder, right, [server.url])
        assert server.ranges[-1] == "bytes=1000-"


@pytest.mark.parametrize("known", [True, False], ids=["checksum known", "checksum unknown"])
def test_a_server_without_ranges_is_asked_for_the_whole_again(folder, contents, known):
    facts = {"sha256": sha(contents[0])} if known else {}
    with serving(contents[0], reset_after(5000), no_ranges) as server:
        get(folder, contents[0], [server.url], **facts)


@pytest.mark.parametrize("act", [good, ignore_if_range, no_ranges])
@pytest.mark.parametrize("etag", [True, False], ids=["etag", "no etag"])
@pytest.mark.parametrize("known", [True, False], ids=["checksum known", "checksum unknown"])
def test_parts_of_two_contents_are_never_joined(folder, contents, act, etag, known):
    old, new = contents
    facts = {"sha256": sha(new)} if known else {}
    with serving(old, end_after(4000), other(new, act)) as server:
        server.etag = server.etag if etag else None
        get(folder, new, [server.url], **facts)


@pytest.mark.parametrize("facts", ["sha256", "bytes", "format"])
def test_a_wrong_length_is_noticed(folder, contents, facts):
    right = max(contents, key=lambda content: len(content.rstrip(b"\0")))  # not padded
    known = {"sha256": {"sha256": sha(right)}, "bytes": {"bytes": len(right)}, "format": {}}[facts]
    for number, n in enumerate((10, len(right) - 1, len(right) + 1000)):
        with serving(right, length(n)) as server, pytest.raises(DownloadError):
            get(folder / str(number), right, [server.url], **known)


def test_a_file_without_a_length_is_taken_only_if_it_is_whole(folder, contents):
    right = contents[0]
    with serving(right, no_length) as server:
        get(folder, right, [server.url])
    with serving(right[:-100], no_length) as server:
        with pytest.raises(DownloadError, match="not an HDF5 file, or a damaged one"):
            get(folder / "short", right, [server.url])


@pytest.mark.parametrize("content", [b"", b"\x00" * 5000, b"wrong"])
def test_wrong_bytes_are_noticed(folder, contents, content):
    with serving(content, good) as server, pytest.raises(DownloadError):
        get(folder, contents[0], [server.url])
    with serving(content, good) as server, pytest.raises(DownloadError):
        get(folder, contents[0], [server.url], sha256=sha(contents[0]))


QUOTA = (
    "<html><title>Google Drive - Quota exceeded</title><body>Too many users have …</body></html>"
)
PAGES = {
    "quota": (page(QUOTA), "quota exceeded"),
    "login": (page("<html><body>Please sign in</body></html>"), "login"),
    "unknown": (page("<html><title>Welcome</title></html>"), r"a web page came .*\('Welcome'\)"),
    "disguised": (page(QUOTA, content_type="application/octet-stream"), "a web page came"),
    "plain": (page("\n  <!DOCTYPE html><p>", content_type="text/plain"), "a web page came"),
    "quota, forbidden": (page(QUOTA, code=403), r"HTTP 403 .*quota exceeded"),
}


@pytest.mark.parametrize(("act", "reason"), PAGES.values(), ids=PAGES)
def test_a_web_page_is_never_taken_for_data(folder, act, reason):
    with serving(b"", act) as server, pytest.raises(DownloadError, match=reason):
        get(folder, b"", [server.url])


CONFIRM = """<html><body>can't scan this file for viruses
<form id="download-form" action="{action}" method="get">
<input type="hidden" name="id" value="abc"><input type="hidden" name="confirm" value="t">
<input type="submit" value="Download anyway"></form></body></html>"""


def test_a_confirmation_page_is_confirmed(folder, contents):
    with serving(contents[0], page(CONFIRM.format(action="/download")), good) as server:
        get(folder, contents[0], [server.url])
        assert server.requests == 2


def test_a_confirmation_page_that_comes_again_and_again_is_given_up_on(folder):
    with serving(b"", page(CONFIRM.format(action="/download"))) as server:
        with pytest.raises(DownloadError, match="a web page came"):
            get(folder, b"", [server.url])
        assert server.requests <= 3


def test_a_confirmation_page_that_leads_to_another_host_is_not_followed(folder, contents):
    with serving(contents[1], good) as trap:
        leads_away = CONFIRM.format(action=trap.url.replace("127.0.0.1", "localhost"))
        with serving(b"", page(leads_away)) as server, pytest.raises(DownloadError):
            get(folder, b"", [server.url])
        assert trap.requests == 0


@pytest.mark.parametrize(
    "place", ["file://127.0.0.1{}", "file://{}", "ftp://127.0.0.1/", "http://["]
)
def test_a_confirmation_page_leads_to_http_only(folder, contents, place):
    secret = folder / "secret.hdf5"
    secret.write_bytes(contents[0])
    with serving(b"", page(CONFIRM.format(action=place.format(secret)))) as server:
        with pytest.raises(DownloadError, match=server.url):
            get(folder, b"", [server.url])


def test_a_link_to_google_drive_becomes_a_direct_one():
    wanted = "https://drive.usercontent.google.com/download?id=1Ab_-9&export=download&confirm=t"
    assert direct("https://drive.google.com/file/d/1Ab_-9/view?usp=sharing") == wanted
    assert direct("https://drive.google.com/uc?export=download&id=1Ab_-9") == wanted
    assert direct("https://example.org/file/d/1Ab_-9") == "https://example.org/file/d/1Ab_-9"


def test_file_urls_are_copied_and_checked(folder, contents):
    source = folder / "with a blank.hdf5"
    source.write_bytes(contents[0])
    get(folder, contents[0], [source.as_uri()], sha256=sha(contents[0]))
    with pytest.raises(DownloadError, match="No such file"):
        get(folder / "none", b"", [(folder / "nowhere.hdf5").as_uri()])


def test_a_damaged_lock_file_is_named(folder, contents):
    (folder / "cache").mkdir()
    (folder / "cache" / "checksums.json").write_text("{")
    with serving(contents[0], good) as server, pytest.raises(CheckError, match="json: not JSON"):
        get(folder, contents[0], [server.url])


def test_two_runs_at_once_fetch_a_file_once(folder, contents):
    with serving(contents[0], good) as server:
        wanted = Download(NAME, [server.url])
        threads = [
            threading.Thread(target=fetch, args=(wanted, folder / str(n), folder / "cache", HASTY))
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [(folder / str(n)).read_bytes() == contents[0] for n in range(4)] == [True] * 4
        assert server.requests == 1
