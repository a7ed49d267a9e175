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
from numpy.polynomial import chebyshev

from minigrad.autograd.op import Unary
from minigrad.autograd.registry import reals, register
from minigrad.backend import Array

# Up to here the series is used, and from the other number on the result is 1 in float64.
SERIES_END, ONE_FROM = 1.0, 6.0


def _series() -> list[float]:
    """Coefficients of erf(x) / x in powers of x²."""
    return [
        2 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(20)
    ]


def _where(x: Array) -> Array:
    """The argument of the interpolation, in [-1, 1]: places lie closer where q bends."""
    low, high = 1 / (1 + ONE_FROM), 1 / (1 + SERIES_END)
    return (2 / (1 + x) - low - high) / (high - low)


@functools.cache
def _tail() -> list[float]:
    """Chebyshev coefficients of q(x) = e^(x²) (1 - erf x) between the two ends."""
    low, high = 1 / (1 + ONE_FROM), 1 / (1 + SERIES_END)

    def q(t: Any) -> Any:
        xs = 2 / (t * (high - low) + low + high) - 1
        return np.array([math.exp(x * x) * math.erfc(x) for x in xs])

    return [float(c) for c in chebyshev.chebinterpolate(q, 26)]


def erf(xp: Any, x: Array) -> Array:
    """The error function of an array, worked out in float64 and given in the array's type."""
    size = xp.abs(x.astype(xp.float64))
    square = xp.minimum(size, SERIES_END) ** 2
    near = xp.zeros_like(size)
    for c in reversed(_series()):
        near *= square
        near += c
    near *= xp.minimum(size, SERIES_END)
    far = xp.clip(size, SERIES_END, ONE_FROM)
    t = _where(far)
    one, two = xp.zeros_like(t), xp.zeros_like(t)
    for c in reversed(_tail()[1:]):  # Clenshaw's recurrence
        one, two = 2 * t * one - two + c, one
    tail = t * one - two + _tail()[0]
    result = xp.where(size <= SERIES_END, near, 1 - xp.exp(-far * far) * tail)
    return xp.copysign(xp.where(size != size, size, result), x).astype(x.dtype)


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
