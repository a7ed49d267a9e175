"""A web server in a thread, with every fault that a download may meet."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Site", "serving"]


@dataclass
class Site:
    """What is served, and how. Of the lists, one item is used up by each request."""

    content: bytes = b""
    ranges: bool = True  # gives the rest that is asked for
    statuses: list[int] = field(default_factory=list)  # errors before the first answer
    cuts: list[int] = field(default_factory=list)  # bytes after which the connection is cut
    always_cut: int | None = None  # the same for every request
    etags: list[str] = field(default_factory=list)
    too_long: int = 0  # bytes announced and never sent
    length: bool = True  # announced at all
    chunked: bool = False
    shifted: int = 0  # the rest begins so much later than it says, or than was asked for
    asked: list[str | None] = field(default_factory=list)  # the Range of each request
    url: str = ""


@contextmanager
def serving(**options: object) -> Iterator[Site]:
    """The site, on a free port of this machine."""
    site = Site(**options)  # type: ignore[arg-type]
    handler = type("Handler", (_Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}/file.bin"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        site = self.site
        wanted = self.headers.get("Range")
        site.asked.append(wanted)
        self.close_connection = True
        if self.path == "/moved":
            self._head(302, {"Location": site.url})
            return
        if site.statuses:
            self._head(site.statuses.pop(0), {"Content-Length": "0"})
            return
        etag = site.etags.pop(0) if len(site.etags) > 1 else "".join(site.etags)
        start = self._start(wanted, etag)
        total = len(site.content)
        if start >= total > 0 and start:
            self._head(416, {"Content-Range": f"bytes */{total}", "Content-Length": "0"})
            return
        self._send(start, {"ETag": etag} if etag else {})

    def _start(self, wanted: str | None, etag: str) -> int:
        """Where the answer begins: at 0 if no rest is asked for, or of another version."""
        found = re.fullmatch(r"bytes=(\d+)-", wanted or "")
        same = self.headers.get("If-Range", etag) == etag
        return int(found[1]) if found and self.site.ranges and same else 0

    def _send(self, start: int, headers: dict[str, str]) -> None:
        site = self.site
        total = len(site.content)
        body = site.content[start:]
        if start:
            says = start + site.shifted
            headers["Content-Range"] = f"bytes {says}-{total - 1}/{total}"
        if site.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif site.length:
            headers["Content-Length"] = str(len(body) + site.too_long)
        self._head(206 if start else 200, headers)
        cut = site.cuts.pop(0) if site.cuts else site.always_cut
        body = body[:cut]
        if site.chunked:
            body = f"{len(body):x}\r\n".encode() + body + b"\r\n" if body else b""
            body += b"0\r\n\r\n" if cut is None else b""
        self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
