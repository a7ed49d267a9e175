"""Diagonals and triangles of matrices: taken, made, filled."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.inplace import write
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, kept
from minigrad.ops.creation.placing import place
from minigrad.ops.dims import one_dim
from minigrad.ops.elementwise.masks import picked
from minigrad.ops.folds import in_rows

ANY = ("float", "int", "bool")


@function(
    out=True,
    dtypes=ANY,
    samples=(call(T(3)), call(T(2), 1), call(T(2, 3)), call(T(3, 3), diagonal=-1)),
    errors=(call(T(2, 2, 2)), call(T())),
)
def diag(input: Any, diagonal: int = 0) -> Any:
    """A copy of a matrix's diagonal, or the matrix that has a vector on its diagonal.

    Formula:   out[i] = input[i, i + diagonal], or out[i, i + diagonal] = input[i]
    Gradient:  g put where the elements came from

    >>> import minigrad as torch
    >>> torch.diag(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    ndim = input._array.ndim
    if ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D")
    return diag_embed(input, diagonal) if ndim == 1 else input.diagonal(diagonal).clone()


@function(dtypes=ANY, samples=(call(T(3)), call(T(2, 2), 1), call(T(), offset=-1)))
def diagflat(input: Any, offset: int = 0) -> Any:
    """The matrix that has all elements of a tensor on its diagonal.

    >>> import minigrad as torch
    >>> torch.diagflat(torch.tensor([1, 2]), 1)
    tensor([[0, 1, 0],
            [0, 0, 2],
            [0, 0, 0]])
    """
    return diag_embed(input.reshape(-1), offset)


@function(
    dtypes=ANY,
    samples=(call(T(3)), call(T(2, 3), 1), call(T(2, 3), -1, 0, 2)),
    errors=(call(T(2), 0, 0, 0), call(T())),
)
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices that have the last axis on their diagonals, zeros elsewhere.

    Formula:   out[..., i, i + offset] = input[..., i]
    Gradient:  the diagonals of g

    >>> import minigrad as torch
    >>> torch.diag_embed(torch.tensor([[1, 2]])).shape
    torch.Size([1, 2, 2])
    """
    shape = input._array.shape
    ndim = len(shape) + 1
    one, two = one_dim(dim1, ndim), one_dim(dim2, ndim)
    if one == two:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    side, size = shape[-1] + abs(offset), list(shape[:-1])
    for d in sorted((one, two)):
        size.insert(d, side)
    return tensors.undiagonal(input, tuple(size), int(offset), one, two)


@kept(64)
def _few_below(xp: Any, rows: int, columns: int, diagonal: int) -> Array:
    return xp.tri(rows, columns, diagonal, dtype=bool)


def _below(xp: Any, shape: tuple[int, ...], diagonal: int) -> Array:
    """Where a matrix is at or below a diagonal; remembered if small."""
    rows, columns = shape[-2:]
    few = rows * columns <= 1024
    return (_few_below if few else _few_below.__wrapped__)(xp, rows, columns, diagonal)


def _zero(array: Array) -> Any:
    """A zero of an array's type."""
    return array.dtype.type(0)


def _triangle(name: str) -> Any:
    def triangle(input: Any, diagonal: int = 0) -> Any:
        if input._array.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        return getattr(tensors, name)(input, diagonal)

    return triangle


TRIANGLE: dict[str, Any] = {
    "out": True,
    "inplace": True,
    "dtypes": ANY,
    "samples": (call(T(3, 3)), call(T(2, 3, 4), 1), call(T(3, 2), diagonal=-1)),
    "errors": (call(T(3)),),
}


@register(public=_triangle("tril"), **TRIANGLE)
class Tril(Op):
    """The lower triangle of matrices, zeros above the given diagonal.

    Formula:   out[i, j] = input[i, j] if j <= i + diagonal else 0
    Gradient:  the same triangle of g

    >>> import minigrad as torch
    >>> torch.ones(2, 2).tril()
    tensor([[1., 0.],
            [1., 1.]])
    """

    @staticmethod
    def forward(xp: Any, input: Array, diagonal: int) -> Array:
        """Cut the upper part."""
        return in_rows(picked(xp, _below(xp, input.shape, diagonal), input, _zero(input)))

    @staticmethod
    def grad_input(g: Array, diagonal: int, F: Any) -> Array:
        """Cut it from g as well."""
        return F.tril(g, diagonal)


@register(public=_triangle("triu"), **TRIANGLE)
class Triu(Op):
    """The upper triangle of matrices, zeros below the given diagonal.

    Formula:   out[i, j] = input[i, j] if j >= i + diagonal else 0
    Gradient:  the same triangle of g

    >>> import minigrad as torch
    >>> torch.ones(2, 2).triu()
    tensor([[1., 1.],
            [0., 1.]])
    """

    @staticmethod
    def forward(xp: Any, input: Array, diagonal: int) -> Array:
        """Cut the lower part."""
        return in_rows(picked(xp, _below(xp, input.shape, diagonal - 1), _zero(input), input))

    @staticmethod
    def grad_input(g: Array, diagonal: int, F: Any) -> Array:
        """Cut it from g as well."""
        return F.triu(g, diagonal)


INDICES: dict[str, Any] = {
    "where": ("torch",),
    "gradcheck": False,
    "samples": (call(2, 3), call(3, 3, 1), call(4, 2, offset=-1), call(0, 3)),
    "errors": (call(-1, 2),),
}


def _indices(name: str, row: int, col: int, dtype: Any, device: Any, rows: Any) -> Any:
    for what, n in (("row", row), ("col", col)):
        if n < 0:
            raise RuntimeError(f"{what} must be non-negative, got{n}")
    kind = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    if kind not in (dtypes.int64, dtypes.int32):
        raise NotImplementedError(f'"{name}" not implemented for {kind}; int64 and int32 are')
    return place(np.array(rows, kind.numpy), device, constant=True)


@function(**INDICES)
def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, **layout: Any
) -> Any:
    """The places in the lower triangle of a matrix: rows above columns, in row-major order.

    >>> import minigrad as torch
    >>> torch.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    places = np.tri(max(row, 0), max(col, 0), offset, dtype=bool).nonzero()
    return _indices("tril_indices", row, col, dtype, device, places)


@function(**INDICES)
def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, **layout: Any
) -> Any:
    """The places in the upper triangle of a matrix: rows above columns, in row-major order.

    >>> import minigrad as torch
    >>> torch.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    places = (~np.tri(max(row, 0), max(col, 0), offset - 1, dtype=bool)).nonzero()
    return _indices("triu_indices", row, col, dtype, device, places)


