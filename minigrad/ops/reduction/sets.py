"""Values taken as sets: which are there, which belong, all ways to choose among them."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from minigrad.autograd.arguments import common_type
from minigrad.autograd.op import renamed, tensors
from minigrad.autograd.registry import T, call, function, integers
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, xp_of
from minigrad.ops.dims import one_dim
from minigrad.ops.elementwise.precision import is_half
from minigrad.ops.reduction.order import comparable, places_in_order

_VALUES: dict[str, Any] = {
    "domain": [integers(0, 2)],
    "dtypes": ("float", "int"),
    "gradcheck": False,
    "returns": "Any",
}


@function(
    samples=(
        call(T(7)),
        call(T(2, 5), return_inverse=True, return_counts=True),
        call(T(6, 2), dim=0),
        call(T(2, 6), dim=1, return_inverse=True, return_counts=True),
        call(T()),
    ),
    errors=(call(T(3, 0), dim=0), call(T(3), dim=1)),
    **_VALUES,
)
def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different values in order, or the different slices of an axis; each NaN is different.

    On demand also where each element stands among them, and how often each is there.

    >>> import minigrad as torch
    >>> torch.unique(torch.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    return _different(input, True, return_inverse, return_counts, dim)


@function(
    samples=(
        call(T(7)),
        call(T(2, 5), return_inverse=True, return_counts=True),
        call(T(6, 2), dim=0, return_counts=True),
        call(T()),
    ),
    errors=(call(T(3, 0), dim=0),),
    **_VALUES,
)
def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The first of each run of equal values, or of equal slices of an axis.

    On demand also to which run each element belongs, and how long each is.

    >>> import minigrad as torch
    >>> torch.unique_consecutive(torch.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    return _different(input, False, return_inverse, return_counts, dim)


def _different(input: Any, in_order: bool, inverse: bool, counts: bool, dim: Any) -> Any:
    """The runs of equal rows (elements, or slices of an axis), put in order before if need be."""
    x = input._array
    xp = xp_of(x)
    if dim is None:
        items = comparable(xp, x).reshape(-1)
        rest: tuple[int, ...] = ()
        shape = x.shape
    else:
        at = one_dim(dim, x.ndim)
        if not x.ndim:
            x = x.reshape(1)
        moved = xp.moveaxis(comparable(xp, x), at, 0)
        rest, shape = moved.shape[1:], moved.shape[:1]
        if 0 in rest:
            raise RuntimeError(
                "There are 0 sized dimensions, and they aren't selected, so unique cannot be "
                "applied"
            )
        items = moved.reshape(len(moved), math.prod(rest))
    if in_order and items.ndim == 1 and items.dtype.kind in "iu" and items.size:
        low, high = int(items.min()), int(items.max())
        if high - low <= 4 * items.size:
            return _counted(xp, items - low, low, x, inverse, counts)
    order = None
    if in_order and items.ndim == 1 and not inverse:
        items = xp.sort(items)
    elif in_order and len(items):
        columns = items.T[::-1]  # the first column decides, then the second, ...
        order = places_in_order(xp, items, 0) if items.ndim == 1 else xp.lexsort(columns)
        items = items[order]
    first = xp.ones(len(items), dtype=bool)
    changes = items[1:] != items[:-1]
    first[1:] = changes if items.ndim == 1 else changes.any(axis=1)
    values = items[first]
    values = values.reshape(len(values), *rest)
    if dim is not None:
        values = xp.moveaxis(values, 0, at)
    results = [tensors.from_array(xp.ascontiguousarray(values).astype(x.dtype, copy=False))]
    if inverse:
        numbers = xp.cumsum(first, dtype=xp.int64) - 1
        if order is not None:
            back = xp.empty_like(numbers)
            back[order] = numbers
            numbers = back
        results.append(tensors.from_array(numbers.reshape(shape)))
    if counts:
        starts = xp.concatenate([xp.flatnonzero(first), xp.asarray([len(items)])])
        results.append(tensors.from_array(xp.diff(starts).astype(xp.int64)))
    return results[0] if len(results) == 1 else tuple(results)


def _counted(xp: Any, items: Array, low: int, x: Array, inverse: bool, counts: bool) -> Any:
    """The same for integers of a small range: count them all, keep those that are there."""
    found = xp.bincount(items)
    there = xp.flatnonzero(found)
    results = [tensors.from_array((there + low).astype(x.dtype))]
    if inverse:
        numbers = xp.cumsum(found > 0, dtype=xp.int64) - 1
        results.append(tensors.from_array(numbers[items].reshape(x.shape)))
    if counts:
        results.append(tensors.from_array(found[there].astype(xp.int64, copy=False)))
    return results[0] if len(results) == 1 else tuple(results)


@function(
    where=("torch",),
    domain=[integers(0, 5)],
    dtypes=("float", "int"),
    samples=(
        call(T(2, 3), T(4)),
        call(T(5), T(2), invert=True),
        call(T(3), 2),
        call(T(), T(4)),
    ),
    gradcheck=False,
    out=True,
)
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Any:
    """Whether each element is among others.

    >>> import minigrad as torch
    >>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([3, 1]))
    tensor([ True, False,  True])
    """
    if not isinstance(elements, TensorBase) and not isinstance(test_elements, TensorBase):
        raise TypeError("isin(): expected at least one Tensor among elements and test_elements")
    one, other = (t._array for t in common_type(elements, test_elements))
    xp = xp_of(one)
    if one.dtype.kind == "b":
        raise RuntimeError("Unsupported input type encountered for isin(): Bool; use x.byte()")
    if is_half(one.dtype):
        one, other = one.astype(xp.float32), other.astype(xp.float32)
    found = xp.isin(one, other, assume_unique=assume_unique, invert=invert)
    return tensors.from_array(xp.asarray(found))


@function(
    where=("torch",),
    samples=(
        call(T(5)),
        call(T(4), 3),
        call(T(3), with_replacement=True),
        call(T(3), r=0),
        call(T(2), 3),
    ),
    errors=(call(T(2, 2)), call(T(3), -1)),
)
def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All choices of ``r`` elements of a vector, one row each, in the order of their places.

    Formula:   out_k = input[places of choice k]
    Gradient:  g added at the places

    >>> import minigrad as torch
    >>> torch.combinations(torch.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    shape = input._array.shape
    if len(shape) != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return tensors.from_array(input._array[:0].copy())
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    flat = itertools.chain.from_iterable(choose(range(shape[0]), r))
    places = np.fromiter(flat, dtype=np.int64).reshape(-1, r)
    return input[tensors.from_array(_like(input._array, places))]


def _like(array: Array, host: Any) -> Any:
    """Numbers made on the host, where an array is."""
    return xp_of(array).asarray(host)


@function(
    where=("torch",),
    samples=(call(T(2), T(3)), call(T(3)), call(T(2), T(1), T(2))),
    errors=(call(T(2, 2), T(3)), call(T(), T(2))),
    dtypes=("float", "int"),
)
def cartesian_prod(*vectors: Any) -> Any:
    """All ways to take one element of each vector, one row each, the last changing first.

    Formula:   out_{(i, j)} = (a_i, b_j)
    Gradient:  for each element the sum over the rows that it is in

    >>> import minigrad as torch
    >>> torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    for v in vectors:
        if v._array.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(v._array.shape)}")
    if len(vectors) == 1:
        return vectors[0]
    if len({v._array.dtype for v in vectors}) > 1:
        raise RuntimeError("cartesian_prod: expected all tensors to have the same dtype")
    lengths = tuple(v._array.size for v in vectors)
    columns = []
    for i, v in enumerate(vectors):
        line = tuple(n if j == i else 1 for j, n in enumerate(lengths))
        columns.append(tensors.expand(v.reshape(line), lengths).reshape(-1, 1))
    return renamed(tensors.cat(*columns, dim=1), "StackBackward0")
