"""Fetching a file over the network: whole and verified under its name, or not there at all.

Bytes are gathered in ``NAME.part`` beside the file, from one mirror after the other, each asked
for the rest after a cut. Only a complete part with the right checksum is renamed to the file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from minigrad.utils.download.bar import Bar
from minigrad.utils.download.checksums import digest
from minigrad.utils.download.locks import locked
from minigrad.utils.download.transfer import Cut, NoSpace, Refused, Source, transfer

__all__ = ["DownloadError", "fetch"]

TRIES = 4  # of one mirror without a single new byte
PAUSE = 1.0  # seconds before the second try, doubled for each further one


class DownloadError(RuntimeError):
    """A file could not be fetched; the message says from where, why, and what to do.

    >>> from minigrad.utils.download import DownloadError
    >>> issubclass(DownloadError, RuntimeError)
    True
    """


def fetch(
    urls: str | Sequence[str],
    path: str | os.PathLike[str],
    md5: str | None = None,
    sha256: str | None = None,
    progress: bool = True,
    sha1: str | None = None,
) -> Path:
    """Get a file from the first of its mirrors that has it, unless it is there already.

    A file that is there is taken if its checksum is right (any file, if none is given). A second
    process that wants the same file waits for the first. Proxies are read from the environment
    (``https_proxy`` and its like).

    Args:
        urls: addresses of the same file, tried in this order.
        path: where to put it; folders are made.
        md5, sha256, sha1: checksums in hexadecimal digits.
        progress: show a bar, if stderr is a terminal.

    Raises: DownloadError (a RuntimeError) if no mirror gives the file, or the disk is full;
    ValueError for an address that is not http or https.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as there:  # so nobody is asked for it
    ...     path = fetch("https://example.org/a.gz", there.name)
    ...     str(path) == there.name
    True
    """
    from urllib.parse import urlsplit

    mirrors = [urls] if isinstance(urls, str) else list(urls)
    for url in mirrors:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"fetch: expected an http or https address, got {url!r}")
    target = Path(path).expanduser()
    target.parent.mkdir(parents=True, exist_ok=True)
    given = {"md5": md5, "sha256": sha256, "sha1": sha1}
    sums = {kind: want.lower() for kind, want in given.items() if want}
    if not _is_whole(target, sums):
        with locked(target.with_name(f".{target.name}.lock")):
            if not _is_whole(target, sums):  # else another process fetched it meanwhile
                _fetch(mirrors, target, sums, progress)
    return target


def _is_whole(target: Path, sums: dict[str, str]) -> bool:
    return target.is_file() and not _wrong(target, sums)


def _wrong(path: Path, sums: dict[str, str]) -> str:
    """What a checksum says against a file, or nothing."""
    for kind, want in sums.items():
        if (found := digest(path, kind)) != want:
            return f"the {kind} of what came is {found}, expected {want}"
    return ""


def _fetch(mirrors: list[str], target: Path, sums: dict[str, str], progress: bool) -> None:
    part = target.with_name(target.name + ".part")
    if not sums:
        part.unlink(missing_ok=True)  # of an earlier run; nothing would tell whether it fits
    failures = []
    try:
        with Bar(target.name, progress) as bar:
            for url in mirrors:
                source = Source(url, checked=bool(sums))
                failure = _from_mirror(source, part, sums, bar)
                if not failure:
                    os.replace(part, target)
                    return
                failures.append(f"{failure} ({url})")
    except NoSpace as error:
        raise DownloadError(f"cannot download {target.name} to {target.parent}: {error}") from error
    finally:
        if not sums:
            part.unlink(missing_ok=True)
    why = "; ".join(failures)
    raise DownloadError(f"cannot download {target.name}: {why}; you can put it at {target} by hand")


def _from_mirror(source: Source, part: Path, sums: dict[str, str], bar: Bar) -> str:
    """Fill ``part`` from one mirror; why it failed, or nothing."""
    begun = part.exists() and part.stat().st_size > 0
    failure = _attempts(source, part, bar)
    if not failure and (failure := _wrong(part, sums)):
        part.unlink()
        if begun:  # by an earlier run or another mirror, and perhaps wrongly: once more, afresh
            return _from_mirror(Source(source.url, checked=True), part, sums, bar)
    return failure


def _attempts(source: Source, part: Path, bar: Bar) -> str:
    """Ask again while bytes come; why there is no more use in it, or nothing."""
    best = tries = 0
    while True:
        try:
            transfer(source, part, bar)
            return ""
        except Refused as error:
            return str(error)
        except Cut as error:
            size = part.stat().st_size if part.exists() else 0
            tries = 1 if size > best else tries + 1
            best = max(best, size)
            if tries >= TRIES:
                return str(error)
            time.sleep(PAUSE * 2 ** (tries - 1))
