"""Writes that would hit an element twice, or a part of what they read: refused, as in torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import address_of, xp_of
from minigrad.errors import InPlaceError

_OVERLAP = (
    "unsupported operation: {} to a single memory location. Please clone() the tensor before "
    "performing the operation."
)


def repeats(array: Any) -> bool:
    """Whether several elements lie at one place, as after ``expand``."""
    return any(n > 1 and s == 0 for n, s in zip(array.shape, array.strides, strict=True))


def check_overlap(tensor: TensorBase, others: Iterable[Any]) -> None:
    """Raise torch's error if a write hits an element twice, or a part of what is written."""
    storage, array = tensor._storage, tensor._array
    if 0 in array.strides and array.size > 1 and repeats(array):
        raise InPlaceError(_OVERLAP.format("more than one element of the written-to tensor refers"))
    if storage is not None:
        for other in others:
            if isinstance(other, TensorBase) and other._storage is storage and other is not tensor:
                check_partial(tensor._array, other._array)


def check_apart(tensor: Any, others: Iterable[Any]) -> None:
    """Raise torch's error if a tensor that is written shares memory with one that is read."""
    for other in others:
        if isinstance(other, (tuple, list)):
            check_apart(tensor, other)
        elif isinstance(other, TensorBase) and _may_share(tensor, other):
            raise InPlaceError(
                _OVERLAP.format("some elements of the input tensor and the written-to tensor refer")
            )


def _may_share(tensor: Any, other: Any) -> bool:
    mine, theirs = tensor._array, other._array
    return type(mine) is type(theirs) and bool(xp_of(mine).may_share_memory(mine, theirs))


def check_partial(target: Any, source: Any) -> None:
    """Raise if two gapless arrays share a part of their memory, but not element by element."""
    bounds = []
    for array in (target, source):
        start = address_of(array)
        reach = sum((n - 1) * abs(s) for n, s in zip(array.shape, array.strides, strict=True))
        if array.size == 0 or reach + array.itemsize != array.nbytes:
            return
        bounds.append((start, start + array.nbytes))
    (low, high), (other_low, other_high) = bounds
    same = bounds[0] == bounds[1] and target.strides == source.strides
    if not same and low < other_high and other_low < high:
        raise InPlaceError(
            _OVERLAP.format("some elements of the input tensor and the written-to tensor refer")
        )
