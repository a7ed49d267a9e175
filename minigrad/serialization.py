"""Files: ``save`` and ``load`` of nested objects that hold tensors.

A file is a zip archive: ``data.json`` describes the object, and every array lies beside it as an
``.npy`` member that ``numpy.load`` can read on its own. Loading builds plain objects only; no code
that a file might carry is ever run, which is what torch asks for with ``weights_only=True``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import IO, Any

import ml_dtypes
import numpy as np

from minigrad import dtypes
from minigrad.backend import backend_for
from minigrad.device import device
from minigrad.tensor import Tensor, make

FORMAT = "minigrad.1"
_DATA = "data.json"
_PLAIN = (type(None), bool, int, float, str)
_DATE = (1980, 1, 1, 0, 0, 0)  # a fixed date: the same object gives the same bytes

FileLike = str | os.PathLike[str] | IO[bytes]
MapLocation = str | device | None


class FileFormatError(RuntimeError):
    """A file that does not hold, or no longer holds, what ``save`` wrote."""


def save(obj: Any, f: FileLike) -> None:
    """Write an object to a path or an open binary file.

    Taken are tensors, NumPy arrays, dict, OrderedDict, list, tuple, str, bytes, int, float, bool,
    None, dtypes and devices, nested in any way. A tensor that occurs twice is written once. A path
    is written atomically: whoever reads it, and whatever goes wrong meanwhile, finds the old
    content or the new.

    Raises: TypeError for anything else, named with its place in the object; OSError if the file
    cannot be written, with an older file of that name unharmed.

    >>> import io, minigrad as torch
    >>> file = io.BytesIO()
    >>> torch.save({"step": 3, "w": torch.tensor([1.0, 2.0])}, file)
    >>> _ = file.seek(0)
    >>> torch.load(file)
    {'step': 3, 'w': tensor([1., 2.])}
    """
    encoder = _Encoder()
    tree = {"format": FORMAT, "object": encoder.encode(obj, "obj")}
    if isinstance(f, (str, os.PathLike)):
        with atomic_write(f) as file:
            _write(tree, encoder.arrays, file)
    else:
        _write(tree, encoder.arrays, f)


def load(f: FileLike, map_location: MapLocation = None, weights_only: bool = True) -> Any:
    """Read what ``save`` wrote, from a path or an open binary file.

    ``map_location`` names the device that tensors go to; by default each goes to where it was.
    ``weights_only`` is there for torch's signature: both values load data and never code.

    Raises: FileNotFoundError and its kin for a path that can't be opened; FileFormatError (a
    RuntimeError) for a file that is damaged, cut short, or of another kind.

    >>> import io, minigrad as torch
    >>> file = io.BytesIO(); torch.save({"w": torch.ones(2)}, file); _ = file.seek(0)
    >>> torch.load(file)
    {'w': tensor([1., 1.])}
    """
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _read(file, os.fspath(f), map_location)
    return _read(f, str(getattr(f, "name", "the open file")), map_location)


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
    target = os.path.realpath(path)  # a link stays a link: what it points to is replaced
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, "wb") as file:  # /dev/stdout and its like must not be replaced
            yield file
        return
    folder, name = os.path.split(target)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _permissions(target))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _permissions(target: str) -> int:
    """The old file's mode, or what ``open`` would give a new one (mkstemp gives 0600)."""
    try:
        return os.stat(target).st_mode & 0o777
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


