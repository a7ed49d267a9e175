"""Trigonometric functions and their inverses, element by element."""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd.op import Binary, Unary
from minigrad.autograd.registry import T, call, reals, register
from minigrad.backend import Array
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.natively import natively

NUMBERS = ("float", "int")


@register(domain=[reals(-3, 3)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
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


@register(domain=[reals(-3, 3)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
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


@register(domain=[reals(-1.2, 1.2)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
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


@register(
    domain=[reals(-3, 3)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",), aliases=("arctan",)
)
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


@register(
    domain=[reals(-0.8, 0.8)],
    dtypes=NUMBERS,
    inplace=True,
    inplace_in=("torch",),
    aliases=("arcsin",),
)
class Asin(Unary):
    """Elementwise inverse sine, in radians; NaN beyond -1 and 1.

    Formula:   out = asin(input)
    Gradient:  g / sqrt(1 - input ** 2)

    >>> import minigrad as torch
    >>> torch.asin(torch.tensor([0., 1.]))
    tensor([0.0000, 1.5708])
    """

    ufunc = "arcsin"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """One over the cosine of the output."""
        return g * F.rsqrt(1 - input * input)


@register(
    domain=[reals(-0.8, 0.8)],
    dtypes=NUMBERS,
    inplace=True,
    inplace_in=("torch",),
    aliases=("arccos",),
)
class Acos(Unary):
    """Elementwise inverse cosine, in radians; NaN beyond -1 and 1.

    Formula:   out = acos(input)
    Gradient:  -g / sqrt(1 - input ** 2)

    >>> import minigrad as torch
    >>> torch.acos(torch.tensor([0., 1.]))
    tensor([1.5708, 0.0000])
    """

    ufunc = "arccos"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """Minus one over the sine of the output."""
        return g * -F.rsqrt(1 - input * input)


@register(
    domain=[reals(0.3, 3)],
    dtypes=NUMBERS,
    inplace=True,
    aliases=("arctan2",),
    errors=(call(T(3), 2.0), call(T(3), T(4))),
)
class Atan2(Binary):
    """Elementwise angle of the point (other, input), from -pi to pi.

    Formula:   out = atan(input / other), in the quadrant that the signs say
    Gradient:  g * other / (input ** 2 + other ** 2) for input, -g * input / (...) for other,
               both 0 at the origin

    >>> import minigrad as torch
    >>> torch.atan2(torch.tensor([1., -1.]), torch.tensor([1., -1.]))
    tensor([ 0.7854, -2.3562])
    """

    promotes = "float"
    numbers = ()

    @staticmethod
    @widened
    @natively("atan2")
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """The array module's own, where there is no kernel."""
        return xp.arctan2(input, other)

    @staticmethod
    def grad_input(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Turning the ray."""
        square = input * input + other * other
        return g * F.where(square == 0, 0.0, other / square)

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Turning it back."""
        square = input * input + other * other
        return g * F.where(square == 0, 0.0, -input / square)


@register(domain=[reals(-180, 180)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
class Deg2rad(Unary):
    """Elementwise angle in radians of one in degrees.

    Formula:   out = input * pi / 180
    Gradient:  g * pi / 180

    >>> import minigrad as torch
    >>> torch.deg2rad(torch.tensor([180., -90.]))
    tensor([ 3.1416, -1.5708])
    """

    grad_fn = "Deg2RadBackward0"
    promotes = "float"

    @staticmethod
    @widened
    def forward(xp: Any, input: Array) -> Array:
        """Scale."""
        return input * (math.pi / 180)

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Scale."""
        return g * (math.pi / 180)


@register(domain=[reals(-3, 3)], dtypes=NUMBERS, inplace=True, inplace_in=("torch",))
class Rad2deg(Unary):
    """Elementwise angle in degrees of one in radians.

    Formula:   out = input * 180 / pi
    Gradient:  g * 180 / pi

    >>> import minigrad as torch
    >>> torch.rad2deg(torch.tensor([3.1416, -1.5708]))
    tensor([180.0004, -90.0002])
    """

    grad_fn = "Rad2DegBackward0"
    promotes = "float"

    @staticmethod
    @widened
    def forward(xp: Any, input: Array) -> Array:
        """Scale."""
        return input * (180 / math.pi)

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Scale."""
        return g * (180 / math.pi)


@register(
    domain=[reals(-2, 2, avoid=[0])],
    dtypes=NUMBERS,
    inplace=True,
    inplace_in=("torch",),
    aliases=("special_sinc",),
)
class Sinc(Unary):
    """Elementwise sine of pi times the input over pi times the input; 1 at 0.

    Formula:   out = sin(pi * input) / (pi * input)
    Gradient:  g * (cos(pi * input) - out) / input, 0 at 0

    >>> import minigrad as torch
    >>> torch.sinc(torch.tensor([0., 0.5]))
    tensor([1.0000, 0.6366])
    """

    promotes = "float"

    @staticmethod
    @widened
    def forward(xp: Any, input: Array) -> Array:
        """One at zero."""
        y = input * math.pi
        return xp.where(input == 0, xp.ones((), input.dtype), xp.sin(y) / y)

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """Flat at zero."""
        y = input * math.pi
        slope = (F.cos(y) * y - F.sin(y)) / (y * input)
        return g * F.where(input == 0, 0.0, slope)
