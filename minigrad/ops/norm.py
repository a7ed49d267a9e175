"""Normalisation: subtract a mean, divide by a standard deviation, scale and shift."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad.autograd.graph import storage_of
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.errors import ShapeError

_F, _BOTH = ("nn.functional",), ("torch", "nn.functional")
_DOMAIN = (reals(-2, 2),)
_POSITIVE = reals(0.5, 2)


def statistics(xp: Any, x: Array, axes: tuple[int, ...], eps: float) -> tuple[Array, Array]:
    """The mean, and one over the standard deviation (biased), with the axes kept."""
    count = math.prod(x.shape[a] for a in axes)
    mean = x.sum(axis=axes, keepdims=True) / x.dtype.type(count)
    centred = x - mean
    centred *= centred
    var = centred.sum(axis=axes, keepdims=True) / x.dtype.type(count)
    return mean, 1 / xp.sqrt(var + x.dtype.type(eps))


def recorded_statistics(F: Any, x: Any, axes: tuple[int, ...], eps: float) -> tuple[Any, Any]:
    """The same as recorded Tensors, for second derivatives."""
    mean = F.mean(x, axes, True)
    centred = x - mean
    return mean, F.rsqrt(F.mean(centred * centred, axes, True) + eps)


def standardised_gradient(
    g: Any, x: Any, mean: Any, invstd: Any, axes: tuple[int, ...], F: Any
) -> Any:
    """The gradient for x of y = (x - mean) invstd, where both come from x itself.

    gx = invstd (g - mean(g) - y mean(g y)): what is left of g when the directions in which
    the mean and the variance change are taken out.
    """
    y = (x - mean) * invstd
    return (g - F.mean(g, axes, True) - y * F.mean(g * y, axes, True)) * invstd


def per_channel(v: Any, ndim: int) -> Any:
    """A vector of channels laid along axis 1."""
    return v.reshape((1, -1, *[1] * (ndim - 2)))


@register("native_batch_norm", internal=True)
class NativeBatchNorm(Op):
    """Batch normalisation; ``running`` are the arrays of the statistics to use or to move.

    Formula: y = (x - mean) invstd w + b. Gradient: gb = Σ g, gw = Σ g (x - mean) invstd, and gx by
    ``standardised_gradient`` of g w in training, g w invstd in evaluation.
    """

    keeps = ("mean", "invstd")

    @staticmethod
    def forward(
        xp: Any,
        input: Array,
        weight: Array,
        bias: Array,
        running: Any,
        training: bool,
        momentum: float,
        eps: float,
    ) -> tuple[Array, Array, Array]:
        """One pass for each statistic, one for the result."""
        axes = (0, *range(2, input.ndim))
        if training:
            mean, invstd = statistics(xp, input, axes, eps)
            if running is not None:
                _move(running, mean, invstd, input.size // max(input.shape[1], 1), momentum, eps)
        else:
            mean = per_channel(running[0]._array, input.ndim).astype(input.dtype)
            var = per_channel(running[1]._array, input.ndim).astype(input.dtype)
            invstd = 1 / xp.sqrt(var + input.dtype.type(eps))
        out = input - mean
        out *= invstd if weight is None else invstd * per_channel(weight, input.ndim)
        if bias is not None:
            out += per_channel(bias, input.ndim)
        return out, mean, invstd

    @staticmethod
    def rekeep(F: Any, input: Any, mean: Any, invstd: Any, training: bool, eps: float) -> Any:
        """In training the statistics are functions of the input; in evaluation constants."""
        if not training:
            return mean, invstd
        return recorded_statistics(F, input, (0, *range(2, len(input.shape))), eps)

    @staticmethod
    def vjp(
        g: Any, input: Any, weight: Any, mean: Any, invstd: Any, training: bool, needs: Any, F: Any
    ) -> Any:
        """All three share the axes, and two the product of cotangent and result."""
        ndim = len(input.shape)
        axes = (0, *range(2, ndim))
        gx = gw = gb = None
        if needs[0]:
            scaled = g if weight is None else g * per_channel(weight, ndim)
            if training:
                gx = standardised_gradient(scaled, input, mean, invstd, axes, F)
            else:
                gx = scaled * invstd
        if needs[1]:
            gw = F.sum(g * ((input - mean) * invstd), axes, False)
        if needs[2]:
            gb = F.sum(g, axes, False)
        return gx, gw, gb


def _move(
    running: Any, mean: Array, invstd: Array, count: int, momentum: float, eps: float
) -> None:
    """Move the running statistics towards the batch's mean and unbiased variance, in place."""
    var = (1 / (invstd * invstd) - eps) * (count / max(count - 1, 1))
    for tensor, fresh in zip(running, (mean, var), strict=True):
        if tensor is not None:
            array = tensor._array
            array *= 1 - momentum
            array += momentum * fresh.reshape(array.shape).astype(array.dtype)
            storage_of(tensor).write()


