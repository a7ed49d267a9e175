"""Places in memory: index tensors checked, turned into row-major positions, added up at.

One axis is picked by an index, the others are counted through. NumPy's own indexing with several
arrays takes three times as long as one flat index into the same memory, and ``add.at`` twenty times
as long as a product with a sparse matrix of ones.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, on_host, scientific, xp_of
from minigrad.backend.native import kernel
from minigrad.ops.elementwise.precision import is_half, rounded, single

FEW = 2048  # elements
LONG = np.dtype(np.int64)
UNSIGNED = {"i": np.dtype("uint32"), "l": np.dtype("uint64")}  # what has the same bits
ROWS_WORTH_A_MATRIX = 8192  # elements; below, the sparse matrix costs more than it spares


def need_tensor(op: str, name: str, position: int, value: Any) -> Any:
    """The array of an argument that has to be a tensor; TypeError in torch's words."""
    if not isinstance(value, TensorBase):
        raise TypeError(
            f"{op}(): argument '{name}' (position {position}) must be Tensor, not "
            f"{type(value).__name__}"
        )
    return value._array


def is_long(index: Array) -> bool:
    """Whether an index is of int64 or int32."""
    return bool(index.dtype.kind == "i" and index.itemsize >= 4)


def wrapped(xp: Any, index: Array, size: int) -> Array:
    """An index whose negative places count from the end, counted from the front."""
    if type(index) is np.ndarray and (not index.size or index.min() >= 0):
        return index  # of a card nobody asks: the answer would have to be waited for
    return xp.where(index < 0, index + size, index)


def outside(index: Array, size: int, negative: bool = False) -> int | None:
    """An element of an index that is none of ``size`` places; None if all are.

    A negative number is a huge one to an unsigned type: one pass finds both ends. Of an index on a
    card the answer is None: the card looks, and what it finds comes later (``backend/faults.py``).

    >>> import numpy as np
    >>> outside(np.array([0, 2]), 3), outside(np.array([0, 3]), 3), outside(np.array([-1]), 3)
    (None, 3, -1)
    """
    if not index.size:
        return None
    if type(index) is not np.ndarray:
        from minigrad.backend import faults

        message = f"index out of bounds for an axis of size {size}"
        faults.note_range(xp_of(index), index, -size if negative else 0, size, message)
        return None
    if 0 in index.strides:  # what an expanded one repeats is looked at once
        index = index[tuple([slice(None if step else 1) for step in index.strides])]
    if negative:
        low, high = int(index.min()), int(index.max())
        return high if high >= size else low if low < -size else None
    found: Any = index.view(UNSIGNED.get(index.dtype.char) or f"u{index.itemsize}")
    # Of few numbers NumPy finds the place of the greatest in a fraction of the time.
    few = found.size < FEW
    if int(found.item(found.argmax()) if few else found.max()) < size:
        return None
    low, high = int(index.min()), int(index.max())
    return low if low < 0 else high


def positions(
    xp: Any, index: Array, shape: tuple[int, ...], dim: int, counts: Sequence[int] = ()
) -> Array:
    """Row-major positions in a ``shape``: ``index`` along one axis, counters along the others.

    The counters run as far as the index is long, or to ``counts``.

    >>> import numpy as np
    >>> positions(np, np.array([[1, 0], [2, 2]]), (3, 2), 0)
    array([[2, 1],
           [4, 5]])
    """
    counts = tuple(counts) or index.shape
    few = xp is np and math.prod(counts) < FEW
    start, step = (_known_starts if few else _starts)(xp, counts, tuple(shape), dim)
    if index.itemsize < 8:
        index = index.astype("int64")
    return (index if step == 1 else index * step) + start


def _starts(xp: Any, counts: tuple[int, ...], shape: tuple[int, ...], dim: int) -> tuple[Any, int]:
    """Where the lines along an axis begin in memory, and the step along them."""
    steps = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    start: Any = 0
    for axis, n in enumerate(counts):
        if axis != dim and n != 1:
            grid = [1] * len(counts)
            grid[axis] = n
            start = start + xp.arange(0, n * steps[axis], steps[axis]).reshape(grid)
    return start, steps[dim] if shape else 1


