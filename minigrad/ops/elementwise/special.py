"""The error function and its relatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Unary, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.backend import Array, scientific
from minigrad.ops.elementwise.blocks import blockwise
from minigrad.ops.elementwise.precision import of_scipy, widened
from minigrad.ops.natively import natively

NUMBERS = ("float", "int")
ROOT_PI = math.sqrt(math.pi)
MANY = 2048  # float32 elements; from there on the error function is worked out here
# Of p in erf(x) = tanh(x p(x²)), from the lowest power on: a least squares fit up to where the
# function is 1 in float32, repeated with the errors as weights. Beyond, x p(x²) still grows.
ERF = (
    1.1283791887154915,
    0.10276981294833037,
    -0.00019345213063628853,
    -0.0006184745821696982,
    8.71762134470143e-05,
    -5.59786897831133e-06,
    1.3805179678219467e-07,
)


@widened
@natively("erf")
def erf(xp: Any, x: Array) -> Array:
    """The error function of an array: SciPy's, but of many float32 one without branches."""
    if xp is not np or x.dtype != np.float32 or x.size < MANY:
        return scientific(xp, "special").erf(x)
    return blockwise(_erf, x)


def _erf(out: Array, x: Array) -> None:
    np.tanh(odd(x, ERF), out=out)


def odd(x: Array, coefficients: tuple[float, ...]) -> Array:
    """x p(x²) by Horner's rule, in place; NumPy is fastest with 0-d arrays for the numbers."""
    first, *middle, last = (np.array(c, x.dtype) for c in coefficients)
    square = x * x
    y = square * last
    for c in reversed(middle):
        y += c
        y *= square
    y += first
    y *= x
    return y


@register(
    domain=[reals(-3, 3)],
    dtypes=NUMBERS,
    inplace=True,
    inplace_in=("torch",),
    aliases=("special_erf",),
)
class Erf(Unary):
    """Elementwise error function.

    Formula:   out = 2 / sqrt(pi) * (integral of e ** -t ** 2 from 0 to input)
    Gradient:  g * 2 / sqrt(pi) * e ** -input ** 2

    >>> import minigrad as torch
    >>> torch.erf(torch.tensor([0., 1., -10.]))
    tensor([ 0.0000,  0.8427, -1.0000])
    """

    promotes = "float"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """Of half precision by way of float32."""
        return erf(xp, input)

    @staticmethod
    @natively("bell_product", 2 / ROOT_PI)
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """The bell curve under the integral."""
        return g * (F.exp(-(input * input)) * (2 / ROOT_PI))


@register(
    domain=[reals(-3, 3)],
    dtypes=NUMBERS,
    inplace=True,
    inplace_in=("torch",),
    aliases=("special_erfc",),
)
class Erfc(Unary):
    """Elementwise complement of the error function, exact where it is small.

    Formula:   out = 1 - erf(input)
    Gradient:  -g * 2 / sqrt(pi) * e ** -input ** 2

    >>> import minigrad as torch
    >>> torch.erfc(torch.tensor([0., 1., -10.]))
    tensor([1.0000, 0.1573, 2.0000])
    """

    promotes = "float"
    forward = of_scipy("erfc")

    @staticmethod
    @natively("bell_product", -2 / ROOT_PI)
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """The bell curve under the integral."""
        return g * (F.exp(-(input * input)) * (-2 / ROOT_PI))


@register(domain=[reals(-0.9, 0.9)], dtypes=NUMBERS, inplace=True, aliases=("special_erfinv",))
class Erfinv(Unary):
    """Elementwise inverse of the error function; infinite at -1 and 1, NaN beyond.

    Formula:   erf(out) = input
    Gradient:  g * sqrt(pi) / 2 * e ** out ** 2

    >>> import minigrad as torch
    >>> torch.erfinv(torch.tensor([0., 0.5, -1.]))
    tensor([0.0000, 0.4769,   -inf])
    """

    promotes = "float"

    forward = widened(of_scipy("erfinv"))

    @staticmethod
    def grad_input(g: Any, out: Any, F: Any) -> Any:
        """One over the slope of the error function."""
        return g * (F.exp(out * out) * (ROOT_PI / 2))


@register("special_erfcx", torch="special.erfcx", domain=[reals(-2, 3)], dtypes=NUMBERS)
class Erfcx(Unary):
    """Elementwise complement of the error function, scaled so that it does not vanish.

    Formula:   out = e ** input ** 2 * erfc(input)
    Gradient:  g * (2 * input * out - 2 / sqrt(pi))

    >>> import minigrad as torch
    >>> torch.special.erfcx(torch.tensor([0., 10.]))
    tensor([1.0000, 0.0561])
    """

    promotes = "float"
    forward = of_scipy("erfcx")

    @staticmethod
    def grad_input(g: Any, input: Any, out: Any) -> Any:
        """The product rule."""
        return g * (2 * input * out - 2 / ROOT_PI)


@function(
    "special_ndtr",
    torch="special.ndtr",
    out=True,
    domain=[reals(-3, 3)],
    dtypes=NUMBERS,
    samples=(call(T(2, 3)), call(T())),
)
def ndtr(input: Any) -> Any:
    """Elementwise area under the standard normal curve, up to the input.

    Formula:   out = (1 + erf(input / sqrt(2))) / 2

    >>> import minigrad as torch
    >>> torch.special.ndtr(torch.tensor([0., 1., -3.]))
    tensor([0.5000, 0.8413, 0.0013])
    """
    return (tensors.erf(input * math.sqrt(0.5)) + 1) * 0.5


@register("special_ndtri", torch="special.ndtri", domain=[reals(0.1, 0.9)], dtypes=NUMBERS)
class Ndtri(Unary):
    """Elementwise inverse of ``ndtr``: up to where the normal curve has so much area.

    Formula:   ndtr(out) = input
    Gradient:  g * sqrt(2 * pi) * e ** (out ** 2 / 2)

    >>> import minigrad as torch
    >>> torch.special.ndtri(torch.tensor([0.5, 0.8413, 0.]))
    tensor([0.0000, 0.9998,   -inf])
    """

    promotes = "float"
    forward = of_scipy("ndtri")

    @staticmethod
    def grad_input(g: Any, out: Any, F: Any) -> Any:
        """One over the normal curve."""
        return g * (F.exp(out * out * 0.5) * math.sqrt(2 * math.pi))


@register("special_log_ndtr", torch="special.log_ndtr", domain=[reals(-4, 3)], dtypes=NUMBERS)
class LogNdtr(Unary):
    """Elementwise logarithm of ``ndtr``, exact where that vanishes.

    Formula:   out = log(ndtr(input))
    Gradient:  g * sqrt(2 / pi) / erfcx(-input / sqrt(2))

    >>> import minigrad as torch
    >>> torch.special.log_ndtr(torch.tensor([0., -10.]))
    tensor([ -0.6931, -53.2313])
    """

    promotes = "float"
    forward = of_scipy("log_ndtr")

    @staticmethod
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """The normal curve over its area, without dividing zero by zero."""
        return g / F.special_erfcx(input * (-1 / math.sqrt(2))) * math.sqrt(2 / math.pi)
