"""Addition to powers: the arithmetic of two operands, and its operators."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.arguments import result_type
from minigrad.autograd.op import Binary, tensors
from minigrad.autograd.registry import T, call, function, into, reals, register
from minigrad.autograd.shortcuts import short_cut
from minigrad.backend import Array

MISFIT = (call(T(2, 3), T(4)), call(T(2, 3), "text"))


NUMBERS = ("float", "int")


def _add(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    if alpha == 1 and out is None:
        return _plain_add(input, other)
    result = tensors.add(input, other * alpha)
    return result if out is None else into(out, result)


@register(
    public=_add,
    domain=[reals(-3, 3)],
    dtypes=(*NUMBERS, "bool"),
    dunder=("__add__", "__radd__"),
    inplace=True,
    errors=MISFIT,
)
class Add(Binary):
    """Elementwise sum.

    Formula:   out = input + alpha * other
    Gradient:  g for input, alpha * g for other

    >>> import minigrad as torch
    >>> torch.add(torch.tensor([1., 2.]), torch.tensor([10., 20.]), alpha=2)
    tensor([21., 42.])
    """

    ufunc = "add"

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Both arguments count once."""
        return g

    @staticmethod
    def grad_other(g: Array) -> Array:
        """Both arguments count once."""
        return g


def _no_zeros(divisor: Any, quotient: Any) -> Any:
    """The quotient of integers, which none is where the divisor is zero."""
    if quotient.dtype.kind in "iu" and (divisor == 0).any():
        raise RuntimeError("ZeroDivisionError")
    return quotient


