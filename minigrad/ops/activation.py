"""Activations: relu, sigmoid, tanh, and the smooth ones.

Derivatives use only comparisons, products and ``gate``, so that every order exists; at a kink they
take torch's side, which each docstring names.
"""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd.op import Op, Unary, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.backend import Array
from minigrad.errors import DtypeError
from minigrad.ops.masks import either, gate, gate_positive, zero
from minigrad.ops.special import erf

_F = ("nn.functional",)
_ALL = ("torch", "Tensor", "nn.functional")
_SMOOTH = (reals(-3, 3),)
_KINKED = (reals(-3, 3, avoid=(0.0,)),)


def _relu(input: Any, inplace: bool = False) -> Any:
    return input.relu_() if inplace else tensors.relu(input)


@register(
    public=_relu,
    torch="nn.functional.relu",
    where=_ALL,
    domain=_KINKED,
    dtypes=("float", "int"),
    inplace=True,
)
class Relu(Unary):
    """The positive part.

    Formula: y = max(x, 0). Gradient: gx = g where y > 0, else 0 (at 0 too).

    Shape: any, unchanged.
    Raises: RuntimeError for bools.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.relu.html

    >>> import minigrad as torch
    >>> torch.relu(torch.tensor([-1., 0., 2.]))
    tensor([0., 0., 2.])
    """

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """NaN stays NaN."""
        if input.dtype.kind == "b":
            raise DtypeError("Boolean inputs not supported for relu")
        return xp.maximum(input, zero(xp, input.dtype))

    @staticmethod
    def grad_input(g: Any, out: Any) -> Any:
        """What was let through; an infinite cotangent at 0 is stopped as well."""
        return gate_positive(g, out)


@register(
    torch="sigmoid",
    where=("torch", "Tensor", "nn.functional", "special"),
    domain=_SMOOTH,
    dtypes=("float", "int"),
    aliases=("expit",),
    inplace=True,
)
class Sigmoid(Unary):
    """The logistic function, from 0 to 1.

    Formula: y = 1 / (1 + e^-x). Gradient: gx = g y (1 - y).

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.sigmoid.html

    >>> import minigrad as torch
    >>> torch.sigmoid(torch.tensor([0., 100.]))
    tensor([0.5000, 1.0000])
    """

    promotes = "float"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """The exponential may overflow: one over infinity is 0, as it should be."""
        y = xp.exp(-input)
        y += 1
        return xp.divide(1, y, out=y) if y.ndim else 1 / y

    @staticmethod
    def grad_input(g: Any, out: Any) -> Any:
        """Greatest in the middle."""
        return g * ((1 - out) * out)


@register(where=_ALL, domain=_SMOOTH, dtypes=("float", "int"), inplace=True)
class Tanh(Unary):
    """The hyperbolic tangent, from -1 to 1.

    Formula: y = (e^x - e^-x) / (e^x + e^-x). Gradient: gx = g (1 - y²).

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.tanh.html

    >>> import minigrad as torch
    >>> torch.tanh(torch.tensor([0., 1.]))
    tensor([0.0000, 0.7616])
    """

    ufunc = "tanh"
    promotes = "float"

    @staticmethod
    def grad_input(g: Any, out: Any) -> Any:
        """Greatest in the middle."""
        return g * (1 - out * out)


def two_sided(g: Any, positive: Any, slope: Any) -> Any:
    """g where the mask is true, g times the slope elsewhere."""
    return gate(g, positive) + gate(g, ~positive) * slope


@register(
    public=lambda input, negative_slope=0.01, inplace=False: either(
        LeakyRelu, inplace, input, negative_slope
    ),
    torch="nn.functional.leaky_relu",
    where=_F,
    domain=_KINKED,
    samples=(call(T(2, 3)), call(T(5), 0.3), call(T(5), -0.5), call(T())),
)
class LeakyRelu(Op):
    """The positive part, and a little of the negative one.

    Formula: y = x where x > 0, else s x. Gradient: gx = g where x > 0, else s g.

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.leaky_relu.html

    >>> import minigrad as torch
    >>> torch.nn.functional.leaky_relu(torch.tensor([-1., 2.]), 0.1)
    tensor([-0.1000,  2.0000])
    """

    @staticmethod
    def forward(xp: Any, input: Array, negative_slope: float) -> Array:
        """Both parts, each 0 where the other is not."""
        y = xp.minimum(input, 0) * input.dtype.type(negative_slope)
        return y + xp.maximum(input, 0)

    @staticmethod
    def grad_input(g: Any, input: Any, negative_slope: float) -> Any:
        """The slope on each side."""
        return two_sided(g, input > 0, negative_slope)


