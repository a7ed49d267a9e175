"""Powers, with a number or a tensor as exponent."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.apply import apply
from minigrad.autograd.arguments import result_type
from minigrad.autograd.op import Binary, Op, tensors
from minigrad.autograd.registry import T, call, function, into, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array


class _Power:
    """What the two power ops share: torch's exact short cuts for common exponents."""

    @staticmethod
    def value(xp: Any, base: Array, exponent: Any) -> Array:
        """``base ** exponent``, by multiplication and roots where the exponent allows."""
        if exponent == 2:
            return base * base
        if exponent == 3:
            return base * base * base
        if base.dtype.kind == "f":
            if exponent == 0.5:
                return xp.sqrt(base)
            if exponent == -1:
                return 1 / base
        return xp.power(base, exponent)


@register("pow_scalar", internal=True)
class PowScalar(Op):
    """A power with a Python number as exponent."""

    grad_fn = "PowBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, exponent: Any) -> Array:
        """Raise to the power; integers and negative exponents don't mix."""
        if input.dtype.kind in "iu" and exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        return _Power.value(xp, input, exponent)

    @staticmethod
    def grad_input(g: Array, input: Array, exponent: Any, F: Any) -> Array:
        """``exponent * input ** (exponent - 1)``, zero for exponent 0 even at input 0."""
        if exponent == 0:
            return F.blank(g, g.shape)
        return g * (exponent * F.pow_scalar(input, exponent - 1))


def _pow(input: Any, exponent: Any, *, out: Any = None) -> Any:
    if isinstance(exponent, TensorBase):
        result = apply(Pow, (input, exponent))
    elif isinstance(exponent, float) and not input.is_floating_point():
        result = tensors.pow_scalar(input.to(exponent_type()), exponent)
    else:
        result = tensors.pow_scalar(input, exponent)
    return result if out is None else into(out, result)


def exponent_type() -> Any:
    """The type in which integers are raised to a float power."""
    from minigrad.dtypes import get_default_dtype

    return get_default_dtype()


@register(
    public=_pow,
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
    ),
    dunder=("__pow__",),
    inplace=True,
)
class Pow(Binary):
    """Elementwise power.

    Formula:   out = input ** exponent
    Gradient:  g * exponent * input ** (exponent - 1) for input,
               g * out * log(input) for exponent (zero at input 0 with exponent >= 0)

    >>> import minigrad as torch
    >>> torch.pow(torch.tensor([2., 3.]), 2), torch.tensor([2., 3.]) ** torch.tensor([3., 2.])
    (tensor([4., 9.]), tensor([8., 9.]))
    """

    grad_fn = "PowBackward1"

    @staticmethod
    def forward(xp: Any, input: Array, exponent: Array) -> Array:
        """Raise to the power."""
        return xp.power(input, exponent)

    @staticmethod
    def grad_input(g: Array, input: Array, exponent: Array, F: Any) -> Array:
        """Zero where the exponent is zero, even at input 0."""
        slope = exponent * F.pow(input, exponent - 1)
        return g * F.where(exponent == 0, 0.0, slope)

    @staticmethod
    def grad_exponent(g: Array, input: Array, exponent: Array, F: Any) -> Array:
        """``out * log(input)``, with the limit 0 at input 0."""
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
    if isinstance(other, TensorBase):
        base = other
    else:
        kind = result_type((input, other))  # of a float number and integers: the default type
        base = input.new_full((), other, dtype=kind)
    return apply(Pow, (base, input))
