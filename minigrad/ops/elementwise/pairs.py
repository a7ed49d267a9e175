"""Ops of two numbers that look at their bits or their lengths: copysign, hypot, nextafter."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Binary
from minigrad.autograd.registry import T, call, reals, register
from minigrad.backend import Array
from minigrad.ops.elementwise.blocks import blockwise
from minigrad.ops.elementwise.masks import gate
from minigrad.ops.natively import natively

NUMBERS = ("float", "int")
PAIR_ERRORS = (call(T(3), T(4)), call(T(3), 2.0))


@register(domain=[reals(-3, 3, avoid=[0])], dtypes=NUMBERS, inplace=True, errors=(call(2.0, T(3)),))
class Copysign(Binary):
    """Elementwise magnitude of the first with the sign of the second.

    Formula:   out = |input| if other is positive else -|input|
    Gradient:  g * out / input for input (0 at 0), 0 for other

    >>> import minigrad as torch
    >>> torch.copysign(torch.tensor([1., -2.]), torch.tensor([-0., 3.]))
    tensor([-1.,  2.])
    """

    promotes = "float"
    numbers = ("other",)

    @staticmethod
    @natively("copysign")
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Of arrays of one type and shape bit by bit, which NumPy has a fast loop for."""
        if getattr(other, "shape", None) != input.shape or input.dtype.char not in "fd":
            return xp.copysign(input, other)
        bits = xp.dtype(f"i{input.dtype.itemsize}")
        sign = xp.iinfo(bits).min
        out = input.view(bits) & ~sign
        return xp.bitwise_or(out, other.view(bits) & sign).view(input.dtype)

    @staticmethod
    def grad_input(g: Array, input: Array, other: Any, F: Any) -> Array:
        """The sign that was put in place of the own one."""
        ratio = F.copysign(input, other) / input
        return g * F.where(input == 0, 0.0, ratio)

    @staticmethod
    def grad_other(g: Array, shape: Any, F: Any) -> Array:
        """Flat on both sides."""
        return F.blank(g, shape)


@register(domain=[reals(0.3, 3)], inplace=True, errors=PAIR_ERRORS)
class Hypot(Binary):
    """Elementwise length of the vector (input, other).

    Formula:   out = sqrt(input ** 2 + other ** 2), without overflow on the way
    Gradient:  g * input / out for input, g * other / out for other

    >>> import minigrad as torch
    >>> torch.hypot(torch.tensor([3., 5.]), torch.tensor([4., 12.]))
    tensor([ 5., 13.])
    """

    kinds = "fV"
    numbers = ()

    @staticmethod
    @natively("hypot")
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Of many float32 by way of float64, where nothing overflows, block by block."""
        if xp is not np or input.dtype != np.float32 or input.shape != other.shape:
            return xp.hypot(input, other)
        return blockwise(_length, input, other)

    @staticmethod
    @natively("scaled_quotient")
    def grad_input(g: Array, input: Array, out: Array) -> Array:
        """The cosine of the angle."""
        return g * (input / out)

    @staticmethod
    @natively("scaled_quotient")
    def grad_other(g: Array, other: Array, out: Array) -> Array:
        """The sine of the angle."""
        return g * (other / out)


def _length(out: Array, x: Array, y: Array) -> None:
    square, more = x.astype(np.float64), y.astype(np.float64)
    square *= square
    more *= more
    square += more
    out[...] = np.sqrt(square, out=square)
    if not square.max() < np.inf:  # an infinity counts for more than a NaN
        np.hypot(x, y, out=out)


@register(domain=[reals(-3, 3)], inplace=True, errors=PAIR_ERRORS)
class Nextafter(Binary):
    """Elementwise next number that the type has, in the direction of another.

    Gradient:  g for input where the two differ; 0 for other

    >>> import minigrad as torch
    >>> torch.nextafter(torch.tensor([1.]), torch.tensor([2.])) - 1
    tensor([1.1921e-07])
    """

    kinds = "fV"
    numbers = ()

    @staticmethod
    @natively("nextafter")
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """One step in the order of the numbers' bits."""
        return xp.nextafter(input, other)

    @staticmethod
    def grad_input(g: Array, input: Array, other: Array) -> Array:
        """As good as the input."""
        return gate(g, input != other)

    @staticmethod
    def grad_other(g: Array, shape: Any, F: Any) -> Array:
        """Only a direction."""
        return F.blank(g, shape)
