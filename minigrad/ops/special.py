"""The error function, which array modules do not have.

Close to 0 it is its power series. Further out it is 1 - e^(-x²) q(x) with a smooth q, of which a
Chebyshev interpolation through values of the C library is made at first use: no table of numbers
from anywhere, and right to the last bits of float64.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Unary
from minigrad.autograd.registry import reals, register
from minigrad.backend import Array

# Up to here the series is used, and from the other number on the result is 1 in float64.
SERIES_END, ONE_FROM = 1.0, 6.0
LOW, HIGH = 1 / (1 + ONE_FROM), 1 / (1 + SERIES_END)
# How many elements are worked on at a time: their temporaries fit a first-level cache.
BLOCK = 1 << 12


@functools.cache
def _coefficients(double: bool) -> tuple[list[float], list[float]]:
    """Of erf(x) / x in powers of x², and of q in powers of an argument that runs from -1 to 1.

    The argument is 1 / (1 + x), scaled, so that interpolation points lie closer where q bends.
    """
    from numpy.polynomial import chebyshev  # takes milliseconds to import

    terms, degree = (20, 24) if double else (10, 11)
    series = [
        2 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(terms)
    ]

    def q(t: Any) -> Any:
        xs = 2 / (t * (HIGH - LOW) + LOW + HIGH) - 1
        return np.array([math.exp(x * x) * math.erfc(x) for x in xs])

    tail = chebyshev.cheb2poly(chebyshev.chebinterpolate(q, degree))
    return series, [float(c) for c in tail]


def _polynomial(x: Array, coefficients: list[float]) -> Array:
    """A polynomial by Horner's rule, in place."""
    y = x * coefficients[-1]
    for c in reversed(coefficients[1:-1]):
        y += c
        y *= x
    y += coefficients[0]
    return y


def _positive(xp: Any, x: Array) -> Array:
    """The error function of numbers that are not negative."""
    series, tail = _coefficients(x.dtype.itemsize == 8)
    near = xp.minimum(x, SERIES_END)
    near *= _polynomial(near * near, series)
    far = xp.clip(x, SERIES_END, ONE_FROM)
    t = 2 / (far + 1)
    t -= LOW + HIGH
    t /= HIGH - LOW
    t = _polynomial(t, tail)
    far *= -far
    t *= xp.exp(far)
    return xp.where(x > SERIES_END, 1 - t, near)


def erf(xp: Any, x: Array) -> Array:
    """The error function of an array; half precision is worked out in float32."""
    wide = x if x.dtype.itemsize >= 4 else x.astype(xp.float32)
    flat = xp.abs(wide).reshape(-1)
    for start in range(0, flat.size, BLOCK):
        flat[start : start + BLOCK] = _positive(xp, flat[start : start + BLOCK])
    return xp.copysign(flat.reshape(x.shape), wide).astype(x.dtype, copy=False)


@register(
    domain=[reals(-3, 3)],
    dtypes=("float", "int"),
    where=("torch", "Tensor", "special"),
    inplace=True,
)
class Erf(Unary):
    """The error function.

    Formula: y = 2/√π ∫₀ˣ e^(-t²) dt. Gradient: gx = g 2/√π e^(-x²).

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/special.html#torch.special.erf

    >>> import minigrad as torch
    >>> torch.erf(torch.tensor([0., 1., -10.]))
    tensor([ 0.0000,  0.8427, -1.0000])
    """

    promotes = "float"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """In float64 whatever the type."""
        return erf(xp, input)

    @staticmethod
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """The bell curve under the integral."""
        return g * F.exp(-(input * input)) * (2 / math.sqrt(math.pi))
