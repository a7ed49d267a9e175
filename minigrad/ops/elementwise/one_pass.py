"""Elementwise functions of one pass, by the kernels of activation.c and activation.cu."""

from __future__ import annotations

from typing import Any

from minigrad.backend import Array, xp_of
from minigrad.backend.native import array_types, kernel


def one_pass(name: str, x: Any, p: float = 0.0, q: float = 0.0) -> Array | None:
    """The function of a float array; None where there is no kernel for it.

    >>> import numpy as np
    >>> one_pass("relu", np.ones(2, np.int64)) is None
    True
    """
    run = kernel(name, x)
    if run is None:
        return None
    out = xp_of(x).empty(x.shape, x.dtype)
    run(x, out, x.size, float(p), float(q))
    return out


def one_pass_back(name: str, g: Any, s: Any, p: float = 0.0, q: float = 0.0) -> Array | None:
    """The cotangent of its input; ``s`` is what the kernel is told. None too for Tensors."""
    if g.__class__ not in array_types or g.shape != s.shape:
        return None
    xp = xp_of(g)
    g = xp.ascontiguousarray(g)
    run = kernel(f"{name}_backward", g, s)
    if run is None:
        return None
    gx = xp.empty(s.shape, g.dtype)  # a contiguous copy has at least one axis
    run(g, s, gx, g.size, float(p), float(q))
    return gx
