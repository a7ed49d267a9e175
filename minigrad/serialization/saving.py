"""``save``: objects to files in torch's format.

Source: https://docs.pytorch.org/docs/stable/generated/torch.save.html
"""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Callable
from functools import partial
from typing import IO, Any, TypeAlias

from minigrad.serialization.archive_writer import ALIGNMENT, ArchiveWriter
from minigrad.serialization.atomic import atomic_write
from minigrad.serialization.pickler import Storages, pickler_class

__all__ = ["FileLike", "save"]

FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]
Write: TypeAlias = Callable[[Any], None]


def save(
    obj: Any,
    f: FileLike,
    pickle_module: Any = pickle,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Write an object to a path or an open binary file, as torch would write it.

    Tensors that share memory share it again when loaded. A path is written atomically: whoever
    reads it, and whatever goes wrong meanwhile, finds the old content or the new. Paths that end in
    ``.npz`` or ``.safetensors`` get these formats, for a dict of tensors.

    Raises: PicklingError, TypeError or AttributeError for what can't be pickled, such as a lambda,
    and OSError if the file can't be written, with an older file of that name unharmed.

    >>> import io, minigrad as torch
    >>> file = io.BytesIO()
    >>> torch.save({"step": 3, "w": torch.tensor([1.0, 2.0])}, file)
    >>> _ = file.seek(0)
    >>> torch.load(file)
    {'step': 3, 'w': tensor([1., 2.])}
    """
    if isinstance(f, (str, os.PathLike)):
        table = _table_format(os.fspath(f))
        if table is not None:
            table(obj, f)
            return
    elif not hasattr(f, "write"):
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
        )
    as_archive = _use_new_zipfile_serialization
    content = _Content(obj, pickle_module, pickle_protocol, () if as_archive else (None,))

    def write_to(file: IO[bytes], folder: str) -> None:
        if as_archive:
            order = "" if _disable_byteorder_record else sys.byteorder
            _write_archive(content, _writer(file), folder, order)
        else:
            dumps = partial(pickle_module.dumps, protocol=pickle_protocol)
            _write_stream(content, _writer(file), dumps)

    if isinstance(f, (str, os.PathLike)):
        name = os.path.basename(os.fspath(f))
        with atomic_write(f) as file:
            write_to(file, os.path.splitext(name)[0] or "archive")
    else:
        write_to(f, "archive")
        if hasattr(f, "flush"):
            f.flush()


def _table_format(path: str) -> Callable[[Any, Any], None] | None:
    """The function that writes a file of that suffix, where it is not torch's own format."""
    if path.endswith((".npz", ".safetensors")):
        from minigrad.serialization import tables

        return tables.save_npz if path.endswith(".npz") else tables.save_safetensors
    return None


class _Content:
    """An object pickled in memory, before a file is touched, and the storages that it looks at."""

    def __init__(self, obj: Any, pickle_module: Any, protocol: int, tail: tuple[Any, ...]) -> None:
        self.storages = Storages()
        stream = io.BytesIO()
        pickler = pickler_class(pickle_module)(stream, protocol=protocol)
        pickler.storages, pickler.tail = self.storages, tail
        pickler.dump(obj)
        self.pickled = stream.getbuffer()


def _write_archive(content: _Content, write: Write, folder: str, order: str) -> None:
    archive = ArchiveWriter(write, folder)
    archive.record("data.pkl", content.pickled)
    archive.record(".format_version", b"1")
    archive.record(".storage_alignment", str(ALIGNMENT).encode())
    if order:
        archive.record("byteorder", order.encode())
    for number in range(len(content.storages.memories)):
        archive.record(f"data/{number}", content.storages.host_bytes(number))
    archive.record("version", b"3\n")
    archive.close()


def _write_stream(content: _Content, write: Write, dumps: Callable[[Any], bytes]) -> None:
    """The format before the archives: pickles one after another, then the storages' bytes."""
    from minigrad.serialization.stream import HEADER, sizes_of_types

    for obj in (*HEADER, sizes_of_types()):
        write(dumps(obj))
    write(content.pickled)
    keys = sorted(map(str, range(len(content.storages.memories))))
    write(dumps(keys))
    for key in keys:
        write(int(content.storages.memories[int(key)].size).to_bytes(8, sys.byteorder))
        write(content.storages.host_bytes(int(key)))


def _writer(file: IO[bytes]) -> Write:
    """A function that writes all of a buffer, also where ``file.write`` takes only a part."""

    def write(content: Any) -> None:
        view = memoryview(content).cast("B")
        while len(view):
            count = file.write(view)
            if type(count) is not int or count >= len(view):
                return
            view = view[count:]

    return write
