"""Normalisation of groups of channels and of single samples, in terms of the two basic ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from minigrad.autograd.op import renamed, tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.errors import ShapeError
from minigrad.ops.elementwise.precision import is_half
from minigrad.ops.network.norm import batch_norm, mover
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


@function(
    where=_BOTH,
    torch="nn.functional.group_norm",
    domain=_DOMAIN,
    samples=(
        call(T(2, 4, 3), 2),
        call(T(2, 4, 3, 2), 4, T(4), T(4)),
        call(T(2, 6), 3, T(6), None, 1e-3),
    ),
    errors=(call(T(2, 4, 3), 3), call(T(2, 4, 3), 2, T(3)), call(T(2), 2)),
)
def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Normalise groups of channels, each sample by itself.

    Formula: as :func:`layer_norm` over (C / groups, *), then times w[c] plus b[c] per channel.
    Gradient: as there.

    Shape: (N, C, *), unchanged; weight and bias (C).
    Raises: RuntimeError if the groups do not divide the channels, or for other sizes.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.group_norm.html

    >>> import minigrad as torch
    >>> torch.nn.functional.group_norm(torch.tensor([[1., 3., 10., 30.]]), 2).round()
    tensor([[-1.,  1., -1.,  1.]])
    """
    plan = _group_plan(input._array.shape, index(num_groups), shape_of(weight), shape_of(bias))
    check_types("group_norm", input, weight, bias)
    return tensors.native_group_norm(input, weight, bias, plan, float(eps), None, None)


@remembered
def _group_plan(shape: tuple[int, ...], num_groups: int, weight: Any, bias: Any) -> Plan:
    """The plan for an input, after all checks of the shapes."""
    if len(shape) < 2:
        raise ShapeError(
            f"Expected at least 2 dimensions for input tensor but received {len(shape)}"
        )
    if num_groups <= 0 or shape[1] % num_groups:
        raise ShapeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(shape)} and num_groups={num_groups}"
        )
    if math.prod(shape) == num_groups:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"{[shape[0] * shape[1] // num_groups, num_groups, *shape[2:]]}"
        )
    n, c = shape[:2]
    check_affine("group_norm", shape, weight, bias, (c,))
    seen = (n, num_groups, c // num_groups, math.prod(shape[2:]))
    return planned(seen, (2, 3), (1, *seen[1:3], 1), (c,))


@function(
    where=_BOTH,
    torch="nn.functional.instance_norm",
    domain=_DOMAIN,
    samples=(call(T(2, 3, 4)), call(T(2, 3, 2, 2), None, None, T(3), T(3))),
    errors=(call(T(2, 4, 1)),),
)
def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Normalise each channel of each sample over its places.

    Formula: as :func:`batch_norm`, with the statistics of one sample; running ones are moved
    towards the mean of those of the batch. Gradient: as there.

    Shape: (N, C, *), unchanged; all else (C).
    Raises: ValueError for one place, RuntimeError for sizes that differ from C.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.instance_norm.html

    >>> import minigrad as torch
    >>> torch.nn.functional.instance_norm(torch.tensor([[[1., 3.], [10., 30.]]])).round()
    tensor([[[-1.,  1.],
             [-1.,  1.]]])
    """
    shape = input._array.shape
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if math.prod(shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {input.shape}"
        )
    n, c = shape[:2]
    for name, tensor in (("running_mean", running_mean), ("running_var", running_var)):
        if tensor is not None and tensor._array.shape != (c,):
            raise ShapeError(
                f"{name} should contain {c} elements not {tensor._array.size} (instance_norm)"
            )
    check_affine("instance_norm", shape, shape_of(weight), shape_of(bias), (c,))
    check_types("instance_norm", input, weight, bias)
    plan = planned((n, c, math.prod(shape[2:])), (2,), (1, c, 1), (c,))
    observe = mover((running_mean, running_var), momentum, n)
    made = tensors.native_batch_norm(input, weight, bias, plan, float(eps), None, observe)
    return renamed(made, "ViewBackward0")


@function(
    where=_BOTH,
    torch="nn.functional.rms_norm",
    domain=_DOMAIN,
    samples=(
        call(T(2, 5), (5,)),
        call(T(2, 5), (5,), T(5)),
        call(T(2, 3, 4), [3, 4], T(3, 4), 1e-3),
    ),
    errors=(call(T(2, 3), (4,)), call(T(2, 3), ()), call(T(2, 3), (3,), T(2))),
)
def rms_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None
) -> Any:
    """Divide by the root of the mean square over the last axes, each sample by itself.

    Formula: y = y₀ w, y₀ = x / sqrt(mean(x²) + eps); eps is by default the type's own.
    Gradient: gw = Σ g y₀ over the leading axes, and with h = g w
    gx = (h - y₀ mean(h y₀)) / sqrt(mean(x²) + eps).

    Shape: (*, normalized_shape), unchanged; weight: normalized_shape.
    Raises: RuntimeError for sizes that do not fit.
    Source: Zhang and Sennrich, Root mean square layer normalization, 2019;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.rms_norm.html

    >>> import minigrad as torch
    >>> torch.nn.functional.rms_norm(torch.tensor([[3., 4.]]), (2,))
    tensor([[0.8485, 1.1314]])
    """
    shape = normalized_sizes("rms_norm", input._array.shape, normalized_shape)
    if weight is not None and weight._array.shape != shape:
        raise ShapeError(
            f"Expected weight to be of same shape as normalized_shape, but got weight of shape "
            f"{list(weight._array.shape)} and normalized_shape = {list(shape)} (rms_norm)"
        )
    kind = input.dtype
    wide = input.float() if is_half(input._array.dtype) else input
    axes = tuple(range(-len(shape), 0))
    if eps is None:
        eps = float(np.finfo(wide._array.dtype).eps)
    y = wide * ((wide * wide).mean(axes, keepdim=True) + eps).rsqrt()
    return (y if weight is None else y * weight).to(kind)


@function(
    where=("nn.functional",),
    domain=_DOMAIN,
    torch="nn.functional.local_response_norm",
    samples=(call(T(2, 5, 4), 3), call(T(1, 4, 2, 3), 2, 0.5, 0.5, 2.0)),
    errors=(call(T(2, 3), 3),),
)
def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """Divide by a power of the mean square over neighbouring channels.

    Formula: y_c = x_c / (k + α / n Σ x_i²)^β, the sum over the n = ``size`` channels around c;
    channels beyond the ends are 0. Gradient: by the quotient rule.

    Shape: (N, C, L) or more axes, unchanged.
    Raises: ValueError for fewer axes.
    Source: Krizhevsky and others, ImageNet classification, 2012;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.local_response_norm.html

    >>> import minigrad as torch
    >>> torch.nn.functional.local_response_norm(torch.ones(1, 2, 1), 2, alpha=2., beta=1.)
    tensor([[[0.5000],
             [0.3333]]])
    """
    shape = input._array.shape
    if len(shape) < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {len(shape)} dimensions)"
        )
    if not math.prod(shape):
        return input
    before, after = (
        input.new_zeros((shape[0], n, *shape[2:])) for n in (size // 2, (size - 1) // 2)
    )
    padded = tensors.cat(before, input * input, after, dim=1)
    around = padded.narrow(1, 0, shape[1])
    for shift in range(1, size):
        around = around + padded.narrow(1, shift, shape[1])
    mean = around / size if input._array.dtype.kind in "fV" else around // size  # as torch pools
    return input / (mean * alpha + k) ** beta
