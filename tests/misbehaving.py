"""An HTTP server on loopback that misbehaves on request."""

import hashlib
import json
import socket
import struct
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class Server(ThreadingHTTPServer):
    """Serves `content`; `acts` are played in turn, one per request, the last one for ever.

    An act is a function of the request's handler. Range requests are kept in `ranges`; `flooded`
    counts the bytes of bodies without end.
    """

    daemon_threads = True

    def __init__(self, content, *acts):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.acts, self.requests, self.ranges = content, acts, 0, []
        self.flooded = 0
        self.etag = '"first"'

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/data/play.hdf5"

    def handle_error(self, request, client_address):
        pass  # connections that the acts break off on purpose


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        acts = self.server.acts
        act = acts[min(self.server.requests, len(acts) - 1)]
        self.server.requests += 1
        self.server.ranges.append(self.headers.get("Range"))
        act(self)
        self.close_connection = True

    do_HEAD = do_GET

    def log_message(self, *_):
        pass

    def head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()


def _body(handler, ranges=True):
    """Answer with the right head; return the body that belongs to it."""
    content, asked = handler.server.content, handler.headers.get("Range")
    same = handler.headers.get("If-Range", handler.server.etag) == handler.server.etag
    validator = {"ETag": handler.server.etag} if handler.server.etag else {}
    if asked and ranges and same:
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(content):
            handler.head(416, Content_Range=f"bytes */{len(content)}", Content_Length=0)
            return b""
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.head(206, Content_Range=span, Content_Length=len(content) - start, **validator)
        return content[start:]
    handler.head(200, Content_Length=len(content), **validator)
    return content


def good(handler):
    """Serve the file, or the part that is asked for."""
    handler.wfile.write(_body(handler))


def no_ranges(handler):
    """Serve the whole file whatever is asked for."""
    handler.wfile.write(_body(handler, ranges=False))


def status(code, **headers):
    """Answer with a status and a short text."""

    def act(handler):
        handler.head(code, Content_Type="text/plain", Content_Length=4, **headers)
        handler.wfile.write(b"oops")

    return act


def page(html, code=200, content_type="text/html; charset=utf-8"):
    """Answer with a web page."""

    def act(handler):
        handler.head(code, Content_Type=content_type, Content_Length=len(html.encode()))
        handler.wfile.write(html.encode())

    return act


def redirect(location):
    """Send to another place."""
    return lambda handler: handler.head(302, Location=location, Content_Length=0)


def reset_after(n, serve=_body):
    """Break the connection off after n bytes of the body, the hard way."""

    def act(handler):
        handler.wfile.write(serve(handler)[:n])
        handler.wfile.flush()
        time.sleep(0.01)
        linger = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        handler.connection.close()

    return act


def end_after(n):
    """End the connection in good order, but before the body's end."""
    return lambda handler: handler.wfile.write(_body(handler)[:n])


def length(n):
    """Announce n bytes, whatever the file has."""

    def act(handler):
        handler.head(200, Content_Length=n)
        handler.wfile.write(handler.server.content[:n])

    return act


def no_length(handler):
    """Say nothing of the length, and end the connection where the content ends."""
    handler.head(200)
    handler.wfile.write(handler.server.content)


def other(content, act=good):
    """Serve another file, under another ETag where there are any."""

    def change(handler):
        handler.server.content = content
        handler.server.etag = handler.server.etag and '"second"'
        act(handler)

    return change


def ignore_if_range(handler):
    """Continue with the present file although it is not the one that was begun."""
    if "If-Range" in handler.headers:
        del handler.headers["If-Range"]
    good(handler)


def hub(folder, name):
    """Serve a folder as the hub of Hugging Face serves a data set."""
    revision = "0" * 40
    api, files = f"/api/datasets/{name}", f"/datasets/{name}/resolve/{revision}/"
    contents = {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    listed = [
        {
            "type": "file",
            "path": path,
            "size": len(content),
            "oid": hashlib.sha1(content).hexdigest(),
        }
        for path, content in contents.items()
    ]
    about = {"id": name, "sha": revision, "siblings": [{"rfilename": path} for path in contents]}

    def act(handler):
        path = unquote(handler.path.partition("?")[0])
        status, content, told = 404, b"{}", {"X-Error-Code": "RepoNotFound"}
        if path.startswith(f"{api}/"):
            answer = listed if path.startswith(f"{api}/tree/") else about
            status, content, told = 200, json.dumps(answer).encode(), {}
        elif (file := path.removeprefix(files)) in contents:
            etag = hashlib.sha1(contents[file]).hexdigest()
            status, content = 200, contents[file]
            told = {"ETag": f'"{etag}"', "X-Repo-Commit": revision}
        handler.head(status, Content_Length=len(content), **told)
        if handler.command == "GET":
            handler.wfile.write(content)

    return act


def drip(handler):
    """Send a byte now and then, for ever."""
    handler.head(200, Content_Length=len(handler.server.content))
    for byte in handler.server.content:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.02)


def drip_head(handler):
    """Send a head that never ends, a byte now and then."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(1500):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.02)


def drip_trailers(handler):
    """Send the whole file in a chunk, then lines after it for ever."""
    handler.head(200, Transfer_Encoding="chunked")
    content = handler.server.content
    handler.wfile.write(b"%x\r\n%b\r\n0\r\n" % (len(content), content))
    for _ in range(1500):
        handler.wfile.write(b"X: x\r\n")
        handler.wfile.flush()
        time.sleep(0.02)


def flood(code, **headers):
    """Answer with a body that never ends."""

    def act(handler):
        handler.head(code, **headers)
        while True:
            handler.wfile.write(bytes(1 << 16))
            handler.server.flooded += 1 << 16

    return act


def silence(handler):
    """Send nothing more after the head."""
    _body(handler)
    handler.wfile.flush()
    time.sleep(30)


@contextmanager
def serving(content, *acts):
    """Run a server for a while."""
    server = Server(content, *acts)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
