"""The format that torch wrote before its zip archives: pickles one after another, then the bytes.

``_use_new_zipfile_serialization=False`` still asks torch for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import IO, Any, Literal, TypeAlias

import numpy as np

from minigrad.ops.shape.storage import TypedStorage, UntypedStorage
from minigrad.serialization.errors import FileFormatError, UnpicklingError, cut_short
from minigrad.serialization.locations import Restore, on_host
from minigrad.serialization.names import StorageType

__all__ = ["HEADER", "read_stream", "sizes_of_types"]

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
HEADER = (MAGIC_NUMBER, 1001)  # the second is the version of the format
_TAR_MAGIC = b"ustar"
_CHUNK = 1 << 24

# A function that unpickles one object from the file, given what storages are loaded by.
Unpickle: TypeAlias = Callable[[IO[bytes], Callable[[Any], Any]], Any]


def sizes_of_types() -> dict[str, Any]:
    """What such a file says about the machine that wrote it."""
    sizes = {"short": 2, "int": 4, "long": 4}
    return {
        "protocol_version": HEADER[1],
        "little_endian": sys.byteorder == "little",
        "type_sizes": sizes,
    }


def read_stream(file: IO[bytes], unpickle: Unpickle, restore: Restore) -> Any:
    """The object in a file of the older format.

    Raises: UnpicklingError, RuntimeError or EOFError for a file that is no such file.
    """
    start = file.tell()
    _refuse_tar(file)
    if unpickle(file, _no_storages) != MAGIC_NUMBER:
        raise FileFormatError("Invalid magic number; corrupt file?")
    version = unpickle(file, _no_storages)
    if version != HEADER[1]:
        raise FileFormatError(f"Invalid protocol version: {version!r:.100}")
    machine = unpickle(file, _no_storages)
    little = not isinstance(machine, dict) or machine.get("little_endian", True) is not False
    place = file.tell()
    storages = _Storages(file.seek(0, 2) - start)
    file.seek(place)
    found = unpickle(file, storages.entered)
    storages.fill(file, unpickle(file, _no_storages), little)
    if storages.stay_on_host(restore):
        return found
    file.seek(place)  # elsewhere memory is made from what has been read: once more, with that
    return unpickle(file, storages.moved)


def _refuse_tar(file: IO[bytes]) -> None:
    start = file.tell()
    head = file.read(262)
    file.seek(start)
    if head[257:] == _TAR_MAGIC:
        raise FileFormatError(
            "the file is in the tar format of torch before 0.1.10, which minigrad does not read; "
            "load it with torch and save it anew"
        )


def _no_storages(place: Any) -> Any:
    raise UnpicklingError("a storage where none can be")


class _Storages:
    """The memories that a pickle names before their bytes come."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._found: dict[str, tuple[UntypedStorage, str]] = {}
        self._moved: dict[str, UntypedStorage] = {}

    def entered(self, place: Any) -> Any:
        """The storage on the CPU, still empty."""
        if place[0] == "module":  # a class, its file and its source, which nothing needs
            return place[1]
        key, kind, where, count, view = described(place, 6)
        if view is not None:
            raise UnpicklingError(
                "views of storages are left out; save the file with a newer torch"
            )
        if key not in self._found:
            self._budget -= count * kind.itemsize
            if self._budget < 0:
                raise FileFormatError(
                    "the file is cut short or damaged: its storages are larger than itself"
                )
            memory = np.zeros(count, kind.numpy)
            self._found[key] = TypedStorage(memory), where
        return _as(self._found[key][0], place[1], count)

    def fill(self, file: IO[bytes], keys: Any, little: bool) -> None:
        """Read the bytes of all storages into their memory."""
        if type(keys) is not list or any(key not in self._found for key in keys):
            raise FileFormatError("the file is damaged: it lists storages that it does not have")
        if len(set(keys)) != len(self._found):
            raise FileFormatError("the file is damaged: it does not list all its storages")
        order: Literal["little", "big"] = "little" if little else "big"
        for key in keys:
            memory = self._found[key][0]._memory
            # Counted in elements; of a storage that was written as bytes, in those of its tensor.
            count = int.from_bytes(_exactly(file, 8), order, signed=True)
            if count != memory.size:
                raise FileFormatError("the file is damaged: a storage has another size")
            view = memory.view(np.uint8)
            for start in range(0, view.size, _CHUNK):
                piece = view[start : start + _CHUNK]
                piece[:] = np.frombuffer(_exactly(file, piece.size), np.uint8)
            if order != sys.byteorder:
                memory.byteswap(inplace=True)

    def stay_on_host(self, restore: Restore) -> bool:
        """Take all storages to their places; whether all of them stay where they are."""
        for key, (storage, where) in self._found.items():
            self._moved[key] = restore(UntypedStorage(storage._memory.view(np.uint8)), where)
        return all(
            on_host(moved) and moved.data_ptr() == self._found[key][0].data_ptr()
            for key, moved in self._moved.items()
        )

    def moved(self, place: Any) -> Any:
        """The storage where it belongs."""
        if place[0] == "module":
            return place[1]
        key, kind, _, count, _ = described(place, 6)
        return _as(TypedStorage(self._moved[key]._memory.view(kind.numpy)), place[1], count)


def described(place: Any, length: int) -> tuple[Any, ...]:
    """Key, element type, location, number of elements and the rest of what stands for a storage."""
    if type(place) is not tuple or len(place) != length:
        raise UnpicklingError(f"a storage that is described by {place!r:.200}")
    _, kind, key, where, count, *rest = place
    where, key = (v.decode("ascii") if type(v) is bytes else v for v in (where, key))
    typed = isinstance(kind, StorageType)
    if not typed and kind is not UntypedStorage:
        raise UnpicklingError(f"a storage of the unknown type {kind!r:.200}")
    if type(key) is not str or type(where) is not str or type(count) is not int or count < 0:
        raise UnpicklingError(f"a storage that is described by {place!r:.200}")
    from minigrad import dtypes

    return key, kind.dtype if typed else dtypes.uint8, where, count, *rest


def _as(storage: UntypedStorage, kind: Any, count: int) -> UntypedStorage:
    """The storage as the type that this mention of it has."""
    if storage._memory.size != count:
        raise UnpicklingError("a storage that has two sizes")
    if kind is UntypedStorage:
        return UntypedStorage(storage._memory)
    if kind.dtype.numpy != storage._memory.dtype:
        raise UnpicklingError("a storage that has two element types")
    return storage


def _exactly(file: IO[bytes], count: int) -> bytes:
    found = file.read(count)
    if len(found) != count:
        raise cut_short()
    return found
