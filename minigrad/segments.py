"""Nameless files in memory, mapped by every process that has their descriptor.

Importing this takes longer than most programs that share nothing would like: it is imported late.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
import weakref
from typing import Any

from minigrad import sharing

__all__ = ["Segment", "nameless_file", "reduced"]


def nameless_file(size: int, purpose: str) -> int:
    """The descriptor of a new file of zeros that has no name.

    Raises: RuntimeError where processes can't share one.
    """
    if os.name != "posix":
        raise RuntimeError(
            f"sharing memory between processes takes Linux or macOS, not {sys.platform}; send "
            "copies instead, as NumPy arrays"
        )
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create(purpose)
    else:
        with tempfile.TemporaryFile() as file:  # macOS: unlinked as soon as it is open
            handle = os.dup(file.fileno())
    os.ftruncate(handle, size)
    return handle


class Segment(mmap.mmap):
    """Mapped memory that knows its file, to be sent on."""

    handle: int

    def __new__(cls, handle: int, size: int) -> Segment:
        """The segment of a file, which it closes at its end."""
        try:
            made = super().__new__(cls, handle, size)
        except BaseException:
            os.close(handle)
            raise
        made.handle = handle
        _segments[_identity(handle)] = made
        return made

    def __del__(self, close: Any = os.close) -> None:
        close(self.handle)


sharing.bases.add(Segment)

# So that what comes twice, or comes home, is the same memory.
_segments: weakref.WeakValueDictionary[tuple[int, int], Segment] = weakref.WeakValueDictionary()


def _identity(handle: int) -> tuple[int, int]:
    facts = os.fstat(handle)
    return facts.st_dev, facts.st_ino


def reduced(segment: Segment) -> tuple[Any, ...]:
    """What multiprocessing's pickler makes of a segment: its descriptor."""
    from multiprocessing.reduction import DupFd

    return _mapped, (DupFd(segment.handle), len(segment))


def _mapped(sent: Any, size: int) -> Segment:
    """The segment of a descriptor that came: the one that is here, if it is."""
    handle = sent.detach()
    known = _segments.get(_identity(handle))
    if known is None:
        os.set_inheritable(handle, False)
        return Segment(handle, size)
    if handle != known.handle:
        os.close(handle)
    return known