def _sub(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    if alpha == 1 and out is None:
        return _plain_sub(input, other)
    result = tensors.sub(input, other * alpha)
    return result if out is None else into(out, result)


@register(
    public=_sub,
    domain=[reals(-3, 3)],
    dtypes=NUMBERS,
    dunder=("__sub__",),
    inplace=True,
    errors=MISFIT,
    aliases=("subtract",),
)
class Sub(Binary):
    """Elementwise difference.

    Formula:   out = input - alpha * other
    Gradient:  g for input, -alpha * g for other

    >>> import minigrad as torch
    >>> torch.sub(torch.tensor([1., 2.]), 3)
    tensor([-2., -1.])
    """

    ufunc = "subtract"

    @staticmethod
    def grad_input(g: Array) -> Array:
        """The first argument counts once."""
        return g

    @staticmethod
    def grad_other(g: Array) -> Array:
        """The second counts against."""
        return -g


def _rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return tensors.rsub(input if alpha == 1 else input * alpha, other)


@register(public=_rsub, domain=[reals(-3, 3)], dtypes=NUMBERS, dunder=("__rsub__",))
class Rsub(Binary):
    """Elementwise difference the other way round.

    Formula:   out = other - alpha * input
    Gradient:  -alpha * g for input, g for other

    >>> import minigrad as torch
    >>> 1 - torch.tensor([1., 2.])
    tensor([ 0., -1.])
    """

    grad_fn = "RsubBackward1"

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Subtract the first from the second."""
        return xp.subtract(other, input)

    @staticmethod
    def grad_input(g: Array) -> Array:
        """The first counts against."""
        return -g

    @staticmethod
    def grad_other(g: Array) -> Array:
        """The second counts once."""
        return g


@register(
    domain=[reals(-3, 3)],
    dtypes=(*NUMBERS, "bool"),
    dunder=("__mul__", "__rmul__"),
    inplace=True,
    errors=MISFIT,
    aliases=("multiply",),
)
class Mul(Binary):
    """Elementwise product.

    Formula:   out = input * other
    Gradient:  g * other for input, g * input for other

    >>> import minigrad as torch
    >>> torch.mul(torch.tensor([1., 2.]), torch.tensor([3., 4.]))
    tensor([3., 8.])
    """

    ufunc = "multiply"

    @staticmethod
    def grad_input(g: Array, other: Array) -> Array:
        """The other factor."""
        return g * other

    @staticmethod
    def grad_other(g: Array, input: Array) -> Array:
        """The other factor."""
        return g * input


def _div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
    if rounding_mode is None and out is None:
        return _plain_div(input, other)
    if rounding_mode is None:
        result = tensors.div(input, other)
    elif rounding_mode == "floor":
        result = tensors.floor_divide(input, other)
    elif rounding_mode == "trunc":
        result = tensors.trunc_divide(input, other)
    else:
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    return result if out is None else into(out, result)


@register(
    public=_div,
    domain=[reals(-3, 3), reals(0.5, 3)],
    dtypes=NUMBERS,
    dunder=("__truediv__",),
    inplace=True,
    errors=MISFIT,
    aliases=("divide", "true_divide"),
)
class Div(Binary):
    """Elementwise quotient; integers give floats.

    Formula:   out = input / other
    Gradient:  g / other for input, -g * (input / other) / other for other

    >>> import minigrad as torch
    >>> torch.div(torch.tensor([1, 2]), 4)
    tensor([0.2500, 0.5000])
    >>> torch.div(torch.tensor([-7., 7.]), 2, rounding_mode="floor")
    tensor([-4.,  3.])
    """

    ufunc = "true_divide"
    promotes = "float"

    @staticmethod
    def grad_input(g: Array, other: Array) -> Array:
        """The numerator counts by the denominator."""
        return g / other

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array) -> Array:
        """Derivative of 1/other."""
        return -g * ((input / other) / other)


@function(
    where=("Tensor",),
    torch="Tensor.__rtruediv__",
    domain=[reals(0.5, 3)],
    samples=(call(T(2, 3), 2.0),),
    dunder=("__rtruediv__",),
)
def rdiv(input: Any, other: Any) -> Any:
    """``other / input``: the reciprocal times the other, as torch computes it.

    >>> import minigrad as torch
    >>> 1 / torch.tensor([2., 4.])
    tensor([0.5000, 0.2500])
    """
    return input.reciprocal() * other


@register(
    domain=[reals(-3, 3), reals(0.5, 3)],
    dtypes=("float",),
    dunder=("__floordiv__",),
    gradcheck=False,
)
class FloorDivide(Binary):
    """Elementwise quotient, rounded down.

    Formula:   out = floor(input / other)
    Gradient:  none: the value jumps

    >>> import minigrad as torch
    >>> torch.tensor([-7., 7.]) // 2
    tensor([-4.,  3.])
    """

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Divide and round down."""
        return _no_zeros(xp.asarray(other), xp.floor_divide(input, other))


@function(
    where=("Tensor",),
    torch="Tensor.__rfloordiv__",
    domain=[reals(0.5, 3)],
    samples=(call(T(2, 3), 2.0),),
    dunder=("__rfloordiv__",),
    gradcheck=False,
)
def rfloordiv(input: Any, other: Any) -> Any:
    """``other // input``.

    >>> import minigrad as torch
    >>> 7 // torch.tensor([2, 4])
    tensor([3, 1])
    """
    return tensors.floor_divide(input.new_tensor(other, dtype=result_type((input, other))), input)


@register(internal=True)
class TruncDivide(Binary):
    """Elementwise quotient, rounded towards zero."""

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Divide, cut the fraction, keep the type."""
        return xp.trunc(input / other).astype(input.dtype)


@register(
    domain=[reals(-3, 3), reals(0.7, 3)],
    dtypes=("float",),
    samples=(call(T(2, 3), T(2, 3)), call(T(3), 2.0)),
    dunder=("__mod__",),
    gradcheck=False,
    inplace=True,
)
class Remainder(Binary):
    """Elementwise remainder with the sign of the divisor.

    Formula:   out = input - floor(input / other) * other
    Gradient:  g for input, -g * floor(input / other) for other

    >>> import minigrad as torch
    >>> torch.remainder(torch.tensor([-3., 3.]), 2)
    tensor([1., 1.])
    """

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Divide and keep the rest."""
        return _no_zeros(xp.asarray(other), xp.remainder(input, other))

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Between the jumps the slope is one."""
        return g

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Each whole multiple takes one divisor away."""
        return -g * F.floor_divide(input, other)


# The usual calls of add, sub and div, without alpha, rounding or out.
_plain_add: Any = short_cut(Add, depth=2)
_plain_sub: Any = short_cut(Sub, depth=2)
_plain_div: Any = short_cut(Div, depth=2)


@function(
    where=("Tensor",),
    torch="Tensor.__rmod__",
    domain=[reals(0.5, 3)],
    samples=(call(T(2, 3), 2.0),),
    dunder=("__rmod__",),
    gradcheck=False,
)
def rmod(input: Any, other: Any) -> Any:
    """``other % input``.

    >>> import minigrad as torch
    >>> 7 % torch.tensor([2, 4])
    tensor([1, 3])
    """
    return tensors.remainder(input.new_tensor(other, dtype=result_type((input, other))), input)
