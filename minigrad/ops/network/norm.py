"""Normalisation: subtract a mean, divide by a standard deviation, scale and shift."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

from minigrad.autograd.graph import storage_of
from minigrad.autograd.op import Op, arrays
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, xp_of
from minigrad.errors import ShapeError
from minigrad.ops.dims import one_dim
from minigrad.ops.elementwise.masks import number
from minigrad.ops.elementwise.precision import is_half, widened
from minigrad.ops.folds import in_rows
from minigrad.ops.network import norm_kernels
from minigrad.ops.network.norm_plans import (
    Plan,
    check_affine,
    check_types,
    normalized_sizes,
    planned,
    remembered,
    shape_of,
)

_BOTH = ("torch", "nn.functional")
_DOMAIN = (reals(-2, 2),)


class _Standardised(Op):
    """y = (x - mean) invstd w + b, with statistics of x itself, or with a mean and variance given.

    ``observe`` is told the batch's mean and variance.
    Gradient: gb = Σ g, gw = Σ g y₀ with y₀ = (x - mean) invstd, and with h = g w
    gx = invstd (h - mean(h) - y₀ mean(h y₀)): what is left of h when the directions in which the
    mean and the variance change are taken out. With given statistics gx = invstd h.
    """

    keeps = ("mean", "invstd")

    @staticmethod
    @widened(halves=norm_kernels.of_halves)
    def forward(
        xp: Any, input: Array, weight: Array, bias: Array, plan: Plan, eps: float, given: Any,
        observe: Any,
    ) -> tuple[Array, Array, Array]:  # fmt: skip
        """One pass for each statistic, one or two for the result."""
        found = norm_kernels.standardised(input, weight, bias, plan, eps, given, observe)
        if found is not None:
            return found
        if input.ndim < 4:  # of images torch keeps channels-last, all else comes in rows
            input = in_rows(input)
        x, laid = input.reshape(plan.seen), plan.laid
        count = number(xp, plan.number, x.dtype)
        if given is not None:
            mean, var = given
            out = x - mean
            invstd = var + number(xp, eps, x.dtype)
        else:
            mean = plan.total(x, arrays)
            mean /= count
            out = x - mean
            var = plan.products(out, out, arrays)
            var /= count
            if observe is not None:
                observe(mean, var, plan.number)
            invstd = xp.add(var, number(xp, eps, x.dtype), out=var)
        xp.sqrt(invstd, out=invstd)
        xp.reciprocal(invstd, out=invstd)
        if weight is None:
            out *= invstd
        elif plan.even:
            out *= invstd * weight.reshape(laid)
        else:
            out *= invstd
            out *= weight.reshape(laid)
        if bias is not None:
            out += bias.reshape(laid)
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
        """All three share sums, and two the centred input; an even weight is taken out of sums."""
        found = norm_kernels.gradients(g, input, weight, mean, invstd, plan, given, needs)
        if found is not None:
            return found
        g = g.reshape(plan.seen)
        centred, whole = input.reshape(plan.seen) - mean, given is None
        h, scale, even = g, invstd, weight is None or plan.even
        if weight is not None:
            w = weight.reshape(plan.laid)
            h, scale = (g, invstd * w) if even else (g * w, invstd)
        total: Any = None
        products: Any = None
        gx = gw = gb = None
        if (whole and needs[0]) or (even and needs[2]):
            total = plan.total(h, F)
        if (whole and needs[0]) or (even and needs[1]):
            products = plan.products(h, centred, F)
        if needs[0]:
            if whole:
                slope = products * (invstd * invstd) / plan.number
                h = h - total / plan.number - centred * slope
            gx = (h * scale).reshape(tuple(input.shape))
        if needs[1]:
            terms = products * invstd if even else g * (centred * invstd)
            gw = F.sum_to(terms, plan.laid).reshape(plan.learned)
        if needs[2]:
            gb = F.sum_to(total if even else g, plan.laid).reshape(plan.learned)
        return gx, gw, gb


@register("native_batch_norm", internal=True)
class NativeBatchNorm(_Standardised):
    """Channels over the batch and all places."""


@register("native_layer_norm", internal=True)
class NativeLayerNorm(_Standardised):
    """The last axes."""


@register("native_group_norm", internal=True)
class NativeGroupNorm(_Standardised):
    """Groups of channels."""


def mover(running: Any, momentum: float, samples: int = 1) -> Any:
    """What moves the running statistics towards a batch's, in place; None if there are none.

    A mean of the statistics of several samples is taken where these stand one after the other.
    """
    if not any(t is not None for t in running):
        return None
    return functools.partial(_move, running, momentum, samples)


def _move(running: Any, momentum: float, samples: int, mean: Array, var: Array, count: int) -> None:
    correction = count / (count - 1) if count > 1 else math.nan
    arrays = [None if tensor is None else tensor._array for tensor in running]
    if samples == 1 and norm_kernels.moved(mean, var, arrays, momentum, correction):
        for tensor in running:
            if tensor is not None:
                storage_of(tensor).write()
        return
    unbiased = var * correction
    for tensor, fresh in zip(running, (mean, unbiased), strict=True):
        if tensor is not None:
            array = tensor._array
            if samples > 1:
                fresh = fresh.reshape(samples, -1).mean(0)
            array *= 1 - momentum
            array += momentum * fresh.reshape(array.shape)
            storage_of(tensor).write()


def _of_nothing(input: Any, weight: Any, bias: Any) -> Any:
    """An empty input: nothing to normalise, but every argument is part of the graph."""
    out = input.clone() if weight is None else input * weight[0]
    return out if bias is None else out + bias[0]


def given_statistics(input: Any, running: Any, laid: tuple[int, ...]) -> tuple[Array, ...]:
    """Copies of running statistics as arrays that meet the input."""
    kind = xp_of(input._array).float32 if is_half(input._array.dtype) else input._array.dtype
    return tuple([t._array.reshape(laid).astype(kind) for t in running])


@remembered
def _batch_plan(
    shape: tuple[int, ...], mean: Any, var: Any, weight: Any, bias: Any, training: bool
) -> Plan | None:
    """The plan for an input, after all checks of the shapes; None for an empty input."""
    if not math.prod(shape):
        return None
    channels = shape[1] if len(shape) > 1 else 0
    if training and math.prod(shape) == channels:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"torch.Size({list(shape)})"
        )
    for name, found in (
        ("running_mean", mean),
        ("running_var", var),
        ("weight", weight),
        ("bias", bias),
    ):
        if found is None:
            if not training and name.startswith("running"):
                raise ShapeError(f"{name} must be defined in evaluation mode")
        elif math.prod(found) != channels:
            raise ShapeError(
                f"{name} should contain {channels} elements not {math.prod(found)} (batch_norm)"
            )
    one_dim(1, len(shape))
    check_affine("batch_norm", shape, weight, bias, (channels,))
    places = math.prod(shape[2:])
    if places == 1:
        return planned((shape[0], channels), (0,), (1, channels), (channels,))
    return planned((shape[0], channels, places), (0, 2), (1, channels, 1), (channels,))


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
    running = running_mean, running_var
    shapes = [shape_of(t) for t in (input, *running, weight, bias)]
    plan = _batch_plan(*shapes, bool(training))
    if plan is None:
        return _of_nothing(input, weight, bias)
    if training and eps <= 0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    check_types("batch_norm", input, weight, bias)
    given = observe = None
    if training:
        observe = mover(running, momentum)
    else:
        given = given_statistics(input, running, plan.laid)
    return NativeBatchNorm.short(input, weight, bias, plan, float(eps), given, observe)


@remembered
def _layer_plan(shape: tuple[int, ...], normalized_shape: Any, weight: Any, bias: Any) -> Plan:
    """The plan for an input, after all checks of the shapes."""
    sizes = normalized_sizes("layer_norm", shape, normalized_shape)
    check_affine("layer_norm", shape, weight, bias, sizes)
    size = math.prod(sizes)
    rows = math.prod(shape[: len(shape) - len(sizes)])
    return planned((rows, size), (1,), (1, size), sizes)


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
    sizes = tuple(normalized_shape) if type(normalized_shape) is list else normalized_shape
    plan = _layer_plan(input._array.shape, sizes, shape_of(weight), shape_of(bias))
    check_types("layer_norm", input, weight, bias)
    return NativeLayerNorm.short(input, weight, bias, plan, float(eps), None, None)
