"""Distances between floating-point numbers, counted in the numbers that lie between them."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["farthest", "ulps"]

Array = np.ndarray[Any, Any]


def ulps(one: Any, other: Any) -> Array:
    """How many steps of their type two arrays of floats are apart, element by element.

    0 and -0 are one number, NaN and NaN too; a NaN and a number are inf apart.

    >>> import numpy as np
    >>> from minigrad.testing.ulps import ulps
    >>> x = np.array([1.0, 2.0], dtype=np.float32)
    >>> ulps(x, np.nextafter(x, np.float32(3)))
    array([1., 1.])
    """
    a, b = np.asarray(one), np.asarray(other)
    if a.dtype != b.dtype:
        raise TypeError(f"ulps: expected one type, got {a.dtype} and {b.dtype}")
    if a.dtype.kind not in "fV":
        return np.abs(a.astype(np.float64) - b.astype(np.float64))
    apart = np.abs(_ranks(a) - _ranks(b)).astype(np.float64)
    nan = np.isnan(a.astype(np.float64)), np.isnan(b.astype(np.float64))
    return np.where(nan[0] & nan[1], 0.0, np.where(nan[0] | nan[1], np.inf, apart))


def farthest(one: Any, other: Any) -> tuple[float, tuple[int, ...]]:
    """The greatest distance in ulps, and the index where it is.

    >>> import numpy as np
    >>> from minigrad.testing.ulps import farthest
    >>> farthest(np.array([1.0, 1.0]), np.array([1.0, 1.0 + 2**-52]))
    (1.0, (1,))
    """
    apart = ulps(one, other)
    if not apart.size:
        return 0.0, ()
    place = np.unravel_index(int(apart.argmax()), apart.shape)
    return float(apart[place]), tuple(int(i) for i in place)


def _ranks(values: Array) -> Array:
    """The place of each number among all of its type: neighbours differ by one."""
    bits = {2: np.int16, 4: np.int32, 8: np.int64}[values.dtype.itemsize]
    whole = np.ascontiguousarray(values).view(bits).astype(object if bits is np.int64 else np.int64)
    least = -(2 ** (8 * values.dtype.itemsize - 1))
    return np.where(whole < 0, least - whole, whole).reshape(values.shape)
