"""Turning, rolling, repeating: the elements in another order, or several times."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from operator import index as whole
from typing import Any

import numpy as np

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op, renamed, tensors
from minigrad.autograd.registry import T, call, function, integers, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, xp_of
from minigrad.backend.native import kernel
from minigrad.ops.dims import listed, one_dim

ANY = ("float", "int", "bool")


def _flip(input: Any, *dims: Any, **named: Any) -> Any:
    ndim = input._array.ndim
    given = [one_dim(d, ndim) for d in listed(dims, named, "dims")]
    for d in given:
        if given.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return apply(Flip, (input,), (tuple(given) if ndim else (),))


@register(
    public=_flip,
    dtypes=ANY,
    samples=(call(T(2, 3), (0,)), call(T(2, 3), (0, -1)), call(T(2, 3), dims=[1])),
    errors=(call(T(2, 3), (0, 0)), call(T(2, 3), (2,))),
)
class Flip(Op):
    """Axes reversed; a copy.

    Formula:   out[i] = input[n - 1 - i]
    Gradient:  g, reversed

    >>> import minigrad as torch
    >>> torch.arange(3).flip(0)
    tensor([2, 1, 0])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dims: Any) -> Array:
        """Reverse."""
        if xp is np and dims and (out := _reversed_rows(input, sorted(dims))) is not None:
            return out
        turned = slice(None, None, -1)
        key = tuple([turned if i in dims else slice(None) for i in range(input.ndim)])
        return input[key].copy()

    @staticmethod
    def grad_input(g: Array, dims: Any, F: Any) -> Array:
        """Reverse again."""
        return F.flip(g, dims)


# The type of numbers that a kernel moves elements of a size as; their bits stay what they are.
_MOVED = {4: np.dtype(np.float32), 8: np.dtype(np.float64)}


def _reversed_rows(x: Array, dims: list[int]) -> Array | None:
    """The last axes reversed, which is their elements in reverse; None where no kernel can."""
    first, ndim = dims[0], x.ndim
    moved = _MOVED.get(x.itemsize)
    if moved is None or ndim - first != len(dims) or not x.flags.c_contiguous:
        return None
    source = x.view(moved)
    run = kernel("reverse_rows", source)
    if run is None:
        return None
    out = xp_of(x).empty(x.shape, x.dtype)
    run(source, out.view(moved), math.prod(x.shape[:first]), math.prod(x.shape[first:]))
    return out


@function(dtypes=ANY, samples=(call(T(2, 3)), call(T(2, 3, 2))), errors=(call(T(3)),))
def fliplr(input: Any) -> Any:
    """The columns in reverse order; a copy.

    >>> import minigrad as torch
    >>> torch.tensor([[1, 2], [3, 4]]).fliplr()
    tensor([[2, 1],
            [4, 3]])
    """
    if input._array.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return _flip(input, 1)


@function(dtypes=ANY, samples=(call(T(2, 3)), call(T(2))), errors=(call(T()),))
def flipud(input: Any) -> Any:
    """The rows in reverse order; a copy.

    >>> import minigrad as torch
    >>> torch.tensor([[1, 2], [3, 4]]).flipud()
    tensor([[3, 4],
            [1, 2]])
    """
    if input._array.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return _flip(input, 0)


def _roll(input: Any, shifts: Any, dims: int | Sequence[int] | None = ()) -> Any:
    dims = () if dims is None else dims
    by = tuple(map(whole, shifts)) if isinstance(shifts, (tuple, list)) else (whole(shifts),)
    along = tuple(map(whole, dims)) if isinstance(dims, Sequence) else (whole(dims),)
    if not by:
        raise RuntimeError("`shifts` required")
    ndim = input._array.ndim
    if along and not ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    if len(by) != len(along) and (along or len(by) != 1):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}"
        )
    axes = tuple(one_dim(d, ndim) for d in along)
    return apply(Roll, (input,), (by, axes))


def _halves(n: int, shift: int) -> list[tuple[slice, slice]]:
    """Where the two pieces of a rolled axis go, and where they come from."""
    by = shift % n if n else 0
    if not by:
        return [(slice(None), slice(None))]
    return [(slice(by, None), slice(n - by)), (slice(by), slice(n - by, None))]


