"""Logarithms that meet zero or infinity: entropies, odds, sums of exponentials."""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd.op import Binary, Op, Unary, tensors
from minigrad.autograd.registry import T, call, reals, register
from minigrad.backend import Array
from minigrad.backend.native import pointwise
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.natively import natively

MANY = 2048  # elements; below, NumPy's one call is faster

NUMBERS = ("float", "int")


@register("special_entr", torch="special.entr", domain=[reals(0.2, 3)], dtypes=NUMBERS)
class Entr(Unary):
    """Elementwise summand of an entropy; -inf below zero.

    Formula:   out = -input * log(input), 0 at 0
    Gradient:  g * -(1 + log(input))

    >>> import minigrad as torch
    >>> torch.special.entr(torch.tensor([0., 0.5, 1.]))
    tensor([0.0000, 0.3466, -0.0000])
    """

    promotes = "float"

    @staticmethod
    @widened
    def forward(xp: Any, input: Array) -> Array:
        """Nothing at zero, minus infinity below."""
        edge = xp.where(input < 0, -xp.inf, xp.zeros_like(input))
        return xp.where(input <= 0, edge.astype(input.dtype), -input * xp.log(input))

    @staticmethod
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """The product rule."""
        return g * -(F.log(input) + 1)


def _xlogy_like(log: str) -> Any:
    """The forward of ``xlogy`` and ``xlog1py``."""

    def forward(xp: Any, input: Array, other: Array) -> Array:
        dtype = (input if hasattr(input, "dtype") else other).dtype
        product = input * getattr(xp, log)(xp.asarray(other, dtype=dtype))
        return xp.where((input == 0) & (other == other), xp.zeros((), product.dtype), product)

    return staticmethod(widened(forward))


@register(
    domain=[reals(0.3, 3)],
    dtypes=NUMBERS,
    inplace=True,
    inplace_in=("torch",),
    aliases=("special_xlogy",),
    samples=(call(T(2, 3), T(3)), call(2, T(3)), call(T(3), 2), call(T(), T(4))),
    errors=(call(T(3), T(4)), call(T(3), "text"), call(2, 3)),
)
class Xlogy(Binary):
    """Elementwise product with a logarithm, 0 where the first factor is 0.

    Formula:   out = input * log(other)
    Gradient:  g * log(other) for input, g * input / other for other

    >>> import minigrad as torch
    >>> torch.xlogy(torch.tensor([0., 2.]), torch.tensor([0., 3.]))
    tensor([0.0000, 2.1972])
    """

    promotes = "float"
    forward = _xlogy_like("log")

    @staticmethod
    def grad_input(g: Array, input: Array, other: Any, F: Any) -> Array:
        """The logarithm; nothing where there was nothing."""
        rate = F.log(other) if hasattr(other, "dtype") else _logarithm(other)
        return g * F.where((input == 0) & (other <= 0), 0.0, rate)

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array) -> Array:
        """The derivative of the logarithm."""
        return g * (input / other)


@register(
    "special_xlog1py",
    torch="special.xlog1py",
    domain=[reals(0.3, 3)],
    dtypes=NUMBERS,
    samples=(call(T(2, 3), T(3)), call(2, T(3)), call(T(3), 2), call(T(), T(4))),
    errors=(call(T(3), T(4)), call(T(3), "text"), call(2, 3)),
)
class Xlog1py(Binary):
    """Elementwise product with ``log1p``, 0 where the first factor is 0.

    Formula:   out = input * log(1 + other)
    Gradient:  g * log(1 + other) for input, g * input / (other + 1) for other

    >>> import minigrad as torch
    >>> torch.special.xlog1py(torch.tensor([0., 2.]), torch.tensor([-1., 2.]))
    tensor([0.0000, 2.1972])
    """

    promotes = "float"
    forward = _xlogy_like("log1p")

    @staticmethod
    def grad_input(g: Array, input: Array, other: Any, F: Any) -> Array:
        """The logarithm; nothing where there was nothing."""
        rate = F.log1p(other) if hasattr(other, "dtype") else _logarithm(1 + other)
        return g * F.where((input == 0) & (other <= -1), 0.0, rate)

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array) -> Array:
        """The derivative of the logarithm."""
        return g * (input / (other + 1))


def _logarithm(value: float) -> float:
    """The logarithm of a Python number, as arrays have it: -inf at 0, NaN below."""
    return math.log(value) if value > 0 else -math.inf if value == 0 else math.nan


def _logit(input: Any, eps: float | None = None) -> Any:
    return tensors.logit(input, eps)


