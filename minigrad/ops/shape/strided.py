"""Views that are more than an order of axes: diagonals, windows, any strides, other dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, register
from minigrad.backend import Array, address_of
from minigrad.ops.dims import one_dim
from minigrad.ops.indexing.places import restrided

ANY = ("float", "int", "bool")
Geometry = tuple[tuple[int, ...], tuple[int, ...], int]  # sizes, steps and start, in elements


def memory_of(array: Any) -> Any:
    """The whole memory that an array looks at, as a vector of its element type."""
    root = base = array
    while True:
        base = base.base
        if type(base) is not type(array):  # `as_strided` puts a holder between
            base = getattr(base, "base", None)
        if type(base) is not type(array):
            break
        if base.flags.forc:
            root = base
    flat = root.reshape(-1, order="A")
    return flat if flat.dtype == array.dtype else flat.view(array.dtype)


def start_of(array: Any) -> int:
    """Where in its memory an array begins, in elements."""
    if array.base is None:  # its own
        return 0
    return (address_of(array) - address_of(memory_of(array))) // int(array.itemsize)


def geometry_of(array: Any) -> tuple[Any, int, tuple[int, ...]]:
    """An array's whole memory, and where and with which steps in elements it looks at it.

    Where torch has no such steps, negative ones for one, the memory is that of a packed copy.
    """
    item = array.itemsize
    try:
        memory = memory_of(array)
        start = start_of(array) if array.size else 0
    except ValueError:  # the memory does not hold a whole number of elements
        memory, start = array, -1
    stride = tuple(s // item for s in array.strides)
    if 0 in array.shape:
        return memory, start, stride
    fits = start >= 0 and reach(array.shape, stride, start) <= memory.size
    if not fits or any(s % item or s < 0 for s in array.strides):
        packed = array.copy(order="C")
        return packed.reshape(-1), 0, tuple(s // item for s in packed.strides)
    return memory, start, stride


def looked_at(xp: Any, flat: Array, size: Any, stride: Any, start: int) -> Array:
    """A view of a vector with given sizes and steps in elements."""
    return restrided(xp, flat[start:], size, tuple(s * flat.itemsize for s in stride))


def reach(size: Any, stride: Any, start: int) -> int:
    """How many elements of memory are needed to hold a geometry."""
    if 0 in size:
        return 0
    return int(start + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) + 1)


def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """The front of ``AsStrided``: torch's errors, and a start that counts from the input's."""
    size, stride = tuple(map(int, size)), tuple(map(int, stride))
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(s < 0 for s in stride):
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: "
            f"{list(stride)}"
        )
    base = input if input._view is None else input._view.base
    array, whole = input._array, base._array
    item, own = array.itemsize, 0
    if base is not input:
        own = (address_of(array) - address_of(whole)) // item
    start = own if storage_offset is None else int(storage_offset)
    if start < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {start}")
    held = whole.size if whole.flags.c_contiguous else reach(whole.shape, base.stride(), 0)
    held = held * whole.itemsize // item
    if reach(size, stride, start) > held:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {start}, and "
            f"itemsize {item} requiring a storage size of {reach(size, stride, start) * item} are "
            f"out of bounds for storage of size {held * item}"
        )
    return apply(AsStrided, (input,), (size, stride, start - own, input.stride()))


@register(
    public=as_strided,
    dtypes=ANY,
    samples=(
        call(T(3, 4), (2, 2), (1, 2)),
        call(T(6), (2, 3), (1, 1), 1),
        call(T(4), (), (), storage_offset=2),
    ),
    errors=(call(T(4), (2, 3), (2, 1)), call(T(4), (2,), (2, 1)), call(T(4), (2,), (-1,))),
)
class AsStrided(Op):
    """The tensor's memory looked at with other sizes and steps, as a view.

    Formula:   out[i, j] = memory[storage_offset + i * stride[0] + j * stride[1]]
    Gradient:  g added up where elements coincide

    >>> import minigrad as torch
    >>> torch.arange(5).as_strided((3, 2), (1, 1))
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """

    view = True

    @staticmethod
    def forward(xp: Any, input: Array, size: Any, stride: Any, start: int, steps: Any) -> Any:
        """Look at the memory anew; ``start`` counts from the input's first element.

        In another layout than the one that ``steps`` tells, the elements are laid out as there.
        """
        item = input.itemsize
        if input.strides != tuple([s * item for s in steps]):
            return Restride.forward(
                xp, input, *_geometries(input.shape, steps, size, stride, start)
            )
        steps = [s * item for s in stride]
        fits = start >= 0 and reach(size, stride, start) <= input.size
        if xp is np and fits and input.flags.c_contiguous:
            return np.ndarray(size, input.dtype, input, start * item, steps)
        view = xp.lib.stride_tricks.as_strided
        first = view(input, (2,), (start * item,))[1:] if start else input
        return view(first, size, steps)

    @staticmethod
    def grad_input(
        g: Any, shape: Any, size: Any, stride: Any, start: int, steps: Any, F: Any
    ) -> Any:
        """Add in memory, and read where the input lay."""
        source, target = _geometries(tuple(shape), steps, size, stride, start)
        return F.restride(g, target, source)


def _geometries(shape: Any, steps: Any, size: Any, stride: Any, start: int) -> tuple[Any, Any]:
    """Those of the input and of the view, in memory that begins where the first of them does."""
    first = min(start, 0)
    return (shape, steps, -first), (size, stride, start - first)


@register(internal=True)
class Restride(Op):
    """Values laid into memory by one geometry, added where they coincide, and read by another."""

    @staticmethod
    def forward(xp: Any, input: Array, source: Geometry, target: Geometry) -> Array:
        """Add at the positions of one, read those of the other."""
        memory = xp.zeros(max(reach(*source), reach(*target)), dtype=input.dtype)
        if input.size:
            places = looked_at(xp, xp.arange(memory.size), *source)
            xp.add.at(memory, places.reshape(-1), input.reshape(-1))
        return looked_at(xp, memory, *target).copy()

    @staticmethod
    def grad_input(g: Any, source: Geometry, target: Geometry, F: Any) -> Any:
        """The other way round."""
        return F.restride(g, target, source)


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The front of ``Diagonal``: two different axes, counted from the front."""
    ndim = input._array.ndim
    one, two = one_dim(dim1, ndim), one_dim(dim2, ndim)
    if one == two:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return apply(Diagonal, (input,), (int(offset), one, two))


