"""How many bytes of what ops made are alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Alive"]


class _Lasting(weakref.ref[Any]):
    """A reference to an array, with its bytes. (``weakref.finalize`` takes four times as long.)"""

    __slots__ = ("nbytes",)
    nbytes: int

    def __new__(cls, array: Any, died: Callable[[Any], None]) -> _Lasting:
        self = super().__new__(cls, array, died)
        self.nbytes = array.nbytes
        return self


class Alive:
    """Counts the bytes of arrays from when they are made until they die.

    >>> alive = Alive()
    >>> kept = np.ones(2)
    >>> alive.count(kept), alive.count((np.ones(3), None))
    (16, 40)
    >>> alive.bytes
    16
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._lasting: dict[int, _Lasting] = {}  # by id, as they hash what they refer to

    def count(self, result: Any) -> int:
        """Count the arrays of an op's result, except views; the bytes alive then."""
        for made in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(made, np.ndarray) and made.base is None:
                self.bytes += made.nbytes
                lasting = _Lasting(made, self._died)
                self._lasting[id(lasting)] = lasting
        return self.bytes

    def _died(self, reference: _Lasting) -> None:
        self.bytes -= reference.nbytes
        del self._lasting[id(reference)]
