"""Powers, with a number or a tensor as exponent or as base."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.apply import apply
from minigrad.autograd.arguments import result_type
from minigrad.autograd.op import Binary, Op, named_node, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.ops.elementwise.precision import widened


@widened
def _power(xp: Any, base: Array, exponent: Any) -> Array:
    """By multiplication and roots where the exponent allows: torch's values, and faster."""
    if exponent == 3:
        return xp.square(base) * base
    if base.dtype.kind != "f":
        if exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        return xp.power(base, exponent)
    if exponent == 0.5:
        return xp.sqrt(base)
    if exponent == 1:
        return base.copy()
    if exponent == -0.5:
        return 1 / xp.sqrt(base)
    if exponent == -1:
        return 1 / base
    if exponent == -2:
        return 1 / xp.square(base)
    return xp.power(base, exponent)


@register("pow_scalar", internal=True)
class PowScalar(Op):
    """A power with a Python number as exponent."""

    grad_fn = "PowBackward0"
    kinds = "iufV"

    @staticmethod
    def forward(xp: Any, input: Array, exponent: Any) -> Array:
        """By a multiplication in the usual case."""
        return xp.square(input) if exponent == 2 else _power(xp, input, exponent)

    @staticmethod
    def grad_input(g: Array, input: Array, exponent: Any, F: Any) -> Array:
        """``exponent * input ** (exponent - 1)``, zero for exponent 0 even at input 0."""
        if exponent == 0:
            return F.blank(g, g.shape)
        if exponent == 2:
            return g * (2 * F.pow_scalar(input, 1))  # torch: its derivative still has a graph
        return g * (exponent * F.pow_scalar(input, exponent - 1))


def _pow(input: Any, exponent: Any) -> Any:
    if isinstance(exponent, np.generic):
        exponent = exponent.item()
    if not (hasattr(input, "_array") and isinstance(exponent, (int, float))):
        return _of_number(input, exponent)
    if input._array.dtype.kind not in "fV":
        common = result_type((input, exponent))
        input = input if common is input.dtype else tensors.cast(input, common)
    return tensors.pow_scalar(input, exponent)


@register(
    public=_pow,
    out=True,
    domain=[reals(0.2, 3), reals(-2, 2)],
    dtypes=("float",),
    samples=(
        call(T(2, 3), T(2, 3)),
        call(T(2, 3), T(3)),
        call(T(2, 3), 2),
        call(T(3), 0.5),
        call(T(3), 3),
        call(T(3), -1),
        call(T(3), 1.7),
        call(2.5, T(3)),
    ),
    errors=(call(T(3), T(4)), call(T(3), "text"), call(2, 3)),
    dunder=("__pow__",),
    inplace=True,
)
class Pow(Binary):
    """Elementwise power; one of the two may be a number.

    Formula:   out = input ** exponent
    Gradient:  g * exponent * input ** (exponent - 1) for input,
               g * out * log(input) for exponent (zero at input 0 with exponent >= 0)

    >>> import minigrad as torch
    >>> torch.pow(torch.tensor([2., 3.]), 2), torch.tensor([2., 3.]) ** torch.tensor([3., 2.])
    (tensor([4., 9.]), tensor([8., 9.]))
    >>> torch.pow(2, torch.tensor([1., 3.]))
    tensor([2., 8.])
    """

    grad_fn = "PowBackward1"
    kinds = "iufV"
    numbers = ("input", "exponent")

    @staticmethod
    def forward(xp: Any, input: Array, exponent: Array) -> Array:
        """Raise to the power."""
        if getattr(exponent, "dtype", None) is None or exponent.dtype.kind != "i":
            return xp.power(input, exponent)
        down = exponent < 0
        if not down.any():
            return xp.power(input, exponent)
        # The reciprocal of a whole number, cut to a whole number: of 1 and -1 themselves, else 0.
        odd = (exponent & 1) == 1
        unit = xp.where(input == 1, 1, xp.where(input == -1, xp.where(odd, -1, 1), 0))
        power = xp.power(input, xp.where(down, 0, exponent))
        return xp.where(down, unit, power).astype(exponent.dtype)

    @staticmethod
    def grad_input(g: Array, input: Array, exponent: Array, F: Any) -> Array:
        """Zero where the exponent is zero, even at input 0."""
        return F.where(exponent == 0, 0.0, g * (exponent * F.pow(input, exponent - 1)))

    @staticmethod
    def grad_exponent(g: Array, input: Array, exponent: Array, F: Any) -> Array:
        """``out * log(input)``, with the limit 0 at input 0."""
        if not hasattr(input, "dtype"):
            rate = math.log(input) if input > 0 else -math.inf if input == 0 else math.nan
            slope = g * (F.pow(input, exponent) * rate)
            return F.where(exponent >= 0, 0.0, slope) if input == 0 else slope
        at_zero = (input == 0) & (exponent >= 0)
        return g * F.where(at_zero, 0.0, F.pow(input, exponent) * F.log(input))


@function(
    where=("Tensor",),
    torch="Tensor.__rpow__",
    domain=[reals(-2, 2)],
    samples=(call(T(2, 3), 2.0),),
    dunder=("__rpow__",),
)
def rpow(input: Any, other: Any) -> Any:
    """``other ** input``.

    >>> import minigrad as torch
    >>> 2 ** torch.tensor([2., 3.])
    tensor([4., 8.])
    """
    return _of_number(other, input)


_OF_NUMBER = named_node(Pow, "PowBackward2")


def _of_number(input: Any, exponent: Any) -> Any:
    """A power with a tensor as exponent, by a node of torch's name if the base is a number."""
    out = apply(Pow, (input, exponent))
    if out._node is not None and not isinstance(input, TensorBase):
        out._node.__class__ = _OF_NUMBER
    return out


@function(
    out=True,
    domain=[reals(0.2, 3), reals(-2, 2)],
    dtypes=("float", "int"),
    samples=(call(T(2, 3), T(3)), call(T(3), 2), call(2, T(3)), call(T(3), T(3))),
    inplace=True,
)
def float_power(input: Any, exponent: Any) -> Any:
    """Elementwise power, worked out in float64 whatever the types.

    Formula:   out = input ** exponent

    >>> import minigrad as torch
    >>> torch.float_power(torch.tensor([2, 3]), -1)
    tensor([0.5000, 0.3333], dtype=torch.float64)
    """
    wide = [v.to(dtypes.float64) if isinstance(v, TensorBase) else v for v in (input, exponent)]
    return _pow(*wide)