@register(
    public=diagonal,
    dtypes=ANY,
    samples=(call(T(3, 4)), call(T(3, 4), 1), call(T(2, 3, 4), -1, 0, 2), call(T(3, 2), offset=5)),
    errors=(call(T(3)), call(T(3, 3), 0, 1, 1)),
)
class Diagonal(Op):
    """The diagonals of matrices, as a view whose last axis runs along them.

    Formula:   out[..., i] = input[..., i, i + offset]
    Gradient:  g on the diagonal, zeros elsewhere

    >>> import minigrad as torch
    >>> torch.arange(9).reshape(3, 3).diagonal(1)
    tensor([1, 5])
    """

    view = True

    @staticmethod
    def forward(xp: Any, input: Array, offset: int, dim1: int, dim2: int) -> Array:
        """A step of one row and one column."""
        out = xp.diagonal(input, offset, dim1, dim2)
        if type(out) is np.ndarray and input.flags.writeable:
            out.setflags(write=True)  # NumPy alone hands it out read-only
        return out

    @staticmethod
    def grad_input(g: Any, shape: Any, offset: int, dim1: int, dim2: int, F: Any) -> Any:
        """Among zeros."""
        return F.undiagonal(g, shape, offset, dim1, dim2)


@register(internal=True)
class Undiagonal(Op):
    """Zeros of a shape with values on the diagonals: the reverse of diagonal."""

    grad_fn = "DiagEmbedBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, size: Any, offset: int, dim1: int, dim2: int) -> Array:
        """Write among zeros."""
        out = xp.zeros(size, dtype=input.dtype)
        Diagonal.forward(xp, out, offset, dim1, dim2)[...] = input
        return out

    @staticmethod
    def grad_input(g: Any, offset: int, dim1: int, dim2: int, F: Any) -> Any:
        """Read the same diagonals."""
        return F.diagonal(g, offset, dim1, dim2)