@register(internal=True)
class FillDiagonal(Op):
    """The places whose coordinates are all equal, overwritten by a number."""

    writes = True

    @staticmethod
    def forward(xp: Any, input: Array, value: Array, wrap: bool) -> Array:
        """Write where all indices are equal."""
        input[_diagonal_of(xp, input.shape, wrap)] = value
        return input

    @staticmethod
    def grad_input(g: Any, wrap: bool, F: Any) -> Any:
        """What was overwritten counts no more."""
        return F.fill_diagonal(g, 0.0, wrap)


def _diagonal_of(xp: Any, shape: Any, wrap: bool) -> tuple[Array, ...]:
    """The places whose indices are equal; of a tall matrix again below a gap."""
    if wrap and len(shape) == 2:
        height, width = shape
        places = xp.arange(0, height * width, width + 1)
        return places // width, places % width
    return (xp.arange(min(shape)),) * len(shape)


@function(
    "fill_diagonal_",
    where=("Tensor",),
    torch=None,
    samples=(call(T(3, 3), 2.0), call(T(5, 2), 1.0, wrap=True), call(T(2, 2, 2), 0.0)),
)
def fill_diagonal_(input: Any, fill_value: Any, wrap: bool = False) -> Any:
    """Overwrite the main diagonal by a number, of more than two axes where all indices are equal.

    ``wrap`` goes on below the square part of a tall matrix, after a row without.

    >>> import minigrad as torch
    >>> torch.zeros(2, 2).fill_diagonal_(5)
    tensor([[5., 0.],
            [0., 5.]])
    """
    shape = input._array.shape
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    value = fill_value.item() if isinstance(fill_value, TensorBase) else fill_value  # type: ignore[attr-defined]
    if 0 in shape:
        return input
    value = dtypes.held(value, input._array.dtype)
    return write(FillDiagonal, input, (value,), (bool(wrap),))