class _Elu(Op):
    """y = scale x where x > 0, else scale alpha (e^(x rate) - 1)."""

    @staticmethod
    def forward(xp: Any, input: Array, alpha: float, scale: float, rate: float) -> Array:
        """Both parts, each 0 where the other is not."""
        kind = input.dtype.type
        y = xp.expm1(xp.minimum(input, 0) * kind(rate)) * kind(alpha * scale)
        return y + xp.maximum(input, 0) * kind(scale)

    @staticmethod
    def grad_input(g: Any, input: Any, alpha: float, scale: float, rate: float, F: Any) -> Any:
        """The exponential's slope below 0."""
        positive = input > 0
        bend = F.exp(gate(input, ~positive) * rate) * (alpha * scale * rate)
        return gate(g, positive) * scale + gate(g, ~positive) * bend


@register(
    public=lambda input, alpha=1.0, inplace=False: either(Elu, inplace, input, alpha, 1.0, 1.0),
    torch="nn.functional.elu",
    where=_F,
    domain=_KINKED,
    samples=(call(T(2, 3)), call(T(5), 0.3)),
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
    where=("torch", "nn.functional"),
    torch="nn.functional.selu",
    domain=_KINKED,
    samples=(call(T(2, 3)),),
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
    where=("torch", "nn.functional"),
    domain=_KINKED,
    samples=(call(T(2, 3)), call(T(5), 0.5)),
    errors=(call(T(3), 0.0),),
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


def _gelu(input: Any, approximate: str = "none") -> Any:
    if approximate not in ("none", "tanh"):
        raise RuntimeError(
            f"approximate argument must be either none or tanh. (gelu got {approximate!r})"
        )
    return either(Gelu, False, input, approximate)


@register(
    public=_gelu,
    torch="nn.functional.gelu",
    where=_F,
    domain=_SMOOTH,
    samples=(call(T(2, 3)), call(T(5), approximate="tanh")),
    errors=(call(T(3), approximate="sigmoid"),),
)
class Gelu(Op):
    """Gaussian error linear unit: x times the chance that a normal number is below x.

    Formula: y = x Φ(x), Φ(x) = (1 + erf(x / √2)) / 2; for ``approximate='tanh'``
    Φ(x) = (1 + tanh u) / 2, u = √(2/π) (x + 0.044715 x³). Gradient: gx = g (Φ(x) + x Φ'(x)).

    Shape: any, unchanged.
    Raises: RuntimeError for another approximation.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.gelu.html

    >>> import minigrad as torch
    >>> torch.nn.functional.gelu(torch.tensor([-1., 0., 2.]))
    tensor([-0.1587,  0.0000,  1.9545])
    """

    @staticmethod
    def forward(xp: Any, input: Array, approximate: str) -> Array:
        """The two forms differ in the fourth digit."""
        if approximate == "tanh":
            u = (input + 0.044715 * input * input * input) * math.sqrt(2 / math.pi)
            return 0.5 * input * (1 + xp.tanh(u))
        chance = 0.5 * (1 + erf(xp, input * input.dtype.type(math.sqrt(0.5))))
        return (input * chance).astype(input.dtype, copy=False)

    @staticmethod
    def grad_input(g: Any, input: Any, approximate: str, F: Any) -> Any:
        """By the product rule."""
        square = input * input
        if approximate == "tanh":
            t = F.tanh((input + input * square * 0.044715) * math.sqrt(2 / math.pi))
            slope = (1 - t * t) * (1 + square * (3 * 0.044715)) * math.sqrt(2 / math.pi)
            return g * ((1 + t) * 0.5 + input * slope * 0.5)
        phi = F.exp(square * -0.5) / math.sqrt(2 * math.pi)
        return g * ((1 + F.erf(input * math.sqrt(0.5))) * 0.5 + input * phi)


@register(
    public=lambda input, inplace=False: either(Silu, inplace, input),
    torch="nn.functional.silu",
    where=_F,
    domain=_SMOOTH,
)
class Silu(Unary):
    """Sigmoid linear unit, also called swish.

    Formula: y = x s, s = sigmoid(x). Gradient: gx = g s (1 + x (1 - s)).

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.silu.html

    >>> import minigrad as torch
    >>> torch.nn.functional.silu(torch.tensor([-1., 0., 2.]))
    tensor([-0.2689,  0.0000,  1.7616])
    """

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """One exponential."""
        return input / (1 + xp.exp(-input))

    @staticmethod
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """By the product rule."""
        s = F.sigmoid(input)
        return g * (s * (1 + input * (1 - s)))


@register(
    public=lambda input, inplace=False: either(Mish, inplace, input),
    torch="nn.functional.mish",
    where=_F,
    domain=_SMOOTH,
)
class Mish(Unary):
    """x times the tanh of its softplus.

    Formula: y = x t, t = tanh(log(1 + e^x)). Gradient: gx = g (t + x (1 - t²) sigmoid(x)).

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.mish.html

    >>> import minigrad as torch
    >>> torch.nn.functional.mish(torch.tensor([-1., 0., 2.]))
    tensor([-0.3034,  0.0000,  1.9440])
    """

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """The softplus without overflow."""
        return input * xp.tanh(xp.maximum(input, 0) + xp.log1p(xp.exp(-xp.abs(input))))

    @staticmethod
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """By the product rule."""
        t = F.tanh(-F.logsigmoid(-input))
        return g * (t + input * (1 - t * t) * F.sigmoid(input))
