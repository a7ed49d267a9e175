"""What pooling layers accept: the checks that all of them share."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from minigrad.autograd.tensor_base import TensorBase
from minigrad.errors import ShapeError
from minigrad.ops.image.pool_windows import Windows

# What the layers of one, two and three axes work on, in words and as shapes.
NOUNS = ("", "a sequence", "an image", "a volume")
SHAPES = (
    "",
    "(N, C, L) or (C, L) -> (N, C, L') or (C, L')",
    "(N, C, H, W) or (C, H, W) -> (N, C, H', W') or (C, H', W')",
    "(N, C, D, H, W) or (C, D, H, W) -> (N, C, D', H', W') or (C, D', H', W')",
)


def size_of(op: str, axes: int, input: Any) -> tuple[int, ...]:
    """The shape of an input with ``axes`` spatial axes, with or without a batch."""
    if not isinstance(input, TensorBase):
        raise TypeError(f"{op}(): argument 'input' must be Tensor, not {type(input).__name__}")
    size: tuple[int, ...] = input._array.shape
    if len(size) not in (axes + 1, axes + 2) or 0 in size[-axes - 1 :]:
        raise ShapeError(
            f"{op}: Expected {axes + 1}D or {axes + 2}D (batch mode) tensor with optional 0 dim "
            f"batch size for input, but got:{list(size)}"
        )
    return size


def per_axis(op: str, name: str, value: Any, axes: int) -> tuple[int, ...]:
    """One number for each spatial axis."""
    if type(value) is int:  # the usual case
        return (value,) * axes
    several = isinstance(value, Sequence) and not isinstance(value, str)
    numbers = tuple(whole(op, name, v) for v in (value if several else (value,)))
    if len(numbers) not in (1, axes):
        raise ShapeError(
            f"{op}: {name} must either be a single int, or a tuple of {axes} ints, got {value}"
        )
    return numbers * axes if len(numbers) == 1 else numbers


def whole(op: str, name: str, value: Any) -> int:
    """A whole number; nothing else is rounded or read as one."""
    if not hasattr(value, "__index__"):
        kind = type(value).__name__
        raise TypeError(f"{op}(): argument '{name}' must be int or tuple of ints, not {kind}")
    return int(value.__index__())


def placed(
    op: str, axes: int, input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any,
    ceil_mode: bool,
) -> Windows:  # fmt: skip
    """The windows on an input, after all checks; without a stride they stand side by side."""
    size = size_of(op, axes, input)
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
    if min(kernel) <= 0:
        if op == "max_pool1d":
            raise ShapeError(
                f"max_pool1d() kernel_size must be greater than zero, but got {kernel[0]}"
            )
        sizes = kernel if len(kernel) > 1 else (1, *kernel)
        got = " ".join(f"k{a}: {k}" for a, k in zip("THW"[-len(sizes) :], sizes, strict=True))
        raise ShapeError(f"kernel size should be greater than zero, but got {got}")
    if min(stride) < 0:
        raise ShapeError(f"{op}: stride must be positive, got {stride}")
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
