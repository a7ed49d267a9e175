"""Sliding windows for pooling: their geometry, their greatest elements and their means.

A maximum or a sum over a window is one over each of its axes: per axis and place in the window one
strided slice is compared with or added to the others. Each op comes with its transpose, so that
derivatives of every order exist.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minigrad.autograd.op import Op
from minigrad.autograd.registry import register
from minigrad.backend import Array, kept
from minigrad.backend.native import kernel
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.image import pool_kernels
from minigrad.ops.reduction.adding import add_up

remembered = functools.lru_cache(maxsize=256)  # what only the geometry decides
FEW = 1 << 14  # taps of all windows together
NARROW = 16  # windows side by side that a kernel does in vectors


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

    @remembered
    def flat(self) -> tuple[int, ...] | None:
        """The geometry for the native kernels; None where they have no such windows."""
        return pool_kernels.geometry(self)

    @remembered
    def candidates(self) -> Any:
        """The places in the flattened input that each window meets, tap by tap (*out, taps).

        Of a tap in the margin it is that of the next one inside: neither the first of equal ones
        nor the last NaN changes.
        """
        axes = len(self.kernel)
        found: Any = np.zeros((1,) * 2 * axes, np.int64)
        for axis, size in enumerate(self.sizes):
            start = np.arange(self.out[axis])[:, None] * self.stride[axis] - self.padding[axis]
            places = np.clip(start + np.arange(self.kernel[axis]), 0, size - 1)
            shape = [1] * 2 * axes
            shape[axis], shape[axes + axis] = places.shape
            found = found * size + places.reshape(shape)
        return found.reshape(*self.out, -1)

    def few(self, x: Array, places: bool = False) -> bool:
        """Whether looking all taps up is the fastest way: few, or by a kernel for places alone.

        Where places are asked for and rows are too short for vectors, that is so of images too.
        """
        if max(self.dilation) > 1 or type(x) is not np.ndarray:
            return False
        if self.flat() is None or (places and self.out[-1] < NARROW):
            if kernel("max_among", x) is not None:
                return True
            lead = math.prod(x.shape[: x.ndim - len(self.kernel)])
            taps = lead * math.prod(self.out) * math.prod(self.kernel)
            return self.flat() is None and bool(taps <= FEW)
        return False

    @remembered
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

    @remembered
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

    @remembered
    def apart(self) -> bool:
        """Whether no input place is in two windows."""
        return all(
            s >= d * (k - 1) + 1
            for k, s, d in zip(self.kernel, self.stride, self.dilation, strict=True)
        )

    def along(self, x: Array, axis: int) -> list[Array]:
        """For each place in the window along one axis, the elements there of all windows."""
        number = axis - x.ndim  # from the end: the input may have any number of axes before
        k, s, d = self.kernel[number], self.stride[number], self.dilation[number]
        lead, end = (slice(None),) * axis, (self.out[number] - 1) * s + 1
        return [x[(*lead, slice(t * d, t * d + end, s))] for t in range(k)]

    def reduced(self, x: Array, combine: Any) -> Array:
        """All elements of each window combined; ``x`` has its frame."""
        whole = x
        for axis in range(x.ndim - len(self.kernel), x.ndim):
            first, *others = self.along(x, axis)
            x = first
            for number, other in enumerate(others):
                x = combine(x, other, out=x) if number else combine(x, other)
        return x if x.base is None and x is not whole else x.copy()

    def spread(self, xp: Any, x: Array) -> Array:
        """Each element given to all places of its window, added up; the frame is cut off."""
        frame, lead = self.frame(), x.ndim - len(self.kernel)
        for axis in reversed(range(lead, x.ndim)):
            out = xp.zeros((*x.shape[:axis], frame[axis - lead], *x.shape[axis + 1 :]), x.dtype)
            for places in self.along(out, axis):
                places += x
            x = out
        return x if frame == self.sizes else x[self.inner()]


def lowest(x: Array) -> Any:
    """What a maximum over nothing is: minus infinity, or the least integer."""
    if x.dtype.kind in "fV":
        return -math.inf
    return -(1 << (8 * x.dtype.itemsize - 1)) if x.dtype.kind == "i" else 0


def winning_taps(xp: Any, input: Array, best: Array, windows: Windows) -> Array:
    """The number of the tap where each window's greatest element stands.

    The first of equal ones wins; a NaN wins over all, the last one if there are several.
    """
    least = lowest(input)
    x = windows.framed(xp, input, least)
    taps = list(windows.taps())
    dtype = xp.uint8 if len(taps) <= 256 else xp.int32
    winner = xp.zeros(best.shape, dtype)
    for number, places in reversed(taps):
        change = dtype(number) - winner  # wraps around; without a branch per element
        change *= x[places] == best
        winner += change
    if input.dtype.kind in "fV" and (best != best).any():
        for number, places in taps:
            value = x[places]
            xp.copyto(winner, dtype(number), where=value != value)
    if any(windows.padding):
        nothing = best == least
        if nothing.any():  # the margin is no place, the first element beside it is
            xp.copyto(winner, _first_inside(xp, windows, dtype), where=nothing)
    return winner


def _first_inside(xp: Any, windows: Windows, dtype: Any) -> Any:
    """The first tap that is no margin."""
    first = xp.zeros((1,) * len(windows.kernel), dtype=dtype)
    for axis, (k, start) in enumerate(zip(windows.kernel, _starts(xp, windows), strict=True)):
        skipped = xp.maximum(-(start // windows.dilation[axis]), 0)
        first = first * dtype(k) + skipped.astype(dtype)
    return first


def _starts(xp: Any, windows: Windows) -> list[Any]:
    """Where windows begin on each axis, laid along it."""
    ndim = len(windows.kernel)
    return [
        (xp.arange(n) * s - p).reshape((1,) * axis + (-1,) + (1,) * (ndim - axis - 1))
        for axis, (n, s, p) in enumerate(
            zip(windows.out, windows.stride, windows.padding, strict=True)
        )
    ]


@kept(64)
def _places_of_taps(xp: Any, windows: Windows) -> tuple[Any, Any]:
    """The flat place where each window begins, and how far from there each tap is."""
    begin, away = xp.zeros((), xp.int64), xp.zeros(1, xp.int64)
    for k, d, size, start in zip(
        windows.kernel, windows.dilation, windows.sizes, _starts(xp, windows), strict=True
    ):
        begin = begin * size + start
        away = (away[:, None] * size + xp.arange(k) * d).reshape(-1)
    return begin, away


def max_name(windows: Windows) -> str:
    """torch's name of the node of a max pool."""
    axes = len(windows.kernel)
    return "SqueezeBackward1" if axes == 1 else f"MaxPool{axes}DWithIndicesBackward0"


