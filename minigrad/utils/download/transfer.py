"""One transfer of bytes over HTTP: from where a part of the file ends to the end of the file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from minigrad.utils.download.bar import Bar

__all__ = ["Cut", "NoSpace", "Refused", "Source", "transfer"]

_BLOCK = 1 << 16
_TIMEOUT = 30.0  # seconds without a byte
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)


class Refused(Exception):
    """The server does not have the file, or will not give it: asking again is no use."""


class Cut(Exception):
    """The transfer ended early: asking again, for the rest, may help."""


class NoSpace(Exception):
    """The file cannot be written here."""


@dataclass
class Source:
    """Where a file comes from, and which version of it was begun."""

    url: str
    version: str | None = None  # ETag or date, by which a server knows that the rest still fits
    checked: bool = False  # a checksum will tell whether begin and rest fit together
    ranges: bool = True  # the server gives the rest that it is asked for
    total: int | None = None


def transfer(source: Source, part: Path, bar: Bar) -> None:
    """Append what is missing to ``part``, or write it from its beginning.

    Raises: Refused, Cut or NoSpace, each with a reason in words.
    """
    import http.client
    import urllib.error

    have = part.stat().st_size if part.exists() else 0
    if not (source.ranges and (source.version or source.checked)):
        have = 0  # nothing would tell a rest of another version from the right one
    try:
        with _open(source, have) as response:
            have = _start(response, source, have)
            _copy(response, part, have, source, bar)
    except urllib.error.HTTPError as error:
        _on_status(error, source, part, have)
    except urllib.error.URLError as error:
        raise Cut(f"no connection: {error.reason}") from error
    except http.client.HTTPException as error:
        raise Cut(f"the answer was cut: {type(error).__name__}") from error
    except TimeoutError as error:
        raise Cut(f"no answer within {_TIMEOUT:g} seconds") from error
    except OSError as error:
        raise Cut(f"the connection broke: {error.strerror or error}") from error


def _open(source: Source, have: int) -> Any:
    """Ask for the bytes from ``have`` on; proxies are taken from the environment."""
    import urllib.request

    headers = {"User-Agent": "minigrad", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if source.version:
            headers["If-Range"] = source.version
    request = urllib.request.Request(source.url, headers=headers)
    # urlopen would keep to the proxies that the environment named when it was first called.
    return urllib.request.build_opener().open(request, timeout=_TIMEOUT)


def _start(response: Any, source: Source, have: int) -> int:
    """Where in the file this answer begins; the length of the file is noted in ``source``."""
    etag = response.headers.get("ETag")
    strong = etag if etag and not etag.startswith("W/") else None
    source.version = strong or response.headers.get("Last-Modified")
    if getattr(response, "status", 200) == 206:
        span = response.headers.get("Content-Range", "")
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", span.strip())
        if found is None or int(found[1]) != have:
            source.ranges = False
            raise Cut(f"the server sent {span or 'another part'} for bytes {have}-")
        source.total = None if found[2] == "*" else int(found[2])
        return have
    length = response.headers.get("Content-Length")
    source.total = None if length is None else int(length)
    return 0


def _copy(response: Any, part: Path, have: int, source: Source, bar: Bar) -> None:
    """Write the answer behind the first ``have`` bytes; raise Cut unless all of it came."""
    chunked = bool(getattr(response, "chunked", False))
    if source.total is None and not chunked and not source.checked:
        raise Refused(
            "the server does not say how long the file is, so one that is cut short could not "
            "be told from a whole one; give its checksum"
        )
    _check_space(part, (source.total or 0) - have)
    bar.start(source.total, have)
    with _writing(part, have) as file:
        while chunk := response.read1(_BLOCK):  # what has come, even if more never does
            _write(file, chunk, part)
            have += len(chunk)
            bar.advance(len(chunk))
        _write(file, b"", part, last=True)
    if source.total is not None and have < source.total:
        raise Cut(f"the connection ended after {have} of {source.total} bytes")


def _check_space(part: Path, missing: int) -> None:
    import shutil

    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise NoSpace(f"{missing} bytes are missing and {free} are free on the disk")


def _writing(part: Path, have: int) -> FileIO:
    """The part, opened behind its first bytes; unbuffered, so that each write tells its fate."""
    try:
        file = FileIO(part, "r+" if have else "w")
        if have:
            file.truncate(have)
            file.seek(have)
    except OSError as error:
        raise NoSpace(f"cannot write {part}: {error.strerror}") from error
    return file


def _write(file: FileIO, chunk: bytes, part: Path, last: bool = False) -> None:
    try:
        while chunk:
            chunk = chunk[file.write(chunk) :]
        if last:
            os.fsync(file.fileno())
    except OSError as error:
        raise NoSpace(f"cannot write {part}: {error.strerror}") from error


def _on_status(error: Any, source: Source, part: Path, have: int) -> None:
    """An answer that is no file: the whole is there already, try again, or give up."""
    with error:
        if error.code == 416:
            span = error.headers.get("Content-Range", "")
            if have and span.strip() == f"bytes */{have}":
                source.total = have
                return
            part.unlink(missing_ok=True)
            raise Cut("the server has no such rest of the file") from error
        reason = f"HTTP {error.code} {error.reason}"
    raise (Cut if error.code in _TEMPORARY else Refused)(reason) from error
