"""``load``: objects from the files that torch and minigrad write.

Source: https://docs.pytorch.org/docs/stable/generated/torch.load.html
"""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from minigrad.ops.shape.storage import TypedStorage, UntypedStorage
from minigrad.serialization.archive_reader import ArchiveReader
from minigrad.serialization.errors import FileFormatError, UnpicklingError
from minigrad.serialization.locations import MapLocation, Restore, restorer
from minigrad.serialization.names import find
from minigrad.serialization.saving import FileLike
from minigrad.serialization.stream import Unpickle, described, read_stream
from minigrad.serialization.unpickler import Unpickler

__all__ = ["load"]

_ZIP = b"PK\3\4"


def load(
    f: FileLike,
    map_location: MapLocation = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Read what ``save`` wrote, here or in torch, from a path or an open binary file.

    With ``weights_only``, the default, a file is data: nothing that it names is run, beside what
    :func:`minigrad.serialization.add_safe_globals` allows. ``weights_only=False`` runs Python's
    unpickler, and a file can do with it **whatever its author likes**: for files of your own only.
    ``map_location`` says where tensors go: a device, a dict from the file's names to other ones, or
    a function of a storage and its place in the file. ``mmap=True`` leaves the bytes in the file
    until they are used; what is written to such tensors stays in memory, and checksums are not
    looked at. Paths that end in ``.npz`` or ``.safetensors`` are read as such.

    Raises: FileNotFoundError and its kin for a path that can't be opened; UnpicklingError for what
    the file may not hold; FileFormatError (a RuntimeError) or EOFError for one that is damaged.

    >>> import io, minigrad as torch
    >>> file = io.BytesIO(); torch.save({"w": torch.ones(2)}, file); _ = file.seek(0)
    >>> torch.load(file)
    {'w': tensor([1., 1.])}
    """
    trusting = pickle_module is not None if weights_only is None else not weights_only
    if not trusting and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if not trusting and pickle_load_args:
        import warnings

        warnings.warn("pickle_load_args only works if `weights_only=False`.", stacklevel=2)
    options = {"encoding": "utf-8", **pickle_load_args}
    unpickle = _trusting(pickle_module or pickle, options) if trusting else _weights_only(options)
    if not isinstance(f, (str, os.PathLike)):
        _check_seekable(f)
        if mmap:
            raise ValueError("f must be a file path in order to use the mmap argument")
        return _load(f, None, unpickle, map_location)
    path = os.fspath(f)
    if path.endswith((".npz", ".safetensors")):
        from minigrad.serialization import tables

        read = tables.load_npz if path.endswith(".npz") else tables.load_safetensors
        return read(f, map_location)
    with open(f, "rb") as file:
        return _load(file, path if mmap else None, unpickle, map_location)


def _load(
    file: IO[bytes], mapped: str | None, unpickle: Unpickle, map_location: MapLocation
) -> Any:
    """Read an open file; ``mapped`` is its path if its bytes shall stay where they are."""
    start = file.tell()
    is_zip = file.read(4) == _ZIP
    file.seek(start)
    if is_zip:
        return _read_archive(file, mapped, unpickle, restorer(map_location))
    if mapped is not None:
        raise RuntimeError(
            "mmap can only be used with files saved with `torch.save(_use_new_zipfile_"
            "serialization=True), please torch.save your checkpoint with this option in order to "
            "use mmap."
        )
    return read_stream(file, unpickle, restorer(map_location))


def _check_seekable(f: Any) -> None:
    try:
        f.seek(f.tell())
    except (AttributeError, io.UnsupportedOperation) as error:
        raise type(error)(
            f"{error}. You can only torch.load from a file that is seekable. Please pre-load the "
            "data into a buffer like io.BytesIO and try to load from it instead."
        ) from error


def _read_archive(file: IO[bytes], mapped: str | None, unpickle: Unpickle, restore: Restore) -> Any:
    reader = ArchiveReader(file)
    if "data.json" in reader:
        raise FileFormatError(
            "the file is in the format that minigrad wrote before it took over torch's, which it "
            "no longer reads; its arrays can be read with numpy.load"
        )
    if "constants.pkl" in reader:
        raise RuntimeError(
            "the file is a TorchScript archive: a compiled program, which minigrad does not run"
        )
    if "version" not in reader:
        raise FileFormatError("the file is damaged, or no file of torch.save: it has no version")
    order = reader.read("byteorder") if "byteorder" in reader else b"little"
    if order not in (b"little", b"big"):
        raise ValueError(f"Unknown endianness type: {order!r:.100}")
    pickled = io.BytesIO(reader.read("data.pkl"))
    storages = _Storages(reader, order.decode() != sys.byteorder, mapped, restore)
    return unpickle(pickled, storages.load)


class _Storages:
    """The storages of an archive, each read once."""

    def __init__(
        self, reader: ArchiveReader, swapped: bool, mapped: str | None, restore: Restore
    ) -> None:
        self._reader, self._swapped, self._restore = reader, swapped, restore
        self._found: dict[str, tuple[Any, UntypedStorage]] = {}
        self._whole: Any = None
        if mapped is not None:
            import mmap

            with open(mapped, "rb") as file:
                self._whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)

    def load(self, place: Any) -> UntypedStorage:
        """The storage that stands for this in the pickle."""
        key, kind, where, count = described(place, 5)
        if key not in self._found:
            typed = place[1] is not UntypedStorage
            self._found[key] = (place[1], count), self._read(key, kind, where, count, typed)
        asked, storage = self._found[key]
        if asked != (place[1], count):
            raise UnpicklingError("a storage that has two element types or two sizes")
        return storage

    def _read(self, key: str, kind: Any, where: str, count: int, typed: bool) -> UntypedStorage:
        name = f"data/{key}"
        size = self._reader.size(name)
        if size != count * kind.itemsize:
            raise FileFormatError(
                f"record size ({size} bytes) does not match expected size "
                f"({count * kind.itemsize} bytes = {count} elements * {kind.itemsize} "
                f"bytes/element) for dtype {kind.type_name}"
            )
        if self._whole is None:
            memory = self._reader.memory(name)
        else:
            memory = self._reader.mapped(name, self._whole)
        if self._swapped and not typed and size:
            raise FileFormatError(
                "the file has the other byte order, and a storage without an element type in which "
                "it could be turned round"
            )
        if self._swapped:
            memory.view(kind.numpy).byteswap(inplace=True)
        moved = self._restore(UntypedStorage(memory), where)._memory.view(np.uint8)
        return TypedStorage(moved.view(kind.numpy)) if typed else UntypedStorage(moved)


def _weights_only(options: dict[str, Any]) -> Unpickle:
    def unpickle(file: IO[bytes], persistent_load: Callable[[Any], Any]) -> Any:
        try:
            return Unpickler(file, persistent_load, options["encoding"]).load()
        except UnpicklingError as error:
            raise UnpicklingError(_advice(str(error))) from None

    return unpickle


def _advice(message: str) -> str:
    return (
        "Weights only load failed. If the file is your own, or you trust who made it, it can be "
        "loaded with `weights_only=False`, which runs whatever code the file holds, or with what "
        f"it names on the list of safe globals.\n\tWeightsUnpickler error: {message}"
    )


def _trusting(pickle_module: Any, options: dict[str, Any]) -> Unpickle:
    """Python's unpickler, which runs what a file tells it to."""

    class TrustingUnpickler(pickle_module.Unpickler):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> Any:
            found = find(f"{module}.{name}")
            if found is not None:
                return found
            if module == "torch" or module.startswith("torch."):
                module = f"minigrad{module[5:]}"
            return super().find_class(module, name)

    def unpickle(file: IO[bytes], persistent_load: Callable[[Any], Any]) -> Any:
        unpickler = TrustingUnpickler(file, **options)
        unpickler.persistent_load = persistent_load
        return unpickler.load()

    return unpickle
