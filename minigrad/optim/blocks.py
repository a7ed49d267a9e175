"""Blocks: pieces of parameters, gradients and state, with torch's words for work in place.

The rules of the optimizers are written in these words once. A ``Block`` computes on bare memory and
makes no temporaries; a ``Cell`` (in ``cells.py``) does the same on Tensors, recorded if wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.backend.scientific import scientific

# Elements treated at a time: the few arrays of an update stay in the cache from one operation to
# the next, and the scratch memory does not grow with the parameters.
PIECE = 65536
# From this size on, BLAS adds a multiple in one pass; below, importing SciPy is not worth it.
WORTH_BLAS = 8192


class Room:
    """Scratch memory of one element type, in rows of ``PIECE`` elements that are used again."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.taken = 0
        self._rows: list[Any] = []
        self._axpy: Callable[..., Any] | None = None

    def row(self, place: int, size: int) -> Any:
        """The first elements of a row."""
        while len(self._rows) <= place:
            self._rows.append(np.empty(PIECE, self.dtype))
        return self._rows[place][:size]

    def spare(self, size: int) -> Any:
        """Memory for the inside of one operation."""
        return self.row(0, size)

    def result(self, size: int) -> Any:
        """Memory that stays until the rule has run."""
        self.taken += 1
        return self.row(self.taken, size)

    def accumulate(self, y: Any, x: Any, factor: float) -> None:
        """y = y + factor * x."""
        if y.size >= WORTH_BLAS and factor != 0:  # BLAS would skip NaN and inf times zero
            if self._axpy is None:
                name = "saxpy" if self.dtype == np.float32 else "daxpy"
                self._axpy = getattr(scientific(np, "linalg.blas"), name)
            self._axpy(x, y, a=factor)
        else:
            np.add(y, np.multiply(x, factor, self.spare(y.size)), y)


class Block:
    """A flat array of at most ``PIECE`` elements; methods ending in ``_`` change it in place."""

    __slots__ = ("array", "room")

    def __init__(self, array: Any, room: Room) -> None:
        self.array = array
        self.room = room

    def _new(self) -> Block:
        return Block(self.room.result(self.array.size), self.room)

    def detach(self) -> Block:
        """Itself: bare memory has no history."""
        return self

    # --- results in new memory ------------------------------------------------------------------

    def neg(self) -> Block:
        """-x."""
        out = self._new()
        np.negative(self.array, out.array)
        return out

    def abs(self) -> Block:
        """Absolute values."""
        out = self._new()
        np.abs(self.array, out.array)
        return out

    def sign(self) -> Block:
        """-1, 0 or 1."""
        out = self._new()
        np.sign(self.array, out.array)
        return out

    def sqrt(self) -> Block:
        """Square roots."""
        out = self._new()
        np.sqrt(self.array, out.array)
        return out

    def add(self, other: Any, alpha: float = 1) -> Block:
        """x + alpha * other."""
        out = self._new()
        if not isinstance(other, Block):
            np.add(self.array, other, out.array)
        elif alpha == 1:
            np.add(self.array, other.array, out.array)
        else:
            np.multiply(other.array, alpha, out.array)
            np.add(self.array, out.array, out.array)
        return out

    def sub(self, other: Block) -> Block:
        """x - other."""
        out = self._new()
        np.subtract(self.array, other.array, out.array)
        return out

    def mul(self, other: Any) -> Block:
        """x * other."""
        out = self._new()
        np.multiply(self.array, _plain(other), out.array)
        return out

    def div(self, other: Any) -> Block:
        """x / other."""
        out = self._new()
        np.divide(self.array, _plain(other), out.array)
        return out

    def addcmul(self, a: Block, b: Block, value: float = 1) -> Block:
        """x + value * a * b."""
        out = self._new()
        np.copyto(out.array, self.array)
        return out.addcmul_(a, b, value)

    def by_sign(self, positive: float, negative: float, zero: float) -> Block:
        """One of three numbers, by the sign of each element; NaN stays."""
        out = self.sign()
        above, below, flat = out.array > 0, out.array < 0, out.array == 0
        for where, number in ((above, positive), (below, negative), (flat, zero)):
            np.copyto(out.array, number, where=where)
        return out

    def zero_where_negative(self, other: Block) -> Block:
        """x, but 0 where ``other`` is negative."""
        out = self._new()
        np.copyto(out.array, self.array)
        np.copyto(out.array, 0, where=other.array < 0)
        return out

    # --- in place -------------------------------------------------------------------------------

    def copy_(self, other: Block) -> Block:
        """x = other."""
        np.copyto(self.array, other.array)
        return self

    def add_(self, other: Any, alpha: float = 1) -> Block:
        """x = x + alpha * other."""
        if not isinstance(other, Block):
            np.add(self.array, other, self.array)
        elif alpha == 1:
            np.add(self.array, other.array, self.array)
        else:
            self.room.accumulate(self.array, other.array, alpha)
        return self

    def mul_(self, other: Any) -> Block:
        """x = x * other."""
        np.multiply(self.array, _plain(other), self.array)
        return self

    def div_(self, other: Any) -> Block:
        """x = x / other."""
        np.divide(self.array, _plain(other), self.array)
        return self

    def sqrt_(self) -> Block:
        """x = sqrt(x)."""
        np.sqrt(self.array, self.array)
        return self

    def lerp_(self, end: Block, weight: float) -> Block:
        """x = x + weight * (end - x)."""
        way = np.subtract(end.array, self.array, self.room.spare(self.array.size))
        self.room.accumulate(self.array, way, weight)
        return self

    def addcmul_(self, a: Block, b: Block, value: float = 1) -> Block:
        """x = x + value * a * b."""
        product = np.multiply(a.array, b.array, self.room.spare(self.array.size))
        self.room.accumulate(self.array, product, value)
        return self

    def addcdiv_(self, a: Block, b: Block, value: float = 1) -> Block:
        """x = x + value * a / b."""
        ratio = np.divide(a.array, b.array, self.room.spare(self.array.size))
        self.room.accumulate(self.array, ratio, value)
        return self

    def maximum_(self, other: Block) -> Block:
        """x = max(x, other)."""
        np.maximum(self.array, other.array, out=self.array)
        return self

    def clamp_(self, low: float, high: float) -> Block:
        """x = min(max(x, low), high)."""
        np.maximum(self.array, low, out=self.array)
        np.minimum(self.array, high, out=self.array)
        return self


def _plain(value: Any) -> Any:
    return value.array if isinstance(value, Block) else value
