"""Large arrays piece by piece, so that the steps of a formula find their numbers in cache."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.backend import Array

BLOCK = 1 << 15  # elements


def blockwise(fill: Callable[..., None], *arrays: Array) -> Array:
    """An elementwise function of NumPy arrays of one shape: ``fill(out, *pieces)`` for each piece.

    >>> blockwise(lambda out, x, y: np.add(x, y, out=out), np.ones(2), np.ones(2))
    array([2., 2.])
    """
    out = np.empty(arrays[0].shape, arrays[0].dtype)
    target, flat = out.reshape(-1), [a.reshape(-1) for a in arrays]
    for start in range(0, target.size, BLOCK):
        here = slice(start, start + BLOCK)
        fill(target[here], *[a[here] for a in flat])
    return out
