"""The zip archive that torch writes: records one after another, none compressed, data aligned.

Whoever reads such a file can map it into memory: each record's bytes begin at a multiple of 64.
Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

__all__ = ["ALIGNMENT", "ArchiveWriter"]

ALIGNMENT = 64
_CHUNK = 1 << 20
_FULL = 0xFFFFFFFF  # stands where a number is too great for four bytes, and is given in eight
_UTF8, _SIZES_FOLLOW = 0x800, 0x8


class ArchiveWriter:
    """Writes records through a function ``write(bytes)``, which need not be able to go back."""

    def __init__(self, write: Callable[[Any], Any], folder: str) -> None:
        self._write = write
        self._folder = folder
        self._position = 0
        self._directory: list[bytes] = []

    def record(self, name: str, content: Any) -> None:
        """One record: bytes, or any buffer of bytes in one piece."""
        content = memoryview(content).cast("B")
        path, size, start = f"{self._folder}/{name}".encode(), content.nbytes, self._position
        flags = _UTF8 | (_SIZES_FOLLOW if size else 0)
        wide = size >= _FULL or start >= _FULL
        extra = _wide_numbers(size, start)
        extra += _padding(start + 30 + len(path) + len(extra))
        header = struct.pack(
            "<4s5H3I2H", b"PK\3\4", 0, flags, 0, 0, 0, 0, *_shown(size if wide else 0),
            len(path), len(extra),
        )  # fmt: skip
        self._put(header + path + extra)
        check = 0
        if size:
            for place in range(0, size, _CHUNK):  # which stays in the processor's cache meanwhile
                piece = content[place : place + _CHUNK]
                check = zlib.crc32(piece, check)
                self._put(piece)
            form = "<4sI2Q" if wide else "<4s3I"
            self._put(struct.pack(form, b"PK\7\x08", check, size, size))
        extra = _wide_numbers(size, start)
        self._directory.append(
            struct.pack(
                "<4s6H3I5H2I", b"PK\1\2", 0, 0, flags, 0, 0, 0, check, *_shown(size),
                len(path), len(extra), 0, 0, 0, 0, min(start, _FULL),
            )
            + path
            + extra
        )  # fmt: skip

    def close(self) -> None:
        """Write the directory, in the form that has no limit and in the old one."""
        start, count = self._position, len(self._directory)
        self._put(b"".join(self._directory))
        size, end = self._position - start, self._position
        numbers = (count, count, size, start)
        self._put(struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 0x31E, 45, 0, 0, *numbers))
        self._put(struct.pack("<4sIQI", b"PK\6\7", 0, end, 1))
        few = min(count, 0xFFFF)
        last = (few, few, min(size, _FULL), min(start, _FULL), 0)
        self._put(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, *last))

    def _put(self, content: Any) -> None:
        self._write(content)
        self._position += len(content)


def _shown(size: int) -> tuple[int, int]:
    return min(size, _FULL), min(size, _FULL)


def _wide_numbers(size: int, start: int) -> bytes:
    """The field for sizes and a start that four bytes can't hold."""
    numbers = [size, size] if size >= _FULL else []
    if start >= _FULL:
        numbers.append(start)
    if not numbers:
        return b""
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


def _padding(start: int) -> bytes:
    """A field that says nothing, of such a length that what follows is aligned."""
    length = -(start + 4) % ALIGNMENT
    return struct.pack("<2sH", b"FB", length) + b"Z" * length
