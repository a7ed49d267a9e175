"""Addition to powers: the arithmetic of two operands, and its operators."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Binary, Op, tensors
from minigrad.autograd.registry import T, call, function, into, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array

MISFIT = (call(T(2, 3), T(4)), call(T(2, 3), "text"))
NUMBERS = ("float", "int")


def scaled(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    """``other``, multiplied by ``alpha`` unless that is one."""
    return other if alpha == 1 else other * alpha


def _add(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    result = tensors.add(input, scaled(input, other, alpha=alpha))
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


def _sub(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    result = tensors.sub(input, scaled(input, other, alpha=alpha))
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
    return tensors.rsub(scaled(input, input, alpha=alpha), other)


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

    ufunc = "floor_divide"


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

    ufunc = "remainder"

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Between the jumps the slope is one."""
        return g

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Each whole multiple takes one divisor away."""
        return -g * F.floor_divide(input, other)


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
            return g * 0.0
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
    base = input.new_full((), other) if not isinstance(other, TensorBase) else other
    return apply(Pow, (base, input))


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
        return F.where(input == other, g / 2, g) * (input >= other)

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """All of it above, half at a tie."""
        return F.where(input == other, g / 2, g) * (other >= input)


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
        return F.where(input == other, g / 2, g) * (input <= other)

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """All of it below, half at a tie."""
        return F.where(input == other, g / 2, g) * (other <= input)
