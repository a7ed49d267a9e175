"""What stands in a file under which of torch's names: the one table for writing and reading.

``GLOBALS`` is also the list of what a file may name when it is loaded with ``weights_only=True``.
"""

from __future__ import annotations

import importlib
import re
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from minigrad import dtypes
from minigrad.device import device
from minigrad.layout import (
    layout,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
    strided,
)
from minigrad.ops.shape.storage import TypedStorage, UntypedStorage
from minigrad.serialization.errors import UnpicklingError
from minigrad.size import Size
from minigrad.tensor import Tensor

__all__ = [
    "CONSTRUCTORS",
    "StorageType",
    "buffer_class",
    "find",
    "is_buffer",
    "known",
    "left_out",
    "place_of",
    "storage_type",
]

GLOBALS: dict[str, Any] = {}  # "torch.float32" -> the object
PLACES: dict[Any, tuple[str, str]] = {}  # the object -> ("torch", "float32")
CONSTRUCTORS: dict[Any, Callable[..., Any]] = {}  # what a file may call -> what is called for it


def known(
    module: str, name: str, thing: Any, constructor: Callable[..., Any] | None = None
) -> None:
    """Enter an object under torch's name; with a constructor, a file may also call it."""
    GLOBALS[f"{module}.{name}"] = thing
    if module.startswith("torch"):
        PLACES.setdefault(thing, (module, name))
    if constructor is not None:
        CONSTRUCTORS[thing] = constructor


def find(path: str) -> Any:
    """What torch's name stands for, if a file may always name it; else None."""
    found = GLOBALS.get(path)
    if found is None and path in _ABOVE:
        module, name = path.rsplit(".", 1)
        found = _above(path)
        known(module, name, found, _above(_MADE_BY.get(path, path)))
    return found


def place_of(thing: Any) -> tuple[str, str] | None:
    """Under which of torch's names an object stands in a file; None if it keeps its own."""
    if getattr(thing, "__module__", None) == _PARAMETERS:
        return _PLACES_ABOVE.get(thing.__qualname__)
    return PLACES.get(thing) if thing.__hash__ is not None else None


def is_buffer(cls: type) -> bool:
    """Whether a class of tensors is the Buffer of ``nn``; torch tells it by an attribute."""
    return cls.__module__ == _PARAMETERS and cls.__qualname__ == "Buffer"


def buffer_class() -> Any:
    """The Buffer of ``nn``."""
    return importlib.import_module(_PARAMETERS).Buffer


def _above(path: str) -> Any:
    return getattr(importlib.import_module(_PARAMETERS), path.rsplit(".", 1)[1])


# What stands in a room above this one, and is imported when a file names it.
_PARAMETERS = "minigrad.nn.parameter"
_ABOVE = (
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch.nn.parameter.Parameter",
)
_MADE_BY = {"torch.nn.parameter.Parameter": "torch._utils._rebuild_parameter"}
_PLACES_ABOVE = {
    name: (module, name) for module, _, name in (path.rpartition(".") for path in _ABOVE)
}


class StorageType:
    """``torch.FloatStorage`` and its like, which stand in a file for an element type."""

    __slots__ = ("dtype", "name")

    def __init__(self, dtype: Any, name: str) -> None:
        self.dtype = dtype
        self.name = name

    def __reduce__(self) -> str:
        return self.name


def storage_type(kind: dtypes.dtype) -> Any:
    """What stands in a file for a storage of this element type; wide unsigned ones are untyped."""
    return _STORAGE_TYPES.get(kind, UntypedStorage)


def __getattr__(name: str) -> StorageType:
    """The storage types by name, for picklers that look up what they write."""
    found = GLOBALS.get(f"torch.{name}")
    if isinstance(found, StorageType):
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def left_out(path: str) -> str | None:
    """Why minigrad has nothing of this name of torch's; None for a name that says nothing."""
    for pattern, kind in _LEFT_OUT:
        if re.fullmatch(pattern, path):
            return f"the file holds {kind} ({path}), which minigrad leaves out"
    return None


_LEFT_OUT = (
    (r"torch\.(cuda\.)?Complex\w*Storage", "complex tensors"),
    (r"torch\.(cuda\.)?QU?Int\w*Storage|torch\._utils\._rebuild_qtensor", "quantized tensors"),
    (r"torch\.per_(tensor|channel)\w*", "quantized tensors"),
    (r"torch\.(float8|float4)_\w+|torch\.u?int[1-7]|torch\.bits\w+", "tensors of a small type"),
    (r"torch\._utils\._rebuild_sparse\w*", "sparse tensors"),
    (r"torch\._utils\._rebuild_nested\w*|torch\.nested\..*", "nested tensors"),
    (r"torch\._utils\._rebuild_meta\w*", "tensors without values (of the meta device)"),
    (r"torch\._utils\._rebuild_(wrapper|device|xla)\w*", "tensors of another kind of device"),
    (r"torch\.(jit|fx|distributed|_dynamo)\..*", "parts of torch's compiler or clusters"),
)


