"""Activations: relu, sigmoid, tanh, and the smooth ones.

Derivatives use only comparisons, products and ``gate``, so that every order exists; at a kink they
take torch's side, which each docstring names.
"""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd.op import Op, Unary, tensors
from minigrad.autograd.registry import T, call, reals, register
from minigrad.backend import Array
from minigrad.errors import DtypeError
from minigrad.ops.elementwise.masks import choose, either, gate_positive, negative, number, positive
from minigrad.ops.elementwise.normal import normal_chance
from minigrad.ops.elementwise.one_pass import one_pass, one_pass_back
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.natively import natively

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
    inplace_in=("torch", "nn.functional"),
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
    @widened(halves=lambda xp, input: one_pass("relu", input))
    def forward(xp: Any, input: Array) -> Array:
        """NaN stays NaN."""
        if input.dtype.kind == "b":
            raise DtypeError("Boolean inputs not supported for relu")
        found = one_pass("relu", input)
        return positive(xp, input) if found is None else found

    @staticmethod
    def grad_input(g: Any, out: Any) -> Any:
        """What was let through; an infinite cotangent at 0 is stopped as well."""
        found = one_pass_back("relu", g, out)
        if found is not None:
            return found
        return gate_positive(g, out)


@register(
    torch="sigmoid",
    where=("torch", "Tensor", "nn.functional"),
    domain=_SMOOTH,
    dtypes=("float", "int"),
    aliases=("special_expit",),
    inplace=True,
    inplace_in=("torch",),
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
    @widened(halves=lambda xp, input: one_pass("sigmoid", input))
    def forward(xp: Any, input: Array) -> Array:
        """The exponential may overflow: one over infinity is 0, as it should be."""
        found = one_pass("sigmoid", input)
        if found is not None:
            return found
        y = xp.negative(input)
        into = y if input.ndim else None
        y = xp.add(xp.exp(y, out=into), number(xp, 1, input.dtype), out=into)
        return xp.reciprocal(y, out=into)

    @staticmethod
    def grad_input(g: Any, out: Any) -> Any:
        """Greatest in the middle."""
        found = one_pass_back("sigmoid", g, out)
        return g * ((1 - out) * out) if found is None else found


@register(
    where=_ALL,
    domain=_SMOOTH,
    dtypes=("float", "int"),
    inplace=True,
    inplace_in=("torch",),
)
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
        found = one_pass_back("tanh", g, out)
        return g * (1 - out * out) if found is None else found


def softplus_of(xp: Any, x: Array) -> Array:
    """log(1 + e^x): the exponential is taken of what is at most 0."""
    y = xp.abs(x)
    into = y if x.ndim else None
    y = xp.exp(xp.negative(y, out=into), out=into)
    y = xp.log1p(y, out=into)
    return xp.add(y, positive(xp, x), out=into)


def two_sided(g: Any, above: Any, slope: Any) -> Any:
    """g where the mask is true, g times the slope elsewhere."""
    return choose(above, g, g * slope)


@register(
    public=lambda input, negative_slope=0.01, inplace=False: either(
        LeakyRelu, inplace, input, float(negative_slope)
    ),
    torch="nn.functional.leaky_relu",
    where=_F,
    domain=_KINKED,
    samples=(call(T(2, 3)), call(T(5), 0.3), call(T(5), -0.5), call(T(5), 1.5), call(T())),
    inplace_in=_F,
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
    @widened(halves=lambda xp, input, slope: one_pass("leaky_relu", input, slope))
    def forward(xp: Any, input: Array, negative_slope: float) -> Array:
        """The greater of two lines, or the smaller if the slope is more than 1."""
        found = one_pass("leaky_relu", input, negative_slope)
        if found is not None:
            return found
        if not negative_slope > 0:
            return positive(xp, input) + negative(xp, input) * negative_slope
        y = input * number(xp, negative_slope, input.dtype)
        upper = xp.maximum if negative_slope <= 1 else xp.minimum
        return upper(y, input, out=y if input.ndim else None)

    @staticmethod
    def grad_input(g: Any, input: Any, negative_slope: float) -> Any:
        """The slope on each side."""
        found = one_pass_back("leaky_relu", g, input, negative_slope)
        return two_sided(g, input > 0, negative_slope) if found is None else found


_TANH_FORM = 1, 0.044715, math.sqrt(2 / math.pi), 0.5


KERNELS = {"none": "gelu", "tanh": "gelu_tanh"}


def normal_chance_of(xp: Any, input: Array, approximate: str) -> Array:
    """Φ of :class:`Gelu`, or its approximation."""
    if approximate != "tanh":
        return normal_chance(xp, input)
    one, curve, slope, half = [number(xp, v, input.dtype) for v in _TANH_FORM]
    u = input * input
    u *= curve
    u += one
    u *= input
    u *= slope
    chance = xp.tanh(u)
    chance += one
    chance *= half
    return chance


def _gelu(input: Any, *, approximate: str = "none") -> Any:
    if approximate not in ("none", "tanh"):
        raise RuntimeError(
            f"approximate argument must be either none or tanh. (gelu got {approximate!r})"
        )
    return either(Gelu, False, input, approximate)


def _gelu_at_once(xp: Any, input: Array, approximate: str) -> tuple[Array, None] | None:
    """By a kernel, which keeps nothing for backward."""
    found = one_pass(KERNELS[approximate], input)
    return None if found is None else (found, None)


@register(
    public=_gelu,
    torch="nn.functional.gelu",
    where=_F,
    domain=_SMOOTH,
    samples=(call(T(2, 3)), call(T(5), approximate="tanh")),
    errors=(call(T(3), approximate="sigmoid"),),
    out=True,
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

    keeps = ("chance",)

    @staticmethod
    @widened(halves=_gelu_at_once)
    def forward(xp: Any, input: Array, approximate: str) -> tuple[Array, Array | None]:
        """The two forms differ in the fourth digit. A kernel works out the chance again."""
        found = _gelu_at_once(xp, input, approximate)
        if found is not None:
            return found
        chance = normal_chance_of(xp, input, approximate)
        return input * chance, chance

    @staticmethod
    def rekeep(F: Any, input: Any, approximate: str) -> Any:
        """The chance is a function of the input."""
        return (F.normal_chance(input, approximate),)

    @staticmethod
    def grad_input(g: Any, input: Any, chance: Any, approximate: str, F: Any) -> Any:
        """By the product rule; NumPy reuses the memory of what has no name."""
        found = one_pass_back(KERNELS[approximate], g, input)
        if found is not None:
            return found
        if chance is None:  # a kernel's forward, and a cotangent that none takes
            chance = F.normal_chance(input, approximate)
        return (_bell(input, chance, approximate, F) * input + chance) * g


def _bell(input: Any, chance: Any, approximate: str, F: Any) -> Any:
    """The derivative of Φ."""
    if approximate == "tanh":
        slope = 2 * math.sqrt(2 / math.pi)
        return (input * input * (3 * 0.044715 * slope) + slope) * ((1 - chance) * chance)
    return F.exp(input * input * -0.5) * (1 / math.sqrt(2 * math.pi))


@register(internal=True)
class NormalChance(Op):
    """Φ of :class:`Gelu`, where it is wanted as a function of its input."""

    @staticmethod
    def forward(xp: Any, input: Array, approximate: str) -> Array:
        """What gelu keeps."""
        return normal_chance_of(xp, input, approximate)

    @staticmethod
    def grad_input(g: Any, input: Any, out: Any, approximate: str, F: Any) -> Any:
        """The bell."""
        return g * _bell(input, out, approximate, F)


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
    @widened(halves=lambda xp, input: one_pass("silu", input))
    def forward(xp: Any, input: Array) -> Array:
        """One exponential."""
        found = one_pass("silu", input)
        if found is not None:
            return found
        y = xp.negative(input)
        into = y if input.ndim else None
        y = xp.add(xp.exp(y, out=into), 1, out=into)
        return xp.divide(input, y, out=into)

    @staticmethod
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """By the product rule."""
        found = one_pass_back("silu", g, input)
        if found is not None:
            return found
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
    @widened
    @natively("mish")
    def forward(xp: Any, input: Array) -> Array:
        """The softplus without overflow."""
        return input * xp.tanh(softplus_of(xp, input))

    @staticmethod
    @natively("mish_backward")
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """By the product rule."""
        t = F.tanh(-F.logsigmoid(-input))
        return g * (t + input * (1 - t * t) * F.sigmoid(input))
