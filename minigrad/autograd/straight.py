"""Writes in place that leave no trace in the graph: plain arrays, one dtype, straight to memory.

What is not plain (a gradient is wanted, dtypes differ, memory overlaps) goes the way that
``inplace.py`` describes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.autograd.apply import edge_of
from minigrad.autograd.arguments import INTEGERS, holds
from minigrad.autograd.graph import Clock, Storage, tick
from minigrad.autograd.modes import MODE
from minigrad.autograd.op import Op
from minigrad.autograd.overlap import check_partial, repeats
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Cards, native

ndarray = np.ndarray
mode = MODE.get

CODES = {"f": "efd", **INTEGERS, "b": "?", "V": ""}  # NumPy's codes of the dtypes of a kind
NUMBER_CODES = "".join(CODES.values()).replace("?", "")
ALL_CODES = "".join(CODES.values())


def straight_form(op: type[Op] | None) -> tuple[Any, str, str]:
    """How an op writes straight into its first argument; codes of the dtypes of which it does so.

    First those of NumPy's arrays, then those of a card's.
    """
    if op is None:
        return None, "", ""
    if not op.ufunc:  # half precision is worked out in float32, and rounded once
        return op.straight, "fd" if op.straight else "", ""
    if not (op.numbers is None or op.inputs[-1] in op.numbers):
        return None, "", ""
    ufunc = native.ufunc(np, op.ufunc)

    def one(input: Any) -> None:
        ufunc(input, out=input)

    def two(input: Any, other: Any) -> None:
        ufunc(input, other, out=input)

    kinds = "f" if op.promotes == "float" else op.kinds or "fiub"
    form = op.straight or (two if len(op.inputs) == 2 else one)
    codes = "".join(map(CODES.__getitem__, kinds))
    on_host = codes.replace("e", "") if op.wide else codes  # a card rounds numbers to halves first
    one_ufunc = op.straight is None or op.name in ("add", "sub")  # which CuPy has by its name
    return form, on_host, codes if one_ufunc else ""


def traced(tensor: Any) -> bool:
    """Whether a write, where operations are recorded, would leave a trace, or is not allowed."""
    storage = tensor._storage
    if storage is not None and storage.inference:
        return True
    return (tensor._node if tensor._view is None else edge_of(tensor)) is not None


def _fits(number: Any, code: str) -> bool:
    """Whether a dtype takes a Python number, or the place of one that is left out."""
    kind = type(number)
    if code in "efd":
        return kind is float or kind is int or number is None
    return kind is int and holds(code, number)


def plain_values(
    tensor: Any,
    args: Iterable[Any],
    codes: str,
    named: dict[str, Any] | None = None,
    card_codes: str = "",
) -> list[Any] | None:
    """The arrays and numbers of a write that needs no promotion and leaves no trace; else None.

    What is given by name is left as it is, and has to be a number. ``card_codes`` are for arrays of
    a card, which will do where there is one, and if they share no memory.
    """
    x, storage = tensor._array, tensor._storage
    dtype, kind = x.dtype, type(x)
    code, on_card = dtype.char, kind is not ndarray
    if code not in (card_codes if on_card else codes):
        return None
    if on_card and (Cards.several or 0 in x.strides):
        return None
    recording = mode() > 0  # else nothing leaves a trace
    if recording and (storage is not None or tensor._node is not None) and traced(tensor):
        return None  # (a view has a storage)
    if 0 in x.strides and x.size > 1 and repeats(x):
        return None
    values = []
    for a in args:
        if isinstance(a, TensorBase):
            y = a._array
            if y.dtype is not dtype or type(y) is not kind:
                return None
            if recording and (a._view is not None or a._node is not None) and traced(a):
                return None
            if storage is not None and a._storage is storage and a is not tensor:
                if on_card:
                    return None
                check_partial(x, y)
            values.append(y)
        elif _fits(a, code):
            values.append(a)
        else:
            return None
    for a in named.values() if named else ():
        if not _fits(a, code):
            return None
    return values


def written(tensor: Any) -> None:
    """Announce a write to a tensor's memory."""
    storage = tensor._storage
    if storage is None:
        storage = tensor._storage = Storage()
    storage.version += 1
    storage.written = Clock.last_write = tick()
