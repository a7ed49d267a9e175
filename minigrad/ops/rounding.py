"""Rounding, bounds and selection: the elementwise functions with steps in them."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.apply import apply
from minigrad.autograd.arguments import common_type
from minigrad.autograd.op import Op, Unary, tensors
from minigrad.autograd.registry import T, booleans, call, into, reals, register
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
    def grad_input(g: Array) -> Array:
        """Flat between the steps."""
        return g * 0.0


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
    def grad_input(g: Array) -> Array:
        """Flat between the steps."""
        return g * 0.0


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
    def grad_input(g: Array) -> Array:
        """Flat between the steps."""
        return g * 0.0


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
    def grad_input(g: Array) -> Array:
        """Flat between the steps."""
        return g * 0.0


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
    def grad_input(g: Array, input: Array, min: Any, max: Any) -> Array:
        """Inside the bounds, edges included."""
        if min is not None:
            g = g * (input >= min)
        return g if max is None else g * (input <= max)

    @staticmethod
    def grad_min(g: Array, input: Array, min: Any, max: Any) -> Array:
        """Where the lower bound holds the value."""
        g = g * (input < min)
        return g if max is None else g * (min < max)

    @staticmethod
    def grad_max(g: Array, input: Array, min: Any, max: Any) -> Array:
        """Where the upper bound holds the value."""
        above = input > max
        return g * (above if min is None else above | (max < min))


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
