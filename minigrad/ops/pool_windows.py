"""Sliding windows for pooling: their geometry, and the sums that pooling and its gradients are.

Every pooling is written over the taps of its window: one strided slice of the padded input per
tap, compared with or added to the others. Like convolution, each op here comes with its
transpose, so that derivatives of every order exist.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from minigrad.autograd.op import Op
from minigrad.autograd.registry import register
from minigrad.backend import Array
from minigrad.ops.masks import kept


class Windows(NamedTuple):
    """Where windows stand on the spatial axes: the last ``len(kernel)`` axes of the input."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    sizes: tuple[int, ...]  # of the input
    out: tuple[int, ...]

    def taps(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """The number of each tap, and the places of the framed input that it meets."""
        for number, tap in enumerate(itertools.product(*map(range, self.kernel))):
            places = tuple(
                slice(t * d, t * d + (n - 1) * s + 1, s)
                for t, d, s, n in zip(tap, self.dilation, self.stride, self.out, strict=True)
            )
            yield number, (..., *places)

    def frame(self) -> tuple[int, ...]:
        """The spatial sizes that all windows together cover, margins included."""
        return tuple(
            max(p + size, (n - 1) * s + d * (k - 1) + 1)
            for p, size, n, s, d, k in zip(
                self.padding,
                self.sizes,
                self.out,
                self.stride,
                self.dilation,
                self.kernel,
                strict=True,
            )
        )

    def inner(self) -> tuple[Any, ...]:
        """The places of the framed input that are the input."""
        return (..., *(slice(p, p + n) for p, n in zip(self.padding, self.sizes, strict=True)))

    def framed(self, xp: Any, x: Array, fill: Any) -> Array:
        """The input with a frame around it; the input itself where it needs none."""
        frame = self.frame()
        if frame == self.sizes:
            return x
        out = xp.full((*x.shape[: x.ndim - len(frame)], *frame), fill, dtype=x.dtype)
        out[self.inner()] = x
        return out

    def apart(self) -> bool:
        """Whether no input place is in two windows."""
        return all(
            s >= d * (k - 1) + 1
            for k, s, d in zip(self.kernel, self.stride, self.dilation, strict=True)
        )

    def scatter(self, xp: Any, like: Array, pieces: Any) -> Array:
        """Add ``pieces(number)`` to the places of each tap, and cut the frame off."""
        lead = like.shape[: like.ndim - len(self.out)]
        out = xp.zeros((*lead, *self.frame()), dtype=like.dtype)
        for number, places in self.taps():
            if self.apart():
                out[places] = pieces(number)
            else:
                out[places] += pieces(number)
        return out if self.frame() == self.sizes else out[self.inner()]


def lowest(x: Array) -> Any:
    """What a maximum over nothing is: minus infinity, or the least integer."""
    if x.dtype.kind in "fV":
        return -math.inf
    return -(1 << (8 * x.dtype.itemsize - 1)) if x.dtype.kind == "i" else 0


def find_max(xp: Any, input: Array, windows: Windows) -> tuple[Array, Array]:
    """The greatest element of each window, and the number of the tap where it stands.

    The first of equal ones wins; a NaN wins over all, the last one if there are several.
    """
    x = windows.framed(xp, input, lowest(input))
    dtype = xp.uint8 if math.prod(windows.kernel) <= 256 else xp.int32
    taps = iter(windows.taps())
    best = x[next(taps)[1]].copy()
    winner = _first_inside(xp, windows, best.shape, dtype)
    for number, places in taps:
        value = x[places]
        better = value > best
        if input.dtype.kind in "fV":
            better |= value != value
        change = dtype(number) - winner  # wraps around; without a branch per element
        change *= better
        winner += change
        xp.maximum(best, value, out=best)
    return best, winner


def _first_inside(xp: Any, windows: Windows, shape: tuple[int, ...], dtype: Any) -> Array:
    """The first tap that is no margin, which wins where all elements are minus infinity."""
    if not any(windows.padding):
        return xp.zeros(shape, dtype=dtype)
    first = xp.zeros((1,) * len(windows.kernel), dtype=dtype)
    for axis, k in enumerate(windows.kernel):
        start = xp.arange(windows.out[axis]) * windows.stride[axis] - windows.padding[axis]
        skipped = xp.maximum(-(start // windows.dilation[axis]), 0)
        ones = [1] * len(windows.kernel)
        ones[axis] = -1
        first = first * dtype(k) + skipped.astype(dtype).reshape(ones)
    return xp.broadcast_to(first, shape).copy()


def flat_places(xp: Any, winner: Array, windows: Windows) -> Array:
    """Tap numbers as torch gives them: the place in the flattened spatial axes of the input."""
    rest, step = winner.astype(xp.int64), 1
    flat = xp.zeros(winner.shape, dtype=xp.int64)
    for axis in reversed(range(len(windows.kernel))):
        tap, rest = rest % windows.kernel[axis], rest // windows.kernel[axis]
        ones = [1] * len(windows.kernel)
        ones[axis] = -1
        start = xp.arange(windows.out[axis]) * windows.stride[axis] - windows.padding[axis]
        flat += (tap * windows.dilation[axis] + start.reshape(ones)) * step
        step *= windows.sizes[axis]
    return flat


def _max_name(windows: Windows) -> str:
    return f"MaxPool{max(len(windows.kernel), 2)}DWithIndicesBackward0"


@register("max_pool", internal=True)
class MaxPool(Op):
    """Greatest elements of windows; the gradient goes to the one that won."""

    grad_fn = _max_name
    keeps = ("winner",)

    @staticmethod
    def forward(xp: Any, input: Array, windows: Windows) -> tuple[Array, Array]:
        """One comparison per tap."""
        return find_max(xp, input, windows)

    @staticmethod
    def grad_input(g: Any, winner: Any, windows: Windows, F: Any) -> Any:
        """The cotangent, at the winner's place."""
        return F.pool_scatter(g, winner, windows)


@register("max_pool_indices", internal=True)
class MaxPoolIndices(Op):
    """Greatest elements of windows, and where they stand."""

    grad_fn = _max_name
    outputs = 2
    keeps = ("winner",)

    @staticmethod
    def forward(xp: Any, input: Array, windows: Windows) -> tuple[Array, Array, Array]:
        """As without indices, which are worked out from the winning taps."""
        best, winner = find_max(xp, input, windows)
        return best, flat_places(xp, winner, windows), winner

    @staticmethod
    def grad_input(g: Any, winner: Any, windows: Windows, F: Any) -> Any:
        """The cotangent of the values, at the winner's place."""
        return F.pool_scatter(g[0], winner, windows)


@register(internal=True)
class PoolScatter(Op):
    """Each element put to the place of its window's winning tap.   Transpose: ``pool_gather``."""

    grad_fn = "MaxPool2DWithIndicesBackwardBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, winner: Array, windows: Windows) -> Array:
        """One slice per tap gets what that tap won."""
        return windows.scatter(xp, input, lambda number: kept(xp, input, winner == number))

    @staticmethod
    def grad_input(g: Any, winner: Any, windows: Windows, F: Any) -> Any:
        """What stands at those places."""
        return F.pool_gather(g, winner, windows)


@register(internal=True)
class PoolGather(Op):
    """The element of each window at a given tap.   Transpose: ``pool_scatter``."""

    @staticmethod
    def forward(xp: Any, input: Array, winner: Array, windows: Windows) -> Array:
        """The sum over taps of what each won."""
        x = windows.framed(xp, input, 0)
        out = xp.zeros(winner.shape, dtype=input.dtype)
        for number, places in windows.taps():
            out += kept(xp, x[places], winner == number)
        return out

    @staticmethod
    def grad_input(g: Any, winner: Any, windows: Windows, F: Any) -> Any:
        """Put back where it came from."""
        return F.pool_scatter(g, winner, windows)


class Mean(NamedTuple):
    """What an average divides by."""

    windows: Windows
    include_pad: bool
    override: int | None

    def divisor(self, xp: Any, dtype: Any) -> Any:
        """A number, or one for each window where windows differ."""
        w = self.windows
        if self.override is not None:
            return self.override
        if not any(w.padding) and w.frame() == w.sizes:
            return math.prod(w.kernel)
        counts = xp.ones((1,) * len(w.kernel), dtype=dtype)
        for axis, size in enumerate(w.sizes):
            pad = w.padding[axis]
            start = xp.arange(w.out[axis]) * w.stride[axis] - pad
            end = xp.minimum(start + w.kernel[axis], size + pad)
            if not self.include_pad:
                start, end = xp.maximum(start, 0), xp.minimum(end, size)
            ones = [1] * len(w.kernel)
            ones[axis] = -1
            counts = counts * (end - start).astype(dtype).reshape(ones)
        return counts

    def divided(self, xp: Any, x: Array) -> Array:
        """The sums of windows over their counts; integers are cut off."""
        result = x / self.divisor(xp, x.dtype)
        return result if result.dtype == x.dtype else result.astype(x.dtype)


def _avg_name(mean: Mean) -> str:
    return f"AvgPool{max(len(mean.windows.kernel), 2)}DBackward0"


@register("window_mean", internal=True)
class WindowMean(Op):
    """The mean of each window.   Transpose: ``window_spread``."""

    grad_fn = _avg_name

    @staticmethod
    def forward(xp: Any, input: Array, mean: Mean) -> Array:
        """One addition per tap."""
        windows = mean.windows
        x = windows.framed(xp, input, 0)
        taps = iter(windows.taps())
        out = x[next(taps)[1]].copy()
        for _, places in taps:
            out += x[places]
        return mean.divided(xp, out)

    @staticmethod
    def grad_input(g: Any, mean: Mean, F: Any) -> Any:
        """An equal share of the cotangent to each element of the window."""
        return F.window_spread(g, mean)


@register("window_spread", internal=True)
class WindowSpread(Op):
    """Each element shared out over its window.   Transpose: ``window_mean``."""

    @staticmethod
    def forward(xp: Any, input: Array, mean: Mean) -> Array:
        """One slice per tap."""
        share = mean.divided(xp, input)
        return mean.windows.scatter(xp, input, lambda number: share)

    @staticmethod
    def grad_input(g: Any, mean: Mean, F: Any) -> Any:
        """The mean of each window."""
        return F.window_mean(g, mean)
