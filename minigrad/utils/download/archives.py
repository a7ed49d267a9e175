"""Unpacking archives, into one folder and nowhere else.

Only plain files and folders are unpacked. Every file is written under another name first, so that
one which is there under its own is whole.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

__all__ = ["extract_archive", "read_maybe_packed"]

_OPEN = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}  # the modules with an `open` for them
_SHORT = {".tgz": (".tar", ".gz"), ".tbz": (".tar", ".bz2"), ".tbz2": (".tar", ".bz2")}
_ARCHIVES = (".tar", ".zip")


def extract_archive(
    from_path: str | os.PathLike[str],
    to_path: str | os.PathLike[str] | None = None,
    remove_finished: bool = False,
) -> str | os.PathLike[str]:
    """Unpack a ``.zip``, a ``.tar`` (packed or not), or a single ``.gz``, ``.bz2`` or ``.xz`` file.

    Args:
        from_path: the archive, its kind read from its name.
        to_path: the folder to unpack into; by default the archive's own.
        remove_finished: delete the archive afterwards.

    Returns the folder, or for a single file that file.

    Raises: RuntimeError for a name of no known kind, a damaged archive, and one that holds links
    or would write outside of the folder.

    >>> import gzip, os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with gzip.open(os.path.join(folder, "a.txt.gz"), "wb") as file:
    ...         _ = file.write(b"text")
    ...     os.path.basename(extract_archive(os.path.join(folder, "a.txt.gz")))
    'a.txt'
    """
    source = Path(from_path)
    folder = source.parent if to_path is None else Path(to_path)
    archive, packing = _kind(source)
    folder.mkdir(parents=True, exist_ok=True)
    done: str | os.PathLike[str] = str(source.parent) if to_path is None else to_path
    with _damage_named(source):
        if archive is None:
            done = os.path.join(done, source.name[: -len(packing)])
            with _open(source, packing) as packed:
                _write(packed, Path(done))
        elif archive == ".zip":
            _unzip(source, folder)
        else:
            _untar(source, folder, packing)
    if remove_finished:
        source.unlink()
    return done


def _kind(source: Path) -> tuple[str | None, str]:
    """Archive and packing by the name: ``a.tar.gz`` is (".tar", ".gz"), ``a.gz`` (None, ".gz")."""
    suffixes = source.suffixes
    if not suffixes:
        raise RuntimeError(
            f"File '{source.name}' has no suffixes that could be used to detect the archive type "
            "and compression."
        )
    last = suffixes[-1].lower()
    if last in _SHORT:
        return _SHORT[last]
    if last in _ARCHIVES:
        return last, ""
    if last in _OPEN:
        inner = suffixes[-2].lower() if len(suffixes) > 1 else ""
        return (inner if inner in _ARCHIVES else None), last
    known = sorted([*_SHORT, *_ARCHIVES, *_OPEN])
    raise RuntimeError(
        f"Unknown compression or archive type: '{last}'.\nKnown suffixes are: '{known}'."
    )


def _open(source: Path, packing: str) -> Any:
    return importlib.import_module(_OPEN[packing]).open(source, "rb")


@contextmanager
def _damage_named(source: Path) -> Iterator[None]:
    """Whatever a reader says of a damaged archive, in one sentence with a way out."""
    try:
        yield
    except Exception as error:
        if not _is_damage(error):
            raise
        raise RuntimeError(
            f"{source} is damaged or cut short ({error}); delete it and download it again"
        ) from error


def _is_damage(error: Exception) -> bool:
    import lzma
    import tarfile
    import zipfile
    import zlib

    if isinstance(error, OSError):
        return error.errno is None  # gzip's and bz2's; those of the system have a number
    kinds = (EOFError, lzma.LZMAError, zlib.error, tarfile.TarError, zipfile.BadZipFile)
    return isinstance(error, kinds)


def _untar(source: Path, folder: Path, packing: str) -> None:
    import tarfile

    mode: Any = f"r:{packing[1:]}"
    with tarfile.open(source, mode) as tar:
        for member in tar:
            target = _inside(folder, member.name, source)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.isfile():
                file = tar.extractfile(member)
                assert file is not None  # of a plain file it never is
                with file:
                    _write(file, target, member.size)
            else:
                raise RuntimeError(f"{source}: {member.name!r} is a link or a device, not a file")


def _unzip(source: Path, folder: Path) -> None:
    import zipfile

    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            target = _inside(folder, member.filename, source)
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                with archive.open(member) as file:
                    _write(file, target)


def _inside(folder: Path, name: str, source: Path) -> Path:
    """Where a member goes; links that stand in the folder already are followed first."""
    root = folder.resolve()
    target = (root / name).resolve()
    if not target.is_relative_to(root) or "\\" in name:
        raise RuntimeError(f"{source}: {name!r} would be written outside of {folder}")
    return target


def _write(file: IO[bytes], target: Path, size: int | None = None) -> None:
    import shutil
    import threading

    target.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: another process may be unpacking the same archive.
    part = target.with_name(f"{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with open(part, "wb") as out:
            shutil.copyfileobj(file, out, 1 << 20)
            if size is not None and out.tell() != size:
                raise EOFError(f"{target.name} has {out.tell()} of {size} bytes")
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read_maybe_packed(path: str | os.PathLike[str]) -> bytes:
    """Content of a file, or of its packed form ``path + ".gz"`` where only that is there.

    >>> import gzip, os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with gzip.open(os.path.join(folder, "labels.gz"), "wb") as file:
    ...         _ = file.write(b"123")
    ...     read_maybe_packed(os.path.join(folder, "labels"))
    b'123'
    """
    plain, packed = Path(path), Path(f"{os.fspath(path)}.gz")
    if plain.is_file() and plain.suffix != ".gz":
        return plain.read_bytes()
    source = plain if plain.suffix == ".gz" else packed
    with _damage_named(source), _open(source, ".gz") as file:
        content: bytes = file.read()
    return content
