"""Checksums that are worked out while the next bytes are read or written.

Of 400 MB one takes as long as writing them does; a thread of its own hides that where a core is
free, for neither the checksum nor the file needs Python meanwhile.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

__all__ = ["begun"]

_SMALL = 1 << 18


def begun(content: Any, before: int = 0) -> Callable[[], int]:
    """Begin the checksum of bytes that follow others; what is returned waits for it.

    >>> begun(b"some bytes")() == zlib.crc32(b"some bytes")
    True
    """
    if len(content) < _SMALL:
        value = zlib.crc32(content, before)
        return lambda: value
    from threading import Thread

    found: list[int] = []
    thread = Thread(target=lambda: found.append(zlib.crc32(content, before)), daemon=True)
    thread.start()

    def wait() -> int:
        thread.join()
        return found[0]

    return wait