@function(
    where=_BOTH,
    torch="nn.functional.batch_norm",
    domain=_DOMAIN,
    samples=(
        call(T(4, 3), None, None, T(3), T(3), training=True),
        call(T(2, 3, 4), None, None, T(3), T(3), True, 0.2, 1e-3),
        call(T(2, 3, 2, 2), None, None, training=True),
        call(T(2, 3, 2, 2), None, None, T(3), training=True),
        call(T(2, 2, 1, 2, 2), None, None, T(2), T(2), training=True),
    ),
    errors=(
        call(T(4, 3), None, None),
        call(T(1, 3), None, None, training=True),
        call(T(4, 3), None, None, T(4), training=True),
        call(T(4, 3), None, None, T(3), T(1), training=True),
    ),
)
def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Normalise each channel over the batch and all places.

    Formula: y = (x - m) / sqrt(v + eps) w + b. In training m and v are the batch's mean and biased
    variance, and the running ones are moved in place: r ← (1 - momentum) r + momentum m, the
    variance with its unbiased value. Otherwise m and v are the running ones.
    Gradient: with y₀ = (x - m) / sqrt(v + eps): gb = Σ g, gw = Σ g y₀, and in training
    gx = w / sqrt(v + eps) (g - mean(g) - y₀ mean(g y₀)).

    Shape: (N, C, *), unchanged; all else (C).
    Raises: RuntimeError for sizes that differ from C, ValueError for one value per channel.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html

    >>> import minigrad as torch
    >>> mean, var = torch.zeros(1), torch.ones(1)
    >>> x = torch.tensor([[1.], [3.]])
    >>> torch.nn.functional.batch_norm(x, mean, var, training=True).round()
    tensor([[-1.],
            [ 1.]])
    >>> mean, var
    (tensor([0.2000]), tensor([1.1000]))
    """
    if not isinstance(input, TensorBase):
        raise TypeError(
            f"batch_norm(): argument 'input' must be Tensor, not {type(input).__name__}"
        )
    shape = input._array.shape
    channels = shape[1] if len(shape) > 1 else 0
    if training and len(shape) > 1 and math.prod(shape) == channels:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"torch.Size({list(shape)})"
        )
    for name, tensor in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if tensor is None:
            if not training and name.startswith("running"):
                raise ShapeError(f"{name} must be defined in evaluation mode")
        elif tensor._array.size != channels:
            raise ShapeError(
                f"{name} should contain {channels} elements not {tensor._array.size} (batch_norm)"
            )
    running = None if running_mean is running_var is None else (running_mean, running_var)
    return tensors.native_batch_norm(
        input, weight, bias, running, bool(training), float(momentum), float(eps)
    )


@register("native_layer_norm", internal=True)
class NativeLayerNorm(Op):
    """Normalisation over the last axes; weight and bias have the shape of those."""

    keeps = ("mean", "invstd")

    @staticmethod
    def forward(
        xp: Any, input: Array, weight: Array, bias: Array, count: int, eps: float
    ) -> tuple[Array, Array, Array]:
        """One pass for each statistic, one for the result."""
        mean, invstd = statistics(xp, input, _last(input, count), eps)
        out = input - mean
        out *= invstd
        if weight is not None:
            out *= weight
        if bias is not None:
            out += bias
        return out, mean, invstd

    @staticmethod
    def rekeep(F: Any, input: Any, count: int, eps: float) -> Any:
        """The statistics are functions of the input."""
        return recorded_statistics(F, input, _last(input, count), eps)

    @staticmethod
    def vjp(
        g: Any, input: Any, weight: Any, mean: Any, invstd: Any, count: int, needs: Any, F: Any
    ) -> Any:
        """As for batch normalisation; the sums run over the leading axes here."""
        axes = _last(input, count)
        shape = tuple(input.shape[axes[0] :])
        gx = gw = gb = None
        if needs[0]:
            scaled = g if weight is None else g * weight
            gx = standardised_gradient(scaled, input, mean, invstd, axes, F)
        if needs[1]:
            gw = F.sum_to(g * ((input - mean) * invstd), shape)
        if needs[2]:
            gb = F.sum_to(g, shape)
        return gx, gw, gb


def _last(x: Any, count: int) -> tuple[int, ...]:
    """The numbers of the last ``count`` axes."""
    ndim = len(x.shape)
    return tuple(range(ndim - count, ndim))


@function(
    where=_BOTH,
    torch="nn.functional.layer_norm",
    domain=_DOMAIN,
    samples=(
        call(T(2, 5), (5,)),
        call(T(2, 5), (5,), T(5), T(5)),
        call(T(2, 3, 4), (3, 4), T(3, 4), T(3, 4), 1e-3),
        call(T(2, 3, 4), [4], T(4)),
    ),
    errors=(
        call(T(2, 3), (4,)),
        call(T(2, 3), 3),
        call(T(2, 3), ()),
        call(T(2, 3), (3,), T(2)),
        call(T(2, 3), (3,), T(3), T(2)),
    ),
)
def layer_norm(
    input: Any,
    normalized_shape: Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    """Normalise over the last axes, each sample by itself.

    Formula: y = y₀ w + b, y₀ = (x - m) / sqrt(v + eps), m and v the mean and the biased variance
    over the last axes. Gradient: gb = Σ g, gw = Σ g y₀ over the leading axes, and with h = g w
    gx = (h - mean(h) - y₀ mean(h y₀)) / sqrt(v + eps).

    Shape: (*, normalized_shape), unchanged; weight and bias: normalized_shape.
    Raises: RuntimeError for sizes that do not fit, TypeError for a shape that is none.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.layer_norm.html

    >>> import minigrad as torch
    >>> torch.nn.functional.layer_norm(torch.tensor([[1., 3.]]), (2,)).round()
    tensor([[-1.,  1.]])
    """
    if not isinstance(normalized_shape, Sequence):
        raise TypeError(
            "layer_norm(): argument 'normalized_shape' (position 2) must be tuple of ints, not "
            f"{type(normalized_shape).__name__}"
        )
    shape = tuple(int(n) for n in normalized_shape)
    if not shape:
        raise ShapeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            "element, but got normalized_shape = []"
        )
    if input._array.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size{list(input._array.shape)}"
        )
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor._array.shape != shape:
            raise ShapeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(tensor._array.shape)} and normalized_shape = {list(shape)}"
            )
    return tensors.native_layer_norm(input, weight, bias, len(shape), float(eps))
