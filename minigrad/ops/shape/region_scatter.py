"""Copies with a region replaced: the scatter forms of select, slice, diagonal and as_strided."""

from __future__ import annotations

from typing import Any, ClassVar

from minigrad.autograd.apply import apply
from minigrad.autograd.inplace import CopySlices
from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, function, register
from minigrad.ops.dims import one_dim
from minigrad.ops.indexing.index import SelectView
from minigrad.ops.indexing.places import need_tensor
from minigrad.ops.shape.strided import AsStrided, Diagonal, as_strided, diagonal

ANY = ("float", "int", "bool")


def _scattered(
    input: Any, src: Any, op: type[Op], params: tuple[Any, ...], part: Any, name: str
) -> Any:
    """A copy of the input in which the region that a view op leads to is the source."""
    values = need_tensor(name, "src", 2, src)
    if part._array.shape != values.shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = "
            f"{list(values.shape)}, slice size = {list(part._array.shape)}"
        )
    return apply(RegionScatter, (input, src.to(input.dtype)), (((op, params, None),),))


_NAMES = {"select_view": "Select", "diagonal": "Diagonal", "as_strided": "AsStrided"}


@register(internal=True)
class RegionScatter(CopySlices):
    """``CopySlices`` out of place, under the name of the function that was called."""

    grad_fn: ClassVar[Any] = staticmethod(lambda path: f"{_NAMES[path[0][0].name]}ScatterBackward0")


@function(
    dtypes=ANY,
    samples=(call(T(3, 4), T(4), 0, 1), call(T(3, 4), T(3), dim=1, index=-1)),
    errors=(call(T(3, 4), T(3), 0, 1), call(T(3, 4), T(4), 0, 3)),
)
def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """A copy with one slice of an axis replaced.

    Formula:   out = input, but out[index] = src
    Gradient:  g outside of the slice; g[index] for the source

    >>> import minigrad as torch
    >>> torch.zeros(2, 2).select_scatter(torch.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    part = input.detach().select(dim, index)
    key = (*(slice(None),) * one_dim(dim, input._array.ndim), int(index), Ellipsis)
    return _scattered(input, src, SelectView, (key,), part, "select_scatter")


@function(
    out=True,
    dtypes=ANY,
    samples=(
        call(T(4, 3), T(2, 3), 0, 1, 3),
        call(T(4, 3), T(4, 2), dim=1, step=2),
        call(T(5), T(2), start=-2),
    ),
    errors=(call(T(4, 3), T(3, 3), 0, 1, 3),),
)
def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Any:
    """A copy with a stretch of an axis replaced.

    Formula:   out = input, but out[start:end:step] = src
    Gradient:  g outside of the stretch; g[start:end:step] for the source

    >>> import minigrad as torch
    >>> torch.zeros(4).slice_scatter(torch.ones(2), start=1, end=3)
    tensor([0., 1., 1., 0.])
    """
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    key = (*(slice(None),) * one_dim(dim, input._array.ndim), slice(start, end, step), Ellipsis)
    return _scattered(input, src, SelectView, (key,), input.detach()[key], "slice_scatter")


@function(
    dtypes=ANY,
    samples=(call(T(3, 4), T(3)), call(T(2, 3, 4), T(3, 1), -1, 0, 2)),
    errors=(call(T(3, 4), T(4)),),
)
def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy with the diagonals replaced.

    Formula:   out = input, but out[i, i + offset] = src[i]
    Gradient:  g outside of the diagonal; its diagonal for the source

    >>> import minigrad as torch
    >>> torch.zeros(2, 2).diagonal_scatter(torch.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    ndim, part = input._array.ndim, diagonal(input.detach(), offset, dim1, dim2)
    params = (offset, one_dim(dim1, ndim), one_dim(dim2, ndim))
    return _scattered(input, src, Diagonal, params, part, "diagonal_scatter")


@function(
    torch=None,  # whose gradient is that of the region, where nothing of the input is left
    dtypes=ANY,
    varied=False,  # regions that overlap have no one source
    samples=(call(T(6), T(2, 2), (2, 2), (1, 3)), call(T(6), T(3), (3,), (1,), 2)),
    errors=(call(T(6), T(3), (2,), (1,)),),
)
def as_strided_scatter(
    input: Any, src: Any, size: Any, stride: Any, storage_offset: int | None = None
) -> Any:
    """A copy with a region of given sizes and steps replaced.

    >>> import minigrad as torch
    >>> torch.zeros(4).as_strided_scatter(torch.ones(2), (2,), (2,), 1)
    tensor([0., 1., 0., 1.])
    """
    whole = input.contiguous()
    start = 0 if storage_offset is None else storage_offset
    part = as_strided(whole.detach(), size, stride, start)
    params = (tuple(size), tuple(stride), start, whole.stride())
    return _scattered(whole, src, AsStrided, params, part, "as_strided_scatter")
