"""What arrays of the stand-in can do: indexing, methods, operators."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.cuda.stand_in import streams
from minigrad.cuda.stand_in.arrays import ndarray
from minigrad.cuda.stand_in.calls import host, known_type, run, unwrapped, wrapped, write
from minigrad.cuda.stand_in.cards import Block, get_allocator, here, sent, waits

__all__ = ["asarray", "empty", "host", "index", "known_type", "run", "set_index", "write"]

SCALARS = (int, float, complex, np.generic)


def empty(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    """Memory with what was there before: NaN, or the like, so that whoever reads it sees it."""
    kind = known_type(np.dtype(dtype))
    size = math.prod(shape if isinstance(shape, tuple | list) else (shape,)) * kind.itemsize
    memory = get_allocator()(size)  # too much is refused before the host gives any
    array = np.empty(shape, kind, order)  # type: ignore[call-overload]
    array.reshape(-1, order="A").view(np.uint8)[...] = 1 if array.dtype.kind == "b" else 0xFF
    return ndarray._of(array, Block(array, here.device, size, memory), None)


def empty_like(
    a: ndarray, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None
) -> ndarray:
    """The same for the shape and type of an array."""
    unwrapped(a, [])
    plain = np.empty_like(a._a, dtype, order, False, shape)  # type: ignore[call-overload]
    made = empty(plain.shape, plain.dtype)
    if plain.flags.f_contiguous and not plain.flags.c_contiguous:
        made._a = made._a.reshape(-1).reshape(plain.shape, order="F")
    return made


def array(
    obj: Any,
    dtype: Any = None,
    copy: bool = True,
    order: str = "K",
    subok: bool = False,
    ndmin: int = 0,
    *,
    blocking: bool = False,
) -> ndarray:
    """An array of this card, from one of the host, from numbers or from another array."""
    if dtype is not None:
        known_type(np.dtype(dtype))
    if isinstance(obj, ndarray):
        if not copy and (dtype is None or obj.dtype == dtype) and order in ("K", None):
            return obj
        if obj._block.device != here.device:  # the one way from card to card
            fresh: list[Block] = []
            there: ndarray = wrapped(np.array(obj._a, dtype), [], fresh)
            streams.launch(streams.current(), [obj._block], fresh)
            return there
        whole: Any = np.array  # whose overloads know no order that is a variable
        made: ndarray = run(lambda a: whole(a, dtype, order=order, ndmin=ndmin), (obj,))
        return made
    if isinstance(obj, list | tuple) and _holds_arrays(obj):
        joined: ndarray = run(lambda a: np.array(a, dtype), (obj,))
        return joined
    host_data: Any = np.array(obj, dtype, order=order, ndmin=ndmin)  # type: ignore[call-overload]
    known_type(host_data.dtype)
    if host_data.ndim:
        sent("a copy from the host")
        fresh = []
        there = wrapped(host_data, [], fresh)
        streams.launch(streams.current(), [], fresh)
    else:  # one number is an argument of the kernel that fills
        there = run(host_data.copy, ())
    if blocking:
        waits("asarray(..., blocking=True)")
    return there


def asarray(
    a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, blocking: bool = False
) -> ndarray:
    """An array of this card; the same where it is one already."""
    if isinstance(a, ndarray) and order in (None, "K", "A"):
        if not copy and (dtype is None or a.dtype == dtype):
            return a
        return a.astype(dtype or a.dtype)  # type: ignore[no-any-return]
    return array(a, dtype, bool(copy), order or "K", blocking=blocking)


def packed(a: Any, dtype: Any = None) -> ndarray:
    """``ascontiguousarray``: row-major, with at least one axis."""
    if not isinstance(a, ndarray):
        return array(a, dtype, order="C", ndmin=1)
    kind = a.dtype if dtype is None else np.dtype(dtype)
    if a.ndim and a.dtype == kind and a._a.flags.c_contiguous:
        return a
    made: ndarray = run(lambda x: np.ascontiguousarray(x, known_type(kind)), (a,))
    return made


def _holds_arrays(values: Any) -> bool:
    return any(
        isinstance(v, ndarray) or (isinstance(v, list | tuple) and _holds_arrays(v)) for v in values
    )


# ------------------------------------------------------------------------------------ indexing


def _key(key: Any) -> tuple[Any, list[ndarray]]:
    """A key as NumPy takes it; boolean arrays are counted by the host, as on a card."""
    found: list[ndarray] = []

    def one(value: Any) -> Any:
        if isinstance(value, slice):
            for part in (value.start, value.stop, value.step):
                if part is not None:
                    operator.index(part)  # an array of the card has no __index__: TypeError
        if isinstance(value, np.ndarray | list):
            sent("an index of the host")
            return value
        return unwrapped(value, found)

    plain = tuple(one(v) for v in key) if isinstance(key, tuple) else one(key)
    return plain, found


def index(a: ndarray, key: Any) -> Any:
    """``a[key]``: a view, or with arrays in the key a copy."""
    plain, found = _key(key)
    if any(i.dtype == bool for i in found):
        waits("indexing by a mask")
    return run(lambda x, *_: x[plain], (a, *found), order="C" if found else "")


def set_index(a: ndarray, key: Any, value: Any) -> None:
    """``a[key] = value``.

    Raises: ValueError for an array of the host.
    """
    if isinstance(value, np.ndarray):
        if value.ndim:
            raise ValueError("non-scalar numpy.ndarray cannot be used for setitem")
        value = value.item()
    plain, found = _key(key)
    if any(i.dtype == bool for i in found) and isinstance(value, ndarray) and value.ndim:
        waits("writing to a mask")

    def put(x: Any, given: Any, *_: Any) -> None:
        x[plain] = given

    write(put, a, (a, value, *found))


# ------------------------------------------------------------------------- methods and operators

_LIKE_FUNCTIONS = (
    "all any argmax argmin argsort clip cumprod cumsum diagonal dot max mean min prod ptp ravel "
    "repeat reshape round searchsorted squeeze std sum swapaxes take trace transpose var nonzero "
    "conj argpartition"
)
_OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide",
    "floordiv": "floor_divide", "mod": "remainder", "pow": "power", "matmul": "matmul",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "lshift": "left_shift",
    "rshift": "right_shift",
}  # fmt: skip
_COMPARISONS = {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal",
    "ne": "not_equal",
}  # fmt: skip


def _operator(function: Any, swapped: bool = False, inplace: bool = False) -> Callable[..., Any]:
    def call(self: ndarray, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            raise TypeError(f"Unsupported type {type(other)}")
        if not isinstance(other, (ndarray, *SCALARS)):
            return NotImplemented
        if inplace:
            return function(self, other, out=self)
        return function(other, self) if swapped else function(self, other)

    return call


def _method(function: Any) -> Callable[..., Any]:
    def call(self: ndarray, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    return call


def _sized(function: Any, keyword: str) -> Callable[..., Any]:
    """A method that takes sizes one by one or in a tuple."""

    def call(self: ndarray, *sizes: Any, order: str = "C") -> Any:
        whole = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
        if keyword == "axes":
            return function(self, whole or None)
        return run(lambda a: a.reshape(whole, order=order), (self,))

    return call


def attach(namespace: Any) -> None:
    """Give the array its methods and operators, from the functions of the namespace."""
    for name in _LIKE_FUNCTIONS.split():
        setattr(ndarray, name, _method(getattr(namespace, name)))
    for name, function in {**_OPERATORS, **_COMPARISONS}.items():
        found = getattr(namespace, function)
        setattr(ndarray, f"__{name}__", _operator(found))
        if name in _OPERATORS:
            setattr(ndarray, f"__r{name}__", _operator(found, swapped=True))
            if name != "matmul":  # CuPy has no `@=`
                setattr(ndarray, f"__i{name}__", _operator(found, inplace=True))
    for name, function in {"neg": "negative", "abs": "absolute", "invert": "invert"}.items():
        setattr(ndarray, f"__{name}__", _method(getattr(namespace, function)))
    made: dict[str, Callable[..., Any]] = {
        "reshape": _sized(namespace.reshape, "shape"),
        "transpose": _sized(namespace.transpose, "axes"),
        "copy": lambda self, order="C": run(lambda a: a.copy(order), (self,)),
        "flatten": lambda self, order="C": run(lambda a: a.flatten(order), (self,)),
        "view": lambda self, dtype=None: run(
            lambda a: a.view() if dtype is None else a.view(known_type(np.dtype(dtype))), (self,)
        ),
        "fill": lambda self, value: set_index(self, ..., value),
        "sort": lambda self, axis=-1: write(lambda a: a.sort(axis), self, (self,)),
        "partition": lambda self, kth, axis=-1: write(
            lambda a: a.partition(kth, axis), self, (self,)
        ),
    }
    for name, method in made.items():
        setattr(ndarray, name, method)
