"""The places of the largest and of the smallest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, register
from minigrad.backend import Array
from minigrad.backend.native import kernel
from minigrad.ops.dims import one_dim
from minigrad.ops.folds import MANY, is_short
from minigrad.ops.reduction.extrema import extreme_and_place, need_elements
from minigrad.ops.reduction.reduce import ERRORS, given_dim

MOST_ROWS = 1 << 31  # a kernel counts rows of float32 with as many bits


def _place(name: str) -> Any:
    def place(
        input: Any,
        dim: Any = None,
        keepdim: bool = False,
        *,
        axis: Any = None,
        keepdims: bool = False,
    ) -> Any:
        dim = given_dim(dim, axis)
        x = input._array
        number = None if dim is None else one_dim(dim, x.ndim)
        if x.dtype.kind == "b":
            raise RuntimeError(f"{name}(): does not support bool input; use {name}(x.int())")
        if not x.size:
            need_elements(name, input, None if number is None else (number,))
        return getattr(tensors, name)(input, number, keepdim or keepdims)

    return place


PLACE: dict[str, Any] = {
    "out": True,
    "dtypes": ("float", "int"),
    "samples": (call(T(2, 3)), call(T(2, 3), 1), call(T(2, 3), dim=0, keepdim=True), call(T())),
    "errors": ERRORS,
    "gradcheck": False,
}


def _place_of(xp: Any, x: Any, which: str, dim: int | None, keepdim: bool) -> Array:
    """Where the largest ("max") or the smallest stands; across rows by a kernel that reads rows."""
    if dim is not None and is_short(x, dim):
        return extreme_and_place(xp, which, x, dim, keepdim)[1]
    if dim is not None and x.size >= MANY and 0 <= dim < x.ndim - 1 and xp is np:
        run = kernel("argmax_columns", x)
        if run is not None and x.shape[dim] < MOST_ROWS:
            before, after = x.shape[:dim], x.shape[dim + 1 :]
            out = np.empty((*before, *((1,) if keepdim else ()), *after), np.int64)
            sign = 1.0 if which == "max" else -1.0
            run(x, out, math.prod(before), x.shape[dim], math.prod(after), sign)
            return out
    find = x.argmax if which == "max" else x.argmin
    return xp.asarray(find(axis=dim if x.ndim else None, keepdims=keepdim))


@register(public=_place("argmax"), **PLACE)
class Argmax(Op):
    """Place of the largest element, overall (flattened) or along an axis; the first at a tie.

    >>> import minigrad as torch
    >>> torch.tensor([[1., 5.], [7., 2.]]).argmax(dim=1)
    tensor([1, 0])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: int | None, keepdim: bool) -> Array:
        """Where the largest stands."""
        return _place_of(xp, input, "max", dim, keepdim)


@register(public=_place("argmin"), **PLACE)
class Argmin(Op):
    """Place of the smallest element, overall (flattened) or along an axis; the first at a tie.

    >>> import minigrad as torch
    >>> torch.tensor([[1., 5.], [7., 2.]]).argmin(dim=1)
    tensor([0, 1])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: int | None, keepdim: bool) -> Array:
        """Where the smallest stands."""
        return _place_of(xp, input, "min", dim, keepdim)
