"""Normalisation: subtract a mean, divide by a standard deviation, scale and shift."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.autograd.graph import storage_of
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, xp_of
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.dims import one_dim
from minigrad.ops.elementwise.precision import is_half, widened

_BOTH = ("torch", "nn.functional")
_DOMAIN = (reals(-2, 2),)


class Plan(NamedTuple):
    """What is normalised: batch, layer, group and instance normalisation differ in this alone."""

    seen: tuple[int, ...]  # the shape in which the input is looked at
    axes: tuple[int, ...]  # of that shape: those with one mean and one deviation
    laid: tuple[int, ...] = ()  # the shape in which weight and bias meet it
    learned: tuple[int, ...] = ()  # their own shape


class _Standardised(Op):
    """y = (x - mean) invstd w + b, with statistics of x itself, or with a mean and variance given.

    ``observe`` is told the batch's mean and variance.
    Gradient: gb = Σ g, gw = Σ g y₀ with y₀ = (x - mean) invstd, and with h = g w
    gx = invstd (h - mean(h) - y₀ mean(h y₀)): what is left of h when the directions in which the
    mean and the variance change are taken out. With given statistics gx = invstd h.
    """

    keeps = ("mean", "invstd")

    @staticmethod
    @widened
    def forward(
        xp: Any, input: Array, weight: Array, bias: Array, plan: Plan, eps: float, given: Any,
        observe: Any,
    ) -> tuple[Array, Array, Array]:  # fmt: skip
        """One pass for each statistic, one or two for the result."""
        x = input.reshape(plan.seen)
        if given is not None:
            mean, var = given
            out = x - mean
        else:
            count = math.prod([plan.seen[a] for a in plan.axes])
            mean = x.sum(axis=plan.axes, keepdims=True)
            mean /= count
            out = x - mean
            var = _product_sum(xp, out, out, plan.axes)
            var /= count
            if observe is not None:
                observe(mean, var, count)
        invstd = 1 / xp.sqrt(var + x.dtype.type(eps))
        if weight is None:
            out *= invstd
        elif invstd.shape == plan.laid:
            out *= invstd * weight.reshape(plan.laid)
        else:
            out *= invstd
            out *= weight.reshape(plan.laid)
        if bias is not None:
            out += bias.reshape(plan.laid)
        return out.reshape(input.shape), mean, invstd

    @staticmethod
    def rekeep(
        F: Any, input: Any, mean: Any, invstd: Any, plan: Plan, eps: float, given: Any
    ) -> Any:
        """The statistics are functions of the input, unless they were given."""
        if given is not None:
            return mean, invstd
        x = input.reshape(plan.seen)
        mean = F.mean(x, plan.axes, True)
        centred = x - mean
        return mean, F.rsqrt(F.mean(centred * centred, plan.axes, True) + eps)

    @staticmethod
    def vjp(
        g: Any, input: Any, weight: Any, mean: Any, invstd: Any, plan: Plan, given: Any,
        needs: Any, F: Any,
    ) -> Any:  # fmt: skip
        """All three share the axes, and two the centred input; invstd is taken out of sums."""
        g = g.reshape(plan.seen)
        centred = input.reshape(plan.seen) - mean
        gx = gw = gb = None
        if needs[0]:
            h = g if weight is None else g * weight.reshape(plan.laid)
            if given is None:
                slope = _inner(h, centred, plan, F) * (invstd * invstd)
                gx = (h - F.mean(h, plan.axes, True) - centred * slope) * invstd
            else:
                gx = h * invstd
            gx = gx.reshape(tuple(input.shape))
        if needs[1]:
            if tuple(invstd.shape) == plan.laid:
                gw = F.sum_to(g * centred, plan.laid) * invstd
            else:
                gw = F.sum_to(g * (centred * invstd), plan.laid)
            gw = gw.reshape(plan.learned)
        if needs[2]:
            gb = F.sum_to(g, plan.laid).reshape(plan.learned)
        return gx, gw, gb


def _product_sum(xp: Any, a: Array, b: Array, axes: tuple[int, ...]) -> Array:
    """The sum of products over axes, kept with size 1; over last axes as inner products."""
    if axes[-1] != a.ndim - 1:
        return (a * b).sum(axis=axes, keepdims=True)
    found = xp.einsum("...i,...i->...", a, b)[..., None]
    return found.sum(axis=axes[:-1], keepdims=True) if len(axes) > 1 else found


def _inner(a: Any, b: Any, plan: Plan, F: Any) -> Any:
    """The mean of products over the normalised axes, in either reading."""
    if a.__class__ is np.ndarray:
        count = math.prod(plan.seen[axis] for axis in plan.axes)
        return _product_sum(np, a, b, plan.axes) / a.dtype.type(max(count, 1))
    return F.mean(a * b, plan.axes, True)


@register("native_batch_norm", internal=True)
class NativeBatchNorm(_Standardised):
    """Channels over the batch and all places."""


@register("native_layer_norm", internal=True)
class NativeLayerNorm(_Standardised):
    """The last axes."""


@register("native_group_norm", internal=True)
class NativeGroupNorm(_Standardised):
    """Groups of channels."""


def check_affine(op: str, input: Any, weight: Any, bias: Any, shape: tuple[int, ...]) -> None:
    """Raise torch's errors for a weight or bias of another shape or dtype."""
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is None:
            continue
        if tensor._array.shape != shape:
            raise ShapeError(
                f"Expected {name} to be of shape {list(shape)} ({op}), but got {name} of shape "
                f"{list(tensor._array.shape)} and input of shape {list(input._array.shape)}"
            )
        kinds = tensor._array.dtype, input._array.dtype
        if kinds[0] != kinds[1] and not (is_half(kinds[1]) and kinds[0].name == "float32"):
            one, two = map(of_numpy, kinds)
            raise DtypeError(
                f"{op}: expected {name} of {two!r}, the type of the input, got {one!r}"
            )


