"""Products of matrices and vectors.

A product of two matrices goes straight to ``Mm``, the op behind ``x @ y`` in every layer; the
other ranks have ops of their own, named as torch names their nodes.
"""

from __future__ import annotations

from typing import Any

from minigrad.autograd.registry import T, call, function, into, reals
from minigrad.autograd.shortcuts import short_cut
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.errors import ShapeError
from minigrad.ops.matrix.products import (
    BatchedMatmul,
    BatchedMm,
    Dot,
    Mm,
    Mv,
    different_types,
    different_vectors,
    wrong_inner,
)

_short: Any = short_cut
_mm, _dot, _mv, _batched_mm, _batched_matmul = (
    _short(op, depth=2) for op in (Mm, Dot, Mv, BatchedMm, BatchedMatmul)
)

_MATMUL_SAMPLES = (
    call(T(3, 4), T(4, 5)),
    call(T(1, 4), T(4, 1)),
    call(T(0, 3), T(3, 2)),
    call(T(2, 0), T(0, 3)),
    call(T(4), T(4)),
    call(T(3, 4), T(4)),
    call(T(4), T(4, 3)),
    call(T(2, 3, 4), T(4, 5)),
    call(T(2, 3, 4), T(4)),
    call(T(4), T(2, 4, 3)),
    call(T(3, 4), T(2, 4, 5)),
    call(T(2, 3, 4), T(2, 4, 5)),
    call(T(2, 1, 3, 4), T(3, 4, 2)),
    call(T(2, 3, 4, 5), T(5)),
)
_MATMUL_ERRORS = (
    call(T(2, 3), T(4, 5)),
    call(T(3), T(4)),
    call(T(2, 3), T(4)),
    call(T(3), T(4, 5)),
    call(T(2, 3, 4), T(5, 4)),
    call(T(2, 3, 4), T(3, 4, 5)),
    call(T(), T(3)),
    call(T(3), 2.0),
)


@function(
    domain=(reals(-3, 3),),
    dtypes=("float", "int"),
    dunder=("__matmul__",),
    aliases=("linalg_matmul",),
    samples=_MATMUL_SAMPLES,
    errors=_MATMUL_ERRORS,
)
def matmul(input: Any, other: Any, *, out: Any = None) -> Any:
    """The product of matrices, vectors, or stacks of matrices.

    Formula: y = a b over the last axis of a and the last but one of b; a vector counts as a row on
    the left and as a column on the right. Gradient: ga = g bᵀ, gb = aᵀ g.

    Shape: (k) (k) -> (); (n, k) (k, m) -> (n, m); (*, n, k) (*, k, m) -> (*, n, m), where the
    leading axes are broadcast.
    Raises: RuntimeError if inner sizes, leading axes or dtypes differ, or for a 0-d tensor.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.matmul.html

    >>> import minigrad as torch
    >>> torch.tensor([[1., 2.], [3., 4.]]) @ torch.tensor([1., 10.])
    tensor([21., 43.])
    """
    if out is not None:
        return into(out, matmul(input, other), True)
    try:
        if input._array.ndim == 2 == other._array.ndim:
            return _mm(input, other)
        x, y = input._array, other._array
    except AttributeError:
        raise TypeError(
            f"unsupported operand type(s) for @: '{type(input).__name__}' and "
            f"'{type(other).__name__}' (matmul needs two Tensors)"
        ) from None
    if x.dtype is not y.dtype:
        vectors = x.ndim == 1 == y.ndim
        raise (different_vectors if vectors else different_types)(x.dtype, y.dtype)
    return _matmul_of_ranks(input, other, x, y)


def _from_the_right(input: Any, other: Any) -> Any:
    """The product with the tensor on the right.

    >>> import minigrad as torch
    >>> torch.eye(2).__rmatmul__(torch.tensor([3., 4.]))
    tensor([3., 4.])
    """
    return matmul(other, input)


TensorBase.__rmatmul__ = _from_the_right  # type: ignore[attr-defined]


