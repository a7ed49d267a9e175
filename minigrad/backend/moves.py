"""Arrays copied as they are, by the kernels of ``kernels/cpu/move.c`` where that is faster.

They share the work among threads, write what no cache holds past the caches, and turn rows to
columns in tiles that the first cache holds. Elements of four and eight bytes are moved as if they
were float32 and float64; all else goes NumPy's way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from sys import getrefcount
from typing import Any

import numpy as np

from minigrad.backend import capture
from minigrad.backend.base import Array
from minigrad.backend.native import kernel
from minigrad.backend.select import xp_of

LARGE = 1 << 20  # bytes, from which on a kernel copies
MANY = 4096  # elements, from which on it turns rows to columns
LINE = 64  # bytes that memory hands to the cache at once
COLLIDING = 2048  # bytes; what lies a multiple of this apart contends for the same few lines
RUN = 16  # elements; where fewer are the same, or lie together, NumPy repeats them faster
AT_ONCE = 8  # arrays that CuPy joins by a copy each; of more it sends the addresses to the card
_BY_A_VIEW = 3  # references to a base that only a view has: its own, a name's, an argument's
_MOVED = {4: np.dtype(np.float32), 8: np.dtype(np.float64)}


def _moved(x: Any) -> Any:
    """An array without gaps as numbers that a kernel moves, or None."""
    kind = _MOVED.get(x.itemsize)
    plain = kind is not None and type(x) is np.ndarray and x.flags.c_contiguous
    return x.view(kind) if plain else None


def owned(x: Any) -> bool:
    """Whether an array has no gaps, and its memory for itself.

    It may be another one, seen in another shape, that nobody has any more.

    >>> owned(np.zeros(6).reshape(2, 3))
    True
    >>> x = np.zeros(6); owned(x.reshape(2, 3)), owned(np.zeros(6)[:3])
    (False, False)
    """
    if not x.flags.c_contiguous:
        return False
    base = x.base
    return base is None or (
        type(base) is type(x)
        and base.base is None
        and base.nbytes == x.nbytes
        and getrefcount(base) <= _BY_A_VIEW
    )


def write(out: Array, x: Array) -> None:
    """``out[...] = x`` for arrays of one shape.

    >>> out = np.zeros(2)
    >>> write(out, np.ones(2)); out
    array([1., 1.])
    """
    if out.nbytes >= LARGE and out.dtype == x.dtype and out.shape == x.shape:
        to, source = _moved(out), _moved(x)
        run = None if to is None or source is None else kernel("copy_rows", source, to)
        if run is not None:
            run(source, to, 1, source.size, 0, 0)
            return
    out[...] = x


def joined(parts: Sequence[Array], dim: int) -> Array:
    """``xp.concatenate``.

    >>> joined([np.zeros((1, 1)), np.ones((1, 2))], 1)
    array([[0., 1., 1.]])
    """
    first: Any = parts[0]
    if type(first) is not np.ndarray:
        return _joined_on_card(parts, dim)
    if first.nbytes * len(parts) >= LARGE and all([p.dtype is first.dtype for p in parts]):
        sources = [_moved(p) for p in parts]
        run = None if any([s is None for s in sources]) else kernel("copy_rows", *sources)
        if run is not None:
            shape = list(first.shape)
            shape[dim] = sum([p.shape[dim] for p in parts])
            out = np.empty(shape, first.dtype)
            rows, row, at = math.prod(shape[:dim]), math.prod(shape[dim:]), 0
            places = out.view(sources[0].dtype).reshape(-1)
            for source in sources:
                many = math.prod(source.shape[dim:])
                run(source, places[at:], rows, many, many, row)
                at += many
            return out
    return np.concatenate(parts, dim)


def _joined_on_card(parts: Sequence[Any], dim: int) -> Array:
    """By a copy each where a graph is captured, which may contain no addresses from the host."""
    xp = xp_of(parts[0])
    if len(parts) <= AT_ONCE or not capture.active():
        return xp.concatenate(parts, dim)
    shape, at = list(parts[0].shape), 0
    shape[dim] = sum([p.shape[dim] for p in parts])
    out, before = xp.empty(shape, parts[0].dtype), (slice(None),) * (dim % len(shape))
    for part in parts:
        out[(*before, slice(at, at + part.shape[dim]))] = part
        at += part.shape[dim]
    return out


def _joined_axes(x: Array) -> list[tuple[int, float]]:
    """Size of each axis and its step in elements, neighbours that lie together taken as one."""
    axes: list[tuple[int, float]] = []
    for size, stride in zip(x.shape, x.strides, strict=True):
        if size == 1:
            continue
        step = stride / x.itemsize
        if axes and axes[-1][1] == step * size:
            axes[-1] = axes[-1][0] * size, step
        else:
            axes.append((size, step))
    return axes


def _repeats(x: Array) -> tuple[int, ...] | None:
    """What an array repeats: copies of rows, how many of these, how often each, their elements.

    >>> _repeats(np.broadcast_to(np.zeros((2, 3, 1)), (5, 2, 3, 40)))
    (5, 6, 40, 1)
    >>> _repeats(np.broadcast_to(np.zeros((2, 1, 30)), (2, 4, 30)))
    (1, 2, 4, 30)
    """
    axes = _joined_axes(x)

    def taken(step: int) -> int:
        return axes.pop()[0] if axes and axes[-1][1] == step else 1

    n = taken(1)
    many = taken(0)
    rows = taken(n)
    copies = taken(0)
    run = n if n > 1 else many
    return None if axes or copies * many == 1 or run < RUN else (copies, rows, many, n)


def _planes(x: Array) -> tuple[int, ...] | None:
    """What an array is the transposed rows of: how many planes, their rows and columns; or None.

    >>> _planes(np.zeros((5, 7, 2, 3)).transpose(0, 2, 3, 1))
    (5, 7, 6)
    """
    axes = _joined_axes(x)
    if len(axes) == 2:
        axes.insert(0, (1, x.size))
    if len(axes) != 3:
        return None
    (outer, away), (columns, one), (rows, step) = axes
    fits = one == 1 and step == columns and away == rows * columns
    return (outer, rows, columns) if fits else None


def row_major(x: Array) -> Array:
    """A copy in row-major order.

    Where no kernel turns a transposed array whose rows lie a large power of two apart, it is copied
    in strips of one cache line's width: NumPy's own copy loses each line before it uses its second
    element, and takes up to ten times as long.

    >>> row_major(np.arange(6).reshape(2, 3).T).flags.c_contiguous
    True
    """
    if type(x) is not np.ndarray or x.size < MANY:
        return x.copy()
    if x.flags.c_contiguous:
        out = np.empty(x.shape, x.dtype)
        write(out, x)
        return out
    name, sizes = "turn_planes", _planes(x)
    if sizes is None and x.nbytes >= LARGE:
        name, sizes = "repeat_rows", _repeats(x)
    if sizes is not None and x.itemsize in _MOVED:
        out = np.empty(x.shape, x.dtype)
        to = _moved(out)
        run = kernel(name, to)
        if run is not None:
            run(x.view(to.dtype), to, *sizes)
            return out
    return _in_strips(x)


def _in_strips(x: Any) -> Array:
    colliding = x.strides[-1] and x.strides[-1] % COLLIDING == 0
    if not colliding or x.ndim < 2 or x.shape[-1] < LINE:
        return x.copy()
    out = np.empty(x.shape, x.dtype)
    width = max(LINE // x.itemsize, 1)
    for start in range(0, x.shape[-1], width):
        out[..., start : start + width] = x[..., start : start + width]
    return out