@register(
    public=_roll,
    dtypes=ANY,
    samples=(
        call(T(2, 3), 1),
        call(T(2, 3), -4, 1),
        call(T(2, 3), (1, 2), (0, 1)),
        call(T(4), shifts=2, dims=0),
    ),
    errors=(call(T(2, 3), (1, 2), (0,)), call(T(2, 3), 1, 2)),
)
class Roll(Op):
    """The elements moved on along axes; what leaves at the end comes in at the front.

    Formula:   out[i] = input[(i - shift) mod n]
    Gradient:  g, moved back

    >>> import minigrad as torch
    >>> torch.arange(4).roll(1)
    tensor([3, 0, 1, 2])
    """

    @staticmethod
    def forward(xp: Any, input: Array, shifts: Any, dims: Any) -> Array:
        """Two pieces for each axis; for no axis, of all elements in row-major order."""
        rows = input if dims else input.reshape(-1)
        moves = [0] * rows.ndim
        for shift, dim in zip(shifts, dims or (0,), strict=True):
            moves[dim] += shift
        pieces = [_halves(n, by) for n, by in zip(rows.shape, moves, strict=True)]
        out = xp.empty(rows.shape, rows.dtype)
        for piece in itertools.product(*pieces):
            out[tuple([to for to, _ in piece])] = rows[tuple([source for _, source in piece])]
        return out if dims else out.reshape(input.shape)

    @staticmethod
    def grad_input(g: Array, shifts: Any, dims: Any, F: Any) -> Array:
        """Back."""
        return F.roll(g, tuple([-s for s in shifts]), dims)


@function(
    dtypes=ANY,
    samples=(call(T(2, 3)), call(T(2, 3), 2), call(T(2, 3, 4), -1, (1, 2)), call(T(2, 3), k=4)),
    errors=(call(T(3)), call(T(2, 3), 1, (0, 0)), call(T(2, 3), 1, (0,))),
)
def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """The plane of two axes turned by ``k`` right angles, from the first axis towards the second.

    >>> import minigrad as torch
    >>> torch.tensor([[1, 2], [3, 4]]).rot90()
    tensor([[2, 4],
            [1, 3]])
    """
    ndim = input._array.ndim
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {ndim}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == ndim:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    for name, d in zip(("0", "1"), dims, strict=True):
        if not -ndim <= d < ndim:
            raise RuntimeError(f"Rotation dim{name} out of range, dim{name} = {d}")
    one, two = (one_dim(d, ndim) for d in dims)
    turned = (
        lambda: input.clone(),
        lambda: _flip(input, two).transpose(one, two),
        lambda: _flip(input, one, two),
        lambda: _flip(input, one).transpose(one, two),
    )[k % 4]()
    return renamed(turned, "Rot90Backward0")


@function(
    where=("Tensor",),
    torch="Tensor.repeat",
    dtypes=ANY,
    samples=(call(T(2, 3), 2, 1), call(T(3), 2, 2), call(T(2, 1), (1, 1, 3))),
    errors=(call(T(2, 3), 2),),
)
def repeat(input: Any, *repeats: Any, **named: Any) -> Any:
    """The tensor laid side by side so many times along each axis.

    Formula:   out[i] = input[i mod n]
    Gradient:  g, added up over the copies

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]).repeat(2)
    tensor([1, 2, 1, 2])
    """
    times, shape = listed(repeats, named, "repeats"), input._array.shape
    if len(times) < len(shape):
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    shape = (1,) * (len(times) - len(shape)) + shape
    if min(times, default=0) < 0:
        size = [t * n for t, n in zip(times, shape, strict=True)]
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(size)}: {size}")
    return apply(Repeat, (input,), (times, shape))


@register("repeated", internal=True)
class Repeat(Op):
    """Copies laid side by side."""

    grad_fn = "RepeatBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, times: Any, full: Any) -> Array:
        """Broadcast over an axis in front of each, and write it all at once."""
        spaced = [n for size in full for n in (1, size)]
        paired = [n for pair in zip(times, full, strict=True) for n in pair]
        repeated = xp.broadcast_to(input.reshape(spaced), paired)
        out = repeated.reshape([t * n for t, n in zip(times, full, strict=True)])
        return out.copy() if xp.may_share_memory(out, input) else out

    @staticmethod
    def grad_input(g: Array, shape: Any, times: Any, full: Any, F: Any) -> Array:
        """Add up the copies."""
        paired = [n for pair in zip(times, full, strict=True) for n in pair]
        axes = tuple([2 * i for i, t in enumerate(times) if t != 1])
        g = F.reshape(g, paired)
        return F.reshape(F.sum(g, axes, False) if axes else g, shape)


@function(
    dtypes=ANY,
    samples=(call(T(2, 3), (2,)), call(T(3), (2, 2)), call(T(2, 3), dims=(2, 1))),
    errors=(call(T(2, 3), (-1,)),),
)
def tile(input: Any, *dims: Any, **named: Any) -> Any:
    """The tensor laid side by side; of axes that are not given, the first ones are kept single.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]).tile(2)
    tensor([1, 2, 1, 2])
    """
    times = listed(dims, named, "dims")
    return repeat(input, (1,) * (input._array.ndim - len(times)) + times)


