"""Scratch memory of the optimizers, and options in the form in which arrays take them fastest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.tensor import Tensor


class Scratch:
    """Arrays to compute in, lent out for the time of one parameter's update.

    All parameters of one element type share the memory, so it is as large as the largest of them
    and a step allocates nothing.
    """

    def __init__(self) -> None:
        self._blocks: dict[Any, list[Any]] = {}
        self._lent: dict[int, tuple[Any, Any, Any]] = {}

    def of(self, parameter: Tensor) -> tuple[Any, Any, Any]:
        """The parameter's array and two scratch arrays of its shape."""
        array = parameter._array
        lent = self._lent.get(id(parameter))
        # The array changes when the module is moved or converted, or when ids are used again.
        if lent is None or lent[0] is not array:
            lent = self._lend(parameter)
        return lent

    def _lend(self, parameter: Tensor) -> tuple[Any, Any, Any]:
        array = parameter._array
        blocks = self._blocks.get(array.dtype, [])
        if not blocks or blocks[0].size < array.size or type(blocks[0]) is not type(array):
            # Views into smaller blocks stay valid; they are replaced when next asked for.
            blocks = [np.empty_like(array, shape=(array.size,)) for _ in range(2)]
            self._blocks[array.dtype] = blocks
            self._lent.clear()
        one, two = (block[: math.prod(array.shape)].reshape(array.shape) for block in blocks)
        lent = self._lent[id(parameter)] = (array, one, two)
        return lent


def scalars(array: Any, *values: float) -> tuple[Any, ...]:
    """Python numbers as 0-d arrays of an array's type.

    NumPy takes three times as long to look at a Python float as to compute with a small array.
    """
    if type(array) is not np.ndarray:
        return values
    return tuple(np.array(value, array.dtype) for value in values)
