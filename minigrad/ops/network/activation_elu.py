"""Exponential linear units: the positive part, and an exponential that flattens out below 0."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.backend import Array
from minigrad.ops.elementwise.masks import choose, either, gate, negative, positive
from minigrad.ops.elementwise.one_pass import one_pass, one_pass_back
from minigrad.ops.elementwise.precision import widened

_F, _BOTH = ("nn.functional",), ("torch", "nn.functional")
_KINKED = (reals(-3, 3, avoid=(0.0,)),)


def _elu_at_once(xp: Any, x: Array, alpha: float, scale: float, rate: float) -> Array | None:
    """By a kernel."""
    return one_pass("elu", x, alpha * scale, scale) if rate == 1 else None


class _Elu(Op):
    """y = scale x where x > 0, else scale alpha (e^(x rate) - 1)."""

    @staticmethod
    @widened(halves=_elu_at_once)
    def forward(xp: Any, input: Array, alpha: float, scale: float, rate: float) -> Array:
        """Both parts, each 0 where the other is not."""
        found = _elu_at_once(xp, input, alpha, scale, rate)
        if found is not None:
            return found
        y = negative(xp, input)
        into = y if input.ndim else None
        if rate != 1:
            y = xp.multiply(y, rate, out=into)
        y = xp.expm1(y, out=into)
        if alpha * scale != 1:
            y = xp.multiply(y, alpha * scale, out=into)
        above = positive(xp, input)
        if scale != 1:
            above *= scale
        return xp.add(y, above, out=into)

    @staticmethod
    def grad_input(g: Any, input: Any, alpha: float, scale: float, rate: float, F: Any) -> Any:
        """The exponential's slope below 0."""
        found = one_pass_back("elu", g, input, alpha * scale, scale) if rate == 1 else None
        if found is not None:
            return found
        above = ~(input <= 0)
        bend = F.exp(gate(input, ~above) * rate) * (alpha * scale * rate)
        return g * bend if alpha * rate == 1 else choose(above, g * scale, g * bend)


@register(
    public=lambda input, alpha=1.0, inplace=False: either(Elu, inplace, input, alpha, 1.0, 1.0),
    torch="nn.functional.elu",
    where=_F,
    domain=_KINKED,
    samples=(call(T(2, 3)), call(T(5), 0.3)),
    inplace_in=_F,
)
class Elu(_Elu):
    """Exponential linear unit.

    Formula: y = x where x > 0, else alpha (e^x - 1). Gradient: gx = g where x > 0, else
    g alpha e^x.

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.elu.html

    >>> import minigrad as torch
    >>> torch.nn.functional.elu(torch.tensor([-1., 2.]))
    tensor([-0.6321,  2.0000])
    """


SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@function(
    where=_BOTH,
    torch="nn.functional.selu",
    domain=_KINKED,
    samples=(call(T(2, 3)),),
    inplace_in=_BOTH,
)
def selu(input: Any, inplace: bool = False) -> Any:
    """Scaled exponential linear unit, which keeps mean 0 and variance 1 through layers.

    Formula: y = 1.0507 (x where x > 0, else 1.6733 (e^x - 1)). Gradient: as :func:`elu`, scaled.

    Shape: any, unchanged.
    Source: Klambauer and others, Self-normalizing neural networks, 2017;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.selu.html

    >>> import minigrad as torch
    >>> torch.nn.functional.selu(torch.tensor([-1., 2.]))
    tensor([-1.1113,  2.1014])
    """
    return either(Elu, inplace, input, SELU_ALPHA, SELU_SCALE, 1.0)


def _celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return either(Celu, inplace, input, alpha, 1.0, 1.0 / alpha)


@register(
    public=_celu,
    torch="nn.functional.celu",
    where=_BOTH,
    domain=_KINKED,
    samples=(call(T(2, 3)), call(T(5), 0.5)),
    errors=(call(T(3), 0.0),),
    inplace_in=_BOTH,
)
class Celu(_Elu):
    """Exponential linear unit with a continuous slope for every alpha.

    Formula: y = x where x > 0, else alpha (e^(x / alpha) - 1). Gradient: gx = g where x > 0, else
    g e^(x / alpha).

    Shape: any, unchanged.
    Raises: RuntimeError for alpha = 0.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.celu.html

    >>> import minigrad as torch
    >>> torch.nn.functional.celu(torch.tensor([-1., 2.]), alpha=2.)
    tensor([-0.7869,  2.0000])
    """
