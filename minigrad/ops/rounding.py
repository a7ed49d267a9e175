"""Rounding, bounds and selection: the elementwise functions with steps in them."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import Op, Unary
from minigrad.autograd.registry import T, call, reals, register
from minigrad.backend import Array

STEPS = [reals(-3, 3, avoid=[-3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3])]


@register(domain=STEPS, inplace=True)
class Floor(Unary):
    """Elementwise largest whole number not above.

    Formula:   out = floor(input)
    Gradient:  0

    >>> import minigrad as torch
    >>> torch.floor(torch.tensor([1.5, -1.5]))
    tensor([ 1., -2.])
    """

    ufunc = "floor"

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Flat between the steps."""
        return F.blank(g, shape)


@register(domain=STEPS, inplace=True)
class Ceil(Unary):
    """Elementwise smallest whole number not below.

    Formula:   out = ceil(input)
    Gradient:  0

    >>> import minigrad as torch
    >>> torch.ceil(torch.tensor([1.5, -1.5]))
    tensor([ 2., -1.])
    """

    ufunc = "ceil"

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Flat between the steps."""
        return F.blank(g, shape)


@register(domain=STEPS, inplace=True)
class Trunc(Unary):
    """Elementwise whole part.

    Formula:   out = trunc(input)
    Gradient:  0

    >>> import minigrad as torch
    >>> torch.trunc(torch.tensor([1.5, -1.5]))
    tensor([ 1., -1.])
    """

    ufunc = "trunc"

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Flat between the steps."""
        return F.blank(g, shape)


@register(domain=STEPS, inplace=True, samples=(call(T(2, 3)), call(T(3), decimals=1)))
class Round(Op):
    """Elementwise nearest number with so many decimals; halves go to the even neighbour.

    Formula:   out = round(input * 10 ** decimals) / 10 ** decimals
    Gradient:  0

    >>> import minigrad as torch
    >>> torch.round(torch.tensor([0.5, 1.5, -1.2]))
    tensor([ 0.,  2., -1.])
    """

    @staticmethod
    def forward(xp: Any, input: Array, decimals: int = 0) -> Array:
        """Round half to even."""
        return xp.round(input, decimals)

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Flat between the steps."""
        return F.blank(g, shape)
