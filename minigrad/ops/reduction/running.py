"""Running totals and extremes of arrays: what an axis has come to at each of its places."""

from __future__ import annotations

import math
from typing import Any

from minigrad.backend import Array
from minigrad.backend.native import kernel
from minigrad.ops.folds import in_rows

KERNELS = {"add": "running_sum", "multiply": "running_product"}
BLOCK = 32  # elements that one row of a matrix product adds up
MANY = 4096  # elements; below, one by one is as fast


def running(xp: Any, ufunc: str, x: Array, axis: int) -> Array:
    """What an associative ufunc of two arguments gives of all elements up to each place.

    >>> import numpy as np
    >>> running(np, "maximum", np.array([1, 3, 2]), 0)
    array([1, 3, 3])
    """
    combine, x = getattr(xp, ufunc), in_rows(x)
    length = x.shape[axis]
    if length == 0 or length == 1:
        return x.copy()
    run = kernel(KERNELS[ufunc], x) if ufunc in KERNELS else None
    if run is not None:
        out = xp.empty_like(x)
        run(x, out, *around(x.shape, axis))
        return out
    if x.size >= MANY and x.size // length >= 256 and axis == 0 and x.flags.c_contiguous:
        out = xp.empty_like(x)  # long rows: one combination of two rows after the other
        out[0] = x[0]
        for i in range(1, length):
            combine(out[i - 1], x[i], out=out[i])
        return out
    if hasattr(combine, "accumulate") and xp.__name__ != "cupy":
        return combine.accumulate(x, axis=axis, dtype=x.dtype)
    out, step = xp.moveaxis(x, axis, 0).copy(), 1
    while step < length:  # twice as far with every round
        out[step:] = combine(out[:-step], out[step:])
        step *= 2
    return xp.moveaxis(out, 0, axis)


def around(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    """How many elements there are before an axis, along it and after it.

    >>> around((2, 3, 4, 5), 1)
    (2, 3, 20)
    """
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


def running_extreme(xp: Any, ufunc: str, x: Array, axis: int) -> tuple[Array, Array]:
    """The greatest ("maximum") or least element up to each place, and the last place of it.

    >>> import numpy as np
    >>> running_extreme(np, "maximum", np.array([1., 3., 2.]), 0)
    (array([1., 3., 3.]), array([0, 1, 1]))
    """
    x = in_rows(x)
    run = kernel("running_extreme", x)
    if run is not None:
        values, places = xp.empty_like(x), xp.empty(x.shape, xp.int64)
        run(x, values, places, *around(x.shape, axis), ufunc == "minimum")
        return values, places
    values = running(xp, ufunc, x, axis)
    if not values.size:
        return values, xp.zeros(values.shape, xp.int64)
    reached = x == values  # a place counts if it reaches what stood before it
    if x.dtype.kind in "fV":
        reached |= x != x
    return values, last_places(xp, reached, axis)


def running_sum(xp: Any, x: Array, axis: int) -> Array:
    """Running sums, added up in float64 by a kernel.

    Without it many floats side by side are products with a triangle of ones, block by block, and
    only the blocks' totals are added in float64, so that a long sum does not drift.
    """
    last = x.shape[-1] if x.ndim else 0
    native = kernel(KERNELS["add"], x) is not None
    if (
        native
        or x.size < MANY
        or axis != x.ndim - 1
        or last < 4 * BLOCK
        or x.dtype.char not in "fd"
    ):
        return running(xp, "add", x, axis)
    cut = last - last % BLOCK
    blocks = x[..., :cut].reshape(*x.shape[:-1], cut // BLOCK, BLOCK)
    out = blocks @ xp.triu(xp.ones((BLOCK, BLOCK), x.dtype))
    totals = xp.cumsum(out[..., -1], axis=-1, dtype=xp.float64)
    if not xp.isfinite(totals).all():  # a product would carry an inf or a NaN backwards
        return running(xp, "add", x, axis)
    out[..., 1:, :] += totals[..., :-1, None].astype(x.dtype)
    out = out.reshape(*x.shape[:-1], cut)
    if cut == last:
        return out
    rest = xp.cumsum(x[..., cut:], axis=-1) + totals[..., -1:].astype(x.dtype)
    return xp.concatenate([out, rest], axis=-1)


def last_places(xp: Any, marked: Array, axis: int) -> Array:
    """The last marked place of an axis up to each of its places; the first is always marked.

    >>> import numpy as np
    >>> last_places(np, np.array([True, False, True]), 0)
    array([0, 0, 2])
    """
    length = marked.shape[axis]
    if marked.size >= MANY and axis == marked.ndim - 1 and xp.__name__ != "cupy":
        marks = xp.flatnonzero(marked)
        runs = xp.diff(marks, append=marked.size)
        return xp.repeat(marks % length, runs).reshape(marked.shape)
    line = [1] * marked.ndim
    line[axis] = -1
    places = xp.where(marked, xp.arange(length).reshape(line), 0)
    return running(xp, "maximum", places, axis)