def normalized_sizes(op: str, input: Any, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    """The sizes of the last axes, checked."""
    if not isinstance(normalized_shape, (tuple, list, Sequence)):  # the abstract class is slow
        raise TypeError(
            f"{op}(): argument 'normalized_shape' (position 2) must be tuple of ints, not "
            f"{type(normalized_shape).__name__}"
        )
    shape = tuple(map(int, normalized_shape))
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
    return shape


def mover(running: Any, momentum: float, samples: int = 1) -> Any:
    """What moves the running statistics towards a batch's, in place; None if there are none.

    A mean of the statistics of several samples is taken where these stand one after the other.
    """
    if not any(t is not None for t in running):
        return None
    return functools.partial(_move, running, momentum, samples)


def _move(running: Any, momentum: float, samples: int, mean: Array, var: Array, count: int) -> None:
    unbiased = var * (count / (count - 1)) if count > 1 else var * math.nan
    for tensor, fresh in zip(running, (mean, unbiased), strict=True):
        if tensor is not None:
            array = tensor._array
            fresh = fresh.reshape(samples, -1).mean(0).reshape(array.shape)
            array[...] = array * (1 - momentum) + momentum * fresh
            storage_of(tensor).write()


def _of_nothing(input: Any, weight: Any, bias: Any) -> Any:
    """An empty input: nothing to normalise, but every argument is part of the graph."""
    out = input.clone() if weight is None else input * weight[0]
    return out if bias is None else out + bias[0]


def given_statistics(input: Any, running_mean: Any, running_var: Any) -> tuple[Array, Array]:
    """Running statistics as arrays that meet the input seen as (N, C, L)."""
    kind = xp_of(input._array).float32 if is_half(input._array.dtype) else input._array.dtype
    mean, var = (t._array.reshape(1, -1, 1).astype(kind) for t in (running_mean, running_var))
    return mean, var


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
    if not math.prod(shape):
        return _of_nothing(input, weight, bias)
    channels = shape[1] if len(shape) > 1 else 0
    if training and eps <= 0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    if training and math.prod(shape) == channels:
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
    one_dim(1, len(shape))
    check_affine("batch_norm", input, weight, bias, (channels,))
    plan = Plan((shape[0], channels, math.prod(shape[2:])), (0, 2), (1, channels, 1), (channels,))
    given = observe = None
    if training:
        observe = mover((running_mean, running_var), momentum)
    else:
        given = given_statistics(input, running_mean, running_var)
    return tensors.native_batch_norm(input, weight, bias, plan, float(eps), given, observe)


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
    shape = normalized_sizes("layer_norm", input, normalized_shape)
    check_affine("layer_norm", input, weight, bias, shape)
    size = math.prod(shape)
    whole = input._array.shape
    rows = math.prod(whole[: len(whole) - len(shape)])
    plan = Plan((rows, size), (1,), (1, size), shape)
    return tensors.native_layer_norm(input, weight, bias, plan, float(eps), None, None)