@register(internal=True)
class MaxPool(Op):
    """Greatest elements of windows; the gradient goes to the one that won."""

    grad_fn = max_name
    kinds = "fViu"
    keeps = ("taps",)

    @staticmethod
    def forward(xp: Any, input: Array, windows: Windows) -> tuple[Array, Array | None]:
        """One comparison for each axis and place in the window; a kernel keeps who won."""
        found = pool_kernels.greatest(input, windows)
        if found is not None:
            return found
        return windows.reduced(windows.framed(xp, input, lowest(input)), xp.maximum), None

    @staticmethod
    def grad_input(g: Any, input: Any, taps: Any, windows: Windows, F: Any) -> Any:
        """The cotangent, at the winner's place; the output may have been written to since."""
        found = pool_kernels.to_winners(g, taps, windows)
        if found is not None:
            return found
        places, once = F.max_places(input, None, windows), windows.apart()
        if max(windows.dilation) > 1:  # a window may lie in the padding alone: there is no winner
            count = math.prod(windows.sizes)
            g, places, once = F.where(places < count, g, 0.0), places % count, False
        return F.plane_scatter(g, places, windows.sizes, once)


@register(internal=True)
class MaxPlaces(Op):
    """Where the greatest elements of windows stand in the flattened spatial axes."""

    @staticmethod
    def forward(xp: Any, input: Array, best: Array, windows: Windows) -> Array:
        """The places of the winning taps."""
        found = pool_kernels.winners(input, windows)
        if found is not None:
            return found
        if best is None:
            best = windows.reduced(windows.framed(xp, input, lowest(input)), xp.maximum)
        begin, away = _places_of_taps(xp, windows)
        places = away.take(winning_taps(xp, input, best, windows))
        places += begin
        return places


class Mean(NamedTuple):
    """What an average divides by."""

    windows: Windows
    include_pad: bool
    override: int | None

    @remembered
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
    axes = len(mean.windows.kernel)
    return "SqueezeBackward1" if axes == 1 else f"AvgPool{axes}DBackward0"


@register("window_mean", internal=True)
class WindowMean(Op):
    """The mean of each window.   Transpose: ``window_spread``."""

    grad_fn = _avg_name

    @staticmethod
    @widened(halves=lambda xp, x, mean: pool_kernels.averaged(x, mean))
    def forward(xp: Any, input: Array, mean: Mean) -> Array:
        """One addition for each axis and place in the window."""
        found = pool_kernels.averaged(input, mean)
        if found is not None:
            return found
        windows = mean.windows
        if windows.few(input) and input.dtype.char in "fd" and windows.frame() == windows.sizes:
            planes = input.reshape(*input.shape[: -len(windows.sizes)], -1)
            found = planes.take(windows.candidates(), axis=-1)
            total = add_up(xp, found, (found.ndim - 1,), False)
            return mean.divided(xp, total)
        total = mean.windows.reduced(mean.windows.framed(xp, input, 0), xp.add)
        return mean.divided(xp, total)

    @staticmethod
    def grad_input(g: Any, mean: Mean, F: Any) -> Any:
        """An equal share of the cotangent to each element of the window."""
        return F.window_spread(g, mean)


@register("window_spread", internal=True)
class WindowSpread(Op):
    """Each element shared out over its window.   Transpose: ``window_mean``."""

    @staticmethod
    @widened(halves=lambda xp, x, mean: pool_kernels.averaged(x, mean, back=True))
    def forward(xp: Any, input: Array, mean: Mean) -> Array:
        """One addition for each axis and place in the window."""
        found = pool_kernels.averaged(input, mean, back=True)
        if found is not None:
            return found
        return mean.windows.spread(xp, mean.divided(xp, input))

    @staticmethod
    def grad_input(g: Any, mean: Mean, F: Any) -> Any:
        """The mean of each window."""
        return F.window_mean(g, mean)
