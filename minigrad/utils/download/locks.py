"""One process at a time: a lock that the system lets go of when its holder dies."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["locked"]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold ``path`` as a lock file while the block runs; others, threads too, wait for its end.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with locked(Path(folder, "lock")):
    ...         inside = os.listdir(folder)
    ...     inside, os.listdir(folder)
    (['lock'], [])
    """
    handle = _acquire(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows keeps an open file: no harm
            os.unlink(path)
        os.close(handle)


def _acquire(path: Path) -> int:
    """The open lock file, once nobody else holds it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _wait(handle)
            if _is_still(path, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its last holder has removed it


def _is_still(path: Path, handle: int) -> bool:
    """Whether what was locked is still the file of that name; its holder may have removed it."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _wait(handle: int) -> None:
        while True:
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                time.sleep(0.1)

else:

    def _wait(handle: int) -> None:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