_known_starts = functools.lru_cache(maxsize=64)(_starts)


def by_kernel(
    name: str, target: Array, index: Array, values: Array, shape: Sequence[int], dim: int
) -> bool:
    """Let a kernel of ``index.c`` or ``index.cu`` work along an axis; False if there is none.

    Raises: IndexError for a place outside of the axis.
    """
    run = kernel(name, target, values)
    on_card = type(target) is not np.ndarray
    if on_card and index.dtype.kind == "i":
        index = xp_of(index).ascontiguousarray(index, LONG)
    if run is None or index.dtype is not LONG or not index.flags.c_contiguous:
        return False
    outer, inner, count = math.prod(shape[:dim]), math.prod(shape[dim + 1 :]), index.size
    if name.endswith("along"):  # the index has a place for each element
        count //= max(outer * inner, 1)
    bad = _flag_of(target, shape[dim]) if on_card else np.zeros(1, np.int64)
    run(target, index, values, outer, shape[dim], inner, count, bad)
    if not on_card and bad[0]:
        raise IndexError(f"index {outside(index, shape[dim])} is out of range of {shape[dim]}")
    return True


def _flag_of(target: Array, size: int) -> Array:
    """Where a kernel of a card notes a place outside of the axis."""
    from minigrad.backend import faults

    return faults.flag(xp_of(target), target, f"index out of bounds for an axis of size {size}")


def _is_even(counts: Sequence[int], shape: Sequence[int], dim: int) -> bool:
    """Whether an index has the sizes of a shape on all axes but one."""
    return (*counts[:dim], *counts[dim + 1 :]) == (*shape[:dim], *shape[dim + 1 :])


def one_for_all(index: Array, shape: Sequence[int], dim: int) -> Array | None:
    """The vector that an index repeats along all axes of a shape but one, as graphs expand theirs.

    >>> import numpy as np
    >>> one_for_all(np.broadcast_to([[2], [0]], (2, 3)), (4, 3), 0).tolist()
    [2, 0]
    """
    if type(index) is not np.ndarray or index.ndim < 2 or not _is_even(index.shape, shape, dim):
        return None
    others = [axis for axis, n in enumerate(index.shape) if n > 1 and axis != dim]
    if not others or any([index.strides[axis] for axis in others]):
        return None
    line: Any = [0] * index.ndim
    line[dim] = slice(None)
    return np.ascontiguousarray(index[tuple(line)])


def taken(xp: Any, array: Array, places: Array, dim: int) -> Array:
    """``xp.take_along_axis`` by one flat index.

    >>> import numpy as np
    >>> taken(np, np.array([[5, 6], [7, 8]]), np.array([[1], [0]]), 1)
    array([[6],
           [7]])
    """
    shape = array.shape or (1,)
    vector = one_for_all(places, shape, dim)
    if vector is not None:
        return taken_slices(xp, array, vector, dim)
    if (xp is not np or array.dtype.char in "fd") and _is_even(places.shape, shape, dim):
        places = xp.ascontiguousarray(places)
        out = xp.empty(places.shape, array.dtype)
        if by_kernel("take_along", array, places, out, shape, dim):
            return out
    return array.reshape(-1).take(positions(xp, places, shape, dim))


def taken_slices(xp: Any, array: Array, index: Array, dim: int) -> Array:
    """``xp.take`` along an axis: whole slices, by the numbers of an index of any shape.

    >>> import numpy as np
    >>> taken_slices(np, np.array([[5, 6], [7, 8]]), np.array([1, 0]), 1)
    array([[6, 5],
           [8, 7]])
    """
    if xp is not np or (array.dtype.char in "fd" and index.size >= FEW):
        out = xp.empty((*array.shape[:dim], *index.shape, *array.shape[dim + 1 :]), array.dtype)
        if by_kernel("take_rows", array, index, out, array.shape, dim):
            return out
    return array.take(index, dim)


def along(index: Array, ndim: int, dim: int) -> Array:
    """A vector laid along one of ``ndim`` axes."""
    return index.reshape((1,) * dim + (-1,) + (1,) * (ndim - dim - 1))


