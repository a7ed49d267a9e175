"""Sums of arrays: few elements, many, side by side or apart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.backend import Array
from minigrad.backend.native import kernel
from minigrad.ops.dims import kept_shape
from minigrad.ops.elementwise.precision import is_half, rounded, single
from minigrad.ops.folds import SHORT, fold, in_rows

ROW = 1024  # elements that a dot product adds up before the rows' sums are added pairwise
MANY = 4096  # elements; below, NumPy's own reductions are as fast as anything
FEW = 1024  # elements; up to here, products with ones are faster still
ONES = {code: np.ones(FEW, code) for code in "fd"}
VERY_MANY = 32768  # the same for a sum of everything


def few_added_up(x: Any, ones: Any, dim: Any, keepdim: bool) -> Any:
    """A sum of few floats as a product with ones, which takes half the time of a reduction."""
    ndim = x.ndim
    if dim is None:
        total = x.reshape(-1).dot(ones[: x.size])
        return total.reshape((1,) * ndim) if keepdim else total
    if dim == (ndim - 1,) and x.size:
        total = x.dot(ones[: x.shape[-1]])
        return total.reshape((*x.shape[:-1], 1)) if keepdim else total
    if dim == (ndim - 2,) and x.size:
        total = ones[: x.shape[-2]].dot(x)
        return total.reshape((*x.shape[:-2], 1, x.shape[-1])) if keepdim else total
    add: Any = np.add
    return in_rows(add.reduce(x, axis=dim, keepdims=keepdim))


def add_up(xp: Any, x: Array, dim: Any, keepdim: bool) -> Array:
    """A sum of floats or integers.

    Many floats that lie side by side are added by a kernel; without it by dot products with ones,
    in rows, and the rows pairwise: three times as fast as adding all of them pairwise. On a card
    a kernel adds. Half precision is added up in float32.
    """
    if xp is not np:
        return _on_card(xp, x, dim, keepdim)
    if is_half(x.dtype):
        return rounded(xp, add_up(xp, single(xp, x), dim, keepdim), x.dtype)
    if x.size < MANY:
        ones = ONES.get(x.dtype.char) if x.size <= FEW else None
        if ones is not None:
            return few_added_up(x, ones, dim, keepdim)
        return in_rows(xp.add.reduce(x, axis=dim, keepdims=keepdim))
    found = _by_kernels(x, dim, keepdim)
    if found is not None:
        return found
    whole = dim is None or len(dim) == x.ndim
    if (whole and x.size < VERY_MANY) or x.dtype.char not in "fd" or not x.flags.c_contiguous:
        return in_rows(xp.add.reduce(x, axis=dim, keepdims=keepdim))
    if whole:
        flat = x.reshape(-1)
        cut = x.size - x.size % ROW
        total = xp.add.reduce(flat[:cut].reshape(-1, ROW) @ xp.ones(ROW, x.dtype))
        total = xp.asarray(total + xp.add.reduce(flat[cut:]), dtype=x.dtype)
        return total.reshape((1,) * x.ndim) if keepdim else total
    first = x.ndim - len(dim)
    if sorted(dim) == list(range(first, x.ndim)):  # the last axes: rows that lie one after another
        size = math.prod(x.shape[first:])
        if SHORT < size <= 4 * ROW:
            total = x.reshape(-1, size) @ xp.ones(size, x.dtype)
            return total.reshape(kept_shape(x.shape, dim) if keepdim else x.shape[:first])
    return fold(xp, "add", x, dim, keepdim)


def _by_kernels(x: Any, dim: Any, keepdim: bool) -> Array | None:
    """The sum by a kernel for each run of neighbouring axes, from the last to the first.

    None where there is none, and for few numbers beside each other, which NumPy adds as columns.
    """
    rows, columns = kernel("sum_rows", x), kernel("sum_columns", x)
    if rows is None or columns is None or not x.size:
        return None
    runs = _runs(x.shape, range(x.ndim) if dim is None else dim)
    if not runs or (runs[0][2] == 1 and runs[0][1] <= SHORT):
        return None
    whole: Any = x
    for outer, n, inner in runs:
        out = np.empty((outer, inner), x.dtype)
        if inner == 1:
            rows(whole, out, outer, n)
        else:
            columns(whole, out, outer, n, inner)
        whole = out
    kept = kept_shape(x.shape, dim)
    left = [n for axis, n in enumerate(x.shape) if dim is not None and axis not in dim]
    return whole.reshape(kept if keepdim else left)


def _runs(shape: tuple[int, ...], dim: Any) -> list[tuple[int, int, int]]:
    """For each run of neighbouring axes, the last one first: what is before, in and after it.

    >>> _runs((2, 3, 4, 5), (0, 2, 3)), _runs((2, 3, 4), (1,))
    ([(6, 20, 1), (1, 2, 3)], [(2, 3, 4)])
    """
    left, sizes, found = sorted(dim), list(shape), []
    while left:
        last = first = left.pop()
        while left and left[-1] == first - 1:
            first = left.pop()
        before, here, after = sizes[:first], sizes[first : last + 1], sizes[last + 1 :]
        found.append((math.prod(before), math.prod(here), math.prod(after)))
        sizes[first : last + 1] = []
    return found


def _on_card(xp: Any, x: Array, dim: Any, keepdim: bool) -> Array:
    """The sum by kernels, one for each run of neighbouring axes, from the last to the first."""
    left = sorted(range(x.ndim) if dim is None else dim)
    kept = kept_shape(x.shape, dim)
    result: Any = [n for axis, n in enumerate(x.shape) if axis not in left]
    result = kept if keepdim else tuple(result)
    whole = xp.ascontiguousarray(x)
    run = kernel("reduce", whole) if left and math.prod(result) else None
    if run is None:
        return xp.sum(x, dim, keepdims=keepdim)
    runs = _runs(x.shape, left)
    for number, (outer, n, inner) in enumerate(runs, 1):
        out = xp.empty(result if number == len(runs) else (outer, inner), x.dtype)
        run(whole, out, outer, n, inner, 0, 1.0)
        whole = out
    return whole


def first_of_last(ndim: int, dim: Any) -> int | None:
    """The first of the axes to be reduced, if they are the last ones: then they make rows.

    >>> first_of_last(3, (2, 1)), first_of_last(2, (0,)), first_of_last(2, None)
    (1, None, 0)
    """
    first = 0 if dim is None else ndim - len(dim)
    return first if dim is None or sorted(dim) == list(range(first, ndim)) else None


def square_sum(xp: Any, x: Array) -> Any:
    """The sum of the squares of all elements, which of few is a product with itself."""
    flat = x.reshape(-1)
    return xp.dot(flat, flat)
