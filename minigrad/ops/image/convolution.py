"""The three sums behind every convolution layer, on any number of spatial axes.

``convolution`` is linear in the input and in the weight, so its gradients are two more such sums,
and theirs are the three again: derivatives of every order from three formulas.

An input is unfolded into columns, one row per weight of a filter and one column per output place,
by one slice copy per tap of the filter; then a matrix product does the sum. Columns are made for
a few samples at a time (they stay in the cache) and never kept: backward makes them again. The
samples are laid innermost while that is done: copies run along them and along a whole row of the
image, and there is one large product in place of a small one per sample.

On the CPU native kernels do all this in one pass (``convolution_kernels.py``); what follows runs on
other devices, in other types, and is what they are compared with.

Source: Chellapilla, Puri and Simard, High performance convolutional neural networks, 2006.
"""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd.op import Op
from minigrad.autograd.registry import register
from minigrad.backend import Array
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.image import convolution_kernels
from minigrad.ops.image.convolution_small import (
    backward_sight,
    convolved,
    forward_sight,
    product,
    spread_back,
    weighed,
)
from minigrad.ops.image.geometry import Geometry

# How many bytes of columns are made at a time: a few second-level caches.
CHUNK = 1 << 21
FEW = 1 << 14  # elements of columns; up to here the number of calls decides, not their order


def innermost(xp: Any, x: Array, geometry: Geometry) -> Array:
    """The samples on the last axis, with zeros around each: (C, *padded sizes, n)."""
    sizes = x.shape[2:]
    turned = x.transpose(*range(1, x.ndim), 0)
    if not any(geometry.padding):
        return xp.ascontiguousarray(turned)
    out = xp.zeros((x.shape[1], *geometry.padded(sizes), x.shape[0]), dtype=x.dtype)
    out[(slice(None), *geometry.inner(sizes))] = turned
    return out


def outermost(x: Array) -> Array:
    """The samples on the first axis again."""
    return x.transpose(x.ndim - 1, *range(x.ndim - 1))


def columns(
    x: Array, kernel: tuple[int, ...], out: tuple[int, ...], geo: Geometry, room: Array
) -> Array:
    """An input with samples innermost, unfolded: (groups, C/groups * taps, places * n)."""
    c, n = x.shape[0], x.shape[-1]
    rows = c // geo.groups * math.prod(kernel)
    if all(k == 1 for k in kernel) and all(s == 1 for s in geo.stride):
        return x.reshape(geo.groups, rows, -1)
    unfolded = in_room(room, (c, *kernel, *out, n))
    for tap, places in geo.taps(kernel, out):
        unfolded[(slice(None), *tap)] = x[(slice(None), *places)]
    return unfolded.reshape(geo.groups, rows, -1)


def in_room(room: Array, shape: tuple[int, ...]) -> Array:
    """An array at the beginning of a memory that every chunk of samples uses again.

    Fresh memory of this size comes from the system and goes back to it each time, which
    takes longer than filling it.
    """
    return room[: math.prod(shape)].reshape(shape)


def fold(
    unfolded: Array, x: Array, kernel: tuple[int, ...], out: tuple[int, ...], geo: Geometry
) -> None:
    """Add columns back to the padded places they came from, the transpose of ``columns``."""
    unfolded = unfolded.reshape(x.shape[0], *kernel, *out, x.shape[-1])
    for tap, places in geo.taps(kernel, out):
        x[(slice(None), *places)] += unfolded[(slice(None), *tap)]