def on_flat(target: Array, write: Callable[[Array], None]) -> None:
    """Let ``write`` change a target through its row-major elements, whatever its strides."""
    if target.flags.c_contiguous:
        write(target.reshape(-1))
    else:
        flat = target.flatten()
        write(flat)
        target[...] = flat.reshape(target.shape)


def add_at(xp: Any, target: Array, places: Array, values: Array) -> None:
    """Add values at row-major positions of a target, one by one where a position comes twice."""
    places, values = places.reshape(-1), values.reshape(-1)
    if target.dtype.kind == "b":  # of bools the sum is "any"
        places, values = places[values], values[values]
        on_flat(target, lambda flat: flat.__setitem__(places, values))
    else:
        on_flat(target, lambda flat: apply_at(xp, "add", flat, places, values))


def counted_at(xp: Any, places: Array, size: int, weights: Array | None = None) -> Array:
    """``xp.bincount`` for places below ``size``, for which a card is not waited for.

    >>> import numpy as np
    >>> counted_at(np, np.array([2, 0, 2]), 4)
    array([1, 0, 2, 0])
    """
    if xp is np:
        return np.bincount(places, weights, size)
    count = xp.zeros(size, xp.float64)  # for which a card has the atomic operation
    xp.add.at(count, places, 1.0 if weights is None else weights)
    return count.astype(xp.int64) if weights is None else count


def apply_at(xp: Any, name: str, flat: Array, places: Array, values: Array) -> None:
    """``xp.<name>.at``; for what a card has no atomic operation, the CPU does it."""
    try:
        getattr(xp, name).at(flat, places, values)
    except (NotImplementedError, TypeError):
        if xp is np:
            raise
        flat[...] = on_host(f"{name}.at of {flat.dtype}", _applied_at)(flat, places, values, name)


def _applied_at(flat: Array, places: Array, values: Array, name: str) -> Array:
    out = flat.copy()
    getattr(np, name).at(out, places, values)
    return out


def add_along(xp: Any, target: Array, dim: int, index: Array, values: Array) -> None:
    """Add values to a target at ``index`` along one axis, in place; of halves in float32."""
    if xp is np and is_half(target.dtype):
        whole = single(xp, target)
        add_along(xp, whole, dim, index, single(xp, values))
        target[...] = rounded(xp, whole, target.dtype)
        return
    shape = target.shape or (1,)
    vector = one_for_all(index, shape, dim)
    if vector is not None:
        add_rows(xp, target, dim, vector, values)
        return
    values = xp.ascontiguousarray(values)
    even = _is_even(index.shape or (1,), shape, dim)
    index = xp.ascontiguousarray(index) if even else index
    if not (even and by_kernel("add_along", target, index, values, shape, dim)):
        add_at(xp, target, positions(xp, index, shape, dim), values)


def add_rows(xp: Any, target: Array, dim: int, index: Array, rows: Array) -> None:
    """Add slices to the slices of an axis at ``index``, in place; an index may come twice.

    Many rows are added by a kernel, or by a product with the matrix that has a one for each row and
    its place.
    """
    if not rows.size:
        return
    if by_kernel("add_rows", target, index, xp.ascontiguousarray(rows), target.shape or (1,), dim):
        return
    if target.ndim < 2 or rows.size < ROWS_WORTH_A_MATRIX or rows.dtype.char not in "fd":
        column = along(index, max(target.ndim, 1), dim)
        places = positions(xp, column, target.shape or (1,), dim, rows.shape)
        add_at(xp, target, places, rows)
        return
    moved = xp.moveaxis(rows, dim, 0)
    ones, starts = xp.ones(len(index), rows.dtype), xp.arange(len(index) + 1)
    shape = (target.shape[dim], len(index))
    matrix = scientific(xp, "sparse").csc_matrix((ones, index, starts), shape=shape)
    total = matrix @ moved.reshape(len(index), -1)
    target += xp.moveaxis(total.reshape(-1, *moved.shape[1:]), 0, dim)


def restrided(xp: Any, array: Array, size: Any, steps: Any) -> Array:
    """A view that begins where the array does, with other sizes and steps in bytes."""
    if type(array) is np.ndarray and array.flags.c_contiguous and array.size:
        return np.ndarray(size, array.dtype, array, 0, steps)
    return xp.lib.stride_tricks.as_strided(array, size, steps)
