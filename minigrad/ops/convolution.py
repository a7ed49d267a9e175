"""The three sums behind every convolution layer, on any number of spatial axes.

``convolution`` is linear in the input and in the weight, so its gradients are two more such sums,
and theirs are the three again: derivatives of every order from three formulas.

An input is unfolded into columns, one row per weight of a filter and one column per output place,
by one slice copy per tap of the filter; then a matrix product does the sum. Columns are made for
a few samples at a time (they stay in the cache) and never kept: backward makes them again.

Source: Chellapilla, Puri and Simard, High performance convolutional neural networks, 2006.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from minigrad.autograd.op import Op
from minigrad.autograd.registry import register
from minigrad.backend import Array

# How many bytes of columns are made at a time: about a second-level cache.
CHUNK = 1 << 20


class Geometry(NamedTuple):
    """Where a filter stands: per spatial axis, and over how many groups of channels."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    def taps(self, kernel: tuple[int, ...], out: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
        """For each tap of the filter, its index and the padded places that it meets."""
        for tap in itertools.product(*map(range, kernel)):
            places = tuple(
                slice(t * d, t * d + (n - 1) * s + 1, s)
                for t, d, s, n in zip(tap, self.dilation, self.stride, out, strict=True)
            )
            yield tap, places

    def out_sizes(self, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> tuple[int, ...]:
        """The spatial sizes of the output."""
        return tuple(
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(
                sizes, kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )

    def padded(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """The spatial sizes of the input with its margins."""
        return tuple(n + 2 * p for n, p in zip(sizes, self.padding, strict=True))

    def inner(self, sizes: tuple[int, ...]) -> tuple[slice, ...]:
        """The places of the padded input that are no margin."""
        return tuple(slice(p, p + n) for n, p in zip(sizes, self.padding, strict=True))


def pad(xp: Any, x: Array, geometry: Geometry) -> Array:
    """The input with zeros around it; the input itself where there is no margin."""
    if not any(geometry.padding):
        return x
    sizes = x.shape[2:]
    out = xp.zeros((*x.shape[:2], *geometry.padded(sizes)), dtype=x.dtype)
    out[(..., *geometry.inner(sizes))] = x
    return out


def columns(
    xp: Any, x: Array, kernel: tuple[int, ...], out: tuple[int, ...], geo: Geometry
) -> Array:
    """The padded input unfolded: (N, groups, C/groups * taps, places)."""
    n, c = x.shape[:2]
    if all(k == 1 for k in kernel) and all(s == 1 for s in geo.stride):
        return x.reshape(n, geo.groups, c // geo.groups, math.prod(out))
    unfolded = xp.empty((n, c, *kernel, *out), dtype=x.dtype)
    for tap, places in geo.taps(kernel, out):
        unfolded[(slice(None), slice(None), *tap)] = x[(..., *places)]
    rows = c // geo.groups * math.prod(kernel)
    return unfolded.reshape(n, geo.groups, rows, math.prod(out))


def fold(
    xp: Any, unfolded: Array, x: Array, kernel: tuple[int, ...], out: tuple[int, ...], geo: Geometry
) -> None:
    """Add columns back to the padded places they came from, the transpose of ``columns``."""
    unfolded = unfolded.reshape(*x.shape[:2], *kernel, *out)
    for tap, places in geo.taps(kernel, out):
        x[(..., *places)] += unfolded[(slice(None), slice(None), *tap)]


def chunks(n: int, bytes_each: int) -> Iterator[slice]:
    """The samples, a few at a time."""
    step = max(1, CHUNK // max(bytes_each, 1))
    return (slice(i, min(i + step, n)) for i in range(0, n, step))


@register(internal=True)
class Convolution(Op):
    """Slide filters over an input.

    Formula: y[n, o, p] = b[o] + Σ_{c, t} w[o, c, t] x[n, c, stride p + dilation t - padding].
    Gradient: gx and gw by ``convolution_input`` and ``convolution_weight``, gb = Σ_{n, p} g.
    """

    @staticmethod
    def forward(xp: Any, input: Array, weight: Array, bias: Array, geometry: Geometry) -> Array:
        """Columns times filters, a few samples at a time."""
        n, kernel, groups = input.shape[0], weight.shape[2:], geometry.groups
        out = geometry.out_sizes(input.shape[2:], kernel)
        places, rows = math.prod(out), math.prod(weight.shape[1:])
        filters = weight.reshape(groups, -1, rows)
        y = xp.empty((n, groups, filters.shape[1], places), dtype=input.dtype)
        for part in chunks(n, groups * rows * places * input.itemsize):
            x = pad(xp, input[part], geometry)
            xp.matmul(filters, columns(xp, x, kernel, out, geometry), out=y[part])
        y = y.reshape(n, weight.shape[0], *out)
        if bias is not None:
            y += bias.reshape(-1, *[1] * len(out))
        return y

    @staticmethod
    def grad_input(g: Any, weight: Any, shape: Any, geometry: Geometry, F: Any) -> Any:
        """What each input place was multiplied by."""
        return F.convolution_input(g, weight, tuple(shape), geometry)

    @staticmethod
    def grad_weight(g: Any, input: Any, shape: Any, geometry: Geometry, F: Any) -> Any:
        """What each weight was multiplied by."""
        return F.convolution_weight(g, input, tuple(shape), geometry)

    @staticmethod
    def grad_bias(g: Any) -> Any:
        """The sum over all places."""
        return g.sum((0, *range(2, len(g.shape))))


@register(internal=True)
class ConvolutionInput(Op):
    """The gradient of a convolution for its input; by itself, the transposed convolution.

    Formula: gx[n, c, stride p + dilation t - padding] += Σ_o w[o, c, t] g[n, o, p].
    Gradient: for g the convolution of the cotangent, for w ``convolution_weight``.
    """

    grad_fn = "ConvolutionBackward0"

    @staticmethod
    def forward(
        xp: Any, g: Array, weight: Array, size: tuple[int, ...], geometry: Geometry
    ) -> Array:
        """Filters transposed times cotangents gives columns, which are folded back."""
        n, kernel, out, groups = g.shape[0], weight.shape[2:], g.shape[2:], geometry.groups
        places, rows = math.prod(out), math.prod(weight.shape[1:])
        filters = weight.reshape(groups, -1, rows).swapaxes(1, 2)
        g = g.reshape(n, groups, -1, places)
        gx = xp.empty(size, dtype=g.dtype)
        for part in chunks(n, groups * rows * places * g.itemsize):
            unfolded = xp.matmul(filters, g[part])
            shape = (unfolded.shape[0], size[1], *geometry.padded(size[2:]))
            padded = xp.zeros(shape, dtype=g.dtype)
            fold(xp, unfolded, padded, kernel, out, geometry)
            gx[part] = padded[(..., *geometry.inner(size[2:]))]
        return gx

    @staticmethod
    def grad_g(h: Any, weight: Any, geometry: Geometry, F: Any) -> Any:
        """The convolution is the transpose of this."""
        return F.convolution(h, weight, None, geometry)

    @staticmethod
    def grad_weight(h: Any, g: Any, shape: Any, geometry: Geometry, F: Any) -> Any:
        """As for a convolution whose input is the cotangent."""
        return F.convolution_weight(g, h, tuple(shape), geometry)


@register(internal=True)
class ConvolutionWeight(Op):
    """The gradient of a convolution for its weight.

    Formula: gw[o, c, t] = Σ_{n, p} g[n, o, p] x[n, c, stride p + dilation t - padding].
    Gradient: for g the convolution of the input with the cotangent, for x ``convolution_input``.
    """

    grad_fn = "ConvolutionBackward0"

    @staticmethod
    def forward(
        xp: Any, g: Array, input: Array, size: tuple[int, ...], geometry: Geometry
    ) -> Array:
        """Cotangents times columns transposed, a few samples at a time, summed over samples."""
        n, kernel, out, groups = g.shape[0], size[2:], g.shape[2:], geometry.groups
        places, rows = math.prod(out), math.prod(size[1:])
        g = g.reshape(n, groups, -1, places)
        gw = xp.zeros((groups, size[0] // groups, rows), dtype=g.dtype)
        for part in chunks(n, groups * rows * places * g.itemsize):
            x = pad(xp, input[part], geometry)
            unfolded = columns(xp, x, kernel, out, geometry)
            gw += xp.matmul(g[part], unfolded.swapaxes(2, 3)).sum(0)
        return gw.reshape(size)

    @staticmethod
    def grad_g(h: Any, input: Any, geometry: Geometry, F: Any) -> Any:
        """The convolution with the cotangent for a filter."""
        return F.convolution(input, h, None, geometry)

    @staticmethod
    def grad_input(h: Any, g: Any, shape: Any, geometry: Geometry, F: Any) -> Any:
        """As for a convolution whose weight is the cotangent."""
        return F.convolution_input(g, h, tuple(shape), geometry)


@register(internal=True)
class Extend(Op):
    """Zeros after the end of each spatial axis, as ``padding='same'`` needs for even filters."""

    @staticmethod
    def forward(xp: Any, input: Array, extra: tuple[int, ...]) -> Array:
        """Copy the input to the front of zeros."""
        n = input.ndim - len(extra)
        sizes = [a + b for a, b in zip(input.shape[n:], extra, strict=True)]
        out = xp.zeros((*input.shape[:n], *sizes), dtype=input.dtype)
        out[(..., *(slice(a) for a in input.shape[n:]))] = input
        return out

    @staticmethod
    def grad_input(g: Any, shape: Any, extra: tuple[int, ...]) -> Any:
        """The cotangent of what was there before."""
        return g[(..., *(slice(a) for a in shape[len(shape) - len(extra) :]))]