@function(
    samples=(
        call(T(2, 3), 2),
        call(T(2, 3), 2, dim=1),
        call(T(2, 3), T(2, domain=integers(2, 2)), dim=0),
    ),
    errors=(call(T(2, 3), -1), call(T(2, 3), T(2, domain=integers(1, 2)), 1)),
)
def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each element, or each slice of an axis, so many times in a row.

    ``repeat_interleave(repeats)`` gives each place as often as it is named.

    >>> import minigrad as torch
    >>> torch.tensor([1, 2]).repeat_interleave(2)
    tensor([1, 1, 2, 2])
    >>> torch.repeat_interleave(torch.tensor([0, 2, 1]))
    tensor([1, 1, 2])
    """
    if repeats is None:
        places = _counted(input, None, output_size)
        return places.to(input.dtype)
    if not isinstance(repeats, (int, np.integer, TensorBase)):
        raise TypeError(
            f"repeat_interleave(): 'repeats' must be int or Tensor, not {type(repeats).__name__}"
        )
    if dim is None:
        input, dim = input.reshape(-1), 0
    shape = input._array.shape
    at, size = one_dim(dim, len(shape)), shape[dim] if shape else 1
    if not shape:
        input = input.reshape(1)
    if not isinstance(repeats, TensorBase) or repeats._array.size == 1:
        return renamed(_evenly(input, repeats, at), "ViewBackward0")
    return input.index_select(at, _counted(repeats, size, output_size))


def _evenly(input: Any, repeats: Any, at: int) -> Any:
    """Every slice equally often: an expanded view, copied."""
    times = int(repeats._array.reshape(())) if isinstance(repeats, TensorBase) else whole(repeats)
    if times < 0:
        raise RuntimeError("Repeats must be non-negative")
    shape = input._array.shape
    wide = input.unsqueeze(at + 1).expand(*shape[: at + 1], times, *shape[at + 1 :])
    out = wide.reshape(*shape[:at], shape[at] * times, *shape[at + 1 :])
    return out.clone() if out._view is not None else out


def _counted(repeats: Any, size: int | None, output_size: int | None) -> Any:
    """The places, each as often as is said."""
    counts = repeats._array
    if counts.dtype.kind != "i" or counts.itemsize < 4:
        raise NotImplementedError(
            f'"repeat_interleave_cpu" not implemented for {repeats.dtype}; use repeats.long()'
        )
    if counts.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if size is not None and counts.size != size:
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{counts.size} and input.size(0) = {size}"
        )
    if counts.size and int(counts.min()) < 0:
        raise RuntimeError("repeats can not be negative")
    if output_size is not None and int(counts.sum()) != output_size:
        raise RuntimeError("allocated size does not match required size")
    xp = xp_of(counts)
    counts = counts.reshape(-1)
    return tensors.from_array(xp.repeat(xp.arange(counts.size), counts))


@function(
    where=("torch",),
    dtypes=ANY,
    samples=(call(T(2), T(3), indexing="ij"), call(T(2), T(), T(3), indexing="xy")),
    errors=(call(T(2, 2)), call(T(2), indexing="zz")),
    returns="tuple[Tensor, ...]",
)
def meshgrid(*tensors: Any, indexing: str | None = None) -> Any:
    """The coordinates of a grid, one tensor for each axis, as expanded views.

    >>> import minigrad as torch
    >>> torch.meshgrid(torch.arange(2), torch.arange(2), indexing="ij")
    (tensor([[0, 0],
            [1, 1]]), tensor([[0, 1],
            [0, 1]]))
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    for t in tensors:
        if not isinstance(t, TensorBase):
            raise TypeError(f"meshgrid(): expected Tensors, got {type(t).__name__}")
        if t._array.ndim > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got a tensor of "
                f"shape {list(t._array.shape)}"
            )
        if t._array.dtype != tensors[0]._array.dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    swapped = indexing == "xy" and len(tensors) > 1
    order = (tensors[1], tensors[0], *tensors[2:]) if swapped else tensors
    shape = tuple(t._array.size for t in order)
    grids = []
    for axis, t in enumerate(order):
        column = t.reshape((1,) * axis + (-1,) + (1,) * (len(shape) - axis - 1))
        grids.append(column.expand(shape))
    if swapped:
        grids[:2] = grids[1::-1]
    return tuple(grids)
