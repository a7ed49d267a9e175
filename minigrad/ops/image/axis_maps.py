"""Linear maps along axes: each element of the new axis is a weighted sum of a few of the old one.

Interpolation, means over parts and padding by repetition are all of this kind. A map is a sparse
matrix, or an index where it only picks; its gradient is the transposed matrix. Zeros that stand in
no row are never multiplied, so an infinity stays where it is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minigrad.autograd.op import Op
from minigrad.autograd.registry import register
from minigrad.backend import Array, kept, scientific
from minigrad.backend.native import kernel
from minigrad.ops.elementwise.precision import is_half
from minigrad.ops.indexing.places import taken_slices

# (the elements of each row one after the other, their weights or None, where each row begins)
Taps = tuple[Any, Any, Any]
KINDS: dict[str, Callable[..., Taps]] = {}


class AxisMap(NamedTuple):
    """What becomes of an axis: a kind of :data:`KINDS`, the sizes before and after, options."""

    kind: str
    size: int
    rows: int
    options: tuple[Any, ...] = ()


def kind(build: Callable[..., Taps]) -> Callable[..., Taps]:
    """Enter a function ``(real, size, count, *options)`` that works out the taps of a kind."""
    KINDS[build.__name__] = build
    return build


def picks(index: Any) -> Taps:
    """One element for each row."""
    return index, None, np.arange(len(index) + 1)


def even(index: Any, weights: Any) -> Taps:
    """As many elements for each row as the arrays (rows, taps) are wide."""
    rows, taps = index.shape
    return index.reshape(-1), weights.reshape(-1), np.arange(0, rows * taps + 1, taps)


def uneven(starts: Any, ends: Any, weight: Callable[[Any, Any], Any]) -> Taps:
    """A run of elements for each row; ``weight(row, element)`` says how much each counts."""
    length = ends - starts
    begins = np.concatenate([[0], np.cumsum(length)])
    row = np.repeat(np.arange(len(starts)), length)
    index = np.arange(begins[-1]) - np.repeat(begins[:-1] - starts, length)
    return index, weight(row, index), begins


def parts(size: int, count: int) -> tuple[Any, Any]:
    """Where the parts of an axis begin and end: part i at ``floor(i size / count)``, and so on.

    >>> [ends.tolist() for ends in parts(5, 2)]
    [[0, 2], [3, 5]]
    """
    i = np.arange(count)
    return i * size // max(count, 1), -(-(i + 1) * size // max(count, 1))


@kind
def mean(real: Any, size: int, count: int) -> Taps:
    """The mean of each part; where ``count`` does not divide ``size``, neighbours overlap."""
    starts, ends = parts(size, count)
    return uneven(starts, ends, lambda row, index: 1 / (ends - starts).astype(real)[row])


@kind
def reflect(real: Any, size: int, count: int, before: int) -> Taps:
    """The axis, mirrored at its first and its last element."""
    place = np.abs(np.arange(count) - before)
    return picks(np.where(place < size, place, 2 * (size - 1) - place))


@kind
def replicate(real: Any, size: int, count: int, before: int) -> Taps:
    """The axis, its first and its last element repeated."""
    return picks(np.clip(np.arange(count) - before, 0, size - 1))


@kind
def circular(real: Any, size: int, count: int, before: int) -> Taps:
    """What is left of the axis where a width is negative, over and over."""
    after = count - size - before
    left = size + min(before, 0) + min(after, 0)
    return picks((np.arange(count) - max(before, 0)) % left - min(before, 0))


@kept(512)
def index_of(xp: Any, axis_map: AxisMap) -> Any:
    """The index of a map that only picks; None for others."""
    index, weights, _ = KINDS[axis_map.kind](
        np.float32, axis_map.size, axis_map.rows, *axis_map.options
    )
    return xp.asarray(index) if weights is None else None


@kept(512)
def table_of(xp: Any, axis_map: AxisMap, dtype: Any, turned: bool) -> Taps:
    """A map, or its transpose, as kernels take it: elements, weights, where each row begins."""
    name, size, count, options = axis_map
    index, weights, begins = KINDS[name](dtype.type, size, count, *options)
    weights = np.ones(len(index)) if weights is None else weights
    if turned:  # element by element, those of earlier rows first
        row, order = np.repeat(np.arange(count), np.diff(begins)), np.argsort(index, kind="stable")
        begins = np.concatenate([[0], np.cumsum(np.bincount(index, minlength=size))])
        index, weights = row[order], weights[order]
    index, begins = index.astype(np.int64, copy=False), begins.astype(np.int64, copy=False)
    return xp.asarray(index), xp.asarray(weights.astype(dtype, copy=False)), xp.asarray(begins)


@kept(512)
def matrix_of(xp: Any, axis_map: AxisMap, dtype: Any, turned: bool) -> Any:
    """The same as a sparse matrix (count, size), or that transposed."""
    index, weights, begins = table_of(xp, axis_map, dtype, turned)
    shape = (axis_map.size, axis_map.rows) if turned else (axis_map.rows, axis_map.size)
    return scientific(xp, "sparse").csr_matrix((weights, index, begins), shape=shape)


@kept(128)
def whole_matrix_of(xp: Any, axis_map: AxisMap) -> tuple[Any, int]:
    """A map as a matrix of whole numbers, and how many binary places of them are a fraction.

    torch resizes bytes so: the greatest weight takes 15 binary places.
    """
    matrix = matrix_of(np, axis_map, np.dtype(np.float64), False).copy()
    matrix.sum_duplicates()
    greatest = float(matrix.data.max())
    places = max(p for p in range(23) if int(0.5 + greatest * (1 << p)) < 1 << 15)
    data = matrix.data * (1 << places)
    whole = xp.asarray(np.trunc(data + np.copysign(0.5, data)).astype(np.int32))
    rows = (whole, xp.asarray(matrix.indices), xp.asarray(matrix.indptr))
    return scientific(xp, "sparse").csr_matrix(rows, shape=matrix.shape), places


def of_bytes(xp: Any, x: Array, axis: int, axis_map: AxisMap) -> Array:
    """A weighted sum of bytes, rounded and kept in their range."""
    matrix, places = whole_matrix_of(xp, axis_map)
    total = product(matrix, x.astype(xp.int32), axis)
    return xp.clip((total + (1 << (places - 1))) >> places, 0, 255).astype(xp.uint8)


def product(matrix: Any, x: Array, axis: int) -> Array:
    """A matrix times the columns that run along an axis."""
    moved = x.swapaxes(0, axis)
    flat = moved.reshape(moved.shape[0], math.prod(moved.shape[1:]))
    return (matrix @ flat).reshape(matrix.shape[0], *moved.shape[1:]).swapaxes(0, axis)


def mapped(xp: Any, x: Array, axis: int, axis_map: AxisMap, turned: bool) -> Array:
    """A map, or its transpose, along one axis."""
    x = xp.ascontiguousarray(x)
    run = kernel("map_axis", x)
    if run is None:
        return product(matrix_of(xp, axis_map, x.dtype, turned), x, axis)
    table = table_of(xp, axis_map, x.dtype, turned)
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    rows = len(table[2]) - 1
    out = xp.empty((*before, rows, *after), x.dtype)
    run(x, *table, out, math.prod(before), x.shape[axis], math.prod(after), rows)
    return out


@kept(512)
def plan_of(
    xp: Any, maps: tuple[AxisMap | None, ...], ndim: int, of_bytes: bool, turned: bool
) -> tuple[tuple[int, AxisMap, Any, Any], ...]:
    """The axes in their order, with their maps, and how a map picks that does nothing else."""
    todo = [(axis, m) for axis, m in enumerate(maps, ndim - len(maps)) if m is not None]
    if of_bytes:
        todo.reverse()  # bytes are rounded after each axis, in torch's order
    else:
        todo.sort(key=lambda pair: pair[1].rows / max(pair[1].size, 1), reverse=turned)
    found = [(axis, m, None if turned else index_of(xp, m)) for axis, m in todo]
    return tuple(
        (axis, m, i, _middle(i) if xp is np and axis == ndim - 1 else None) for axis, m, i in found
    )


def _middle(index: Any) -> tuple[slice, slice] | None:
    """Where an index goes on one by one, if it mostly does: places there, and what they pick."""
    if index is None or len(index) < 8:
        return None
    ends = np.flatnonzero(np.diff(index) != 1) + 1
    edges = [0, *ends.tolist(), len(index)]
    begin, end = max(itertools.pairwise(edges), key=lambda pair: pair[1] - pair[0])
    first = int(index[begin])
    large = 2 * (end - begin) > len(index)
    return (slice(begin, end), slice(first, first + end - begin)) if large else None


def _picked(xp: Any, x: Array, axis: int, index: Any, middle: Any) -> Array:
    """The slices at an index; along the last axis those of the middle at once."""
    if middle is None:
        return taken_slices(xp, x, index, axis)
    there, here = middle
    out = xp.empty((*x.shape[:-1], len(index)), x.dtype)
    out[..., there] = x[..., here]
    for edge in (slice(None, there.start), slice(there.stop, None)):
        out[..., edge] = x[..., index[edge]]
    return out


def _spread_evenly(xp: Any, x: Array, maps: tuple[AxisMap | None, ...]) -> Array | None:
    """The transpose of means of planes' parts of one size, which no place has two of; or None."""
    whole = [m for m in maps if m and m.kind == "mean" and m.rows and m.size % m.rows == 0]
    if len(maps) != 2 or len(whole) != 2:
        return None
    x = xp.ascontiguousarray(x)
    run = kernel("avg_pool_backward", x)
    if run is None:
        return None
    sizes, kernel_size = [m.size for m in whole], [m.size // m.rows for m in whole]
    out = xp.empty((*x.shape[:-2], *sizes), x.dtype)
    windows = (*sizes, *x.shape[-2:], *kernel_size, *kernel_size, 0, 0)
    run(x, out, math.prod(x.shape[:-2]), *windows, True, 0)
    return out


def along_axes(xp: Any, x: Array, maps: tuple[AxisMap | None, ...], turned: bool) -> Array:
    """All maps, one after the other, first those that leave the least to the others."""
    dtype = x.dtype
    if turned and (found := _spread_evenly(xp, x, maps)) is not None:
        return found
    for axis, axis_map, index, middle in plan_of(xp, maps, x.ndim, dtype == xp.uint8, turned):
        if index is not None:
            x = _picked(xp, x, axis, index, middle)
            continue
        if x.dtype == xp.uint8:
            x = of_bytes(xp, x, axis, axis_map)
            continue
        if is_half(x.dtype):
            x = x.astype(xp.float32)
        x = mapped(xp, x, axis, axis_map, turned)
    return xp.ascontiguousarray(x, dtype=dtype)


def _name(maps: Any, name: str) -> str:
    return f"{name}Backward0"


@register(internal=True)
class MapAxes(Op):
    """Maps along the last axes.   Transpose: ``map_axes_back``."""

    grad_fn = _name

    @staticmethod
    def forward(xp: Any, input: Array, maps: tuple[AxisMap | None, ...], name: str) -> Array:
        """Each axis by itself."""
        return along_axes(xp, input, maps, False)

    @staticmethod
    def grad_input(g: Any, maps: Any, name: str, F: Any) -> Any:
        """The transposed maps."""
        return F.map_axes_back(g, maps, name)


@register("upsampled", internal=True)
class Upsampled(MapAxes):
    """Those of interpolation, apart as autocast runs them in float32."""


@register(internal=True)
class MapAxesBack(Op):
    """Transposed maps along the last axes.   Transpose: ``map_axes``."""

    @staticmethod
    def forward(xp: Any, input: Array, maps: tuple[AxisMap | None, ...], name: str) -> Array:
        """Each axis by itself."""
        return along_axes(xp, input, maps, True)

    @staticmethod
    def grad_input(g: Any, maps: Any, name: str, F: Any) -> Any:
        """The maps themselves."""
        return F.map_axes(g, maps, name)
