"""What a backend has to offer: an array module and the way in and out of its memory."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np

from minigrad.device import device

Array: TypeAlias = Any  # a numpy.ndarray or a cupy.ndarray
Xp: TypeAlias = Any  # the module that made it


def address_of(array: Array) -> int:
    """Where in memory, the host's or a card's, the first element of an array lies.

    >>> x = np.zeros(3, np.float32)
    >>> address_of(x[1:]) - address_of(x)
    4
    """
    return int(array.ctypes.data if type(array) is np.ndarray else array.data.ptr)


class Backend(Protocol):
    """The interface that NumPy and CuPy are seen through."""

    name: str
    xp: Xp

    def device_of(self, array: Array) -> device:
        """The device on which the array lies."""

    def from_host(self, array: Array, index: int | None, wait: bool = True) -> Array:
        """A NumPy array brought to the device; with ``wait`` it may be written to afterwards."""

    def constant(self, array: Array, index: int | None) -> Array:
        """The same for what follows from the program alone, which a captured step may contain."""

    def to_host(self, array: Array) -> Array:
        """An array brought to the CPU as a NumPy array; the same object where it is one."""
