"""Elements in order: sort, and the k greatest."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minigrad.autograd.apply import apply
from minigrad.autograd.registry import T, call, function, register
from minigrad.backend import Array
from minigrad.ops.dims import one_dim
from minigrad.ops.elementwise.precision import is_half
from minigrad.ops.folds import in_rows
from minigrad.ops.indexing.places import taken
from minigrad.ops.reduction.extrema import Picked, the_only
from minigrad.ops.reduction.selection import as_torch_ties
from minigrad.return_types import named

SORT = named("sort", "values", "indices")
TOPK = named("topk", "values", "indices")

LONG = 128  # elements; above, one sort of 64-bit keys is faster than a stable argsort
PART = 4  # times as many elements as are wanted: then the others need not be sorted
FEW = 16  # how many of the greatest are found one after the other
ERRORS = (call(T(2, 3), dim=2), call(T(2, 3), dim=-3))


def comparable(xp: Any, x: Array) -> Array:
    """Numbers in the same order that NumPy compares fast: half precision as float32."""
    return x.astype(xp.float32) if is_half(x.dtype) else x


def places_in_order(
    xp: Any, x: Array, dim: int, descending: bool = False, first: int | None = None
) -> Array:
    """Where the elements of an axis stand from small to great; equal ones stay as they stood.

    NaN counts as the greatest of all. ``first``: only so many of them, the first ones.
    """
    x = comparable(xp, x)
    wanted = (slice(None),) * dim + (slice(first),)
    if x.shape[dim] > LONG and x.size and x.dtype.itemsize >= 4:
        x, bits = _short(xp, x)
        if bits == 32:  # the value and, below it, the place: one fast sort of numbers
            line = [1] * x.ndim
            line[dim] = -1
            keys = (~x if descending else x).astype(xp.int64) << 32
            keys |= xp.arange(x.shape[dim]).reshape(line)
            if first is not None and first * PART < x.shape[dim] and xp is np:
                keys = xp.partition(keys, first, axis=dim)[wanted]
            keys = xp.sort(keys, axis=dim)[wanted]
            keys &= 0xFFFFFFFF
            return keys
    if descending:  # the order from small to great of what stands backwards, backwards
        last, backwards = x.shape[dim] - 1, (slice(None),) * dim + (slice(None, None, -1),)
        return (last - xp.argsort(x[backwards], axis=dim, kind="stable")[backwards])[wanted]
    return xp.argsort(x, axis=dim, kind="stable")[wanted]


def _short(xp: Any, x: Array) -> tuple[Array, int]:
    """Integers in the same order, and their bits: 16, which are sorted by radix, 32, or 64."""
    if x.dtype.kind == "f":
        if x.dtype.itemsize != 4:
            return x, 64
        x = xp.ascontiguousarray(x) + xp.zeros((), x.dtype)  # -0 and 0 are equal
        bits = x.view(xp.int32)
        bits = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # the order of floats as one of integers
        return xp.where(x != x, xp.asarray(0x7FFFFFFF, dtype=xp.int32), bits), 32
    low, high = int(x.min()), int(x.max())
    if high - low < 2**16:
        return (x - low).astype(xp.uint16), 16
    return (x.astype(xp.int64) - low, 32) if high - low < 2**31 else (x, 64)


@register(internal=True)
class SortAlong(Picked):
    """The elements along an axis in order, and their places."""

    grad_fn = "SortBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, dim: int, descending: bool, keepdim: bool = True) -> Any:
        """Stable, NaN as the greatest."""
        if not input.ndim:
            return the_only(xp, input)
        places = places_in_order(xp, input, dim, descending)
        return taken(xp, input, places, dim), places, places


def _sort(input: Any, dim: int = -1, descending: bool = False, stable: bool | None = False) -> Any:
    return SORT(apply(SortAlong, (input,), (one_dim(dim, input._array.ndim), descending, True)))


@function(
    out=True,
    dtypes=("float", "int", "bool"),
    samples=(
        call(T(2, 5)),
        call(T(3, 4), 0),
        call(T(2, 5), dim=1, descending=True),
        call(T(7), stable=True),
        call(T()),
    ),
    errors=ERRORS,
    returns="Any",
)
def sort(
    input: Any, dim: int = -1, descending: bool = False, *, stable: bool | None = False
) -> Any:
    """The elements along an axis in order, and where they stood; equal ones keep their order.

    NaN counts as the greatest of all.

    Formula:   values_i <= values_{i+1}, values_i = input[indices_i]
    Gradient:  g_i back to the place indices_i

    >>> import minigrad as torch
    >>> torch.sort(torch.tensor([3., 1., 2.])).indices
    tensor([1, 2, 0])
    """
    return _sort(input, dim, descending)


@function(
    out=True,
    dtypes=("float", "int", "bool"),
    samples=(call(T(2, 5), stable=True), call(T(3, 4), dim=0, stable=True), call(T())),
    errors=ERRORS,
    gradcheck=False,
)
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Where the elements of an axis stand from small to great; equal ones keep their order.

    >>> import minigrad as torch
    >>> torch.argsort(torch.tensor([3., 1., 2.]))
    tensor([1, 2, 0])
    """
    if type(dim) is bool:  # argsort(stable, dim, descending), the older overload
        raise TypeError("argsort(): argument 'dim' must be int, not bool; give stable by keyword")
    return _sort(input.detach(), dim, descending)[1]


