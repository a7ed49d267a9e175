"""The memory of arrays: kept from one step to the next, and how much of it there is.

An array's memory comes from C's ``malloc``. The GNU C library takes a block of 32 MB or more from
the system and gives it back when it is freed (of smaller ones it learns with time to keep them), so
that a training step pays for the same pages, one fault each, again and again: adding two arrays of
64 MB took 12 ms, and takes 5 ms in memory that is there. So importing minigrad tells it to keep
what it has. Blocks that lie beside each other are joined, and serve for any size: the process holds
as much as it needed at its worst moment. ``empty_cache`` gives back what is not in use.

``MINIGRAD_MEMORY=system`` leaves the library as it is, and so does a setting of its own
(``MALLOC_MMAP_MAX_`` and its like). Other C libraries are left alone.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import NamedTuple

__all__ = ["Held", "empty_cache", "forget_peak", "held", "keep", "resident", "resident_peak"]

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # names of mallopt's settings, in malloc.h
_KILOBYTE = 1024


class Held(NamedTuple):
    """Bytes of this process that ``malloc`` has: handed out, and ready to be handed out."""

    used: int
    free: int


class _Account(ctypes.Structure):
    """What ``mallinfo2`` returns: see its manual page."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks")
    ] + [(name, ctypes.c_size_t) for name in ("uordblks", "fordblks", "keepcost")]


def _library() -> ctypes.CDLL | None:
    """The C library that this process runs on, if it is GNU's."""
    try:
        found = ctypes.CDLL(None)
        return found if hasattr(found, "gnu_get_libc_version") else None
    except (OSError, TypeError):  # Windows has no such handle
        return None


def keep() -> bool:
    """Let freed memory be kept for what comes; whether it is. Done once, at the import."""
    told = any(name.startswith("MALLOC_") for name in os.environ)
    told = told or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if _LIBC is None or told or os.environ.get("MINIGRAD_MEMORY") == "system":
        return False
    # No block straight from the system, and none given back at the end of what malloc has.
    return bool(_LIBC.mallopt(_MMAP_MAX, 0) and _LIBC.mallopt(_TRIM_THRESHOLD, -1))


def empty_cache() -> None:
    """Give memory that is not in use back to the system, as far as the C library can.

    >>> import minigrad as torch
    >>> x = torch.ones(1000, 1000); del x
    >>> torch.backends.cpu.empty_cache()
    """
    if _LIBC is not None:
        _LIBC.malloc_trim(0)


def held() -> Held | None:
    """What ``malloc`` has of this process; None where the C library does not say.

    >>> mine = held()
    >>> mine is None or mine.used > 0
    True
    """
    if _LIBC is None or not hasattr(_LIBC, "mallinfo2"):  # since glibc 2.33
        return None
    _LIBC.mallinfo2.restype = _Account
    account = _LIBC.mallinfo2()
    return Held(account.uordblks + account.hblkhd, account.fordblks)


def _status(name: str) -> int | None:
    """A number of ``/proc/self/status``, in bytes."""
    path = Path("/proc/self/status")
    for line in path.read_text().splitlines() if path.exists() else ():
        if line.startswith(name):
            return int(line.split()[1]) * _KILOBYTE
    return None


def resident() -> int | None:
    """Bytes of this process that are in memory now; None where the system does not say."""
    return _status("VmRSS:")


def resident_peak() -> int | None:
    """The most bytes that were ever in memory; None where the system does not say."""
    return _status("VmHWM:")


def forget_peak() -> bool:
    """Let the peak begin anew at what is in memory now; whether the system can do that."""
    path = Path("/proc/self/clear_refs")
    try:
        path.write_text("5")
    except OSError:  # no such system, or not allowed
        return False
    return True


_LIBC = _library()
