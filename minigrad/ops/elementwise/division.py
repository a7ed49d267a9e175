"""Quotients and what they leave: division, rounded division, remainders."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Binary, tensors
from minigrad.autograd.registry import T, call, function, into, reals, register
from minigrad.autograd.shortcuts import short_cut
from minigrad.backend import Array
from minigrad.backend.native import pointwise
from minigrad.ops.elementwise.arithmetic import MISFIT, NUMBERS
from minigrad.ops.elementwise.masks import picked
from minigrad.ops.elementwise.precision import no_derivative
from minigrad.ops.natively import natively

# From this many float32 elements on, a remainder is faster by way of float64, so many at a time.
MANY, BLOCK = 1024, 1 << 15
# Quotients of float32 below this are rounded to whole numbers without error in float64, and below
# the second are what torch gets in float32, too.
EXACT, WHOLE = 2.0**28, 2.0**22


def _div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
    if rounding_mode is None and out is None:
        return _plain_div(input, other)
    if rounding_mode is None:
        result = tensors.div(input, other)
    elif rounding_mode == "floor":
        result = tensors.div_floor(input, other)
    elif rounding_mode == "trunc":
        result = tensors.div_trunc(input, other)
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
    dunder=("__truediv__", "__div__"),
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
    wide = True

    @staticmethod
    def grad_input(g: Array, other: Array) -> Array:
        """The numerator counts by the denominator."""
        return g / other

    @staticmethod
    @natively("quotient_slope")
    def grad_other(g: Array, input: Array, other: Array) -> Array:
        """Derivative of 1/other."""
        return -g * ((input / other) / other)


# The usual call of div, without rounding or out.
_plain_div: Any = short_cut(Div, depth=2)


@function(
    where=("Tensor",),
    torch="Tensor.__rtruediv__",
    domain=[reals(0.5, 3)],
    samples=(call(T(2, 3), 2.0),),
    dunder=("__rtruediv__", "__rdiv__"),
    quick=True,
)
def rdiv(input: Any, other: Any) -> Any:
    """``other / input``: the reciprocal times the other, as torch computes it.

    >>> import minigrad as torch
    >>> 1 / torch.tensor([2., 4.])
    tensor([0.5000, 0.2500])
    """
    return input.reciprocal() * other


def _divided(name: str, xp: Any, rounded: Any, rest: bool, input: Any, other: Any) -> Any:
    """A rounded quotient, or the rest that it leaves: what the ufunc of that name gives.

    NumPy's own loops are slow. Of float32 the quotient is worked out in float64, where rounding it
    and taking its multiple away are exact; block by block, so that the temporaries fit a cache, and
    in the slow way where a quotient is too large for that, infinite or NaN.
    """
    found = pointwise(name, input, other)
    if found is not None:
        return found
    plain = getattr(xp, name)
    array = input if hasattr(input, "dtype") else other
    if xp is not np or array.dtype != np.float32 or array.size < MANY:
        found = _no_zeros(other, plain(input, other))
        return _signed(xp, found, input) if rest else found
    x, y = np.broadcast_arrays(*(np.asarray(a, dtype=np.float32) for a in (input, other)))
    out = np.empty(x.shape, np.float32)
    flat, x, y = out.reshape(-1), x.reshape(-1), y.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        here = slice(start, start + BLOCK)
        a, b = x[here].astype(np.float64), y[here].astype(np.float64)
        quotient = a / b
        rounded(quotient, out=quotient)
        most = EXACT if rest else WHOLE
        exact = quotient.max() < most and quotient.min() > -most  # NaN is neither
        if exact and rest:
            b *= quotient
            a -= b
            exact = not np.isnan(a.max())
        flat[here] = (a if rest else quotient) if exact else plain(x[here], y[here])
    return _signed(np, out, input) if rest else out


def _signed(xp: Any, rest: Any, input: Any) -> Any:
    """Zeros among the rests with the sign of what was divided, as in torch."""
    if rest.dtype.kind in "iu" or (xp is np and rest.all()):
        return rest
    return picked(xp, rest == 0, input * rest.dtype.type(0), rest)


def _floored(xp: Any, input: Any, other: Any) -> Any:
    """The quotient, rounded down."""
    return _divided("floor_divide", xp, xp.floor, False, input, other)


def _no_zeros(divisor: Any, result: Any) -> Any:
    """The result of dividing integers, which there is none of where the divisor is zero."""
    if result.dtype.kind in "iu" and (divisor == 0).any():
        raise RuntimeError("ZeroDivisionError")
    return result


class _Rounded(Binary):
    """A rounded quotient: flat between its jumps."""

    kinds = "iufV"
    grad_fn = "DivBackward2"

    @staticmethod
    def grad_input(g: Array, shape: Any, F: Any) -> Array:
        """Flat between the jumps."""
        return F.blank(g, shape)

    @staticmethod
    def grad_other(g: Array, shape: Any, F: Any) -> Array:
        """Flat between the jumps."""
        return F.blank(g, shape)


@register("div_floor", internal=True)
class DivFloor(_Rounded):
    """Elementwise quotient, rounded down."""

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Divide and round down."""
        return _floored(xp, input, other)