@function(
    out=True, dtypes=("float", "int", "bool"), samples=(call(T(5, 2)), call(T(4))), gradcheck=True
)
def msort(input: Any) -> Any:
    """The elements along the first axis in order.

    Formula:   out = sort(input, dim=0).values
    Gradient:  g back to where each element stood

    >>> import minigrad as torch
    >>> torch.msort(torch.tensor([3., 1., 2.]))
    tensor([1., 2., 3.])
    """
    return _sort(input, 0)[0]


def least(dtype: Any) -> Any:
    """A value that no other of a dtype is smaller than."""
    if dtype.kind == "f":
        return float("-inf")
    return 0 if dtype.kind in "bu" else -(2 ** (8 * dtype.itemsize - 1))


@register(internal=True)
class TopkAlong(Picked):
    """The k greatest or smallest along an axis, in order, and their places."""

    grad_fn = "TopkBackward0"

    @staticmethod
    def forward(
        xp: Any, input: Array, k: int, dim: int, largest: bool, keepdim: bool = True
    ) -> Any:
        """One after the other if few of many are wanted, else by order."""
        if not input.ndim:
            return the_only(xp, input)
        places = _greatest(xp, input, k, dim) if largest and k <= FEW else None
        if places is None:
            places = places_in_order(xp, input, dim, largest, k)
        if xp is np:
            places = as_torch_ties(input, places, dim, largest)
        places = in_rows(places)
        return taken(xp, input, places, dim), places, places


def _greatest(xp: Any, x: Array, k: int, dim: int) -> Any:
    """The places of the k greatest, found one by one and struck out; None if that is no way.

    It is not if fewer than k are greater than what strikes out, or if the axis is short.
    """
    if x.shape[dim] < 4 * FEW or x.dtype.char not in "fdil":
        return None
    rows = xp.moveaxis(x, dim, -1)
    line = rows.shape[:-1]
    rows = rows.reshape(-1, rows.shape[-1]).copy()
    low, counter = least(x.dtype), xp.arange(len(rows))
    found = xp.empty((len(rows), k), dtype=xp.int64)
    for i in range(k):
        place = rows.argmax(axis=1)
        if (rows[counter, place] == low).any():
            return None
        found[:, i] = place
        rows[counter, place] = low
    return xp.moveaxis(found.reshape(*line, k), -1, dim)


@function(
    out=True,
    dtypes=("float",),
    samples=(call(T(2, 5), 2), call(T(6, 3), 3, 0), call(T(2, 5), 2, largest=False), call(T(), 1)),
    errors=(call(T(2, 3), 4), call(T(2, 3), 1, 2)),
    returns="Any",
)
def topk(input: Any, k: Any, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k greatest (or smallest) elements along an axis, in order, and where they stand.

    Formula:   values = the first k of sort(input, descending=largest)
    Gradient:  g back to the places they come from

    >>> import minigrad as torch
    >>> torch.topk(torch.tensor([1., 4., 2., 3.]), 2).values
    tensor([4., 3.])
    """
    shape, k = input._array.shape, operator.index(k)
    number = one_dim(dim, len(shape))
    if input._array.dtype.kind == "b":
        raise RuntimeError("topk does not support bool dtypes on CPU; use x.byte()")
    if not 0 <= k <= (shape[number] if shape else 1):
        raise RuntimeError(
            f"selected index k out of range: {k} of {shape[number] if shape else 1} (topk)"
        )
    return TOPK(apply(TopkAlong, (input,), (k, number, largest, True)))
