"""Pooling by the kernels of kernels/cpu/pool.c and kernels/cuda/pool.cu, for one and two axes,
and of window.c.

Each function gives None where there is no kernel for its arrays; the array module does it then.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.backend import Array, xp_of
from minigrad.backend.native import array_types, kernel

MOST_TAPS = 256  # a winner is kept as one byte


def geometry(windows: Any) -> tuple[int, ...] | None:
    """Sizes, kernel, stride and padding of windows over planes, as the kernels take them."""
    axes = len(windows.kernel)
    if axes > 2 or max(windows.dilation) > 1 or math.prod(windows.kernel) > MOST_TAPS:
        return None
    return tuple(
        number
        for each, missing in (
            (windows.sizes, 1), (windows.out, 1), (windows.kernel, 1), (windows.stride, 1),
            (windows.padding, 0),
        )
        for number in (missing,) * (2 - axes) + each
    )  # fmt: skip


def _planes(x: Array, windows: Any) -> tuple[Array, int, tuple[int, ...]]:
    """Without gaps; how many planes; the shape of what comes before them."""
    lead = x.shape[: x.ndim - len(windows.kernel)]
    return xp_of(x).ascontiguousarray(x), math.prod(lead), lead


def greatest(x: Array, windows: Any) -> tuple[Array, Array] | None:
    """The greatest element of each window, and the number of its tap."""
    shape = windows.flat()
    run = None if shape is None else kernel("max_pool", x)
    if run is None:
        return None
    x, planes, lead = _planes(x, windows)
    xp = xp_of(x)
    y = xp.empty((*lead, *windows.out), x.dtype)
    taps = xp.empty(y.shape, np.uint8)
    run(x, y, taps, planes, *shape)
    return y, taps


def to_winners(g: Any, taps: Any, windows: Any) -> Array | None:
    """A cotangent given to the winners; None too for a Tensor, and where no taps were kept."""
    if taps.__class__ not in array_types or g.__class__ not in array_types:
        return None
    g, planes, lead = _planes(g, windows)
    run = kernel("max_pool_backward", g)
    if run is None:
        return None
    gx = xp_of(g).empty((*lead, *windows.sizes), g.dtype)
    run(g, taps, gx, planes, *windows.flat())
    return gx


def winners(x: Array, windows: Any) -> Array | None:
    """The places of the greatest elements in the flattened spatial axes."""
    run, found = kernel("max_pool_places", x), greatest(x, windows)
    if run is None or found is None:
        return None
    taps = found[1]
    places = xp_of(x).empty(taps.shape, np.int64)
    run(taps, places, _planes(x, windows)[1], *windows.flat())
    return places


def among(x: Array, candidates: Any, sizes: tuple[int, ...], taps: tuple[int, ...] | None) -> Any:
    """The greatest of each row of candidates, its place, and that again for backward."""
    run = kernel("max_among", x)
    if run is None or not candidates.size or not candidates.flags.c_contiguous:
        return None
    away = None if taps is None else np.array(taps, np.int64)
    rows = candidates.shape if away is not None else candidates.shape[:-1]
    each = candidates.shape[-1] if away is None else away.size
    axes = len(sizes)
    lead, out = x.shape[: x.ndim - axes], rows[-axes:]
    values = np.empty((*lead, *out), x.dtype)
    places = np.empty(values.shape, np.int64)
    planes, count, shared = math.prod(lead), math.prod(out), len(rows) == axes
    run(x, candidates, away, values, places, planes, math.prod(sizes), count, each, shared)
    return values, places, places


def averaged(x: Array, mean: Any, back: bool = False) -> Array | None:
    """The mean of each window, or (``back``) each element shared out over its window."""
    windows = mean.windows
    shape = windows.flat()
    if shape is None and len(windows.kernel) == 3 and max(windows.kernel) <= MOST_TAPS:
        return _averaged_volumes(x, mean, back)
    if shape is None or x.__class__ not in array_types:
        return None
    x, planes, lead = _planes(x, windows)
    run = kernel("avg_pool_backward" if back else "avg_pool", x)
    if run is None:
        return None
    y = xp_of(x).empty((*lead, *(windows.sizes if back else windows.out)), x.dtype)
    run(x, y, planes, *shape, mean.include_pad, int(mean.override or 0))
    return y


def _averaged_volumes(x: Any, mean: Any, back: bool) -> Array | None:
    """The same of volumes: sums over images, and then over the depth, whose rows are images."""
    w = mean.windows
    known = x.__class__ in array_types
    run = kernel("avg_pool_backward" if back else "avg_pool", x) if known else None
    if run is None:
        return None
    xp = xp_of(x)
    lead = x.shape[:-3]
    count, (d, h, width), (od, oh, ow) = math.prod(lead), w.sizes, w.out
    (kd, kh, kw), (sd, sh, sw), (pd, ph, pw) = w.kernel, w.stride, w.padding
    image = (count * d, h, width, oh, ow, kh, kw, sh, sw, ph, pw, True, 1)
    depth = (count, d, oh * ow, od, oh * ow, kd, 1, sd, 1, pd, 0, True, 1)
    between = xp.empty((*lead, d, oh, ow), x.dtype)
    y = xp.empty((*lead, *(w.sizes if back else w.out)), x.dtype)
    if back:
        run(xp.ascontiguousarray(mean.divided(xp, x)), between, *depth)
        run(between, y, *image)
        return y
    run(x, between, *image)
    run(between, y, *depth)
    y /= mean.divisor(xp, y.dtype)
    return y
