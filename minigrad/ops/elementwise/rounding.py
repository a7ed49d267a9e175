"""Rounding: the elementwise functions with steps in them."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import Op, Unary, tensors
from minigrad.autograd.registry import T, call, reals, register
from minigrad.backend import Array
from minigrad.backend.native import pointwise
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.natively import natively

STEPS = [reals(-3, 3, avoid=[-3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3])]


@register(domain=STEPS, inplace=True, inplace_in=("torch",), dtypes=("float", "int"))
class Floor(Unary):
    """Elementwise largest whole number not above.

    Formula:   out = floor(input)
    Gradient:  0

    >>> import minigrad as torch
    >>> torch.floor(torch.tensor([1.5, -1.5]))
    tensor([ 1., -2.])
    """

    ufunc = "floor"
    kinds = "iufV"

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Flat between the steps."""
        return F.blank(g, shape)


@register(domain=STEPS, inplace=True, inplace_in=("torch",), dtypes=("float", "int"))
class Ceil(Unary):
    """Elementwise smallest whole number not below.

    Formula:   out = ceil(input)
    Gradient:  0

    >>> import minigrad as torch
    >>> torch.ceil(torch.tensor([1.5, -1.5]))
    tensor([ 2., -1.])
    """

    ufunc = "ceil"
    kinds = "iufV"

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Flat between the steps."""
        return F.blank(g, shape)


@register(
    domain=STEPS, inplace=True, inplace_in=("torch",), dtypes=("float", "int"), aliases=("fix",)
)
class Trunc(Unary):
    """Elementwise whole part.

    Formula:   out = trunc(input)
    Gradient:  0

    >>> import minigrad as torch
    >>> torch.trunc(torch.tensor([1.5, -1.5]))
    tensor([ 1., -1.])
    """

    ufunc = "trunc"
    kinds = "iufV"

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Flat between the steps."""
        return F.blank(g, shape)


def _grad_fn(decimals: int = 0) -> str:
    return "RoundBackward1" if decimals else "RoundBackward0"


def _round(input: Any, *, decimals: int = 0) -> Any:
    if decimals and not input.is_floating_point():
        raise NotImplementedError(
            f"round: decimals are for floating point tensors, got {input.dtype}; convert with .to()"
        )
    return tensors.round(input, decimals)


@register(
    public=_round,
    out=True,
    domain=STEPS,
    inplace=True,
    inplace_in=("torch",),
    samples=(call(T(2, 3)), call(T(3), decimals=1), call(T(3), decimals=-1)),
    aliases=("special_round",),
)
class Round(Op):
    """Elementwise nearest number with so many decimals; halves go to the even neighbour.

    Formula:   out = round(input * 10 ** decimals) / 10 ** decimals
    Gradient:  0

    >>> import minigrad as torch
    >>> torch.round(torch.tensor([0.5, 1.5, -1.2]))
    tensor([ 0.,  2., -1.])
    """

    kinds = "iufV"
    grad_fn = staticmethod(_grad_fn)

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, decimals: int = 0) -> Array:
        """Round half to even."""
        found = None if decimals else pointwise("round", input)
        if found is not None:
            return found
        return xp.round(input, decimals) if decimals else xp.rint(input).astype(input.dtype)

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Flat between the steps."""
        return F.blank(g, shape)


@register(domain=STEPS, inplace=True, inplace_in=("torch",))
class Frac(Unary):
    """Elementwise part after the point, with the sign of the input.

    Formula:   out = input - trunc(input)
    Gradient:  g

    >>> import minigrad as torch
    >>> torch.frac(torch.tensor([1.5, -1.25]))
    tensor([ 0.5000, -0.2500])
    """

    kinds = "fV"

    @staticmethod
    @natively("frac")
    def forward(xp: Any, input: Array) -> Array:
        """What the whole part leaves; exact."""
        whole = xp.trunc(input)
        return xp.subtract(input, whole, out=whole if input.ndim else None)

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Between the jumps the slope is one."""
        return g
