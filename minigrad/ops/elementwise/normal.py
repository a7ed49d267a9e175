"""The chance that a normal number is below x, which gelu needs of large arrays of float32.

SciPy takes 15 ns for an error function. For x < 0 the chance is e^(-x²/2) q(|x|) with a smooth q;
a polynomial through values of SciPy's, made at first use, gives it to float32's precision in a
tenth of that, worked on in pieces that stay in the cache.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad.backend import Array, scientific
from minigrad.ops.elementwise.masks import SMALL
from minigrad.ops.elementwise.special import erf

DEGREE, HALFWAY, PIECE = 11, 3.0, 1 << 15


@functools.cache
def _coefficients() -> list[np.float32]:
    """Of q in powers of t = 2 h / (|x| + h) - 1, which runs from -1 (at infinity) to 1 (at 0)."""
    from numpy.polynomial import chebyshev  # takes milliseconds to import

    scaled = scientific(np, "special").erfcx

    def q(t: Any) -> Any:
        return scaled((2 * HALFWAY / (t + 1) - HALFWAY) * math.sqrt(0.5)) / 2

    found = chebyshev.cheb2poly(chebyshev.chebinterpolate(q, DEGREE))
    return [np.float32(c) for c in found]


def _piece(x: Any) -> Any:
    """Φ of a piece: 1/2 and, with the sign of x, what is missing to it from the tail."""
    coefficients = _coefficients()
    t = np.abs(x)
    t += np.float32(HALFWAY)
    np.divide(np.float32(2 * HALFWAY), t, out=t)
    t -= np.float32(1)
    tail = t * coefficients[-1]
    for c in reversed(coefficients[1:-1]):
        tail += c
        tail *= t
    tail += coefficients[0]
    np.multiply(x, x, out=t)
    t *= np.float32(-0.5)
    tail *= np.exp(t, out=t)
    np.subtract(np.float32(0.5), tail, out=tail)
    np.copysign(tail, x, out=tail)
    tail += np.float32(0.5)
    return tail


def normal_chance(xp: Any, x: Array) -> Array:
    """Φ(x) = (1 + erf(x / √2)) / 2.

    >>> normal_chance(np, np.array([0.0, 1.0, -40.0])).round(4)
    array([0.5   , 0.8413, 0.    ])
    """
    if xp is not np or x.dtype != np.float32 or x.size < SMALL:
        y = erf(xp, x * x.dtype.type(math.sqrt(0.5)))
        y += 1
        y *= 0.5
        return y
    flat = x.reshape(-1)
    out = np.empty_like(flat)
    for start in range(0, flat.size, PIECE):
        out[start : start + PIECE] = _piece(flat[start : start + PIECE])
    return out.reshape(x.shape)