def _size(*args: Any) -> Size:
    if len(args) > 1 or (args and type(args[0]) not in (tuple, list)):
        raise UnpicklingError("torch.Size takes one tuple")
    return Size(*args)


def _device(*args: Any) -> device:
    if not args or not all(type(arg) in (str, int) for arg in args):
        raise UnpicklingError("torch.device takes a kind and an index")
    return device(*args)


def get_layout(name: str) -> layout:
    """The layout of that name.

    >>> get_layout("torch.strided")
    torch.strided
    """
    found = LAYOUTS.get(name) if isinstance(name, str) else None
    if found is None:
        raise UnpicklingError(f"there is no layout {name!r}")
    return found


def _ordered(*args: Any) -> OrderedDict[Any, Any]:
    """An empty one, as Python 3 writes it, or one of pairs, as Python 2 did."""
    from minigrad.serialization.unpickler import checked_key

    if not args:
        return OrderedDict()
    (rows,) = args
    if type(rows) is not list or not all(type(r) in (list, tuple) and len(r) == 2 for r in rows):
        raise UnpicklingError("OrderedDict takes a list of pairs")
    return OrderedDict((checked_key(key), value) for key, value in rows)


def _counter(*args: Any) -> Counter[Any]:
    if args and (len(args) > 1 or type(args[0]) is not dict):
        raise UnpicklingError("Counter takes a dict")
    counter: Counter[Any] = Counter()
    dict.update(counter, *args)
    return counter


def _set(*args: Any) -> set[Any]:
    from minigrad.serialization.unpickler import checked_key

    if args and (len(args) > 1 or type(args[0]) not in (list, tuple)):
        raise UnpicklingError("set takes a list")
    return set(map(checked_key, *args))


def _frozenset(*args: Any) -> frozenset[Any]:
    return frozenset(_set(*args))


def _encode(text: Any, codec: Any = None) -> bytes:
    """Bytes, as protocol 2 writes them."""
    if type(text) is not str or codec not in ("latin1", "latin-1"):
        raise UnpicklingError("bytes are written in latin1 only")
    return text.encode("latin-1")


def _bytes(*args: Any) -> bytes:
    if args:
        raise UnpicklingError("bytes are made of nothing, or by _codecs.encode")
    return b""


def _bytearray(*args: Any) -> bytearray:
    if args and type(args[0]) is str:
        return bytearray(_encode(*args))
    if len(args) > 1 or (args and type(args[0]) is not bytes):
        raise UnpicklingError("bytearray takes bytes")
    return bytearray(*args)


def _complex(*args: Any) -> complex:
    if len(args) != 2 or not all(type(arg) is float for arg in args):
        raise UnpicklingError("complex takes two floats")
    return complex(*args)


LAYOUTS = {
    repr(word): word
    for word in (strided, sparse_coo, sparse_csr, sparse_csc, sparse_bsr, sparse_bsc)
}
_STORAGE_TYPES: dict[dtypes.dtype, StorageType] = {}


def _fill() -> None:
    from _codecs import encode  # where pickled bytes say that they come from

    for kind in dtypes.ALL:
        known("torch", kind.name, kind)
        if kind not in dtypes.WIDE_UNSIGNED:
            name = f"{kind.type_name}Storage"
            _STORAGE_TYPES[kind] = made = StorageType(kind, name)
            known("torch", name, made)
            known("torch.cuda", name, made)
    for missing in (dtypes.complex32, dtypes.complex64, dtypes.complex128):
        known("torch", missing.name, missing)
    for missing in (dtypes.qint8, dtypes.quint8, dtypes.qint32):
        known("torch", missing.name, missing)
    known("torch", "Tensor", Tensor)
    known("torch", "Size", Size, _size)
    known("torch", "device", device, _device)
    known("torch.storage", "UntypedStorage", UntypedStorage)
    known("torch.storage", "TypedStorage", TypedStorage)
    known("torch.serialization", "_get_layout", get_layout, get_layout)
    known("collections", "OrderedDict", OrderedDict, _ordered)
    known("collections", "Counter", Counter, _counter)
    known("builtins", "set", set, _set)
    known("builtins", "frozenset", frozenset, _frozenset)
    known("builtins", "bytes", bytes, _bytes)
    known("builtins", "bytearray", bytearray, _bytearray)
    known("builtins", "complex", complex, _complex)
    known("_codecs", "encode", encode, _encode)


_fill()
