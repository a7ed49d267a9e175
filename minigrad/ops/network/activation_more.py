"""More smooth activations, and those with a learned slope or a gate."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.apply import make
from minigrad.autograd.op import Op, Unary, renamed, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.backend import Array, backend_of
from minigrad.backend.native import pointwise
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.creation.drawing import source
from minigrad.ops.dims import one_dim
from minigrad.ops.elementwise.masks import choose, either, gate, negative, picked, positive, select
from minigrad.ops.elementwise.one_pass import one_pass, one_pass_back
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.folds import in_rows
from minigrad.ops.natively import natively
from minigrad.ops.network.activation import LeakyRelu, Sigmoid, softplus_of, two_sided

_F = ("nn.functional",)
_BOTH = ("torch", "nn.functional")
_SMOOTH = (reals(-3, 3),)


@register(
    public=lambda input, beta=1.0, threshold=20.0: either(
        Softplus, False, input, float(beta), float(threshold)
    ),
    torch="nn.functional.softplus",
    where=_F,
    domain=_SMOOTH,
    samples=(call(T(2, 3)), call(T(5), 2.0), call(T(5), 3.0, 1.5)),
    out=True,
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
    @widened(halves=lambda xp, x, beta, end: one_pass("softplus", x, beta, end))
    def forward(xp: Any, input: Array, beta: float, threshold: float) -> Array:
        """The straight part is chosen only if there is any; the greatest element tells."""
        found = one_pass("softplus", input, beta, threshold)
        if found is not None:
            return found
        z = input if beta == 1 else input * beta
        y = softplus_of(xp, z)
        if beta != 1:
            y /= beta
        if z.size and not z.reshape(-1)[z.argmax()] <= threshold:
            return select(xp, z > threshold, input, y)
        return y

    @staticmethod
    def grad_input(g: Any, input: Any, beta: float, threshold: float, F: Any) -> Any:
        """The slope goes from 0 to 1."""
        found = one_pass_back("softplus", g, input, beta, threshold)
        if found is not None:
            return found
        z = input * beta
        return choose(z > threshold, g, g * F.sigmoid(z))


@natively("log_sigmoid")
def _log_sigmoid(xp: Any, x: Array) -> Array:
    """Minus the softplus of minus x."""
    y = softplus_of(xp, -x)
    return xp.negative(y, out=y if x.ndim else None)


@register(
    public=lambda input: either(Logsigmoid, False, input),
    where=_F,
    torch="nn.functional.logsigmoid",
    domain=_SMOOTH,
    out=True,
)
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
    @widened
    def forward(xp: Any, input: Array) -> Array:
        """Of elements in rows, as torch's."""
        return _log_sigmoid(xp, in_rows(input))

    @staticmethod
    @natively("log_sigmoid_backward")
    def grad_input(g: Any, input: Any, F: Any) -> Any:
        """What is missing to 1."""
        return g * F.sigmoid(-input)


@function(
    where=_F,
    torch="nn.functional.softsign",
    domain=(reals(-3, 3, avoid=(0.0,)),),
    samples=(call(T(2, 3)), call(T())),
)
def softsign(input: Any) -> Any:
    """A flatter tanh.   y = x / (1 + |x|)    gx = g / (1 + |x|)².

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softsign.html

    >>> import minigrad as torch
    >>> torch.nn.functional.softsign(torch.tensor([-1., 0., 3.]))
    tensor([-0.5000,  0.0000,  0.7500])
    """
    return input / (input.abs() + 1)


@function(
    where=_F,
    torch="nn.functional.tanhshrink",
    domain=_SMOOTH,
    samples=(call(T(2, 3)), call(T())),
)
def tanhshrink(input: Any) -> Any:
    """What tanh takes away.   y = x - tanh(x)    gx = g tanh(x)².

    Shape: any, unchanged.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.tanhshrink.html

    >>> import minigrad as torch
    >>> torch.nn.functional.tanhshrink(torch.tensor([0., 1.]))
    tensor([0.0000, 0.2384])
    """
    return input - input.tanh()


