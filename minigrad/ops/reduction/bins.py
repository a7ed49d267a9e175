"""Sorting into bins: where values belong among boundaries, and how many belong to each."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.arguments import common_type
from minigrad.autograd.op import tensors
from minigrad.autograd.registry import REGISTRY, T, call, function, integers, reals
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, backend_of, xp_of
from minigrad.ops.indexing.places import counted_at
from minigrad.ops.reduction.order import comparable
from minigrad.return_types import named

HISTOGRAM = named("histogram", "hist", "bin_edges")
HISTOGRAMDD = named("histogramdd", "hist", "bin_edges")


@function(
    domain=[integers(0, 5)],
    dtypes=("int",),
    samples=(
        call(T(7)),
        call(T(4), minlength=9),
        call(T(5), T(5, domain=reals(-1, 1))),
        call(T(0)),
    ),
    errors=(call(T(2, 2)), call(T(2), minlength=-1), call(T(3), T(2))),
    gradcheck=False,
)
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each number from 0 on is there, or the sum of the weights at its places.

    >>> import minigrad as torch
    >>> torch.bincount(torch.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    x = input._array
    if x.dtype.kind not in "iu":
        raise NotImplementedError(
            f"\"bincount_cpu\" not implemented for '{input.dtype.type_name}'; use x.long()"
        )
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, got {minlength}")
    if x.ndim != 1 or (x.size and x.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    xp = xp_of(x)
    if weights is None:
        return tensors.from_array(xp.bincount(x, minlength=minlength).astype(xp.int64, copy=False))
    if weights._array.shape != x.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    kind = weights._array.dtype if weights._array.dtype.char == "f" else xp.float64
    if not x.size:
        return tensors.from_array(xp.zeros(minlength, xp.int64))
    weigh = weights._array.astype(xp.float64)
    return tensors.from_array(xp.bincount(x, weigh, minlength=minlength).astype(kind))


def _span(name: str, x: Array, low: float, high: float, room: float) -> tuple[float, float]:
    """The range of the bins: as given, else that of the values; with room around a point."""
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min")
    return (low - room, high + room) if low == high else (low, high)


def _not_for(kernel: str, input: Any) -> NotImplementedError:
    kind = input.dtype.type_name
    return NotImplementedError(f"\"{kernel}\" not implemented for '{kind}'; use x.float()")


@function(
    out=True,
    samples=(call(T(9), 4), call(T(2, 5), bins=5, min=-1, max=2), call(T(), 3), call(T(0), 2)),
    errors=(call(T(3), 0), call(T(3), 4, 3, 1)),
    gradcheck=False,
)
def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """How many elements lie in each of ``bins`` equal parts of a range, or of the input's own.

    What lies outside counts nowhere; the last part includes its end.

    >>> import minigrad as torch
    >>> torch.histc(torch.tensor([1., 2., 1.]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    x = input._array
    if x.dtype.kind not in "fV":
        raise _not_for("histogram_cpu", input)
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    xp = xp_of(x)
    low, high = _span("torch.histc", x, float(min), float(max), 1.0)
    number, flat = x.dtype.type, x.reshape(-1)
    inside = (flat >= number(low)) & (flat <= number(high))
    if xp is np:
        flat = flat[inside]
    scaled = (flat - number(low)) * number(bins) / number(high - low)
    places = xp.minimum(scaled.astype(xp.int64), bins - 1)
    if xp is not np:  # to know how many are inside, a card would have to be waited for
        places = xp.where(inside, places, bins)
    return tensors.from_array(counted_at(xp, places, bins + (xp is not np))[:bins].astype(x.dtype))


@function(
    out=True,
    samples=(
        call(T(9), 4),
        call(T(2, 5), 3, range=(-1.0, 2.0)),
        call(T(6), 3, weight=T(6, domain=reals(0.1, 3)), density=True),  # divides by their sum
        call(T(0), 2),
    ),
    errors=(call(T(3), 0), call(T(3), 2, weight=T(2))),
    gradcheck=False,
    returns="Any",
)
def histogram(
    input: Any,
    bins: Any,
    *,
    range: Any = None,
    weight: Any = None,
    density: bool = False,
) -> Any:
    """How many elements lie in each bin, or the sum of their weights, and the bins' edges.

    ``bins`` is their number, with a ``range``, or a vector of edges. With ``density`` the area
    under the result is 1.

    >>> import minigrad as torch
    >>> torch.histogram(torch.tensor([1., 2., 1.]), 2, range=(0., 2.)).hist
    tensor([0., 3.])
    """
    hist, found = _histogram(input.reshape(-1, 1), [bins], range, weight, density)
    return HISTOGRAM((hist, found[0]))


@function(
    where=("torch",),
    samples=(
        call(T(9, 2), 3),
        call(T(5, 2), [2, 3], range=[-1.0, 1.0, -2.0, 2.0]),
    ),
    errors=(call(T(3, 2), [2]), call(T(3), 2)),
    gradcheck=False,
    returns="Any",
)
def histogramdd(
    input: Any, bins: Any, range: Any = None, weight: Any = None, density: bool = False
) -> Any:
    """How many points (the last axis holds their coordinates) lie in each box of a grid.

    ``bins`` is a number of parts, one for each coordinate, or a vector of edges for each.

    >>> import minigrad as torch
    >>> torch.histogramdd(torch.tensor([[0., 1.], [1., 0.]]), bins=[2, 2]).hist
    tensor([[0., 1.],
            [1., 0.]])
    """
    if input._array.ndim < 2:
        raise RuntimeError("torch.histogramdd: input tensor should have at least 2 dimensions")
    count = input._array.shape[-1]
    parts = list(bins) if isinstance(bins, Sequence) else [bins] * count
    if len(parts) != count:
        raise RuntimeError(
            f"torch.histogramdd: expected {count} sequences of bin edges for {count} dimensions, "
            f"got {len(parts)}"
        )
    hist, edges = _histogram(input.reshape(-1, count), parts, range, weight, density)
    return HISTOGRAMDD((hist, tuple(edges)))


def _histogram(
    points: Any, parts: Sequence[Any], span: Any, weight: Any, density: bool
) -> tuple[Any, list[Any]]:
    """Counts on a grid, and its edges along each axis."""
    x = points._array
    if x.dtype.char not in "fd":
        raise _not_for("histogramdd", points)
    xp = xp_of(x)
    if span is not None and len(span) != 2 * len(parts):
        raise RuntimeError(
            f"torch.histogramdd: for a {len(parts)}-dimensional histogram range should have "
            f"{2 * len(parts)} elements, but got {len(span)}"
        )
    edges = [_edges(x[:, i], p, i, span) for i, p in enumerate(parts)]
    shape = tuple(e._array.size - 1 for e in edges)
    inside, place = xp.ones(len(x), dtype=bool), xp.zeros(len(x), dtype=xp.int64)
    for i, e in enumerate(edges):
        column, bounds = x[:, i], e._array
        inside &= (column >= bounds[0]) & (column <= bounds[-1])
        even = not isinstance(parts[i], TensorBase)
        place = place * shape[i] + _bin_of(xp, column, bounds, inside, even)
    weights = None
    if weight is not None:
        if weight._array.size != len(x):
            raise RuntimeError(
                "torch.histogramdd: if weight tensor is provided it should have the same shape as "
                f"the input tensor excluding its innermost dimension, got {weight._array.size} "
                f"weights for {len(x)} points"
            )
        if weight._array.dtype != x.dtype:
            raise RuntimeError(
                "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor "
                f"should have the same dtype, but got {points.dtype} and {weight.dtype}"
            )
        weights = weight._array.reshape(-1)[inside].astype(xp.float64)
    hist = xp.bincount(place[inside], weights, minlength=math.prod(shape)).astype(x.dtype)
    hist = hist.reshape(shape)
    if density:
        hist = hist / hist.sum()
        for i, e in enumerate(edges):
            line = [1] * len(shape)
            line[i] = -1
            hist = hist / xp.diff(e._array).reshape(line)
    return tensors.from_array(xp.asarray(hist)), edges


def _bin_of(xp: Any, column: Array, bounds: Array, inside: Array, even: bool) -> Array:
    """The bin of each value inside; the last includes its end."""
    last = bounds.size - 2
    if not even:
        found = xp.searchsorted(bounds, column, side="right") - 1
        return xp.minimum(found, last)
    held = xp.where(inside, column, bounds[0])  # a guess, and at most one step from there
    found = ((held - bounds[0]) * ((last + 1) / (bounds[-1] - bounds[0]))).astype(xp.int64)
    found = xp.minimum(found, last)
    found -= held < bounds[found]
    found += (held >= bounds[found + 1]) & (found < last)
    return found


def _edges(column: Array, part: Any, axis: int, span: Any) -> Any:
    """The edges along one axis: as given, or equal parts of a range."""
    if isinstance(part, TensorBase):
        if part._array.ndim != 1 or not part._array.size:
            raise RuntimeError(
                f"torch.histogramdd: bins tensor should have one dimension, but got "
                f"{part._array.ndim} dimensions in the bins tensor for dimension {axis}"
            )
        if part._array.dtype != column.dtype:
            raise RuntimeError(
                "torch.histogramdd: input tensor and bins tensors should have the same dtype"
            )
        return part
    if part <= 0:
        raise RuntimeError(
            f"torch.histogram(): bins must be > 0, but got {part} for dimension {axis}"
        )
    low, high = (0.0, 0.0) if span is None else map(float, span[2 * axis : 2 * axis + 2])
    if span is None and not column.size:
        low, high = 0.0, 1.0
    low, high = _span("torch.histogramdd", column if span is None else column[:0], low, high, 0.5)
    linspace = REGISTRY["linspace"].function
    return linspace(
        low,
        high,
        part + 1,
        dtype=dtypes.of_numpy(column.dtype),
        device=backend_of(column).device_of(column),
    )


def _bounds(
    name: str, boundaries: Any, values: Any, out_int32: bool, right: bool, side: Any, sorter: Any
) -> Any:
    """Where values belong among boundaries in order, along the last axis."""
    if side not in (None, "left", "right"):
        raise RuntimeError(f"{name}(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            f"{name}(): side and right can't be set to opposites, got side of left while right was "
            "True"
        )
    one, other = common_type(boundaries, values)
    xp = xp_of(one._array)
    lines, wanted = comparable(xp, one._array), comparable(xp, other._array)
    number = not isinstance(values, TensorBase) or not wanted.ndim
    if not lines.ndim:
        raise RuntimeError(f"{name}(): boundaries tensor should have positive dimension, but got 0")
    if lines.ndim != 1 and (number or lines.shape[:-1] != wanted.shape[:-1]):
        raise RuntimeError(
            f"{name}(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
            "boundaries tensor and input value tensor must match, but we got boundaries tensor "
            f"{list(lines.shape)} and input value tensor {list(wanted.shape)}"
        )
    if sorter is not None:
        order = sorter._array
        if order.shape != lines.shape:
            raise RuntimeError(
                f"{name}(): boundary and sorter must have the same size, but got boundary tensor "
                f"{list(lines.shape)} and got sorter tensor {list(order.shape)}"
            )
        if order.dtype != np.int64:
            raise RuntimeError(
                f"{name}(): sorter must be a tensor of long dtype but got dtype {sorter.dtype}"
            )
        if order.size and (order.min() < 0 or order.max() >= lines.shape[-1]):
            raise RuntimeError(f"{name}(): sorter index out of range")
        lines = xp.take_along_axis(lines, order, -1)
    after = right or side == "right"
    if lines.ndim == 1:
        search = lines.searchsorted if xp is np else functools.partial(xp.searchsorted, lines)
        found = search(wanted, side="right" if after else "left")
    else:
        found = _search(xp, lines, wanted, after)
    kind = xp.int32 if out_int32 else xp.int64
    return tensors.from_array(xp.asarray(found).astype(kind, copy=False))


def _search(xp: Any, lines: Array, wanted: Array, after: bool) -> Array:
    """A binary search in each line at once."""
    length = lines.shape[-1]
    low, high = xp.zeros(wanted.shape, xp.int64), xp.full(wanted.shape, length, dtype=xp.int64)
    if not length:
        return low
    for _ in range(length.bit_length()):
        middle = (low + high) >> 1
        value = xp.take_along_axis(lines, xp.minimum(middle, length - 1), -1)
        beyond = ~(value > wanted) if after else ~(value >= wanted)
        beyond &= low < high
        low = xp.where(beyond, middle + 1, low)
        high = xp.where(beyond, high, middle)
    return low


@function(
    where=("torch",),
    domain=[integers(0, 5)],
    dtypes=("float", "int"),
    samples=(
        call(T(4, domain=integers(2, 2)), T(2, 3)),
        call(T(4, domain=integers(2, 2)), T(3), right=True),
        call(T(2, 4, domain=integers(3, 3)), T(2, 3), out_int32=True),
        call(T(4, domain=integers(2, 2)), 2, side="right"),
    ),
    errors=(
        call(T(2, 4), T(3, 3)),
        call(T(2, 4), 1.0),
        call(T(4), T(3), side="middle"),
        call(T(4), T(3), side="left", right=True),
    ),
    gradcheck=False,
    out=True,
)
def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Any:
    """Where values have to be put in to keep an axis in order: before equal ones, or after.

    >>> import minigrad as torch
    >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))
    tensor([1, 3])
    """
    return _bounds("torch.searchsorted", sorted_sequence, input, out_int32, right, side, sorter)


@function(
    where=("torch",),
    domain=[integers(0, 5)],
    dtypes=("float", "int"),
    samples=(
        call(T(2, 3), T(4, domain=integers(2, 2))),
        call(T(3), T(4, domain=integers(2, 2)), right=True, out_int32=True),
        call(2, T(3, domain=integers(2, 2))),
    ),
    errors=(call(T(3), T(2, 2)),),
    gradcheck=False,
    out=True,
)
def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """The number of the bin that each value belongs to, among boundaries in order.

    Bin i holds boundaries[i-1] < value <= boundaries[i], or the other way round if ``right``.

    >>> import minigrad as torch
    >>> torch.bucketize(torch.tensor([0, 3, 9]), torch.tensor([1, 3, 5]))
    tensor([0, 1, 3])
    """
    if boundaries._array.ndim != 1:
        raise RuntimeError(
            f"boundaries tensor must be 1 dimension, but got dim({boundaries._array.ndim})"
        )
    return _bounds("torch.bucketize", boundaries, input, out_int32, right, None, None)
