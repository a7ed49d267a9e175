"""Tensors by name in other formats: safetensors, and NumPy's npz.

Source: https://huggingface.co/docs/safetensors, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from minigrad import dtypes
from minigrad.autograd.apply import make
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import backend_for, backend_of
from minigrad.serialization.atomic import atomic_write, replacement
from minigrad.serialization.errors import FileFormatError
from minigrad.serialization.locations import MapLocation, single_device
from minigrad.tensor import Tensor

__all__ = ["load_npz", "load_safetensors", "save_npz", "save_safetensors"]

Path: TypeAlias = str | os.PathLike[str]

_KINDS = {
    "BOOL": dtypes.bool_, "U8": dtypes.uint8, "I8": dtypes.int8, "I16": dtypes.int16,
    "U16": dtypes.uint16, "I32": dtypes.int32, "U32": dtypes.uint32, "I64": dtypes.int64,
    "U64": dtypes.uint64, "F16": dtypes.float16, "BF16": dtypes.bfloat16,
    "F32": dtypes.float32, "F64": dtypes.float64,
}  # fmt: skip


_DAMAGE = (
    ValueError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    NotImplementedError,
    RuntimeError,
)


def _arrays(tensors: Any, where: str) -> dict[str, Any]:
    """The arrays of a dict of tensors, each in one piece on the CPU.

    Raises: TypeError for anything else.
    """
    if not isinstance(tensors, Mapping):
        raise TypeError(
            f"{where}: expected a dict from names to tensors, got {type(tensors).__name__}"
        )
    found = {}
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, TensorBase):
            raise TypeError(
                f"{where}: expected names and tensors, got {name!r} of type {type(name).__name__} "
                f"for a {type(tensor).__name__}; flatten what is nested, or save it as .pt"
            )
        found[name] = np.ascontiguousarray(
            backend_of(tensor._array).to_host(tensor._array)
        ).reshape(tensor._array.shape)
    return found


def save_safetensors(
    tensors: Mapping[str, Tensor], f: Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a dict of tensors, such as a ``state_dict``, as a safetensors file; atomically.

    Raises: TypeError for what is no such dict, ImportError without the safetensors package.

    >>> import os, tempfile, minigrad as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "w.safetensors")
    ...     torch.serialization.save_safetensors({"w": torch.ones(2)}, path)
    ...     torch.serialization.load_safetensors(path)
    {'w': tensor([1., 1.])}
    """
    package = _safetensors()
    arrays = _arrays(tensors, "save_safetensors")
    specs = {
        name: package.TensorSpec(
            dtype=array.dtype.name,
            shape=array.shape,
            data_ptr=array.ctypes.data,
            data_len=array.nbytes,
        )
        for name, array in arrays.items()
    }
    with replacement(f) as place:
        package.serialize_file(specs, place, metadata=None if metadata is None else dict(metadata))


def load_safetensors(f: Path, map_location: MapLocation = None) -> dict[str, Tensor]:
    """Read a safetensors file: a dict of tensors.

    Raises: FileFormatError for a damaged file, RuntimeError for a ``map_location`` that is no
    device, ImportError without the safetensors package.

    >>> import os, tempfile, minigrad as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "w.safetensors")
    ...     torch.save({"b": torch.zeros(1, dtype=torch.bfloat16)}, path)
    ...     torch.load(path)
    {'b': tensor([0.], dtype=torch.bfloat16)}
    """
    package = _safetensors()
    place = single_device(map_location, "safetensors")
    with open(f, "rb") as file:
        content = file.read()
    try:
        rows = package.deserialize(content)
    except package.SafetensorError as error:
        raise FileFormatError(f"{os.fspath(f)} is no safetensors file: {error}") from error
    found = {}
    for name, row in rows:
        kind = _KINDS.get(row["dtype"])
        if kind is None:
            raise NotImplementedError(
                f"{os.fspath(f)}: {name} is of type {row['dtype']}, which minigrad leaves out"
            )
        array = np.frombuffer(row["data"], kind.numpy).reshape(row["shape"])
        found[name] = _placed(array if array.flags.writeable else array.copy(), place)
    return found


def save_npz(tensors: Mapping[str, Tensor], f: Path) -> None:
    """Write a dict of tensors as NumPy's npz, not compressed; atomically.

    Raises: TypeError for what is no such dict, and for bfloat16, which NumPy's format lacks.

    >>> import os, tempfile, minigrad as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "w.npz")
    ...     torch.save({"w": torch.ones(2)}, path)
    ...     torch.load(path)
    {'w': tensor([1., 1.])}
    """
    import zipfile

    arrays = _arrays(tensors, "save_npz")
    for name, array in arrays.items():
        if array.dtype == dtypes.bfloat16.numpy:
            raise TypeError(
                f"save_npz: {name} is of type torch.bfloat16, which .npz files can't hold; save "
                "its .float(), or a .safetensors or .pt file"
            )
    with atomic_write(f) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy")  # of a fixed date: same tensors, same bytes
            with archive.open(info, "w", force_zip64=array.nbytes >= 2**31) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def load_npz(f: Path, map_location: MapLocation = None) -> dict[str, Tensor]:
    """Read NumPy's npz: a dict of tensors.

    Raises: FileFormatError for a damaged file, TypeError for arrays that no tensor can hold.

    >>> import os, tempfile, numpy as np, minigrad as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "w.npz")
    ...     np.savez(path, w=np.arange(3))
    ...     torch.serialization.load_npz(path)
    {'w': tensor([0, 1, 2])}
    """
    import zipfile
    import zlib

    place = single_device(map_location, "npz")
    with open(f, "rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it is no zip archive of arrays")
            arrays = {name: archive[name] for name in archive.files}
        except (zipfile.BadZipFile, zlib.error, *_DAMAGE) as error:
            raise FileFormatError(f"{os.fspath(f)} can't be read as npz: {error}") from error
    native = {n: a.astype(a.dtype.newbyteorder("="), copy=False) for n, a in arrays.items()}
    for array in native.values():
        dtypes.of_numpy(array.dtype)  # which raises for what minigrad leaves out
    return {name: _placed(array, place) for name, array in native.items()}


def _placed(array: Any, place: Any) -> Tensor:
    tensor: Tensor = make(backend_for(place).from_host(array, place.index))
    return tensor


def _safetensors() -> Any:
    try:
        import safetensors
    except ImportError as error:
        raise ImportError(
            "safetensors files need the safetensors package: pip install safetensors"
        ) from error
    return safetensors