@function(
    where=_BOTH,
    torch="nn.functional.rrelu",
    domain=(reals(-3, 3, avoid=(0.0,)),),
    samples=(call(T(2, 3)), call(T(5), 0.1, 0.5), call(T(2, 3), 0.2, 0.2, True)),
    errors=(call(T(3), 0.5, 0.1),),
    inplace_in=_BOTH,
)
def rrelu(
    input: Any,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Any = None,
) -> Any:
    """A leaky relu whose slopes are drawn in training, and have their mean value afterwards.

    Formula: y = x where x > 0, else s x, s drawn evenly from [lower, upper) for each element.
    Gradient: gx = g where x > 0, else s g. The slopes are torch's for the same seed.

    Shape: any, unchanged.
    Raises: RuntimeError if lower > upper.
    Source: Xu and others, Empirical evaluation of rectified activations, 2015;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.rrelu.html

    >>> import minigrad as torch
    >>> torch.nn.functional.rrelu(torch.tensor([-1., 2.]), 0.1, 0.3)
    tensor([-0.2000,  2.0000])
    """
    if lower > upper:
        raise RuntimeError(
            f"Lower bound should be less than or equal to the upper bound (rrelu: {lower}, {upper})"
        )
    if not training:
        made = either(LeakyRelu, inplace, input, (lower + upper) / 2)
        return renamed(made, "RreluWithNoiseBackward0")
    slopes = _slopes(input._array, lower, upper, source(generator, input.device))
    made = input.mul_(slopes) if inplace else input * slopes
    return renamed(made, "RreluWithNoiseBackward0")


def _slopes(x: Any, lower: float, upper: float, generator: Any) -> Any:
    """A Tensor of ones, and of drawn numbers where x is not positive."""
    backend, kind = backend_of(x), x.dtype if x.dtype.kind in "fV" else np.dtype(np.float32)
    if generator.device.type != "cpu":
        drawn = generator.uniform(x.shape, lower, upper, kind)
        return make(picked(backend.xp, x <= 0, drawn, drawn.dtype.type(1)))
    below = np.asarray(backend.to_host(x <= 0))
    slopes = np.ones(x.shape, kind)
    slopes[below] = generator.uniform((int(below.sum()),), lower, upper, np.float64)
    return make(backend.from_host(slopes, backend.device_of(x).index))


def _prelu(input: Any, weight: Any) -> Any:
    w, shape = weight._array, input._array.shape
    if w.dtype != input._array.dtype:
        one, two = of_numpy(input._array.dtype), of_numpy(w.dtype)
        raise DtypeError(f"prelu: Type promoting not supported. Got {one!r} and {two!r}")
    if w.ndim > 1:
        raise ShapeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {w.ndim}"
        )
    channels = shape[1] if len(shape) > 1 else 1
    if w.size not in (1, channels):
        raise ShapeError(
            "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
            f"{w.size} and channel size = {channels}. (prelu)"
        )
    if len(shape) > 1 and w.ndim:
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
    errors=(call(T(2, 3, 4), T(4)), call(T(3), T(3)), call(T(2, 3), T(1, 3))),
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
    numbers = ()
    grad_fn = "PreluKernelBackward0"

    @staticmethod
    @widened
    @natively("prelu")
    def forward(xp: Any, input: Array, weight: Array) -> Array:
        """Both parts, each 0 where the other is not."""
        return positive(xp, input) + negative(xp, input) * weight

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
    out=True,
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
    if input._array.dtype.kind not in "fV":
        raise NotImplementedError(
            f'"glu" not implemented for {of_numpy(input._array.dtype)!r}; use input.float()'
        )
    if not shape:
        raise ShapeError("glu does not support scalars because halving size must be even")
    axis = one_dim(dim, len(shape))
    if shape[axis] % 2:
        raise ShapeError(
            f"Halving dimension must be even, but dimension {axis} is size {shape[axis]} (glu)"
        )
    return Glu.short(input, axis)


@register(internal=True)
class Glu(Op):
    """The first half along an axis, times the sigmoid of the second."""

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, dim: int) -> Array:
        """The sigmoid's memory takes the product."""
        a, b = _halves(input, dim)
        found = pointwise("gated", a, b)
        if found is not None:
            return found
        y = Sigmoid.forward(xp, b)
        y *= a
        return y

    @staticmethod
    def grad_input(g: Any, input: Any, dim: int, F: Any) -> Any:
        """By the product rule."""
        a, b = _halves(input, dim)
        found = pointwise("gated", g, b)
        if found is not None:
            return F.cat(found, pointwise("gate_slope", g, a, b), dim=dim)
        s = F.sigmoid(b)
        ga = g * s
        return F.cat(ga, ga * a * (1 - s), dim=dim)


def _halves(x: Any, dim: int) -> tuple[Any, Any]:
    lead, half = (slice(None),) * dim, x.shape[dim] // 2
    return x[(*lead, slice(half))], x[(*lead, slice(half, None))]
