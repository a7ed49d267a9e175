"""Softmax by the native kernels of kernels/cpu/softmax.c.

Both functions give None where there is no kernel for their arrays; NumPy does it then.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.backend import Array
from minigrad.backend.native import kernel


def _seen(shape: tuple[int, ...], dim: int) -> tuple[int, int, int]:
    """What lies before the axis, the axis, and what lies behind it."""
    return math.prod(shape[:dim]), shape[dim], math.prod(shape[dim + 1 :])


def softmax(x: Array, dim: int, log: bool) -> Array | None:
    """Softmax along an axis, or its logarithm."""
    run = kernel("softmax", x)
    if run is None or not x.ndim:
        return None
    out = np.empty(x.shape, x.dtype)
    run(x, out, *_seen(x.shape, dim), log)
    return out


def softmax_back(g: Any, out: Any, dim: int, log: bool) -> Array | None:
    """The cotangent of its input; None too for Tensors."""
    if g.__class__ is not np.ndarray or not g.ndim:
        return None
    g = np.ascontiguousarray(g)
    run = kernel("softmax_backward", g, out)
    if run is None:
        return None
    gx = np.empty(g.shape, g.dtype)
    run(g, out, gx, *_seen(g.shape, dim), log)
    return gx