@register("div_trunc", internal=True)
class DivTrunc(_Rounded):
    """Elementwise quotient, rounded towards zero."""

    @staticmethod
    @natively("trunc_divide")
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Divide and cut the fraction; of integers without leaving them."""
        if (input if hasattr(input, "dtype") else other).dtype.kind not in "iu":
            return xp.trunc(input / other)
        down = _no_zeros(other, xp.floor_divide(input, other))
        negative = (input < 0) != (other < 0)
        return down + (negative & (down * other != input)).astype(down.dtype)


@register(
    domain=[reals(-3, 3), reals(0.5, 3)],
    dtypes=NUMBERS,
    samples=(call(T(2, 3), T(2, 3)), call(T(2, 3), T(3)), call(T(3), 2), call(T(), T(4))),
    dunder=("__floordiv__",),
    gradcheck=False,
    inplace=True,
)
class FloorDivide(Binary):
    """Elementwise quotient, rounded down.

    Formula:   out = floor(input / other)
    Gradient:  none: torch.div(input, other, rounding_mode="floor") has one, of zeros

    >>> import minigrad as torch
    >>> torch.tensor([-7., 7.]) // 2
    tensor([-4.,  3.])
    """

    kinds = "iufV"

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Divide and round down."""
        return _floored(xp, input, other)

    grad_fn = "NotImplemented"
    grad_input = grad_other = no_derivative("floor_divide", RuntimeError)


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
    return apply(FloorDivide, (other, input))


@register(
    domain=[reals(-3, 3), reals(0.7, 3)],
    dtypes=("float",),
    samples=(
        call(T(2, 3), T(2, 3)),
        call(T(3), 2.0),
        call(7.5, T(3, domain=reals(0.7, 3, moved=False))),
    ),
    dunder=("__mod__",),
    inplace=True,
    errors=MISFIT,
)
class Remainder(Binary):
    """Elementwise remainder with the sign of the divisor.

    Formula:   out = input - floor(input / other) * other
    Gradient:  g for input, -g * floor(input / other) for other

    >>> import minigrad as torch
    >>> torch.remainder(torch.tensor([-3., 3.]), 2)
    tensor([1., 1.])
    """

    kinds = "iufV"

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Divide and keep the rest."""
        return _divided("remainder", xp, xp.floor, True, input, other)

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Between the jumps the slope is one."""
        return g

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Each whole multiple takes one divisor away."""
        return -g * F.div_floor(input, other)


@function(
    where=("Tensor",),
    torch="Tensor.__rmod__",
    domain=[reals(0.55, 3, avoid=(2 / 3, 1.0, 2.0))],
    samples=(call(T(2, 3), 2.0),),
    orders=0,
    dunder=("__rmod__",),
)
def rmod(input: Any, other: Any) -> Any:
    """``other % input``.

    >>> import minigrad as torch
    >>> 7 % torch.tensor([2, 4])
    tensor([1, 3])
    """
    return apply(Remainder, (other, input))


_OFF_TWOS = reals(-3, 3, avoid=(-2.0, 2.0))  # where the remainder by 2 jumps


@register(
    domain=[reals(-3, 3), reals(0.7, 3)],
    dtypes=("float",),
    samples=(call(T(2, 3), T(2, 3)), call(T(3, domain=_OFF_TWOS), 2.0), call(T(2, 1), T(3))),
    inplace=True,
    errors=(*MISFIT, call(2.0, T(3))),
)
class Fmod(Binary):
    """Elementwise remainder with the sign of the dividend.

    Formula:   out = input - trunc(input / other) * other
    Gradient:  g for input, -g * trunc(input / other) for other

    >>> import minigrad as torch
    >>> torch.fmod(torch.tensor([-3., 3.]), 2)
    tensor([-1.,  1.])
    """

    kinds = "iufV"
    numbers = ("other",)

    @staticmethod
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """Divide and keep the rest."""
        return _divided("fmod", xp, xp.trunc, True, input, other)

    @staticmethod
    def grad_input(g: Array) -> Array:
        """Between the jumps the slope is one."""
        return g

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Each whole multiple takes one divisor away."""
        return -g * F.div_trunc(input, other)
