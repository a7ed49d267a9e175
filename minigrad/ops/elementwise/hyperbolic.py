"""Hyperbolic functions and their inverses, element by element; ``tanh`` is an activation."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import Unary
from minigrad.autograd.registry import reals, register
from minigrad.backend import Array

NUMBERS = ("float", "int")


@register(domain=[reals(-2, 2)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
class Sinh(Unary):
    """Elementwise hyperbolic sine.

    Formula:   out = sinh(input)
    Gradient:  g * cosh(input)

    >>> import minigrad as torch
    >>> torch.sinh(torch.tensor([0., 1.]))
    tensor([0.0000, 1.1752])
    """

    ufunc = "sinh"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """The hyperbolic cosine."""
        return g * F.cosh(input)


@register(domain=[reals(-2, 2)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
class Cosh(Unary):
    """Elementwise hyperbolic cosine.

    Formula:   out = cosh(input)
    Gradient:  g * sinh(input)

    >>> import minigrad as torch
    >>> torch.cosh(torch.tensor([0., 1.]))
    tensor([1.0000, 1.5431])
    """

    ufunc = "cosh"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """The hyperbolic sine."""
        return g * F.sinh(input)


@register(
    domain=[reals(-3, 3)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",), aliases=("arcsinh",)
)
class Asinh(Unary):
    """Elementwise inverse hyperbolic sine.

    Formula:   out = asinh(input)
    Gradient:  g / sqrt(input ** 2 + 1)

    >>> import minigrad as torch
    >>> torch.asinh(torch.tensor([0., 1.]))
    tensor([0.0000, 0.8814])
    """

    ufunc = "arcsinh"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """One over the hyperbolic cosine of the output."""
        return g * F.rsqrt(input * input + 1)


@register(
    domain=[reals(1.2, 4)],
    dtypes=NUMBERS,
    inplace=True,
    inplace_in=("torch",),
    aliases=("arccosh",),
)
class Acosh(Unary):
    """Elementwise inverse hyperbolic cosine; NaN below 1.

    Formula:   out = acosh(input)
    Gradient:  g / sqrt(input ** 2 - 1)

    >>> import minigrad as torch
    >>> torch.acosh(torch.tensor([1., 2.]))
    tensor([0.0000, 1.3170])
    """

    ufunc = "arccosh"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """One over the hyperbolic sine of the output."""
        return g * F.rsqrt(input * input - 1)


@register(
    domain=[reals(-0.8, 0.8)],
    dtypes=NUMBERS,
    inplace=True,
    inplace_in=("torch",),
    aliases=("arctanh",),
)
class Atanh(Unary):
    """Elementwise inverse hyperbolic tangent; infinite at -1 and 1, NaN beyond.

    Formula:   out = atanh(input)
    Gradient:  g / (1 - input ** 2)

    >>> import minigrad as torch
    >>> torch.atanh(torch.tensor([0., 0.5]))
    tensor([0.0000, 0.5493])
    """

    ufunc = "arctanh"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array) -> Array:
        """One over one minus the square."""
        return g / (1 - input * input)
