"""Normalisation of groups of channels and of single samples, in terms of the two basic ones."""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd.graph import storage_of
from minigrad.autograd.op import tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.errors import ShapeError
from minigrad.ops.norm import batch_norm, per_channel

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
    shape = input._array.shape
    if len(shape) < 2:
        raise ShapeError(
            f"Expected at least 2 dimensions for input tensor but received {len(shape)}"
        )
    if num_groups <= 0 or shape[1] % num_groups:
        raise ShapeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(shape)} and num_groups={num_groups}"
        )
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor._array.shape != shape[1:2]:
            raise ShapeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, "
                f"but got {name} of shape {list(tensor._array.shape)} and input of shape "
                f"{list(shape)}"
            )
    rows = (shape[0] * num_groups, math.prod(shape[1:]) // num_groups)
    y = tensors.native_layer_norm(input.reshape(rows), None, None, 1, float(eps)).reshape(shape)
    if weight is not None:
        y = y * per_channel(weight, len(shape))
    return y if bias is None else y + per_channel(bias, len(shape))


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
    kept = [None if t is None else t.repeat(n) for t in (running_mean, running_var)]
    flat = input.reshape((1, n * c, *shape[2:]))
    y = batch_norm(flat, kept[0], kept[1], None, None, True, momentum, eps).reshape(shape)
    for tensor, moved in zip((running_mean, running_var), kept, strict=True):
        if tensor is not None and moved is not None:
            tensor._array[...] = moved._array.reshape(n, c).mean(0)
            storage_of(tensor).write()
    if weight is not None:
        y = y * per_channel(weight, len(shape))
    return y if bias is None else y + per_channel(bias, len(shape))
