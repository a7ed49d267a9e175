"""Writes in place that leave no trace in the graph: plain arrays, one dtype, straight to memory.

What is not plain (a gradient is wanted, dtypes differ, memory overlaps) goes the way that
``inplace.py`` describes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.autograd.apply import edge_of
from minigrad.autograd.graph import Clock, Storage, tick
from minigrad.autograd.modes import MODE
from minigrad.autograd.op import Op
from minigrad.autograd.overlap import check_partial, repeats
from minigrad.autograd.tensor_base import TensorBase

ndarray = np.ndarray
mode = MODE.get

# NumPy's codes of the dtypes of a kind, and the integers that each can hold.
CODES = {"f": "efd", "i": "bhilq", "u": "BHILQ", "b": "?", "V": ""}
SPANS = {code: np.iinfo(code) for code in CODES["i"] + CODES["u"]}
HELD = {code: (int(info.min), int(info.max)) for code, info in SPANS.items()}
NUMBER_CODES = "".join(CODES.values()).replace("?", "")
ALL_CODES = "".join(CODES.values())


def straight_form(op: type[Op] | None) -> tuple[Any, str]:
    """How an op writes straight into its first argument, and the dtypes of which it does."""
    if op is None:
        return None, ""
    if not op.ufunc:  # half precision is worked out in float32, and rounded once
        return op.straight, "fd" if op.straight else ""
    if not (op.numbers is None or op.inputs[-1] in op.numbers):
        return None, ""
    ufunc = getattr(np, op.ufunc)

    def one(input: Any) -> None:
        ufunc(input, out=input)

    def two(input: Any, other: Any) -> None:
        ufunc(input, other, out=input)

    kinds = "f" if op.promotes == "float" else op.kinds or "fiub"
    form = op.straight or (two if len(op.inputs) == 2 else one)
    return form, "".join(map(CODES.__getitem__, kinds))


def traced(tensor: Any) -> bool:
    """Whether a write would leave a trace in the graph, or is not allowed."""
    if mode() <= 0:
        return False
    storage = tensor._storage
    if storage is not None and storage.inference:
        return True
    return (tensor._node if tensor._view is None else edge_of(tensor)) is not None


def plain_values(tensor: Any, args: Iterable[Any], codes: str) -> list[Any] | None:
    """The arrays and numbers of a write that needs no promotion and leaves no trace; else None."""
    x, storage = tensor._array, tensor._storage
    dtype = x.dtype
    code = dtype.char
    if code not in codes or type(x) is not ndarray or traced(tensor):
        return None
    if 0 in x.strides and x.size > 1 and repeats(x):
        return None
    values = []
    for a in args:
        kind = type(a)
        if kind is float or kind is int:
            if code not in "efd":
                low, high = HELD.get(code, (1, 0))
                if kind is float or not low <= a <= high:
                    return None
            values.append(a)
        elif isinstance(a, TensorBase):
            y = a._array
            if y.dtype is not dtype or type(y) is not ndarray or (a is not tensor and traced(a)):
                return None
            if storage is not None and a._storage is storage and a is not tensor:
                check_partial(x, y)
            values.append(y)
        elif a is None:
            values.append(a)
        else:
            return None
    return values


def written(tensor: Any) -> None:
    """Announce a write to a tensor's memory."""
    storage = tensor._storage
    if storage is None:
        storage = tensor._storage = Storage()
    storage.version += 1
    storage.written = Clock.last_write = tick()