@register(
    public=_logit,
    out=True,
    domain=[reals(0.1, 0.9)],
    dtypes=("float",),
    samples=(call(T(2, 3)), call(T(3), 0.2), call(T(3), eps=1e-6), call(T())),
    inplace=True,
    inplace_in=("torch",),
    aliases=("special_logit",),
)
class Logit(Op):
    """Elementwise inverse of the sigmoid; ``eps`` keeps it away from 0 and 1.

    Formula:   out = log(z / (1 - z)) with z = clamp(input, eps, 1 - eps)
    Gradient:  g / (input * (1 - input)), 0 outside the bounds, NaN outside 0 and 1 without eps

    >>> import minigrad as torch
    >>> torch.logit(torch.tensor([0.5, 0.9, 1.]), eps=0.1)
    tensor([0.0000, 2.1972, 2.1972])
    """

    promotes = "float"

    @staticmethod
    def forward(xp: Any, input: Array, eps: float | None) -> Array:
        """The logarithm of the odds."""
        ends = () if eps is None else (eps, 1 - eps)
        found = pointwise("logit_between" if ends else "logit", input, *ends)
        if found is not None:
            return found
        if eps is not None:
            low, high = (xp.asarray(bound, dtype=input.dtype) for bound in (eps, 1 - eps))
            input = xp.minimum(xp.maximum(input, low), high)
        return xp.log(input / (1 - input))

    @staticmethod
    def grad_input(g: Array, input: Array, eps: float | None, F: Any) -> Array:
        """One over the slope of the sigmoid."""
        low, outside = (0.0, math.nan) if eps is None else (eps, 0.0)
        found = pointwise("logit_backward", g, input, low, outside)
        if found is not None:
            return found
        inside = (input >= low) & (input <= 1 - low)
        return F.where(inside, g / (input * (1 - input)), outside)


LOG_SUM: dict[str, Any] = {
    "domain": [reals(-3, 3)],
    "errors": (call(T(3), T(4)), call(T(3), 2.0)),
}


def _log_sum(xp: Any, x: Array, y: Array, plain: Any, power: Any, scale: float) -> Array:
    """The greater of two, and the logarithm of 1 + power(-distance): faster than NumPy's loop.

    That has the last word where the distance is NaN, as it is for two infinities of one sign.
    """
    gap = x - y
    if gap.size < MANY:
        return plain(x, y)
    xp.abs(gap, out=gap)
    if not gap.max() >= 0:
        return plain(x, y)
    more = xp.log1p(power(xp.negative(gap, out=gap), out=gap), out=gap)
    if scale != 1:
        more *= scale
    more += xp.maximum(x, y)
    return more


@register(**LOG_SUM)
class Logaddexp(Binary):
    """Elementwise logarithm of a sum of exponentials, without overflow.

    Formula:   out = log(e ** input + e ** other)
    Gradient:  g * sigmoid(input - other) for input, g * sigmoid(other - input) for other

    >>> import minigrad as torch
    >>> torch.logaddexp(torch.tensor([0., 1000.]), torch.tensor([0., 1000.]))
    tensor([6.9315e-01, 1.0007e+03])
    """

    kinds = "fV"
    numbers = ()

    @staticmethod
    @widened
    @natively("logaddexp")
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """The greater one, and what the other adds to it."""
        return _log_sum(xp, input, other, xp.logaddexp, xp.exp, 1.0)

    @staticmethod
    def grad_input(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Its share of the sum."""
        return g * F.sigmoid(input - other)

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Its share of the sum."""
        return g * F.sigmoid(other - input)


@register(**LOG_SUM)
class Logaddexp2(Binary):
    """Elementwise logarithm to base 2 of a sum of powers of 2, without overflow.

    Formula:   out = log2(2 ** input + 2 ** other)
    Gradient:  g / (1 + 2 ** (other - input)) for input, and the other way round

    >>> import minigrad as torch
    >>> torch.logaddexp2(torch.tensor([3.]), torch.tensor([3.]))
    tensor([4.])
    """

    kinds = "fV"
    numbers = ()

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, other: Array) -> Array:
        """The greater one, and what the other adds to it."""
        return _log_sum(xp, input, other, xp.logaddexp2, xp.exp2, 1 / math.log(2))

    @staticmethod
    def grad_input(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Its share of the sum."""
        return g / (F.exp2(other - input) + 1)

    @staticmethod
    def grad_other(g: Array, input: Array, other: Array, F: Any) -> Array:
        """Its share of the sum."""
        return g / (F.exp2(input - other) + 1)
