"""Pooling layers: what they accept, over the windows of ``minigrad/ops/pool_windows.py``."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from minigrad.autograd.op import tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.autograd.tensor_base import TensorBase
from minigrad.errors import ShapeError
from minigrad.ops.pool_windows import Mean, Windows

_F, _TORCH = ("nn.functional",), ("torch", "nn.functional")
_DOMAIN = (reals(-3, 3),)


@function(
    where=_TORCH,
    torch="nn.functional.max_pool2d",
    domain=_DOMAIN,
    samples=(
        call(T(2, 3, 6, 6), 2),
        call(T(2, 3, 7, 5), 3, stride=2),
        call(T(1, 2, 5, 6), (2, 3), stride=(1, 2), padding=(1, 1)),
        call(T(1, 2, 7, 7), 2, dilation=2, padding=1),
        call(T(2, 1, 5, 5), 2, ceil_mode=True),
        call(T(3, 6, 6), 2),
        call(T(0, 3, 4, 4), 2),
    ),
    errors=(
        call(T(8, 8), 2),
        call(T(2, 3, 8, 8), 0),
        call(T(2, 3, 8, 8), 2, 0),
        call(T(2, 3, 8, 8), 2, padding=2),
        call(T(2, 3, 8, 8), 2, padding=-1),
        call(T(2, 3, 8, 8), 9),
        call(T(2, 3, 8, 8), (2, 2, 2)),
        call(T(2, 3, 8, 8), 2, dilation=0),
        call(T(2, 0, 8, 8), 2),
    ),
)
def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The greatest element of each window of an image.

    Formula: y[n, c, p] = max_t x[n, c, stride p + dilation t - padding]. Gradient: g goes to the
    greatest element, to the first one of equals. ``stride`` is ``kernel_size`` if not given.

    Shape: (N, C, H, W) or (C, H, W) -> (N, C, H', W') with H' = (H + 2 padding - dilation
    (kh - 1) - 1) // stride + 1, rounded up with ``ceil_mode`` where the last window still begins
    inside. With ``return_indices`` also the places in the flattened image, as int64.
    Raises: RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html

    >>> import minigrad as torch
    >>> torch.nn.functional.max_pool2d(torch.arange(16.).reshape(1, 1, 4, 4), 2)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    return _max_pool(
        "max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


@function(
    where=_TORCH,
    torch="nn.functional.max_pool1d",
    domain=_DOMAIN,
    samples=(
        call(T(2, 3, 8), 2),
        call(T(3, 9), 3, stride=2, padding=1),
        call(T(1, 2, 7), 2, dilation=3, ceil_mode=True),
    ),
    errors=(call(T(8), 2), call(T(2, 3, 8), 9), call(T(2, 3, 8), 2, padding=2)),
)
def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The greatest element of each window of a sequence; see :func:`max_pool2d`.

    Shape: (N, C, L) or (C, L) -> (N, C, L').
    Raises: RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html

    >>> import minigrad as torch
    >>> torch.nn.functional.max_pool1d(torch.tensor([[1., 3., 2., 0.]]), 2)
    tensor([[3., 2.]])
    """
    return _max_pool(
        "max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


@function(
    where=_TORCH,
    torch="nn.functional.max_pool3d",
    domain=_DOMAIN,
    samples=(call(T(1, 2, 4, 4, 4), 2), call(T(2, 3, 4, 5), (1, 2, 3), stride=1)),
    errors=(call(T(2, 3, 4), 2), call(T(1, 1, 4, 4, 4), 5)),
)
def max_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The greatest element of each window of a volume; see :func:`max_pool2d`.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, D', H', W').
    Raises: RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool3d.html

    >>> import minigrad as torch
    >>> torch.nn.functional.max_pool3d(torch.ones(1, 4, 4, 4), 2).shape
    torch.Size([1, 2, 2, 2])
    """
    return _max_pool(
        "max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


@function(
    where=_F,
    torch="nn.functional.avg_pool2d",
    domain=_DOMAIN,
    samples=(
        call(T(2, 3, 6, 6), 2),
        call(T(2, 3, 7, 5), 3, stride=2),
        call(T(1, 2, 5, 6), (2, 3), stride=(1, 2), padding=(1, 1)),
        call(T(1, 2, 5, 6), 3, padding=1, count_include_pad=False),
        call(T(2, 1, 5, 5), 2, ceil_mode=True),
        call(T(2, 1, 6, 5), 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        call(T(1, 1, 4, 4), 2, divisor_override=3),
        call(T(3, 6, 6), 2),
    ),
    errors=(
        call(T(2, 1, 3, 8, 8), 2),
        call(T(2, 3, 8, 8), 0),
        call(T(2, 3, 8, 8), 2, padding=2),
        call(T(2, 3, 8, 8), 9),
        call(T(2, 3, 8, 8), 2, divisor_override=0),
    ),
)
def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of each window of an image.

    Formula: y[n, c, p] = 1/k Σ_t x[n, c, stride p + t - padding]. Gradient: g / k to each element.
    k counts the window's places, without the margin if not ``count_include_pad``; or it is
    ``divisor_override``.

    Shape: (N, C, H, W) or (C, H, W) -> (N, C, H', W') as for :func:`max_pool2d`.
    Raises: RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html

    >>> import minigrad as torch
    >>> torch.nn.functional.avg_pool2d(torch.arange(4.).reshape(1, 1, 2, 2), 2)
    tensor([[[[1.5000]]]])
    """
    return _avg_pool(
        "avg_pool2d",
        2,
        input,
        kernel_size,
        stride,
        padding,
        ceil_mode,
        count_include_pad,
        divisor_override,
    )


@function(
    where=_TORCH,
    torch="nn.functional.avg_pool1d",
    domain=_DOMAIN,
    samples=(
        call(T(2, 3, 8), 2),
        call(T(3, 9), 3, stride=2, padding=1),
        call(T(1, 2, 8), 3, padding=1, ceil_mode=True, count_include_pad=False),
    ),
    errors=(call(T(8), 2), call(T(2, 3, 8), 9)),
)
def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The mean of each window of a sequence; see :func:`avg_pool2d`.

    Shape: (N, C, L) or (C, L) -> (N, C, L').
    Raises: RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html

    >>> import minigrad as torch
    >>> torch.nn.functional.avg_pool1d(torch.tensor([[1., 3., 2., 0.]]), 2)
    tensor([[2., 1.]])
    """
    return _avg_pool(
        "avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None
    )


@function(
    where=_F,
    torch="nn.functional.avg_pool3d",
    domain=_DOMAIN,
    samples=(
        call(T(1, 2, 4, 4, 4), 2),
        call(T(2, 3, 4, 5), (1, 2, 3), stride=1, padding=(0, 1, 1)),
    ),
    errors=(call(T(2, 3, 4), 2), call(T(1, 1, 4, 4, 4), 5)),
)
def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of each window of a volume; see :func:`avg_pool2d`.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, D', H', W').
    Raises: RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool3d.html

    >>> import minigrad as torch
    >>> torch.nn.functional.avg_pool3d(torch.ones(1, 4, 4, 4), 2).shape
    torch.Size([1, 2, 2, 2])
    """
    return _avg_pool(
        "avg_pool3d",
        3,
        input,
        kernel_size,
        stride,
        padding,
        ceil_mode,
        count_include_pad,
        divisor_override,
    )


def _max_pool(
    op: str, axes: int, input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any,
    ceil_mode: bool, return_indices: bool,
) -> Any:  # fmt: skip
    windows = _windows(op, axes, input, kernel, stride, padding, dilation, ceil_mode)
    if return_indices:
        return tensors.max_pool_indices(input, windows)
    return tensors.max_pool(input, windows)


def _avg_pool(
    op: str, axes: int, input: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Any:  # fmt: skip
    if divisor_override == 0:
        raise ShapeError(f"divisor must be not zero ({op})")
    windows = _windows(op, axes, input, kernel, stride, padding, 1, ceil_mode)
    return tensors.window_mean(input, Mean(windows, bool(count_include_pad), divisor_override))


def _windows(
    op: str, axes: int, input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any,
    ceil_mode: bool,
) -> Windows:  # fmt: skip
    """The windows on an input, after all checks."""
    if not isinstance(input, TensorBase):
        raise TypeError(f"{op}(): argument 'input' must be Tensor, not {type(input).__name__}")
    size = input._array.shape
    if len(size) not in (axes + 1, axes + 2):
        raise ShapeError(
            f"{op}: Expected {axes + 1}D or {axes + 2}D (batch mode) tensor with optional 0 dim "
            f"batch size for input, but got:{list(size)}"
        )
    if 0 in size[-axes - 1 :]:
        raise ShapeError(
            f"Expected {axes + 1}D or {axes + 2}D (batch mode) tensor with optional 0 dim batch "
            f"size for input, but got:{list(size)}"
        )
    kernel = per_axis(op, "kernel_size", kernel, axes)
    empty = stride is None or (isinstance(stride, Sequence) and not stride)
    return place_windows(
        op,
        size[-axes - 1 :],
        kernel,
        kernel if empty else per_axis(op, "stride", stride, axes),
        per_axis(op, "padding", padding, axes),
        per_axis(op, "dilation", dilation, axes),
        bool(ceil_mode),
    )


def per_axis(op: str, name: str, value: Any, axes: int) -> tuple[int, ...]:
    """One number for each spatial axis."""
    if not isinstance(value, Sequence):
        return (int(value.__index__()),) * axes
    if len(value) not in (1, axes):
        raise ShapeError(
            f"{op}: {name} must either be a single int, or a tuple of {axes} ints, got {value}"
        )
    numbers = tuple(int(v) for v in value)
    return numbers * axes if len(numbers) == 1 else numbers


@functools.lru_cache(maxsize=256)
def place_windows(
    op: str,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    ceil_mode: bool,
) -> Windows:
    """Check the numbers and count the windows along each axis of (C, *spatial)."""
    if min(stride) == 0:
        raise ShapeError(f"stride should not be zero ({op})")
    if min(*kernel, *stride) < 0:
        raise ShapeError(f"{op}: kernel_size and stride must be positive, got {kernel}, {stride}")
    if min(dilation) <= 0:
        raise ShapeError(f"dilation should be greater than zero, but got dilation: {dilation}")
    for p, k, d in zip(padding, kernel, dilation, strict=True):
        if p < 0:
            raise ShapeError(f"pad must be non-negative, but got pad: {p}")
        if p > (d * (k - 1) + 1) // 2:
            raise ShapeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, "
                f"kernel_size={k} and dilation={d}"
            )
    out = []
    for n, k, s, p, d in zip(size[1:], kernel, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        count = (room + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (count - 1) * s >= n + p:
            count -= 1  # a window that begins in the margin at the end has nothing to see
        out.append(count)
    if min(out) <= 0:
        got, gave = ("x".join(map(str, (size[0], *v))) for v in (size[1:], out))
        raise ShapeError(
            f"Given input size: ({got}). Calculated output size: ({gave}). Output size is too small"
        )
    return Windows(kernel, stride, padding, dilation, tuple(size[1:]), tuple(out))
