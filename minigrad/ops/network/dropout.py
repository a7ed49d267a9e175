"""Dropout: random zeros in training, on the CPU drawn in torch's order from torch's stream."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import random
from minigrad.autograd.apply import make
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.backend import Array, backend_of, native, xp_of
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError, warn_user
from minigrad.layout import in_memory_order
from minigrad.ops.network.dropout_bits import KEEP_BITS

_SAMPLES = (
    call(T(2, 3, 4), 0.0),
    call(T(2, 3, 4), 1.0),
    call(T(2, 3, 4), 0.5, training=False),
)
_FACTS: dict[str, Any] = {
    "where": ("nn.functional",),
    "domain": (reals(-3, 3),),
    "samples": _SAMPLES,
    "errors": (call(T(2, 3, 4), 1.5), call(T(2, 3, 4), -0.1)),
}
# The value that SELU goes to at minus infinity, without its sign: scale times alpha.
SELU_FLOOR = 1.7580993408473766


def _check(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


@register(internal=True)
class PhiloxDropout(Op):
    """Dropout in one kernel of a card; the mask is not kept, but drawn again where it is needed.

    Formula: y = x m / (1 - p). Gradient: gx = g m / (1 - p), the same function of g.
    """

    grad_fn = "NativeDropoutBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, p: float, seed: int, block: int, place: Any) -> Any:
        """``place`` is where a captured step reads seed and block; None outside of one."""
        x = xp.ascontiguousarray(input)
        y = xp.empty_like(x)
        run = native.kernel("dropout", x, y)
        assert run is not None
        run(x, y, x.size, seed, block, place, p)
        return y.reshape(input.shape)

    @staticmethod
    def grad_input(g: Any, p: float, seed: int, block: int, place: Any, F: Any) -> Any:
        """What was dropped had no part."""
        return F.philox_dropout(g, p, seed, block, place)


def _fused(input: Any, p: float, inplace: bool) -> Any:
    """Dropout by the kernel of a card; None where the numbers are drawn by the host."""
    array = input._array
    if type(array) is np.ndarray:
        return None
    take = getattr(random.generator_of(input.device), "take", None)
    if take is None:
        return None
    factors = make(xp_of(array).ones_like(array)) if inplace else input
    dropped = tensors.philox_dropout(factors, p, *take(-(-array.size // 4)))
    return input.mul_(dropped) if inplace else dropped


def _drawn(input: Any, channels: tuple[int, ...] | None, keep: float) -> Any:
    """Ones with probability ``keep``, zeros else; torch draws nothing if all are zeros.

    One for each of ``channels``, row by row; or (None) one for each element, in the order in which
    these lie in memory: of a transposed tensor column by column, of an expanded one in rows.
    """
    array = input._array
    shape = array.shape if channels is None else channels
    if keep == 0.0:
        return xp_of(array).zeros(shape, np.float32)
    draw = random.generator_of(input.device)
    if channels is not None:
        return draw.bernoulli(keep, shape, np.float32)
    return in_memory_order(array, lambda size: draw.bernoulli(keep, size, np.float32))


def _beside(input: Any, values: Any) -> Any:
    """A Tensor of the values in the input's type and on its device."""
    array = input._array
    backend = backend_of(array)
    kind = array.dtype if array.dtype.kind in "fV" else np.dtype(np.float32)
    values = values.astype(kind, copy=False)
    if type(values) is np.ndarray:
        values = backend.from_host(values, backend.device_of(array).index)
    return make(values)


def _need_float(input: Any) -> None:
    kind = input._array.dtype
    if kind.kind not in "fV":
        raise DtypeError(
            "result type Float can't be cast to the desired output type "
            f"{of_numpy(kind).type_name} (dropout: use input.float())"
        )


def _bits(input: Any, keep: float) -> Any:
    """The mask of an array of NumPy that lies row by row, as bits; None for all others."""
    array = input._array
    if type(array) is np.ndarray and array.dtype.char in "fd" and array.flags.c_contiguous:
        return random.generator_of(input.device).bernoulli_bits(keep, array.size)
    return None


def _dropped(input: Any, channels: tuple[int, ...] | None, p: float, inplace: bool) -> Any:
    """The input times a mask of zeros and 1 / (1 - p)."""
    if p < 1.0:
        _need_float(input)
        fused = _fused(input, p, inplace) if channels is None else None
        if fused is not None:
            return fused
    kind = input._array.dtype
    if channels is None and 0.0 < p < 1.0 and not inplace:
        bits = _bits(input, 1.0 - p)
        if bits is not None:
            return KEEP_BITS(input, bits, float(kind.type(1) / kind.type(1.0 - p)))
    wide = kind.itemsize == 8 and p < 1.0
    mask = _drawn(input, channels, 1.0 - p)
    if p < 1.0:
        mask = (mask.astype(np.float64) if wide else mask) / (1.0 - p)
    factors = _beside(input, mask)
    return input.mul_(factors) if inplace else input * factors


