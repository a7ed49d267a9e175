"""Softmax by the kernels of kernels/cpu/softmax.c and kernels/cuda/softmax.cu.

The functions give None where there is no kernel for their arrays; the array module does it then.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.backend import Array, xp_of
from minigrad.backend.native import array_types, kernel


def _seen(shape: tuple[int, ...], dim: int) -> tuple[int, int, int]:
    """What lies before the axis, the axis, and what lies behind it."""
    return math.prod(shape[:dim]), shape[dim], math.prod(shape[dim + 1 :])


def softmax(x: Array, dim: int, log: bool) -> Array | None:
    """Softmax along an axis, or its logarithm."""
    run = kernel("softmax", x)
    if run is None or not x.ndim:
        return None
    out = xp_of(x).empty(x.shape, x.dtype)
    run(x, out, *_seen(x.shape, dim), log)
    return out


def softmax_back(g: Any, out: Any, dim: int, log: bool) -> Array | None:
    """The cotangent of its input; None too for Tensors."""
    if g.__class__ not in array_types or not g.ndim:
        return None
    xp = xp_of(g)
    g = xp.ascontiguousarray(g)
    run = kernel("softmax_backward", g, out)
    if run is None:
        return None
    gx = xp.empty(g.shape, g.dtype)
    run(g, out, gx, *_seen(g.shape, dim), log)
    return gx


def logsumexp(x: Array) -> Array | None:
    """The logarithm of the sum of the exponentials along the last axis."""
    xp = xp_of(x)
    run = kernel("logsumexp", x) if xp is np and x.ndim else None
    if run is None:
        return None
    out = xp.empty(x.shape[:-1], x.dtype)
    run(x, out, out.size, x.shape[-1])
    return out