class _Encoder:
    """Turns an object into JSON, putting its arrays aside."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self._seen: dict[int, dict[str, Any]] = {}
        self._open: set[int] = set()

    def encode(self, obj: Any, where: str) -> Any:
        if type(obj) in _PLAIN:
            return obj
        if isinstance(obj, (Tensor, np.ndarray)):
            return self._array(obj, where)
        if isinstance(obj, np.generic):
            return self.encode(obj.item(), where)
        if isinstance(obj, bytes):
            return {"bytes": obj.hex()}
        if isinstance(obj, device):
            return {"device": str(obj)}
        if isinstance(obj, dtypes.dtype):
            return {"dtype": obj.name}
        if isinstance(obj, (dict, list, tuple)):
            return self._container(obj, where)
        raise TypeError(
            f"save: {where} is of type {type(obj).__name__}; expected tensors, arrays, numbers, "
            "str, bytes, None, and dict, list or tuple of these (of a module, save state_dict())"
        )

    def _container(self, obj: Any, where: str) -> Any:
        if id(obj) in self._open:
            raise TypeError(f"save: {where} contains itself")
        self._open.add(id(obj))
        try:
            if isinstance(obj, dict):
                kind = "OrderedDict" if isinstance(obj, OrderedDict) else "dict"
                return {
                    kind: [
                        [self.encode(key, f"a key of {where}"), self.encode(v, f"{where}[{key!r}]")]
                        for key, v in obj.items()
                    ]
                }
            items = [self.encode(item, f"{where}[{i}]") for i, item in enumerate(obj)]
            return items if isinstance(obj, list) else {"tuple": items}
        finally:
            self._open.remove(id(obj))

    def _array(self, obj: Tensor | np.ndarray, where: str) -> dict[str, Any]:
        if id(obj) in self._seen:
            return self._seen[id(obj)]
        if isinstance(obj, Tensor):
            array = obj._host()
            tag = {"tensor": len(self.arrays), "dtype": array.dtype.name}
            tag |= {"device": str(obj.device), "requires_grad": obj.requires_grad}
        else:
            array = obj
            tag = {"array": len(self.arrays), "dtype": array.dtype.name}
            if array.dtype.hasobject:
                raise TypeError(f"save: {where} is an array of Python objects; expected numbers")
        self.arrays.append(array)
        self._seen[id(obj)] = tag
        return tag


def _write(tree: dict[str, Any], arrays: list[np.ndarray], file: IO[bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(tree, separators=(",", ":"))
        archive.writestr(zipfile.ZipInfo(_DATA, _DATE), text)
        for i, array in enumerate(arrays):
            if array.dtype == ml_dtypes.bfloat16:
                array = array.view(np.uint16)  # the .npy header has no word for bfloat16
            info = zipfile.ZipInfo(_member(i), _DATE)
            with archive.open(info, "w", force_zip64=array.nbytes >= 2**31) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _member(index: int) -> str:
    return f"arrays/{index}.npy"


def _read(file: IO[bytes], name: str, map_location: MapLocation) -> Any:
    try:
        with zipfile.ZipFile(file) as archive:
            tree = json.loads(_content(archive, _DATA))
            if tree["format"] != FORMAT:
                raise FileFormatError(
                    f"load: {name} has format {tree['format']!r}; this version reads {FORMAT!r}"
                )
            return _Decoder(archive, map_location).decode(tree["object"])
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise FileFormatError(
            f"load: {name} is not a file written by save, or is damaged or cut short ({error})"
        ) from error
    except (LookupError, ValueError, TypeError, EOFError, RecursionError) as error:
        raise FileFormatError(f"load: {name} is damaged: {error}") from error


def _content(archive: zipfile.ZipFile, member: str) -> bytes:
    """One member's bytes; flipped header bits ask zipfile for encryption and the like."""
    try:
        return archive.read(member)
    except (RuntimeError, NotImplementedError, zlib.error) as error:
        raise zipfile.BadZipFile(str(error)) from error


class _Decoder:
    """Builds the object again; a tensor that occurred twice is one tensor again."""

    def __init__(self, archive: zipfile.ZipFile, map_location: MapLocation) -> None:
        self._archive = archive
        self._map_location = map_location
        self._made: dict[int, Any] = {}
        self._rules: dict[str, Callable[[Any], Any]] = {
            "dict": lambda rows: dict(self._pairs(rows)),
            "OrderedDict": lambda rows: OrderedDict(self._pairs(rows)),
            "tuple": lambda items: tuple(self.decode(item) for item in items),
            "bytes": bytes.fromhex,
            "device": device,
            "dtype": lambda name: {kind.name: kind for kind in dtypes.ALL}[name],
        }

    def _pairs(self, rows: list[list[Any]]) -> Iterator[tuple[Any, Any]]:
        return ((self.decode(key), self.decode(value)) for key, value in rows)

    def decode(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.decode(item) for item in node]
        if not isinstance(node, dict):
            return node
        kind = next(iter(node))
        if kind in ("tensor", "array"):
            if node[kind] not in self._made:
                self._made[node[kind]] = self._array(node, kind)
            return self._made[node[kind]]
        return self._rules[kind](node[kind])

    def _array(self, node: dict[str, Any], kind: str) -> Any:
        # Read whole first: zipfile checks the member's checksum only at its end.
        stream = io.BytesIO(_content(self._archive, _member(node[kind])))
        array = np.lib.format.read_array(stream, allow_pickle=False)
        if node["dtype"] == "bfloat16":
            array = array.view(ml_dtypes.bfloat16)
        if kind == "array":
            return array
        where = device(node["device"] if self._map_location is None else self._map_location)
        tensor = make(backend_for(where).from_host(array, where.index))
        return tensor.requires_grad_() if node["requires_grad"] else tensor
