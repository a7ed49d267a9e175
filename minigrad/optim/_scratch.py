"""Scratch memory of the optimizers, and options in the form in which arrays take them fastest."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

# Elements treated at a time. The half dozen arrays of an update then stay in the cache from one
# operation to the next, and the scratch memory does not grow with the parameters.
PIECE = 32768


class Scratch:
    """Arrays to compute in, lent out for the time of one update and shared by all of them."""

    def __init__(self) -> None:
        self._blocks: dict[int, Any] = {}
        self._pairs: dict[tuple[int, tuple[int, ...]], tuple[Any, Any]] = {}

    def pair(self, array: Any) -> tuple[Any, Any]:
        """Two scratch arrays of the type and shape of an array of at most ``PIECE`` elements."""
        key = (array.dtype.num, array.shape)
        found = self._pairs.get(key)
        if found is None:
            block = self._block(array)
            size = math.prod(array.shape)
            one, two = (row[:size].reshape(array.shape) for row in block)
            found = self._pairs[key] = (one, two)
        return found

    def _block(self, array: Any) -> Any:
        block = self._blocks.get(array.dtype.num)
        if block is None:
            block = self._blocks[array.dtype.num] = np.empty((2, PIECE), array.dtype)
        return block

    def split(self, *arrays: Any) -> Iterable[tuple[Any, ...]]:
        """Arrays of one shape, piece by piece, each time followed by two scratch arrays."""
        first = arrays[0]
        on_host = type(first) is np.ndarray
        if on_host and first.size <= PIECE:
            return ((*arrays, *self.pair(first)),)
        if on_host and all(array.flags.c_contiguous for array in arrays):
            return self._pieces([array.reshape(-1) for array in arrays])
        # On a device the memory pool makes this cheap; on the CPU such layouts are rare.
        return ((*arrays, np.empty_like(first), np.empty_like(first)),)

    def _pieces(self, arrays: list[Any]) -> Iterable[tuple[Any, ...]]:
        one, two = self._block(arrays[0])
        for start in range(0, arrays[0].size, PIECE):
            parts = [array[start : start + PIECE] for array in arrays]
            size = parts[0].size
            yield (*parts, one[:size], two[:size])


def scalars(array: Any, *values: float) -> tuple[Any, ...]:
    """Python numbers as 0-d arrays of an array's type.

    NumPy takes three times as long to look at a Python float as to compute with a small array.
    """
    if type(array) is not np.ndarray:
        return values
    return tuple(np.array(value, array.dtype) for value in values)
