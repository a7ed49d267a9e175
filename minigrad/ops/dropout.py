"""Dropout: random zeros in training, drawn in torch's order from torch's stream."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from minigrad.autograd.apply import make
from minigrad.autograd.registry import T, call, function, reals
from minigrad.backend import backend_of
from minigrad.random import default_generator

_SAMPLES = (
    call(T(2, 3, 4), 0.0),
    call(T(2, 3, 4), 1.0),
    call(T(2, 3, 4), 0.5, training=False),
)
_FACTS: dict[str, Any] = {
    "where": ("torch", "nn.functional"),
    "domain": (reals(-3, 3),),
    "samples": _SAMPLES,
    "errors": (call(T(2, 3, 4), 1.5), call(T(2, 3, 4), -0.1)),
}
# The value that SELU goes to at minus infinity, without its sign: scale times alpha.
SELU_FLOOR = 1.7580993408473766


def _check(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _drawn(input: Any, shape: tuple[int, ...], keep: float) -> Any:
    """An array of ones with probability ``keep``, zeros else, beside the input."""
    array = input._array
    kind = array.dtype if array.dtype.kind in "fV" else np.dtype(np.float32)
    if keep == 0.0:  # torch draws nothing then
        mask = np.zeros(shape, dtype=kind)
    else:
        mask = default_generator.bernoulli(keep, shape, kind)
    backend = backend_of(array)
    return backend.from_host(mask, backend.device_of(array).index)


def _dropped(input: Any, shape: tuple[int, ...], p: float, inplace: bool) -> Any:
    """The input times a mask of zeros and 1 / (1 - p)."""
    mask = _drawn(input, shape, 1.0 - p)
    if p < 1.0:
        mask /= 1.0 - p
    return input.mul_(make(mask)) if inplace else input * make(mask)


@function(torch="nn.functional.dropout", **_FACTS)
def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zeros with probability p, and all else divided by 1 - p, so that the mean stays.

    Formula: y = x m / (1 - p), m drawn from Bernoulli(1 - p). Gradient: gx = g m / (1 - p).
    The mask is torch's for the same seed. Outside of training the input itself is returned.

    Shape: any, unchanged.
    Raises: ValueError unless 0 <= p <= 1.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.dropout(torch.ones(4), 0.5)
    tensor([0., 0., 2., 0.])
    """
    _check(p)
    if not training or p == 0.0 or not input._array.size:
        return input
    return _dropped(input, input._array.shape, p, inplace)


def _drop_channels(op: str, axes: int, input: Any, p: float, training: bool, inplace: bool) -> Any:
    """Drop whole channels: one draw for each, which all of its places share."""
    _check(p)
    ndim = input._array.ndim
    if ndim not in (axes + 1, axes + 2):
        warnings.warn(
            f"{op}: Received a {ndim}-D input to {op}, which is deprecated and will result in an "
            "error in a future release. To retain the behavior and silence this warning, please "
            f"use dropout instead. Note that {op} exists to provide channel-wise dropout on inputs "
            f"with {axes} spatial dimensions, a channel dimension, and an optional batch dimension "
            f"(i.e. {axes + 1}D or {axes + 2}D inputs).",
            stacklevel=3,
        )
    if not training or p == 0.0 or not input._array.size:
        return input
    shape = input._array.shape
    if ndim == axes + 1 and axes != 2:  # (C, *); torch takes 3-D input of dropout2d for (N, C, L)
        return _dropped(input, (shape[0], *[1] * axes), p, inplace)
    return _dropped(input, (*shape[:2], *[1] * (ndim - 2)), p, inplace)


_CHANNELS: dict[str, Any] = {**_FACTS, "where": ("nn.functional",)}


@function(torch="nn.functional.dropout1d", **_CHANNELS)
def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of sequences.   y = x m / (1 - p), one m per channel.

    Shape: (N, C, L) or (C, L), unchanged.
    Raises: ValueError unless 0 <= p <= 1.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout1d.html

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.dropout1d(torch.ones(3, 2), 0.5)
    tensor([[0., 0.],
            [0., 0.],
            [2., 2.]])
    """
    return _drop_channels("dropout1d", 1, input, p, training, inplace)


@function(
    torch="nn.functional.dropout2d",
    **{
        **_CHANNELS,
        "samples": (call(T(2, 3, 4, 4), 1.0), call(T(2, 3, 4, 4), 0.0)),
        "errors": (call(T(2, 3, 4, 4), 1.5), call(T(2, 3, 4, 4), -0.1)),
    },
)
def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of images.   y = x m / (1 - p), one m per channel.

    Shape: (N, C, H, W), unchanged.
    Raises: ValueError unless 0 <= p <= 1.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout2d.html

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.dropout2d(torch.ones(1, 3, 4, 4), 0.5).sum((2, 3))
    tensor([[ 0.,  0., 32.]])
    """
    if input._array.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim. This behavior will change in a future release to interpret the input as one "
            "without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
            "dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    return _drop_channels("dropout2d", 2, input, p, training, inplace)


@function(
    torch="nn.functional.dropout3d",
    **{**_CHANNELS, "samples": (call(T(2, 3, 2, 2, 2), 1.0), call(T(3, 2, 2, 2), 0.0))},
)
def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of volumes.   y = x m / (1 - p), one m per channel.

    Shape: (N, C, D, H, W) or (C, D, H, W), unchanged.
    Raises: ValueError unless 0 <= p <= 1.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout3d.html

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.dropout3d(torch.ones(3, 2, 2, 2), 0.5).sum((1, 2, 3))
    tensor([ 0.,  0., 16.])
    """
    return _drop_channels("dropout3d", 3, input, p, training, inplace)


@function(torch="nn.functional.alpha_dropout", **_CHANNELS)
def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout that keeps mean and variance of SELU's outputs: dropped ones go to SELU's floor.

    Formula: y = a (x m - α (1 - m)) + a α p, a = 1 / sqrt((1 - p)(1 + p α²)), α = 1.7581.
    Gradient: gx = g a m.

    Shape: any, unchanged.
    Raises: ValueError unless 0 <= p <= 1.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.alpha_dropout.html

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.alpha_dropout(torch.ones(3), 0.5, training=True)
    tensor([-0.7792, -0.7792,  1.6656])
    """
    _check(p)
    if not training or p == 0.0 or not input._array.size:
        return input
    if p == 1.0:
        return _dropped(input, input._array.shape, p, inplace)
    scale = 1.0 / math.sqrt((SELU_FLOOR**2 * p + 1) * (1 - p))
    mask = _drawn(input, input._array.shape, 1.0 - p)
    shift = (mask - 1) * (SELU_FLOOR * scale) + SELU_FLOOR * scale * p
    mask *= scale
    if inplace:
        return input.mul_(make(mask)).add_(make(shift))
    return input * make(mask) + make(shift)