def _unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    shape, at = input._array.shape, one_dim(dimension, input._array.ndim)
    length = shape[at] if shape else 1
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > length:
        raise RuntimeError(
            f"maximum size for tensor at dimension {at} is {length} but size is {size}"
        )
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return apply(Unfold, (input,), (at, size, step))


@register(
    public=_unfold,
    where=("Tensor",),
    torch="Tensor.unfold",
    dtypes=ANY,
    samples=(
        call(T(5), 0, 3, 1),
        call(T(2, 7), 1, 2, 3),
        call(T(4, 3), 0, 3, 1),
        call(T(), 0, 1, 1),
    ),
    errors=(call(T(5), 0, 6, 1), call(T(5), 0, 2, 0)),
)
class Unfold(Op):
    """The windows of an axis, as a view: a new last axis runs through each.

    Formula:   out[i, k] = input[i * step + k]
    Gradient:  g added up where windows overlap

    >>> import minigrad as torch
    >>> torch.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """

    view = True

    @staticmethod
    def forward(xp: Any, input: Array, dimension: int, size: int, step: int) -> Array:
        """A step of its own for the windows, the old one within."""
        if input.ndim == 0:
            return input.reshape(1)[:size]
        shape, strides = list(input.shape), list(input.strides)
        shape[dimension] = (shape[dimension] - size) // step + 1
        strides[dimension] *= step
        whole = (*shape, size), (*strides, input.strides[dimension])
        return restrided(xp, input, *whole)

    @staticmethod
    def grad_input(g: Any, shape: Any, dimension: int, size: int, step: int, F: Any) -> Any:
        """Add what was seen several times."""
        return F.fold_windows(g, shape, dimension, size, step)


@register(internal=True)
class FoldWindows(Op):
    """Windows added up to the axis that they were cut from: the reverse of unfold."""

    @staticmethod
    def forward(xp: Any, input: Array, whole: Any, dimension: int, size: int, step: int) -> Array:
        """Window by window, or place by place within them: whichever are fewer."""
        if not whole:
            return input.sum()
        out = xp.zeros(whole, dtype=input.dtype)
        before, count = (slice(None),) * dimension, input.shape[dimension]
        if count <= size:
            moved = xp.moveaxis(input, -1, dimension + 1)
            for i in range(count):
                out[(*before, slice(i * step, i * step + size))] += moved[(*before, i)]
        else:
            for k in range(size):
                out[(*before, slice(k, k + (count - 1) * step + 1, step))] += input[..., k]
        return out

    @staticmethod
    def grad_input(g: Any, dimension: int, size: int, step: int, F: Any) -> Any:
        """Cut windows."""
        return F.unfold(g, dimension, size, step)


@register(internal=True)
class ViewDtype(Op):
    """The bits of a tensor read as another element type; no derivative."""

    view = True

    @staticmethod
    def forward(xp: Any, input: Array, kind: Any) -> Array:
        """Let the array module count the bytes."""
        return input.view(kind)


def bits_as(input: Any, dtype: Any) -> Any:
    """``x.view(dtype)``: the same memory as elements of another type.

    Raises: RuntimeError if the last axis does not hold a whole number of them, in one piece.
    """
    array, kind = input._array, dtypes.as_dtype(dtype).numpy
    old, new = array.itemsize, kind.itemsize
    if old != new and not array.ndim:
        raise RuntimeError(
            f"self.dim() cannot be 0 to view {input.dtype} as {dtype} (different element sizes)"
        )
    if old != new and (array.shape[-1] * old % new or (array.size and array.strides[-1] != old)):
        raise RuntimeError(
            f"self.size(-1) must be divisible by {new / old:g} and self.stride(-1) must be 1 to "
            f"view {input.dtype} as {dtype} (different element sizes), but got shape "
            f"{list(array.shape)} and stride {input.stride()}"
        )
    return apply(ViewDtype, (input,), (kind,))
