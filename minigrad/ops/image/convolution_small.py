"""The three sums behind convolution layers for little data, where the number of calls decides.

All columns are made by one copy of a view, and one product does the sum. The gradient for the input
is such a sum too: of the cotangent, its elements ``stride`` apart among zeros, with the filters
turned round. Everything that only sizes decide is worked out once for each.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from minigrad.backend import Array, cublas
from minigrad.ops.image.geometry import Geometry
from minigrad.ops.indexing.places import restrided

remembered = functools.lru_cache(maxsize=256)


class Sight(NamedTuple):
    """How filters see a batch: as one matrix, whose columns are the places where they stand."""

    elements: int  # of the matrix
    framed: tuple[int, ...]  # the shape of the batch in its frame of zeros
    places: tuple[slice, ...] | None  # where in the frame it stands; None: there is no frame
    part: tuple[slice, ...]  # and how much of it
    seen: tuple[int, ...]  # (C, *kernel, N, *out)
    steps: tuple[int, ...]  # of that view, in bytes
    columns: tuple[int, ...]  # the shape of the matrix; of one for each group if there are several
    filters: tuple[int, ...]  # that of the other factor
    out: tuple[int, ...]  # and of their product, (O, N, *out)


def _sight(
    shape: tuple[int, ...], framed: tuple[int, ...], places: Any, part: Any, made: int,
    kernel: tuple[int, ...], out: tuple[int, ...], stride: tuple[int, ...], gaps: tuple[int, ...],
    groups: int, itemsize: int,
) -> Sight:  # fmt: skip
    n, c = shape[:2]
    steps = [math.prod(framed[axis + 1 :]) * itemsize for axis in range(len(framed))]
    taps = [d * step for d, step in zip(gaps, steps[2:], strict=True)]
    moves = [s * step for s, step in zip(stride, steps[2:], strict=True)]
    rows, width = c // groups * math.prod(kernel), n * math.prod(out)
    several = (groups,) if groups > 1 else ()
    return Sight(
        groups * rows * width,
        framed,
        places,
        part,
        (c, *kernel, n, *out),
        (steps[1], *taps, steps[0], *moves),
        (*several, rows, width),
        (*several, made // groups, rows),
        (made, n, *out),
    )


@remembered
def forward_sight(
    size: tuple[int, ...], weight: tuple[int, ...], out: tuple[int, ...] | None, geo: Geometry,
    itemsize: int,
) -> Sight:  # fmt: skip
    """How the filters of a convolution see its input, from ``out`` places or from all."""
    sizes, kernel = size[2:], weight[2:]
    places = (slice(None), slice(None), *geo.inner(sizes)) if any(geo.padding) else None
    return _sight(
        size, (*size[:2], *geo.padded(sizes)), places, (), weight[0], kernel,
        out or geo.out_sizes(sizes, kernel), geo.stride, geo.dilation, geo.groups, itemsize,
    )  # fmt: skip


@remembered
def backward_sight(
    g: tuple[int, ...], weight: tuple[int, ...], size: tuple[int, ...], geo: Geometry,
    itemsize: int,
) -> Sight:  # fmt: skip
    """How the filters turned round see the cotangent: each place of the input is one of theirs."""
    whole = slice(None)
    places, part, framed = [whole, whole], [whole, whole], [*g[:2]]
    for n, count, k, s, p, d in zip(
        size[2:], g[2:], weight[2:], geo.stride, geo.padding, geo.dilation, strict=True
    ):
        start = d * (k - 1) - p  # where the first element stands; beyond the frame: nowhere
        first = max(0, -(start // s))
        end = min(count, (n - 1 + p) // s + 1)
        begin = start + s * first
        part.append(slice(first, max(end, first)))
        places.append(slice(begin, begin + s * max(end - first, 0), s))
        framed.append(n + d * (k - 1))
    ones = (1,) * (len(size) - 2)
    same = tuple(framed) == g and all(p.start == 0 and p.step == 1 for p in places[2:])
    return _sight(
        g, tuple(framed), None if same else tuple(places), tuple(part), size[1], weight[2:],
        size[2:], ones, geo.dilation, geo.groups, itemsize,
    )  # fmt: skip


def columns(xp: Any, x: Array, sight: Sight) -> Array:
    """What the filters see."""
    if sight.places is None:
        x = xp.ascontiguousarray(x)
    else:
        framed = xp.zeros(sight.framed, x.dtype)
        framed[sight.places] = x[sight.part] if sight.part else x
        x = framed
    return restrided(xp, x, sight.seen, sight.steps).reshape(sight.columns)


def product(xp: Any, a: Array, b: Array, out: Array | None = None) -> Array:
    """Of matrices, or one for each group; ``dot`` is the faster way to the first.

    On a card by cuBLAS, called in a way that a graph may contain.
    """
    made = None if xp is np else cublas.matmul(a, b, out=out)
    if made is not None:
        return made
    return a.dot(b, out=out) if a.ndim == 2 else xp.matmul(a, b, out=out)


def _added(xp: Any, product: Array, bias: Array | None, sight: Sight) -> Array:
    """The bias of each channel added in place, and the samples first."""
    if bias is not None:
        y = product.reshape(sight.out[0], -1)
        y += bias[:, None]
    return xp.ascontiguousarray(product.reshape(sight.out).swapaxes(0, 1))


def convolved(xp: Any, x: Array, weight: Array, bias: Array | None, sight: Sight) -> Array:
    """Filters times columns."""
    made = product(xp, weight.reshape(sight.filters), columns(xp, x, sight))
    return _added(xp, made, bias, sight)


def spread_back(
    xp: Any, g: Array, weight: Array, bias: Array | None, groups: int, sight: Sight
) -> Array:
    """The gradient for the input: filters turned round times columns of the cotangent."""
    turned = weight[(slice(None), slice(None), *[slice(None, None, -1)] * (weight.ndim - 2))]
    if groups > 1:
        turned = turned.reshape(groups, -1, *turned.shape[1:])
    filters = turned.swapaxes(-weight.ndim, 1 - weight.ndim).reshape(sight.filters)
    return _added(xp, product(xp, filters, columns(xp, g, sight)), bias, sight)


def weighed(xp: Any, g: Array, x: Array, size: tuple[int, ...], sight: Sight) -> Array:
    """The gradient for the weight: cotangents times columns transposed."""
    seen = columns(xp, x, sight)
    samples = g.swapaxes(0, 1).reshape((*sight.filters[:-1], sight.columns[-1]))
    return product(xp, samples, seen.swapaxes(-1, -2)).reshape(size)
