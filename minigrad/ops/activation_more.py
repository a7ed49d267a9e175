"""More smooth activations, and those with a learned slope or a gate."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import Op, Unary, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.backend import Array
from minigrad.errors import ShapeError
from minigrad.ops.activation import two_sided
from minigrad.ops.dims import one_dim
from minigrad.ops.masks import either, gate

_F = ("nn.functional",)
_SMOOTH = (reals(-3, 3),)


@register(
    public=lambda input, beta=1.0, threshold=20.0: either(Softplus, False, input, beta, threshold),
    torch="nn.functional.softplus",
    where=_F,
    domain=_SMOOTH,
    samples=(call(T(2, 3)), call(T(5), 2.0), call(T(5), 3.0, 1.5)),
)
class Softplus(Op):
    """A smooth positive part.

    Formula: y = log(1 + e^(β x)) / β, and x itself where β x > threshold.
    Gradient: gx = g sigmoid(β x), and g there.

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html

    >>> import minigrad as torch
    >>> torch.nn.functional.softplus(torch.tensor([-1., 0., 30.]))
    tensor([ 0.3133,  0.6931, 30.0000])
    """

    @staticmethod
    def forward(xp: Any, input: Array, beta: float, threshold: float) -> Array:
        """The exponential is taken of what is at most 0."""
        z = input * beta
        y = (xp.log1p(xp.exp(-xp.abs(z))) + xp.maximum(z, 0)) / beta
        return xp.where(z > threshold, input, y)

    @staticmethod
    def grad_input(g: Any, input: Any, beta: float, threshold: float, F: Any) -> Any:
        """The slope goes from 0 to 1."""
        z = input * beta
        linear = z > threshold
        return gate(g, linear) + gate(g, ~linear) * F.sigmoid(z)


@register(where=_F, torch="nn.functional.logsigmoid", domain=_SMOOTH)
class Logsigmoid(Unary):
    """The logarithm of the sigmoid, exact where the sigmoid rounds to 0.

    Formula: y = -log(1 + e^-x). Gradient: gx = g sigmoid(-x).

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html

    >>> import minigrad as torch
    >>> torch.nn.functional.logsigmoid(torch.tensor([-200., 0.]))
    tensor([-200.0000,   -0.6931])
    """

    grad_fn = "LogSigmoidBackward0"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """The exponential is taken of what is at most 0."""
        return xp.minimum(input, 0) - xp.log1p(xp.exp(-xp.abs(input)))

    @staticmethod
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """What is missing to 1."""
        return g * F.sigmoid(-input)


@function(where=_F, torch="nn.functional.softsign", domain=(reals(-3, 3, avoid=(0.0,)),))
def softsign(input: Any) -> Any:
    """A flatter tanh.   y = x / (1 + |x|)    gx = g / (1 + |x|)².

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softsign.html

    >>> import minigrad as torch
    >>> torch.nn.functional.softsign(torch.tensor([-1., 0., 3.]))
    tensor([-0.5000,  0.0000,  0.7500])
    """
    return input / (input.abs() + 1)


@function(where=_F, torch="nn.functional.tanhshrink", domain=_SMOOTH)
def tanhshrink(input: Any) -> Any:
    """What tanh takes away.   y = x - tanh(x)    gx = g tanh(x)².

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.tanhshrink.html

    >>> import minigrad as torch
    >>> torch.nn.functional.tanhshrink(torch.tensor([0., 1.]))
    tensor([0.0000, 0.2384])
    """
    return input - input.tanh()


def _prelu(input: Any, weight: Any) -> Any:
    size, shape = weight._array.size, input._array.shape
    channels = shape[1] if len(shape) > 1 else 1
    if size not in (1, channels):
        raise ShapeError(
            "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
            f"{size} and channel size = {channels}. (prelu)"
        )
    if len(shape) > 1 and weight._array.ndim:
        weight = weight.reshape((1, -1, *[1] * (len(shape) - 2)))
    elif not shape:
        weight = weight.reshape(())
    return tensors.prelu(input, weight)


@register(
    public=_prelu,
    torch="nn.functional.prelu",
    where=("torch", "Tensor", "nn.functional"),
    domain=(reals(-3, 3, avoid=(0.0,)),),
    samples=(
        call(T(2, 3, 4), T(3)),
        call(T(2, 3), T(1)),
        call(T(4), T(1)),
    ),
    errors=(call(T(2, 3, 4), T(4)), call(T(3), T(3))),
)
class Prelu(Op):
    """A leaky relu whose slope is learned, one for all or one per channel.

    Formula: y = x where x > 0, else w x. Gradient: gx = g where x > 0, else w g;
    gw = Σ g x where x <= 0.

    Shape: (N, C, *), unchanged; w (1) or (C).
    Raises: RuntimeError for another number of slopes.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.prelu.html

    >>> import minigrad as torch
    >>> torch.nn.functional.prelu(torch.tensor([-2., 3.]), torch.tensor([0.25]))
    tensor([-0.5000,  3.0000])
    """

    broadcasts = True
    grad_fn = "PreluKernelBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, weight: Array) -> Array:
        """Both parts, each 0 where the other is not."""
        return xp.maximum(input, 0) + xp.minimum(input, 0) * weight

    @staticmethod
    def grad_input(g: Any, input: Any, weight: Any) -> Any:
        """The slope on each side."""
        return two_sided(g, input > 0, weight)

    @staticmethod
    def grad_weight(g: Any, input: Any) -> Any:
        """The negative part; the engine sums it to the weight's shape."""
        return gate(g, ~(input > 0)) * input


@function(
    where=_F,
    torch="nn.functional.glu",
    domain=_SMOOTH,
    samples=(call(T(2, 4)), call(T(4, 3), 0), call(T(2, 6, 2), dim=1)),
    errors=(call(T(2, 3)), call(T()), call(T(2, 4), 2)),
)
def glu(input: Any, dim: int = -1) -> Any:
    """Gated linear unit: one half of the input opens and shuts the other.

    Formula: y = a sigmoid(b), a and b the halves of x. Gradient: ga = g sigmoid(b),
    gb = g a sigmoid(b) (1 - sigmoid(b)).

    Shape: half as many along ``dim``.
    Raises: RuntimeError for an axis of odd size.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.glu.html

    >>> import minigrad as torch
    >>> torch.nn.functional.glu(torch.tensor([1., 2., 0., 0.]))
    tensor([0.5000, 1.0000])
    """
    shape = input._array.shape
    if not shape:
        raise ShapeError("glu does not support scalars because halving size must be even")
    axis = one_dim(dim, len(shape))
    if shape[axis] % 2:
        raise ShapeError(
            f"Halving dimension must be even, but dimension {axis} is size {shape[axis]} (glu)"
        )
    half = shape[axis] // 2
    a, b = input.narrow(axis, 0, half), input.narrow(axis, half, half)
    return a * b.sigmoid()
