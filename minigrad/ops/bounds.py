"""Bounds and choices: where a value is cut off, and which of two is taken."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.apply import apply
from minigrad.autograd.arguments import common_type
from minigrad.autograd.op import Binary, Op, tensors
from minigrad.autograd.registry import T, booleans, call, into, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.ops.arithmetic import MISFIT, NUMBERS


def _clamp(input: Any, min: Any = None, max: Any = None, *, out: Any = None) -> Any:
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    result = apply(Clamp, (input, min, max))
    return result if out is None else into(out, result)


@register(
    public=_clamp,
    domain=[reals(-3, 3, avoid=[-1, 0.5, 2]), reals(-2, 0), reals(0, 2)],
    dtypes=("float", "int"),
    samples=(
        call(T(2, 3), -1, 2),
        call(T(5), min=0.5),
        call(T(5), max=0.5),
        call(T(4), 1, float("inf")),
        call(T(2, 3), T(2, 3), T(3)),
        call(T(6), min=2, max=-1),
    ),
    errors=(call(T(3)),),
    inplace=True,
    aliases=("clip",),
)
class Clamp(Op):
    """Elementwise value between two bounds; where they cross, the upper one wins.

    Formula:   out = min(max(input, min), max)
    Gradient:  g where min <= input <= max, else 0; a bound gets g where it holds the value

    >>> import minigrad as torch
    >>> torch.clamp(torch.tensor([-2., 0.5, 3.]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """

    broadcasts = True
    promotes = "common"

    @staticmethod
    def forward(xp: Any, input: Array, min: Array | None, max: Array | None) -> Array:
        """Cut below, then above."""
        out = input if min is None else xp.maximum(input, min)
        out = out if max is None else xp.minimum(out, max)
        return out.astype(input.dtype, copy=False)

    @staticmethod
    def grad_input(g: Array, input: Array, min: Any, max: Any, F: Any) -> Array:
        """Inside the bounds, edges included."""
        if min is not None:
            g = F.where(input >= min, g, 0.0)
        return g if max is None else F.where(input <= max, g, 0.0)

    @staticmethod
    def grad_min(g: Array, input: Array, min: Any, max: Any, F: Any) -> Array:
        """Where the lower bound holds the value."""
        below = input < min
        return F.where(below if max is None else below & (min < max), g, 0.0)

    @staticmethod
    def grad_max(g: Array, input: Array, min: Any, max: Any, F: Any) -> Array:
        """Where the upper bound holds the value."""
        above = input > max
        return F.where(above if min is None else above | (max < min), g, 0.0)


def _where(condition: Any, input: Any = None, other: Any = None, *, out: Any = None) -> Any:
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    input, other = common_type(input, other)
    result = tensors.where(condition, input, other)
    return result if out is None else into(out, result)


@register(
    public=_where,
    domain=[booleans(), reals(-3, 3)],
    samples=(
        call(T(2, 3), T(2, 3), T(2, 3)),
        call(T(2, 1), T(3), T(2, 3)),
        call(T(4), T(4), 0.0),
        call(T(4), 1.0, T(1)),
        call(T(), T(), T(2)),
    ),
    where=("torch",),
)
class Where(Op):
    """Elementwise choice: ``input`` where the condition holds, else ``other``.

    Formula:   out = input if condition else other
    Gradient:  g to what was chosen, 0 to the other

    >>> import minigrad as torch
    >>> torch.where(torch.tensor([True, False]), torch.tensor([1., 2.]), 0.)
    tensor([1., 0.])
    """

    broadcasts = True

    @staticmethod
    def forward(xp: Any, condition: Array, input: Array, other: Array) -> Array:
        """Choose."""
        return xp.where(condition, input, other)

    @staticmethod
    def grad_input(g: Array, condition: Array, F: Any) -> Array:
        """Where it was chosen."""
        return F.where(condition, g, 0.0)

    @staticmethod
    def grad_other(g: Array, condition: Array, F: Any) -> Array:
        """Where it was chosen."""
        return F.where(condition, 0.0, g)


@register(
    domain=[reals(-3, 3)],
    dtypes=NUMBERS,
    errors=MISFIT,
)
class Maximum(Binary):
    """Elementwise larger value; NaN wins.

    Formula:   out = max(input, other)
    Gradient:  g to the larger, g / 2 to each at a tie

    >>> import minigrad as torch
    >>> torch.maximum(torch.tensor([1., 5.]), torch.tensor([3., 2.]))
    tensor([3., 5.])
    """

    ufunc = "maximum"

    @staticmethod
    def grad_input(g: Array, input: Array, other: Array, F: Any) -> Array:
        """All of it above, half at a tie."""
        return F.where(input >= other, F.where(input == other, g / 2, g), 0.0)

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """All of it above, half at a tie."""
        return F.where(other >= input, F.where(input == other, g / 2, g), 0.0)


@register(domain=[reals(-3, 3)], dtypes=NUMBERS, errors=MISFIT)
class Minimum(Binary):
    """Elementwise smaller value; NaN wins.

    Formula:   out = min(input, other)
    Gradient:  g to the smaller, g / 2 to each at a tie

    >>> import minigrad as torch
    >>> torch.minimum(torch.tensor([1., 5.]), torch.tensor([3., 2.]))
    tensor([1., 2.])
    """

    ufunc = "minimum"

    @staticmethod
    def grad_input(g: Array, input: Array, other: Array, F: Any) -> Array:
        """All of it below, half at a tie."""
        return F.where(input <= other, F.where(input == other, g / 2, g), 0.0)

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """All of it below, half at a tie."""
        return F.where(other <= input, F.where(input == other, g / 2, g), 0.0)


def _where_method(input: Any, condition: Any, other: Any) -> Any:
    """The elements of this tensor where the condition holds, else those of another.

    >>> import minigrad as torch
    >>> torch.tensor([1., 2.]).where(torch.tensor([True, False]), 0.)
    tensor([1., 0.])
    """
    return _where(condition, input, other)


setattr(TensorBase, "where", _where_method)  # noqa: B010 (the arguments differ from torch.where's)
