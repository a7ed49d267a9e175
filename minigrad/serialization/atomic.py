"""Files that are replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import IO

from minigrad.errors import FolderError

__all__ = ["atomic_write", "replacement"]


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of ``path`` when the block ends without an error.

    The bytes go to a temporary file in the same folder, are forced to disk, and then renamed: a
    crash, a full disk or an exception leaves the old file as it was.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(os.path.join(folder, "a.txt")) as file:
    ...         _ = file.write(b"whole or not at all")
    ...     os.listdir(folder)
    ['a.txt']
    """
    with replacement(path) as place, open(place, "wb") as file:
        yield file


@contextlib.contextmanager
def replacement(path: str | os.PathLike[str]) -> Iterator[str]:
    """A path to write to; when the block ends without an error, it takes the place of ``path``.

    A process that is killed meanwhile leaves the old file, and beside it ``.NAME.xxxxxxxx.tmp``,
    which nothing needs.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = os.path.join(folder, "a.txt")
    ...     with replacement(target) as place, open(place, "w") as file:
    ...         _ = file.write("new")
    ...     os.listdir(folder)
    ['a.txt']
    """
    target = os.path.realpath(path)  # a link stays a link: what it points to is replaced
    if os.path.exists(target) and not os.path.isfile(target):
        yield target  # /dev/stdout and its like must not be replaced
        return
    import tempfile

    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FolderError(f"Parent directory {os.path.dirname(path)!s} does not exist.")
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name[:200]}.", suffix=".tmp")
    try:
        os.close(handle)
        yield temporary
        _settle(temporary, target)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _settle(temporary: str, target: str) -> None:
    """Force the bytes to disk, and give them the old file's mode (mkstemp gives 0600)."""
    handle = os.open(temporary, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    os.chmod(temporary, _permissions(target))


def _permissions(target: str) -> int:
    """The old file's mode, or what ``open`` would give a new one."""
    try:
        return os.stat(target).st_mode & 0o7777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _sync_folder(folder: str) -> None:
    """Force the rename itself to disk, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
