"""Reductions where an axis is short: NumPy would begin an inner loop for every few elements.

A million rows of three elements are added up thirty times faster as three columns.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.backend import Array
from minigrad.backend.moves import row_major

MANY = 4096  # elements; below, NumPy's own way is as fast
SHORT = 16  # elements of an axis, or of a row, that are worth another way
WIDE = 1024  # elements of the rows that short ones are taken together to


def in_rows(x: Any) -> Any:
    """An array whose elements lie in row-major order, itself if they do.

    NumPy gives reductions of a permuted array in the order of its memory, torch in rows, so that
    ``x.permute(...).sum(0).view(-1)`` is an everyday line.

    >>> in_rows(np.zeros((2, 3)).T).flags.c_contiguous
    True
    """
    return x if x.flags.c_contiguous else row_major(x)


def is_short(x: Array, axis: int, many: int = MANY) -> bool:
    """Whether an axis is the last one, and short, of an array of many elements."""
    return (
        type(x) is np.ndarray
        and x.size >= many
        and axis == x.ndim - 1 > 0
        and 1 < x.shape[-1] <= SHORT
    )


def fold(xp: Any, name: str, x: Array, dim: Any, keepdim: bool = False) -> Array:
    """``xp.<name>.reduce`` of a ufunc of two arguments over axes counted from the front.

    >>> fold(np, "maximum", np.arange(8192).reshape(-1, 2), (1,))[:3]
    array([1, 3, 5])
    """
    combine = getattr(xp, name)
    axis = dim[0] if type(dim) is tuple and len(dim) == 1 else dim
    if type(axis) is not int or x.size < MANY or xp is not np:
        return _plain(xp, name, x, dim, keepdim)
    if is_short(x, axis):
        out = in_rows(combine(x[..., 0], x[..., 1]))
        for column in range(2, x.shape[-1]):
            combine(out, x[..., column], out=out)
        return out[..., None] if keepdim else out
    row = math.prod(x.shape[axis + 1 :])
    if x.shape[axis] * row == x.size and row <= SHORT and x.flags.c_contiguous:
        rows, together = x.reshape(-1, row), WIDE // row
        cut = len(rows) - len(rows) % together
        wide = combine.reduce(rows[:cut].reshape(-1, together * row), axis=0)
        rows = np.concatenate([wide.reshape(together, row), rows[cut:]])
        x = rows.reshape(*x.shape[:axis], -1, *x.shape[axis + 1 :])
    return _plain(xp, name, x, axis, keepdim)


def _plain(xp: Any, name: str, x: Array, dim: Any, keepdim: bool) -> Array:
    """Extremes by the method where it is not NumPy: CuPy's ufuncs reduce sums and products.

    Its extremes of bfloat16 are float32.
    """
    if xp is not np and name in ("maximum", "minimum"):
        found = getattr(x, name[:3])(axis=dim, keepdims=keepdim)
        return in_rows(found.astype(x.dtype, copy=False))
    return in_rows(getattr(xp, name).reduce(x, axis=dim, keepdims=keepdim))


def as_columns(x: Array) -> Array:
    """A copy of many short rows as a few long ones.

    >>> as_columns(np.array([[1, 2], [3, 4], [5, 6]]))
    array([[1, 3, 5],
           [2, 4, 6]])
    """
    rows = x.reshape(-1, x.shape[-1])
    if x.size < MANY:
        return rows.T.copy()
    out = np.empty(rows.shape[::-1], x.dtype)
    for place, column in enumerate(out):
        column[...] = rows[:, place]
    return out


def as_rows(columns: Array, shape: Any) -> Array:
    """The reverse of :func:`as_columns`."""
    if columns.size < MANY:
        return columns.T.copy().reshape(shape)
    out = np.empty(shape, columns.dtype)
    rows = out.reshape(-1, len(columns))
    for place, column in enumerate(columns):
        rows[:, place] = column
    return out
