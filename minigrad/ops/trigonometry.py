"""Trigonometric and hyperbolic functions, element by element."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import Unary
from minigrad.autograd.registry import reals, register
from minigrad.backend import Array

NUMBERS = ("float", "int")


@register(domain=[reals(-3, 3)], dtypes=NUMBERS, inplace=True)
class Sin(Unary):
    """Elementwise sine of radians.

    Formula:   out = sin(input)
    Gradient:  g * cos(input)

    >>> import minigrad as torch
    >>> torch.sin(torch.tensor([0., 1.]))
    tensor([0.0000, 0.8415])
    """

    ufunc = "sin"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """The cosine."""
        return g * F.cos(input)


@register(domain=[reals(-3, 3)], dtypes=NUMBERS, inplace=True)
class Cos(Unary):
    """Elementwise cosine of radians.

    Formula:   out = cos(input)
    Gradient:  -g * sin(input)

    >>> import minigrad as torch
    >>> torch.cos(torch.tensor([0., 1.]))
    tensor([1.0000, 0.5403])
    """

    ufunc = "cos"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """Minus the sine."""
        return -g * F.sin(input)


@register(domain=[reals(-1.2, 1.2)], dtypes=NUMBERS, inplace=True)
class Tan(Unary):
    """Elementwise tangent of radians.

    Formula:   out = tan(input)
    Gradient:  g * (1 + out ** 2)

    >>> import minigrad as torch
    >>> torch.tan(torch.tensor([0., 1.]))
    tensor([0.0000, 1.5574])
    """

    ufunc = "tan"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, out: Array) -> Array:
        """From the output alone."""
        return g * (1 + out * out)


@register(domain=[reals(-3, 3)], dtypes=NUMBERS, inplace=True, aliases=("arctan",))
class Atan(Unary):
    """Elementwise inverse tangent, in radians.

    Formula:   out = atan(input)
    Gradient:  g / (input ** 2 + 1)

    >>> import minigrad as torch
    >>> torch.atan(torch.tensor([0., 1.]))
    tensor([0.0000, 0.7854])
    """

    ufunc = "arctan"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array) -> Array:
        """One over one plus the square."""
        return g / (input * input + 1)


@register(domain=[reals(-2, 2)], dtypes=NUMBERS, inplace=True)
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


@register(domain=[reals(-2, 2)], dtypes=NUMBERS, inplace=True)
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
