"""Norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd.op import tensors
from minigrad.autograd.registry import T, call, function, matrices, reals
from minigrad.dtypes import promote_types
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.dims import all_dims, one_dim
from minigrad.ops.matrix.matrices import need_float, need_matrices, need_square, need_tensor
from minigrad.ops.reduction.vector_norm import VECTOR_NORM


def _need_norm_floats(op: str, A: Any, dtype: Any) -> Any:
    """The tensor in the type that a norm is asked for in."""
    need_tensor(op, A)
    need_float(op, A, half=True)
    if dtype is None:
        return A
    if not dtype.is_floating_point:
        raise DtypeError(f"{op}: dtype should be floating point or complex. Got {dtype.type_name}")
    if promote_types(dtype, A.dtype) is not dtype:
        raise DtypeError(
            f"{op}: the dtype of the input ({A.dtype}) should be convertible without narrowing to "
            f"the specified dtype ({dtype})"
        )
    return A if A.dtype is dtype else A.to(dtype)


def _vector_norm(op: str, x: Any, ord: Any, dim: Any, keepdim: bool, dtype: Any) -> Any:
    x = _need_norm_floats(op, x, dtype)
    if isinstance(ord, str):
        raise TypeError(f"{op}: argument 'ord' must be Number, not str")
    order, shape = float(ord), x._array.shape
    dims = None if dim is None else all_dims(dim, len(shape))
    taken = range(len(shape)) if dims is None else dims
    if (order < 0 or order == math.inf) and any(shape[i] == 0 for i in taken):
        what = f"{'inf' if math.isinf(order) else order} norm"
        raise ShapeError(
            f"{op} cannot compute the {what} on an empty tensor because the operation does not "
            "have an identity; give a dim along which there are elements"
        )
    return VECTOR_NORM(x, order, dims, keepdim)


AWAY: dict[str, Any] = {"domain": (reals(0.3, 3),), "where": ("linalg",), "out": True}


@function(
    torch="linalg.vector_norm",
    samples=(
        call(T(2, 3)),
        call(T(2, 3), dim=1),
        call(T(2, 3), 1, dim=0),
        call(T(4), float("inf")),
        call(T(2, 3), 3.0, (0, 1), True),
        call(T(4), -0.5),
    ),
    errors=(call(T(2, 3), dim=2), call(T(0), float("inf")), call("x")),
    **AWAY,
)
def linalg_vector_norm(
    x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """The norm of all elements as one vector, or of those along axes.

    Formula:   out = (sum_i |x_i| ** ord) ** (1 / ord); ord = inf: the largest |x_i|, -inf: the
               smallest, 0: how many are not 0
    Gradient:  g sign(x) (|x| / out) ** (ord - 1); shared at ties of the largest, 0 at the origin

    Raises:    RuntimeError for integers, and for inf or a negative ord where there are no elements

    >>> import minigrad as torch
    >>> torch.linalg.vector_norm(torch.tensor([3., -4.]))
    tensor(5.)
    """
    return _vector_norm("linalg.vector_norm", x, ord, dim, keepdim, dtype)


def _matrix_dims(op: str, dim: Any, ndim: int) -> tuple[int, int]:
    if not isinstance(dim, (tuple, list)):
        raise TypeError(f"{op}: argument 'dim' must be tuple of ints, not {type(dim).__name__}")
    if len(dim) != 2:
        raise ShapeError(f"{op}: dim must be a 2-tuple. Got {dim}")
    first, second = (one_dim(d, ndim) for d in dim)
    if first == second:
        raise ShapeError(f"{op}: dims must be different. Got ({dim[0]}, {dim[1]})")
    return first, second


def _largest(x: Any, dim: int) -> Any:
    """The largest along an axis of numbers that are not negative; of none it is zero."""
    return x.amax(dim) if x.shape[dim] else x.sum(dim)


def _matrix_norm(op: str, A: Any, ord: Any, dim: Any, keepdim: bool, dtype: Any) -> Any:
    need_matrices(op, A)
    rows, columns = _matrix_dims(op, dim, A._array.ndim)
    A = _need_norm_floats(op, A, dtype)
    if ord == "fro":
        return _vector_norm(op, A, 2, (rows, columns), keepdim, None)
    if ord == "nuc" or (not isinstance(ord, str) and abs(ord) == 2):
        need_float(op, A)
        S = tensors.singular_values(A.movedim((rows, columns), (-2, -1)))
        out = S.sum(-1) if ord == "nuc" else _largest(S, -1) if ord > 0 else S.amin(-1)
        return out.unsqueeze(min(rows, columns)).unsqueeze(max(rows, columns)) if keepdim else out
    if isinstance(ord, str) or abs(ord) not in (1, math.inf):
        raise RuntimeError(f"{op}: Order {ord} not supported.")
    along, over = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = _vector_norm(op, A, 1, along, True, None)  # the axis is kept, so `over` stays right
    out = _largest(sums, over) if ord > 0 else sums.amin(over)
    return out.unsqueeze(over) if keepdim else out.squeeze(along - (over < along))


@function(
    torch="linalg.matrix_norm",
    samples=(
        call(T(2, 3)),
        call(T(2, 3), "nuc"),
        call(T(2, 3, 4), 1, keepdim=True),
        call(T(2, 3, 4), -float("inf"), (0, 1)),
        call(T(3, 3), 2),
        call(T(3, 3), -2, (1, 0)),
    ),
    errors=(call(T(3)), call(T(2, 3), 3), call(T(2, 3), dim=(0, 0)), call(T(2, 3), dim=1)),
    **AWAY,
)
def linalg_matrix_norm(
    A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """The norm of matrices.

    Formula:   "fro": the root of all squares; "nuc": the sum of singular values; 2, -2: the
               largest, the smallest of them; 1, -1: of the sums of columns; inf, -inf: of rows
    Gradient:  that of the composition

    Raises:    RuntimeError for other orders, vectors, integers

    >>> import minigrad as torch
    >>> torch.linalg.matrix_norm(torch.tensor([[3., 0.], [0., -4.]]), 1)
    tensor(4.)
    """
    return _matrix_norm("linalg.matrix_norm", A, ord, dim, keepdim, dtype)


@function(
    torch="linalg.norm",
    samples=(
        call(T(2, 3)),
        call(T(2, 3), 1),
        call(T(2, 3, 4), 3, 1),
        call(T(2, 3), "fro", (0, 1), True),
        call(T(4), float("inf")),
    ),
    errors=(call(T(2, 2, 2), 1), call(T(2), "nuc"), call(T(2, 3), dim=(0, 1, 2))),
    **AWAY,
)
def linalg_norm(
    A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """The norm of a vector or a matrix, whichever there is; without ``ord`` that of all elements.

    Formula:   as :func:`torch.linalg.vector_norm` and :func:`torch.linalg.matrix_norm`

    Raises:    RuntimeError for an order without a dim on more than two axes, for integers

    >>> import minigrad as torch
    >>> torch.linalg.norm(torch.tensor([[3., 0.], [0., 4.]]))
    tensor(5.)
    """
    need_tensor("linalg.norm", A)
    if dim is not None and not isinstance(dim, (tuple, list)):
        dim = (dim,)
    ndim = A._array.ndim
    if dim is not None and len(dim) not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}"
        )
    if ord is None:
        return _vector_norm("linalg.vector_norm", A, 2, dim, keepdim, dtype)
    if dim is None and ndim not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{ndim}D."
        )
    if (len(dim) if dim is not None else ndim) == 2:
        both = (0, 1) if dim is None else dim
        return _matrix_norm("linalg.matrix_norm", A, ord, both, keepdim, dtype)
    if isinstance(ord, str):
        raise RuntimeError(
            f"linalg.norm: the order {ord!r} is one of matrices, the input is a vector"
        )
    return _vector_norm("linalg.vector_norm", A, ord, dim, keepdim, dtype)


@function(
    torch="linalg.cond",
    where=("linalg",),
    out=True,
    domain=(matrices(),),
    samples=(
        call(T(3, 3)),
        call(T(2, 4, 3)),
        call(T(3, 3), 1),
        call(T(2, 3, 3), "fro"),
        call(T(3, 3), -2),
        call(T(3, 3), "nuc"),
    ),
    errors=(call(T(3)), call(T(2, 3), 1), call(T(3, 3), 5), call(T(3, 3), "other")),
    orders=0,  # torch's derivatives of some of them fail
)
def linalg_cond(A: Any, p: Any = None) -> Any:
    """The condition number of a matrix in a norm; infinite for a singular matrix.

    Formula:   out = |A| |A⁻¹|; for p = 2, the default, the quotient of extreme singular values
    Gradient:  that of the composition

    Raises:    RuntimeError for other orders, vectors, integers

    >>> import minigrad as torch
    >>> torch.linalg.cond(torch.tensor([[2., 0.], [0., 4.]]))
    tensor(2.)
    """
    need_matrices("linalg.cond", A)
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    need_float("linalg.cond", A)
    if p is None or (not isinstance(p, str) and abs(p) == 2):
        if A._array.size == 0:
            return A.new_zeros(A.shape[:-2])
        S = tensors.singular_values(A)
        first, last = S[..., 0], S[..., -1]
        return first / last if p is None or p > 0 else last / first
    if not isinstance(p, str) and abs(p) not in (1, math.inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    need_square("linalg.cond", A)
    if A._array.size == 0:
        return A.new_zeros(A.shape[:-2])
    if p == "nuc":
        largest = tensors.singular_values(A)
        return largest.sum(-1) * (1 / largest).sum(-1)
    inverse = tensors.inverse_matrix(A)
    one, other = (_matrix_norm("linalg.cond", M, p, (-2, -1), False, None) for M in (A, inverse))
    return one * other