def chunks(xp: Any, n: int, elements: int, dtype: Any) -> tuple[Array, list[slice]]:
    """Room for the columns of a few samples, and which samples go through it together."""
    step = min(n, max(1, CHUNK // max(elements * dtype.itemsize, 1)))
    parts = [slice(i, min(i + step, n)) for i in range(0, n, max(step, 1))]
    return xp.empty(step * elements, dtype=dtype), parts


def cut(y: Any, shape: tuple[int, ...]) -> Any:
    """Without the places at the end that ``output_padding`` beyond the stride makes room for."""
    if tuple(y.shape) == tuple(shape):
        return y
    return y[(..., *(slice(n) for n in shape[2:]))]


@register(internal=True)
class Convolution(Op):
    """Slide filters over an input.

    Formula: y[n, o, p] = b[o] + Σ_{c, t} w[o, c, t] x[n, c, stride p + dilation t - padding].
    Gradient: gx and gw by ``convolution_input`` and ``convolution_weight``, gb = Σ_{n, p} g.
    """

    kinds = "fViu"

    @staticmethod
    @widened(halves=convolution_kernels.forward)
    def forward(xp: Any, input: Array, weight: Array, bias: Array, geometry: Geometry) -> Array:
        """Columns times filters, a few samples at a time."""
        found = convolution_kernels.forward(xp, input, weight, bias, geometry)
        if found is not None:
            return found
        sight = forward_sight(input.shape, weight.shape, None, geometry, input.itemsize)
        if sight.elements <= FEW:
            return convolved(xp, input, weight, bias, sight)
        n, kernel, groups = input.shape[0], weight.shape[2:], geometry.groups
        out = geometry.out_sizes(input.shape[2:], kernel)
        places, rows = math.prod(out), math.prod(weight.shape[1:])
        filters = weight.reshape(groups, -1, rows)
        y = xp.empty((n, weight.shape[0], *out), dtype=input.dtype)
        room, parts = chunks(xp, n, groups * rows * places, input.dtype)
        for part in parts:
            x = innermost(xp, input[part], geometry)
            made = product(xp, filters, columns(x, kernel, out, geometry, room))
            y[part] = outermost(made.reshape(weight.shape[0], *out, -1))
        if bias is not None:
            y += bias.reshape(-1, *[1] * len(out))
        return y

    @staticmethod
    def grad_input(g: Any, weight: Any, shape: Any, geometry: Geometry, F: Any) -> Any:
        """What each input place was multiplied by."""
        return F.convolution_input(g, weight, None, tuple(shape), geometry)

    @staticmethod
    def grad_weight(g: Any, input: Any, shape: Any, geometry: Geometry, F: Any) -> Any:
        """What each weight was multiplied by."""
        return F.convolution_weight(g, input, tuple(shape), geometry)

    @staticmethod
    def grad_bias(g: Any, F: Any) -> Any:
        """The sum over all places."""
        return F.sum(g, (0, *range(2, len(g.shape))), False)


@register(internal=True)
class ConvolutionInput(Op):
    """The gradient of a convolution for its input; by itself, the transposed convolution.

    Formula: gx[n, c, stride p + dilation t - padding] += Σ_o w[o, c, t] g[n, o, p], and b[c] once.
    Gradient: for g the convolution of the cotangent, for w ``convolution_weight``.
    """

    grad_fn = "ConvolutionBackward0"

    @staticmethod
    @widened(halves=convolution_kernels.backward_input)
    def forward(
        xp: Any, g: Array, weight: Array, bias: Array, size: tuple[int, ...], geometry: Geometry
    ) -> Array:
        """Filters transposed times cotangents gives columns, which are folded back."""
        found = convolution_kernels.backward_input(xp, g, weight, bias, size, geometry)
        if found is not None:
            return found
        sight = backward_sight(g.shape, weight.shape, size, geometry, g.itemsize)
        if sight.elements <= FEW:
            return spread_back(xp, g, weight, bias, geometry.groups, sight)
        n, kernel, out, groups = g.shape[0], weight.shape[2:], g.shape[2:], geometry.groups
        places, rows = math.prod(out), math.prod(weight.shape[1:])
        filters = weight.reshape(groups, -1, rows).swapaxes(1, 2)
        unpadded = geometry._replace(padding=())
        gx = xp.empty(size, dtype=g.dtype)
        room, parts = chunks(xp, n, groups * rows * places, g.dtype)
        for part in parts:
            samples = innermost(xp, g[part], unpadded)
            unfolded = in_room(room, (groups, rows, places * samples.shape[-1]))
            product(xp, filters, samples.reshape(groups, g.shape[1] // groups, -1), unfolded)
            shape = (size[1], *geometry.padded(size[2:]), samples.shape[-1])
            padded = xp.zeros(shape, dtype=g.dtype)
            fold(unfolded, padded, kernel, out, geometry)
            gx[part] = outermost(padded[(slice(None), *geometry.inner(size[2:]))])
        if bias is not None:
            gx += bias.reshape(-1, *[1] * len(out))
        return gx

    @staticmethod
    def grad_g(h: Any, weight: Any, shape: Any, geometry: Geometry, F: Any) -> Any:
        """The convolution is the transpose of this."""
        return cut(F.convolution(h, weight, None, geometry), shape)

    @staticmethod
    def grad_bias(h: Any, F: Any) -> Any:
        """The sum over all places."""
        return F.sum(h, (0, *range(2, len(h.shape))), False)

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
    @widened(halves=convolution_kernels.backward_weight)
    def forward(
        xp: Any, g: Array, input: Array, size: tuple[int, ...], geometry: Geometry
    ) -> Array:
        """Cotangents times columns transposed, a few samples at a time."""
        found = convolution_kernels.backward_weight(xp, g, input, size, geometry)
        if found is not None:
            return found
        sight = forward_sight(input.shape, size, g.shape[2:], geometry, input.itemsize)
        if sight.elements <= FEW:
            return weighed(xp, g, input, size, sight)
        n, kernel, out, groups = g.shape[0], size[2:], g.shape[2:], geometry.groups
        places, rows = math.prod(out), math.prod(size[1:])
        unpadded = geometry._replace(padding=())
        gw = xp.zeros((groups, size[0] // groups, rows), dtype=g.dtype)
        room, parts = chunks(xp, n, groups * rows * places, g.dtype)
        for part in parts:
            x = innermost(xp, input[part], geometry)
            unfolded = columns(x, kernel, out, geometry, room)
            samples = innermost(xp, g[part], unpadded).reshape(groups, size[0] // groups, -1)
            gw += product(xp, samples, unfolded.swapaxes(1, 2))
        return gw.reshape(size)

    @staticmethod
    def grad_g(h: Any, input: Any, shape: Any, geometry: Geometry, F: Any) -> Any:
        """The convolution with the cotangent for a filter."""
        return cut(F.convolution(input, h, None, geometry), shape)

    @staticmethod
    def grad_input(h: Any, g: Any, shape: Any, geometry: Geometry, F: Any) -> Any:
        """As for a convolution whose weight is the cotangent."""
        return F.convolution_input(g, h, None, tuple(shape), geometry)
