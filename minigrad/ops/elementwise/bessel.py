"""Bessel functions and the Airy function, element by element; SciPy's values."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Unary
from minigrad.autograd.registry import reals, register
from minigrad.backend import Array, on_host, scientific
from minigrad.ops.elementwise.precision import of_scipy, widened

NUMBERS = ("float", "int")
FACTS: dict[str, Any] = {"domain": [reals(-3, 3, avoid=[0])], "dtypes": NUMBERS}


@register(inplace=True, inplace_in=("torch",), aliases=("special_i0",), **FACTS)
class I0(Unary):
    """Elementwise modified Bessel function of the first kind, order 0.

    Formula:   out = I0(input)
    Gradient:  g * I1(input)

    >>> import minigrad as torch
    >>> torch.i0(torch.tensor([0., 1.]))
    tensor([1.0000, 1.2661])
    """

    promotes = "float"
    forward = of_scipy("i0")

    @staticmethod
    def grad_input(g: Array, input: Array, F: Any) -> Array:
        """The next order."""
        return g * F.special_i1(input)


@register("special_i0e", torch="special.i0e", **FACTS)
class I0e(Unary):
    """Elementwise modified Bessel function of order 0, scaled so that it does not overflow.

    Formula:   out = e ** -|input| * I0(input)
    Gradient:  g * (i1e(input) - sign(input) * out)

    >>> import minigrad as torch
    >>> torch.special.i0e(torch.tensor([0., 1.]))
    tensor([1.0000, 0.4658])
    """

    promotes = "float"
    forward = of_scipy("i0e")

    @staticmethod
    def grad_input(g: Array, input: Array, out: Array, F: Any) -> Array:
        """The product rule."""
        return g * (F.special_i1e(input) - F.sign(input) * out)


@register("special_i1", torch="special.i1", **FACTS)
class I1(Unary):
    """Elementwise modified Bessel function of the first kind, order 1.

    Formula:   out = I1(input)
    Gradient:  g * (I0(input) - out / input), g / 2 at 0

    >>> import minigrad as torch
    >>> torch.special.i1(torch.tensor([0., 1.]))
    tensor([0.0000, 0.5652])
    """

    promotes = "float"
    forward = of_scipy("i1")

    @staticmethod
    def grad_input(g: Array, input: Array, out: Array, F: Any) -> Array:
        """The recurrence of the orders, with its limit at zero."""
        flat = input == 0
        return g * F.where(flat, 0.5, F.i0(input) - out / F.where(flat, 1.0, input))


@register("special_i1e", torch="special.i1e", **FACTS)
class I1e(Unary):
    """Elementwise modified Bessel function of order 1, scaled so that it does not overflow.

    Formula:   out = e ** -|input| * I1(input)
    Gradient:  g * (i0e(input) - out * (sign(input) + 1 / input)), g / 2 at 0

    >>> import minigrad as torch
    >>> torch.special.i1e(torch.tensor([0., 1.]))
    tensor([0.0000, 0.2079])
    """

    promotes = "float"
    forward = of_scipy("i1e")

    @staticmethod
    def grad_input(g: Array, input: Array, out: Array, F: Any) -> Array:
        """The product rule, with the limit at zero."""
        flat = input == 0
        rate = F.sign(input) + 1 / F.where(flat, 1.0, input)
        return g * F.where(flat, 0.5, F.special_i0e(input) - out * rate)


def _airy(xp: Any, input: Array) -> Array:
    airy = scientific(np, "special").airy
    return airy(input)[0] if xp is np else on_host("airy_ai", lambda x: airy(x)[0])(input)


def _spherical(xp: Any, input: Array) -> Array:
    wave = xp.where(xp.isinf(input), xp.zeros((), input.dtype), xp.sin(input) / input)
    return xp.where(input == 0, xp.ones((), input.dtype), wave)


def _without_derivative(name: str, forward: Any, what: str, at_one: str) -> None:
    """One of the functions that have no derivative, here as in torch."""
    doc = f"""Elementwise {what}.

    Gradient:  none, as in torch

    >>> import minigrad as torch
    >>> torch.special.{name}(torch.tensor([1., 2.]))[0]
    tensor({at_one})
    """
    op = type(name, (Unary,), {"__doc__": doc, "promotes": "float", "forward": forward})
    register(
        f"special_{name}",
        torch=f"special.{name}",
        domain=[reals(0.3, 3)],
        dtypes=NUMBERS,
        gradcheck=False,
    )(op)


_BESSEL = "Bessel function of the"
for _name, _scipy, _what, _at_one in (
    ("bessel_j0", "j0", f"{_BESSEL} first kind, order 0", "0.7652"),
    ("bessel_j1", "j1", f"{_BESSEL} first kind, order 1", "0.4401"),
    ("bessel_y0", "y0", f"{_BESSEL} second kind, order 0", "0.0883"),
    ("bessel_y1", "y1", f"{_BESSEL} second kind, order 1", "-0.7812"),
    ("modified_bessel_i0", "i0", f"modified {_BESSEL} first kind, order 0", "1.2661"),
    ("modified_bessel_i1", "i1", f"modified {_BESSEL} first kind, order 1", "0.5652"),
    ("modified_bessel_k0", "k0", f"modified {_BESSEL} second kind, order 0", "0.4210"),
    ("modified_bessel_k1", "k1", f"modified {_BESSEL} second kind, order 1", "0.6019"),
    ("scaled_modified_bessel_k0", "k0e", "e ** input times modified_bessel_k0", "1.1445"),
    ("scaled_modified_bessel_k1", "k1e", "e ** input times modified_bessel_k1", "1.6362"),
):
    _without_derivative(_name, of_scipy(_scipy), _what, _at_one)
_without_derivative("airy_ai", staticmethod(widened(_airy)), "Airy function Ai", "0.1353")
_without_derivative(
    "spherical_bessel_j0",
    staticmethod(widened(_spherical)),
    f"spherical {_BESSEL} first kind, order 0",
    "0.8415",
)