def _matmul_of_ranks(input: Any, other: Any, x: Array, y: Array) -> Any:
    """The cases in which one factor is not a matrix."""
    if not x.ndim or not y.ndim:
        raise ShapeError(
            f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D"
        )
    if y.ndim == 1 and x.ndim <= 2:
        return dot(input, other) if x.ndim == 1 else mv(input, other)
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else -1]:
        raise wrong_inner((x.size // max(x.shape[-1], 1), x.shape[-1]), y.shape[-2:])
    _check_leading(x.shape[:-2], y.shape[:-2])
    if x.ndim == 1:
        multiply = _mm if y.ndim == 2 else _batched_matmul
        return multiply(input.unsqueeze(0), other).squeeze(-2)
    if y.ndim == 1:
        return _batched_matmul(input, other.unsqueeze(1)).squeeze(-1)
    return _batched_matmul(input, other)


def _check_leading(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    for back in range(1, min(len(a), len(b)) + 1):
        if a[-back] != b[-back] and 1 not in (a[-back], b[-back]):
            raise ShapeError(
                f"The size of tensor a ({a[-back]}) must match the size of tensor b ({b[-back]}) "
                f"at non-singleton dimension {max(len(a), len(b)) - back} (matmul)"
            )


@function(
    samples=(call(T(3, 4), T(4, 5)), call(T(1, 1), T(1, 2)), call(T(0, 2), T(2, 3))),
    errors=(call(T(2, 3), T(4, 5)), call(T(2, 3), T(3))),
    dtypes=("float", "int"),
)
def mm(input: Any, mat2: Any, *, out: Any = None) -> Any:
    """The product of two matrices, without broadcasting.

    Formula: y = a b. Gradient: ga = g bᵀ, gb = aᵀ g.

    Shape: (n, k) (k, m) -> (n, m).
    Raises: RuntimeError for anything but two matrices whose inner sizes and dtypes agree.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.mm.html

    >>> import minigrad as torch
    >>> torch.mm(torch.ones(1, 2), torch.ones(2, 1))
    tensor([[2.]])
    """
    result = _mm(input, mat2)
    return result if out is None else into(out, result, True)


@function(
    samples=(
        call(T(2, 3, 4), T(2, 4, 5)),
        call(T(1, 2, 2), T(1, 2, 1)),
        call(T(0, 2, 3), T(0, 3, 2)),
    ),
    errors=(
        call(T(2, 3, 4), T(2, 5, 3)),
        call(T(2, 3, 4), T(3, 4, 3)),
        call(T(2, 3, 4), T(4, 5)),
    ),
)
def bmm(input: Any, mat2: Any, *, out: Any = None) -> Any:
    """The products of two equally long stacks of matrices.

    Formula: y[b] = a[b] b[b]. Gradient: ga = g bᵀ, gb = aᵀ g.

    Shape: (b, n, k) (b, k, m) -> (b, n, m).
    Raises: RuntimeError for anything but two such stacks.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.bmm.html

    >>> import minigrad as torch
    >>> torch.bmm(torch.ones(3, 1, 2), torch.ones(3, 2, 4)).shape
    torch.Size([3, 1, 4])
    """
    result = _batched_mm(input, mat2)
    return result if out is None else into(out, result, True)


@function(
    samples=(call(T(3, 4), T(4)), call(T(1, 1), T(1)), call(T(0, 3), T(3))),
    errors=(call(T(2, 3), T(4)), call(T(3), T(3))),
    dtypes=("float", "int"),
)
def mv(input: Any, vec: Any, *, out: Any = None) -> Any:
    """A matrix times a vector.

    Formula: y = a v. Gradient: ga = g vᵀ, gv = aᵀ g.

    Shape: (n, k) (k) -> (n).
    Raises: RuntimeError for other ranks or unequal inner sizes.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.mv.html

    >>> import minigrad as torch
    >>> torch.mv(torch.eye(2), torch.tensor([3., 4.]))
    tensor([3., 4.])
    """
    result = _mv(input, vec)
    return result if out is None else into(out, result, True)


@function(
    samples=(call(T(4), T(4)), call(T(1), T(1)), call(T(0), T(0))),
    errors=(call(T(3), T(4)), call(T(3), T(3, 1)), call(T(2, 2), T(3))),
    dtypes=("float", "int"),
)
def dot(input: Any, tensor: Any, *, out: Any = None) -> Any:
    """The inner product of two vectors.

    Formula: y = Σ a b. Gradient: ga = g b, gb = g a.

    Shape: (n) (n) -> ().
    Raises: RuntimeError for other ranks or unequal lengths.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.dot.html

    >>> import minigrad as torch
    >>> torch.dot(torch.tensor([2., 3.]), torch.tensor([2., 1.]))
    tensor(7.)
    """
    result = _dot(input, tensor)
    return result if out is None else into(out, result, True)


@function(
    aliases=("ger",),
    samples=(call(T(3), T(4)), call(T(1), T(2)), call(T(0), T(3))),
    errors=(call(T(3, 1), T(4)), call(T(3), T(2, 2))),
)
def outer(input: Any, vec2: Any, *, out: Any = None) -> Any:
    """The outer product of two vectors.

    Formula: y[i, j] = a[i] b[j]. Gradient: ga = g b, gb = gᵀ a.

    Shape: (n) (m) -> (n, m).
    Raises: RuntimeError unless both are vectors.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.outer.html

    >>> import minigrad as torch
    >>> torch.outer(torch.tensor([1., 2.]), torch.tensor([3., 4.]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    for name, vector in (("self", input), ("vec2", vec2)):
        if vector.ndim != 1:
            raise ShapeError(f"outer: Expected 1-D argument {name}, but got {vector.ndim}-D")
    result = input.unsqueeze(1) * vec2
    return result if out is None else into(out, result)
