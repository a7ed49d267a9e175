"""Sums, differences and products of two operands, and their operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.autograd.arguments import result_type
from minigrad.autograd.op import Binary, tensors
from minigrad.autograd.registry import T, call, into, reals, register
from minigrad.autograd.shortcuts import short_cut
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.ops.elementwise.number_first import hides_rest, number_first

MISFIT = (call(T(2, 3), T(4)), call(T(2, 3), "text"))


NUMBERS = ("float", "int")


def _scaled(input: Any, other: Any, alpha: Any) -> Any:
    """``alpha * other``, if the result's type can hold it."""
    if type(alpha) is int:
        return other * alpha
    common = result_type((input, other))
    if isinstance(alpha, bool) and common.name != "bool":
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, float) and not common.is_floating_point:
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )
    return other * alpha


@hides_rest
def _add(input: Any, other: Any, *rest: Any, alpha: Any = 1, out: Any = None) -> Any:
    if rest:
        other, alpha = number_first("add", "alpha", (other,), rest)
    if alpha == 1 and alpha is not True and out is None:
        return _plain_add(input, other)
    result = tensors.add(input, _scaled(input, other, alpha))
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
    def straight(input: Array, other: Any, *, alpha: Any = 1) -> None:
        """The sum in place."""
        np.add(input, other if alpha == 1 else other * alpha, out=input)

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Both arguments count once."""
        return g

    @staticmethod
    def grad_other(g: Array) -> Array:
        """Both arguments count once."""
        return g


@hides_rest
def _sub(input: Any, other: Any, *rest: Any, alpha: Any = 1, out: Any = None) -> Any:
    if rest:
        other, alpha = number_first("sub", "alpha", (other,), rest)
    if alpha == 1 and alpha is not True and out is None:
        return _plain_sub(input, other)
    _no_masks((input, other))
    result = tensors.sub(input, _scaled(input, other, alpha))
    return result if out is None else into(out, result)


def _no_masks(inputs: Sequence[Any]) -> None:
    """Raise torch's error for a difference that a bool tensor or a bool has part in."""
    if all(isinstance(value, TensorBase) and value._array.dtype.kind == "b" for value in inputs):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
            "`logical_xor()` operator instead."
        )
    for value in inputs:
        array = value._array if isinstance(value, TensorBase) else np.asarray(value)
        if array.dtype.kind == "b":
            raise RuntimeError(
                "Subtraction, the `-` operator, with a bool tensor is not supported. If you are "
                "trying to invert a mask, use the `~` or `logical_not()` operator instead."
            )


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
    kinds = "iufV"
    check = staticmethod(_no_masks)

    @staticmethod
    def straight(input: Array, other: Any, *, alpha: Any = 1) -> None:
        """The difference in place."""
        np.subtract(input, other if alpha == 1 else other * alpha, out=input)

    @staticmethod
    def grad_input(g: Array) -> Array:
        """The first argument counts once."""
        return g

    @staticmethod
    def grad_other(g: Array) -> Array:
        """The second counts against."""
        return -g


def _rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return tensors.rsub(input if alpha == 1 else _scaled(other, input, alpha), other)


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
    kinds = "iufV"
    numbers = ("other",)
    check = staticmethod(_no_masks)

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
    wide = True

    @staticmethod
    def grad_input(g: Array, other: Array) -> Array:
        """The other factor."""
        return g * other

    @staticmethod
    def grad_other(g: Array, input: Array) -> Array:
        """The other factor."""
        return g * input


# The usual calls of add and sub, without alpha or out.
_plain_add: Any = short_cut(Add, depth=2)
_plain_sub: Any = short_cut(Sub, depth=2)