def _replaced(input: Any, channels: tuple[int, ...] | None, p: float, inplace: bool) -> Any:
    """The input, or SELU's floor, scaled and shifted so that mean and variance stay."""
    _need_float(input)
    scale = 1.0 / math.sqrt((SELU_FLOOR**2 * p + 1) * (1 - p))
    mask = _drawn(input, channels, 1.0 - p).astype(np.float64)
    shift = _beside(input, (mask - 1) * (SELU_FLOOR * scale) + SELU_FLOOR * scale * p)
    factors = _beside(input, mask * scale)
    if inplace:
        return input.mul_(factors).add_(shift)
    return input * factors + shift


def _channels(input: Any, op: str) -> tuple[int, ...]:
    """A shape with one place for each channel of each sample."""
    shape = input._array.shape
    if len(shape) < 2:
        raise ShapeError(f"Feature dropout requires at least 2 dimensions in the input ({op})")
    return (*shape[:2], *[1] * (len(shape) - 2))


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
    return _dropped(input, None, p, inplace)


def _drop_channels(op: str, axes: int, input: Any, p: float, training: bool, inplace: bool) -> Any:
    """Drop whole channels: one draw for each, which all of its places share."""
    _check(p)
    ndim = input._array.ndim
    if ndim not in (axes + 1, axes + 2):
        if axes == 1:
            raise ShapeError(
                f"{op}: Expected 2D or 3D input, but received a {ndim}D input. Note that {op} "
                "exists to provide channel-wise dropout on inputs with 1 spatial dimension, a "
                "channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
            )
        warn_user(
            f"{op}: Received a {ndim}-D input to {op}, which is deprecated and will result in an "
            "error in a future release. To retain the behavior and silence this warning, please "
            f"use dropout instead. Note that {op} exists to provide channel-wise dropout on inputs "
            f"with {axes} spatial dimensions, a channel dimension, and an optional batch dimension "
            f"(i.e. {axes + 1}D or {axes + 2}D inputs)."
        )
    if not training or p == 0.0 or not input._array.size:
        return input
    shape = input._array.shape
    if ndim == axes + 1 and axes != 2:  # (C, *); torch takes 3-D input of dropout2d for (N, C, L)
        return _dropped(input, (shape[0], *[1] * axes), p, inplace)
    return _dropped(input, (*shape[:2], *[1] * (ndim - 2)), p, inplace)


@function(torch="nn.functional.dropout1d", **_FACTS)
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
        **_FACTS,
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
        warn_user(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim. This behavior will change in a future release to interpret the input as one "
            "without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
            "dropout behavior, please switch to using dropout1d instead."
        )
    return _drop_channels("dropout2d", 2, input, p, training, inplace)


@function(
    torch="nn.functional.dropout3d",
    **{**_FACTS, "samples": (call(T(2, 3, 2, 2, 2), 1.0), call(T(3, 2, 2, 2), 0.0))},
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


@function(torch="nn.functional.alpha_dropout", **_FACTS)
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
    return _alpha("alpha_dropout", input, p, training, inplace, channels=False)


def _alpha(op: str, input: Any, p: float, training: bool, inplace: bool, channels: bool) -> Any:
    """Both forms of alpha dropout."""
    _check(p)
    if not training or p == 0.0 or not input._array.size:
        return input
    places = _channels(input, op) if channels else None
    return (_dropped if p == 1.0 else _replaced)(input, places, p, inplace)


@function(
    torch="nn.functional.feature_alpha_dropout",
    **{**_FACTS, "errors": (*_FACTS["errors"], call(T(3), training=True))},
)
def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Any:
    """Alpha dropout of whole channels.   y = a (x m - α (1 - m)) + a α p, one m per channel.

    Gradient: gx = g a m; α and a as for :func:`alpha_dropout`.

    Shape: (N, C, *), unchanged.
    Raises: ValueError unless 0 <= p <= 1, RuntimeError for fewer axes.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.feature_alpha_dropout.html

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.feature_alpha_dropout(torch.ones(1, 3, 2), 0.5, training=True)[0, :, 0]
    tensor([-0.7792, -0.7792,  1.6656])
    """
    return _alpha("feature_alpha_dropout", input, p, training, inplace, channels=True)


@function(
    where=("torch",),
    domain=(reals(-3, 3),),
    samples=(call(T(2, 3, 4), 0.0, True), call(T(2, 3, 4), 1.0, True), call(T(2, 3), 0.5, False)),
    errors=(call(T(2, 3), 1.5, True), call(T(3), 0.5, True)),
    inplace_in=("torch",),
)
def feature_dropout(input: Any, p: float, train: bool) -> Any:
    """Dropout of whole channels.   y = x m / (1 - p), one m per channel    gx = g m / (1 - p).

    Shape: (N, C, *), unchanged.
    Raises: RuntimeError unless 0 <= p <= 1, or for fewer axes.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout2d.html

    >>> import minigrad as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.feature_dropout(torch.ones(1, 3, 2), 0.5, True)
    tensor([[[0., 0.],
             [0., 0.],
             [2., 2.]]])
    """
    if not 0.0 <= p <= 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not train or p == 0.0 or not input._array.size:
        return input
    return _dropped(input, _channels(input, "feature_dropout"), p, False)
