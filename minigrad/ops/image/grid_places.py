"""The places of a grid, as coordinates among the elements of an image or a volume."""

from __future__ import annotations

from typing import Any, NamedTuple

from minigrad.autograd.op import tensors
from minigrad.backend import Array, xp_of


class How(NamedTuple):
    """How a grid is read, and the spatial sizes of what it is laid over."""

    mode: str
    edges: str
    align: bool
    sizes: tuple[int, ...]


def raw(value: Any) -> Any:
    """The array of a Tensor; an array itself."""
    return getattr(value, "_array", value)


def constant(F: Any, array: Array) -> Any:
    """An array in the reading of a derivative."""
    return tensors.from_array(array) if F is tensors else array


def coordinate(F: Any, c: Any, size: int, how: How) -> tuple[Any, Any]:
    """A coordinate from -1 ... 1 as a place among the elements, and how fast it moves."""
    pace = (size - 1) / 2 if how.align else size / 2
    c = (c + 1) * pace if how.align else (c + 1) * pace - 0.5
    return (c, pace) if how.mode == "bicubic" else moved(F, c, pace, size, how)


def moved(F: Any, c: Any, pace: Any, size: int, how: How) -> tuple[Any, Any]:
    """Places brought to where there are elements; where they are cut off they do not move."""
    if how.edges == "zeros":
        return c, pace
    xp = xp_of(raw(c))
    if how.edges == "reflection":
        low, span = (0, size - 1) if how.align else (-0.5, size)
        x = raw(c) - low
        turns = xp.floor(abs(x) / (span or 1))
        sign = xp.where((turns % 2 == 1) ^ (x < 0), -1, 1).astype(x.dtype)
        # Each turn begins where the last one ended: back and forth between the two edges.
        shift = xp.where(turns % 2 == 1, (turns + 1) * span, -turns * span).astype(x.dtype)
        c = (c - low) * constant(F, sign) + constant(F, shift) + low
        pace = sign * x.dtype.type(pace)
        if not span:
            c = c * 0
    x = raw(c)
    inside = (x > 0) & (x < size - 1)
    ends = xp.where(x > 0, x.dtype.type(size - 1), x.dtype.type(0))
    return F.where(constant(F, inside), c, constant(F, ends)), inside * xp.asarray(pace, x.dtype)
