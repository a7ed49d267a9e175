"""Products of vectors, Kronecker's product, the trace, powers of a vector."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Op, renamed, tensors
from minigrad.autograd.readings import composed
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.errors import ShapeError
from minigrad.ops.dims import one_dim
from minigrad.ops.matrix.einsum import Named, contract
from minigrad.ops.matrix.linalg import dot
from minigrad.ops.matrix.matrices import need_float, need_tensor

NUMBERS = ("float", "int")


@function(
    out=True,
    dtypes=NUMBERS,
    samples=(
        call(T(4), T(4)),
        call(T(2, 3), T(3)),
        call(T(2, 3), T(4, 3)),
        call(T(), T(2, 3)),
        call(T(2, 0), T(3, 0)),
    ),
    errors=(call(T(2, 3), T(2)),),
)
def inner(input: Any, other: Any) -> Any:
    """Sums over the last axis of both; a 0-d tensor multiplies.

    Formula:   out[i, j] = sum_k input[i, k] other[j, k]
    Gradient:  that of a product of matrices

    >>> import minigrad as torch
    >>> torch.inner(torch.tensor([1., 2.]), torch.tensor([3., 4.]))
    tensor(11.)
    """
    need_tensor("inner", input, "input")
    need_tensor("inner", other, "other", 2)
    m, n = input._array.ndim, other._array.ndim
    if not m or not n:
        return input * other
    if input._array.shape[-1] != other._array.shape[-1]:
        raise ShapeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input._array.shape)} and {list(other._array.shape)}"
        )
    if m == n == 1:
        return dot(input, other)
    names = [("a", i) for i in range(m - 1)], [("b", i) for i in range(n - 1)]
    left, right = Named(input, [*names[0], "k"]), Named(other, [*names[1], "k"])
    return contract([left, right], [*names[0], *names[1]])


@function(
    where=("torch",),
    out=True,
    samples=(
        call(T(2, 3), T(3, 4), 1),
        call(T(2, 3, 4), T(3, 4, 5)),
        call(T(2, 3, 4), T(4, 5, 3), dims=([1, 2], [2, 0])),
        call(T(2), T(3), 0),
        call(T(2, 3), T(1, 4), dims=([1], [0])),
    ),
    errors=(
        call(T(2, 3), T(4, 5), 1),
        call(T(2, 3), T(3, 4), -1),
        call(T(2, 3), T(3, 4), ([0, 1], [0])),
    ),
)
def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """The product of two tensors, summed over pairs of axes.

    Formula:   for a number n: over the last n axes of a and the first n of b; for two lists: over
               those axes
    Gradient:  that of a product of matrices

    >>> import minigrad as torch
    >>> torch.tensordot(torch.ones(2, 3), torch.ones(3, 4), dims=1).shape
    torch.Size([2, 4])
    """
    need_tensor("tensordot", a, "a")
    need_tensor("tensordot", b, "b", 2)
    m, n = a._array.ndim, b._array.ndim
    if isinstance(dims, TensorBase):
        dims = dims.tolist()  # type: ignore[attr-defined]
    if isinstance(dims, (tuple, list)):
        if len(dims) > 1:
            one, other = (list(d) if isinstance(d, (tuple, list)) else [d] for d in dims)
        else:
            dims = dims[0]
    if not isinstance(dims, (tuple, list)):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(m, n):
            raise RuntimeError(
                "tensordot expects dims < ndim_a or ndim_b, but got "
                f"dims={dims} for {m} and {n} axes"
            )
        one, other = list(range(m - dims, m)), list(range(dims))
    if len(one) != len(other):
        raise RuntimeError("both dimension lists should have same length")
    one, other = [one_dim(d, m) for d in one], [one_dim(d, n) for d in other]
    shape_a, shape_b = a._array.shape, b._array.shape
    once = len(set(one)) == len(one) and len(set(other)) == len(other)
    floats = a._array.dtype is b._array.dtype and a._array.dtype.char in "fd"
    if once and floats and [shape_a[i] for i in one] == [shape_b[j] for j in other]:
        kept_a = [i for i in range(m) if i not in one]
        kept_b = [j for j in range(n) if j not in other]
        return composed(_as_product, (a, b), (kept_a, one), (other, kept_b))
    names_a: list[Any] = [("a", i) for i in range(m)]
    names_b: list[Any] = [("b", i) for i in range(n)]
    for i, j in zip(one, other, strict=True):
        if a._array.shape[i] != b._array.shape[j] and 1 not in (
            a._array.shape[i],
            b._array.shape[j],
        ):
            raise ShapeError(
                "contracted dimensions need to match, but first has size "
                f"{a._array.shape[i]} in dim {i} and second has size {b._array.shape[j]} in dim {j}"
            )
        names_b[j] = names_a[i]
    if a.dtype is not b.dtype:
        raise RuntimeError("both inputs should have same dtype")
    kept = [x for i, x in enumerate(names_a) if i not in one]
    kept += [x for j, x in enumerate(names_b) if j not in other]
    made = contract([Named(a, names_a), Named(b, names_b)], kept)
    return made if made.dtype is a.dtype else made.to(a.dtype)  # sums of integers are int64


def _as_product(F: Any, a: Any, b: Any, axes_a: Any, axes_b: Any) -> Any:
    """A sum over axes as a product of two matrices, in either reading."""
    left, right = _as_matrix(F, a, *axes_a), _as_matrix(F, b, *axes_b)
    shape = [a.shape[i] for i in axes_a[0]] + [b.shape[j] for j in axes_b[1]]
    return F.reshape(left @ right, tuple(shape))


def _as_matrix(F: Any, x: Any, rows: list[int], columns: list[int]) -> Any:
    """Some axes one after the other as the rows of a matrix, and others as its columns."""
    order = (*rows, *columns)
    if order != tuple(range(len(order))):
        x = F.permute_axes(x, order)
    height = math.prod(x.shape[: len(rows)])
    return F.reshape(x, (height, math.prod(x.shape[len(rows) :])))


@function(
    out=True,
    dtypes=NUMBERS,
    samples=(call(T(4), T(4)), call(T(0), T(0))),
    errors=(call(T(3), T(4)), call(T(2, 2), T(4))),
)
def vdot(input: Any, other: Any) -> Any:
    """The inner product of two vectors; of real ones the same as :func:`dot`.

    >>> import minigrad as torch
    >>> torch.vdot(torch.tensor([2., 3.]), torch.tensor([2., 1.]))
    tensor(7.)
    """
    return dot(input, other)


@function(
    torch="linalg.vecdot",
    where=("linalg",),
    out=True,
    samples=(
        call(T(4), T(4)),
        call(T(2, 3), T(3)),
        call(T(2, 3), T(2, 1), dim=0),
        call(T(2, 0), T(2, 0)),
    ),
    errors=(call(T(2, 3), T(2)),),
)
def linalg_vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """The inner products of the vectors along an axis.

    Formula:   out = sum_i x_i y_i
    Gradient:  gx = g y, gy = g x

    >>> import minigrad as torch
    >>> torch.linalg.vecdot(torch.tensor([[1., 2.], [3., 4.]]), torch.tensor([1., 1.]))
    tensor([3., 7.])
    """
    need_tensor("linalg.vecdot", x, "x")
    need_tensor("linalg.vecdot", y, "y", 2)
    need_float("linalg.vecdot", x, half=True)
    if x._array.ndim == y._array.ndim == 1 and x._array.shape == y._array.shape:
        one_dim(dim, 1)
        return dot(x, y)
    product = x * y
    return product.sum(one_dim(dim, product._array.ndim))


FEW = 2048  # elements
IN_TURN = np.array([1, 2, 0]), np.array([2, 0, 1])


@register("cross_product", internal=True)
class CrossProduct(Op):
    """The vector that is orthogonal to both.   ga = b × g, gb = g × a"""

    broadcasts = True
    promotes = "same"
    numbers = ()
    grad_fn = "LinalgCrossBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, other: Array, dim: int) -> Array:
        """The three components, from those that follow in turn."""
        if xp is np and max(input.size, other.size) <= FEW:
            (x1, x2), (y1, y2) = ([v.take(i, dim) for i in IN_TURN] for v in (input, other))
            x1 = x1 * y2
            x1 -= x2 * y1
            return x1
        lead = (slice(None),) * dim
        out = xp.empty(xp.broadcast_shapes(input.shape, other.shape), input.dtype)
        x, y, z = ([v[(*lead, slice(i, i + 1))] for i in range(3)] for v in (input, other, out))
        for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            xp.multiply(x[j], y[k], out=z[i])
            z[i] -= x[k] * y[j]
        return out

    @staticmethod
    def grad_input(g: Any, other: Any, dim: int, F: Any) -> Any:
        """The other vector times the cotangent."""
        return F.cross_product(F.expand(other, g.shape), g, dim)

    @staticmethod
    def grad_other(g: Any, input: Any, dim: int, F: Any) -> Any:
        """The cotangent times the first vector."""
        return F.cross_product(g, F.expand(input, g.shape), dim)


def _cross(op: str, a: Any, b: Any, dim: int) -> Any:
    x, y = a._array, b._array
    if x.ndim != y.ndim:
        raise ShapeError(
            f"{op}: inputs must have the same number of dimensions, got {x.ndim} and {y.ndim}"
        )
    d = one_dim(dim, x.ndim)
    if x.ndim == 0 or x.shape[d] != 3 or y.shape[d] != 3:
        sizes = (x.shape[d], y.shape[d]) if x.ndim else (1, 1)
        raise ShapeError(
            f"{op}: inputs dimension {dim} must have length 3. Got {sizes[0]} and {sizes[1]}"
        )
    if x.dtype.kind == "b" and y.dtype.kind == "b":
        raise NotImplementedError(f"\"cross\" not implemented for 'Bool' ({op})")
    return tensors.cross_product(a, b, d)


CROSS: dict[str, Any] = {"dtypes": NUMBERS, "out": True}


@function(
    torch="linalg.cross",
    where=("linalg",),
    samples=(call(T(3), T(3)), call(T(2, 3), T(1, 3)), call(T(3, 2), T(3, 2), dim=0)),
    errors=(call(T(2), T(2)), call(T(2, 3), T(3))),
    **CROSS,
)
def linalg_cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    """The vector that is orthogonal to two vectors of three components, along an axis.

    Formula:   out_i = input_j other_k - input_k other_j for i, j, k in turn
    Gradient:  ga = b × g, gb = g × a

    >>> import minigrad as torch
    >>> torch.linalg.cross(torch.tensor([1., 0., 0.]), torch.tensor([0., 1., 0.]))
    tensor([0., 0., 1.])
    """
    need_tensor("linalg.cross", input, "input")
    need_tensor("linalg.cross", other, "other", 2)
    return _cross("linalg.cross", input, other, dim)


@function(
    samples=(call(T(3), T(3), 0), call(T(2, 3), T(1, 3), 1), call(T(3, 2), T(3, 2), 0)),
    errors=(call(T(2), T(2), 0),),
    **CROSS,
)
def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    """The cross product; without ``dim`` along the first axis of size 3.

    Formula:   as :func:`torch.linalg.cross`

    >>> import minigrad as torch
    >>> torch.cross(torch.tensor([1., 0., 0.]), torch.tensor([0., 1., 0.]))
    tensor([0., 0., 1.])
    """
    need_tensor("cross", input, "input")
    need_tensor("cross", other, "other", 2)
    if dim is None:
        places = [i for i, n in enumerate(input._array.shape) if n == 3]
        if not places:
            raise RuntimeError("no dimension of size 3 in input (cross)")
        dim = places[0]
    return _cross("linalg.cross", input, other, dim)


@function(
    out=True,
    dtypes=("float", "int", "bool"),
    samples=(call(T(2, 3), T(4, 5)), call(T(2), T(3)), call(T(), T(2))),
)
def kron(input: Any, other: Any) -> Any:
    """Kronecker's product: the second tensor, once for each element of the first, scaled by it.

    Formula:   out[i n + k, j m + l] = input[i, j] other[k, l] for an other of shape (n, m)
    Gradient:  that of the products

    >>> import minigrad as torch
    >>> torch.kron(torch.eye(2), torch.tensor([[1., 2.]]))
    tensor([[1., 2., 0., 0.],
            [0., 0., 1., 2.]])
    """
    need_tensor("kron", input, "input")
    need_tensor("kron", other, "other", 2)
    a, b = input._array.shape, other._array.shape
    axes = max(len(a), len(b))
    a, b = (1,) * (axes - len(a)) + a, (1,) * (axes - len(b)) + b
    wide = [n for size in a for n in (size, 1)]
    close = [n for size in b for n in (1, size)]
    product = input.reshape(wide) * other.reshape(close)
    made = product.reshape([m * n for m, n in zip(a, b, strict=True)])
    return renamed(made, "UnsafeViewBackward0")


@register(
    dtypes=("float", "int"),
    samples=(call(T(3, 3)), call(T(2, 4)), call(T(0, 3))),
    errors=(call(T(3)), call(T(2, 2, 2))),
)
class Trace(Op):
    """The sum of the diagonal of a matrix; of integers as int64.

    Formula:   out = sum_i input[i, i]
    Gradient:  g on the diagonal

    Raises:    RuntimeError unless there are two axes

    >>> import minigrad as torch
    >>> torch.trace(torch.tensor([[1., 2.], [3., 4.]]))
    tensor(5.)
    """

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """The diagonal, summed; half precision in float32."""
        if input.ndim != 2:
            raise ShapeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
        diagonal = xp.diagonal(input)
        if input.dtype.kind in "fV":
            wide = diagonal.astype(xp.float32) if input.dtype.itemsize == 2 else diagonal
            return wide.sum().astype(input.dtype)
        return diagonal.sum(dtype=xp.int64)

    @staticmethod
    def grad_input(g: Any, shape: Any, F: Any) -> Any:
        """The identity, scaled."""
        return g * F.identity_of(F.expand(g, shape), shape[0])


@function(
    torch="linalg.diagonal",
    where=("linalg",),
    dtypes=("float", "int", "bool"),
    samples=(call(T(3, 3)), call(T(2, 3, 4), offset=1), call(T(2, 3, 4), dim1=0, dim2=2)),
    errors=(call(T(3)), call(T(2, 3), dim1=0, dim2=0)),
)
def linalg_diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonals of matrices, as a view; see :func:`torch.diagonal`.

    >>> import minigrad as torch
    >>> torch.linalg.diagonal(torch.eye(2))
    tensor([1., 1.])
    """
    need_tensor("linalg.diagonal", A)
    return A.diagonal(offset, dim1, dim2)
