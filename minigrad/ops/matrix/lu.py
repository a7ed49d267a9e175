"""LU decompositions, and systems that are solved with them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.readings import composed
from minigrad.autograd.registry import T, call, function, matrices, pivots, reals, register, spread
from minigrad.backend import Array
from minigrad.backend.native import kernel
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.matrix.cholesky import triangular
from minigrad.ops.matrix.lu_rows import row_order
from minigrad.ops.matrix.matrices import (
    batch_text,
    cut,
    each,
    fail,
    lapack,
    mT,
    need_float,
    need_matrices,
    need_square_floats,
    need_tensor,
)
from minigrad.return_types import named

_lu = named("linalg_lu", "P", "L", "U")
_lu_factor = named("linalg_lu_factor", "LU", "pivots")
_lu_factor_ex = named("linalg_lu_factor_ex", "LU", "pivots", "info")
_lu_with_info = named("_lu_with_info", "LU", "pivots", "info")
_lu_unpack = named("lu_unpack", "P", "L", "U")
SMALL = 128  # rows or columns; up to here a kernel is faster than LAPACK and the copies around it


def lower_of(LU: Any, F: Any) -> Any:
    """The lower triangle with ones on the diagonal that a packed decomposition holds."""
    m, n = LU.shape[-2:]
    L = F.tril(cut(F, LU, -1, 0, min(m, n)), -1)
    return L + F.identity_of(L, m)


def upper_of(LU: Any, F: Any) -> Any:
    """The upper triangle that a packed decomposition holds."""
    return F.triu(cut(F, LU, -2, 0, min(LU.shape[-2:])), 0)


@register("lu_packed", internal=True)
class LuPacked(Op):
    """L and U of A = P L U in one matrix, the exchanges of rows, and the first zero pivot.

    With square L and U, gA = P L⁻ᵀ (tril(Lᵀ gL, -1) + triu(gU Uᵀ)) U⁻ᵀ; what is beside them hangs
    on them as L⁻¹ Pᵀ A, or Pᵀ A U⁻¹.
    """

    grad_fn = "LinalgLuFactorExBackward0"
    outputs = 3
    keeps = ("places",)

    @staticmethod
    def forward(xp: Any, A: Array) -> Any:
        """By LAPACK, matrix by matrix; of many small ones all at once, column by column."""
        m, n = A.shape[-2:]
        k, lead = min(m, n), A.shape[:-2]
        if not A.size:
            nothing = xp.zeros((*lead, k), xp.int32)
            return A.copy(), nothing, xp.zeros(lead, xp.int32), row_order(xp, nothing, m)
        found = _by_kernel(A) if max(m, n) <= SMALL and xp is np else None
        if found is not None:
            return found
        if math.prod(lead) > 3 * k:
            LU, pivots, info = _by_columns(xp, A.reshape(-1, m, n).copy())
            pivots = pivots.reshape(*lead, k)
            return LU.reshape(A.shape), pivots, info.reshape(lead), row_order(xp, pivots, m)
        routine = lapack(xp, "getrf", A.dtype)

        def one(a: Array) -> Any:
            LU, pivots, info = routine(a)
            return LU, pivots, np.int32(info)

        LU, pivots, info = each(xp, one, A)
        pivots = (pivots + 1).astype(xp.int32)  # counted from 1
        return xp.ascontiguousarray(LU), pivots, info, row_order(xp, pivots, m)

    @staticmethod
    def grad_A(g: Any, out: Any, places: Any, F: Any) -> Any:
        """Triangular systems."""
        (m, n), gLU = out.shape[-2:], g[0]
        k = min(m, n)
        L = cut(F, lower_of(out, F), -2, 0, k)
        U = cut(F, upper_of(out, F), -1, 0, k)
        gL, gU = cut(F, gLU, -2, 0, k), cut(F, gLU, -1, 0, k)
        if m > n:
            low, glow = (cut(F, x, -2, n, m - n) for x in (out, gLU))
            gL = cut(F, gL, -1, 0, n)
            beside = mT(F.triangular(U, mT(glow), True, False))
            gU = cut(F, gU, -2, 0, n) - mT(low) @ beside
        elif n > m:
            right, gright = (cut(F, x, -1, m, n - m) for x in (out, gLU))
            gU = cut(F, gU, -2, 0, m)
            beside = F.triangular(mT(L), gright, True, True)
            gL = cut(F, gL, -1, 0, m) - beside @ mT(right)
        inside = F.tril(mT(L) @ F.tril(gL, -1), -1) + F.triu(F.triu(gU, 0) @ mT(U), 0)
        left = F.triangular(mT(L), inside, True, True)
        found = mT(F.triangular(U, mT(left), True, False))
        if m != n:
            dim = len(out.shape) - (2 if m > n else 1)
            found = F.cat(found, beside, dim=dim)
        return F.put_rows(found, places)


def _by_kernel(A: Array) -> Any:
    """Elimination row by row, each matrix in the cache; None where there is no kernel."""
    LU = A.copy()
    run, (m, n), lead = kernel("lu", LU), A.shape[-2:], A.shape[:-2]
    if run is None:
        return None
    pivots, info = np.empty((*lead, min(m, n)), np.int32), np.empty(lead, np.int32)
    places = np.empty((*lead, m), np.int64)
    run(LU, pivots, places, info, math.prod(lead), m, n)
    return LU, pivots, info, places


def _by_columns(xp: Any, LU: Array) -> tuple[Array, Array, Array]:
    """Elimination in all matrices of a stack at once, in place."""
    count, m, n = LU.shape
    here, pivots = xp.arange(count), xp.empty((count, min(m, n)), xp.int32)
    info = xp.zeros(count, xp.int32)
    for j in range(min(m, n)):
        there = xp.abs(LU[:, j:, j]).argmax(1) + j
        pivots[:, j] = there + 1
        kept = LU[here, there]
        LU[here, there] = LU[:, j]
        LU[:, j] = kept
        pivot = LU[:, j, j]
        info[(info == 0) & (pivot == 0)] = j + 1
        LU[:, j + 1 :, j] /= xp.where(pivot == 0, LU.dtype.type(1), pivot)[:, None]
        LU[:, j + 1 :, j + 1 :] -= LU[:, j + 1 :, j, None] * LU[:, j, None, j + 1 :]
    return LU, pivots, info


def _factored(op: str, A: Any, pivot: bool) -> Any:
    need_matrices(op, A)
    need_float(op, A, "lu_cpu")
    if not pivot:
        raise RuntimeError(f"{op}: LU without pivoting is not implemented on the CPU")
    return tensors.lu_packed(A)


LU: dict[str, Any] = {
    "domain": (matrices(),),
    "samples": (call(T(3, 3)), call(T(2, 4, 3)), call(T(3, 5)), call(T(0, 2, 2))),
    "errors": (call(T(3)), call(T(2, 2), pivot=False)),
    "where": ("linalg",),
    "returns": "Any",
    "out": True,
}


@function(torch="linalg.lu_factor", **LU)
def linalg_lu_factor(A: Any, *, pivot: bool = True) -> Any:
    """The LU decomposition in LAPACK's form: both triangles in one matrix, and exchanges of rows.

    Formula:   A = P L U, L with ones on its diagonal
    Gradient:  P L⁻ᵀ (tril(Lᵀ gL, -1) + triu(gU Uᵀ)) U⁻ᵀ

    Shape:     (*, m, n) -> (*, m, n), (*, min(m, n))
    Raises:    RuntimeError for a singular matrix (see linalg.lu, linalg.lu_factor_ex), integers

    >>> import minigrad as torch
    >>> torch.linalg.lu_factor(torch.tensor([[1., 1.], [2., 4.]])).pivots
    tensor([2, 2], dtype=torch.int32)
    """
    made = _factored("linalg.lu_factor", A, pivot)
    if made[2]._array.any():
        where, number = batch_text(made[2]._array)
        raise RuntimeError(
            f"torch.linalg.lu_factor: {where}U[{number},{number}] is zero and using it on lu_solve "
            "would result in a division by zero. If you still want to perform the factorization, "
            "consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
        )
    return _lu_factor(made[:2])


@function(torch="linalg.lu_factor_ex", **LU)
def linalg_lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """LAPACK's LU decomposition, and for each matrix 0 or the number of its first zero pivot.

    >>> import minigrad as torch
    >>> torch.linalg.lu_factor_ex(torch.zeros(2, 2)).info
    tensor(1, dtype=torch.int32)
    """
    made = _factored("linalg.lu_factor_ex", A, pivot)
    if check_errors:
        fail("torch.linalg.lu_factor_ex", made[2]._array, "U[{0},{0}] is zero")
    return _lu_factor_ex(made)


def _triangles(LU: Any) -> tuple[Any, Any]:
    """Both triangles of a packed decomposition, as Tensors."""
    lower = composed(lambda F, packed: lower_of(packed, F), (LU,))
    return lower, composed(lambda F, packed: upper_of(packed, F), (LU,))


def _permutation(pivots: Any, m: int, like: Any) -> Any:
    return tensors.permutation(pivots, m, like._array.dtype)


@function(torch="linalg.lu", **LU)
def linalg_lu(A: Any, *, pivot: bool = True) -> Any:
    """The LU decomposition with exchanges of rows.

    Formula:   A = P L U, P a permutation, L with ones on its diagonal
    Gradient:  P L⁻ᵀ (tril(Lᵀ gL, -1) + triu(gU Uᵀ)) U⁻ᵀ

    Shape:     (*, m, n) -> (*, m, m), (*, m, k), (*, k, n), k = min(m, n)
    Raises:    RuntimeError for vectors and integers

    >>> import minigrad as torch
    >>> torch.linalg.lu(torch.tensor([[1., 1.], [2., 4.]])).U
    tensor([[ 2.,  4.],
            [ 0., -1.]])
    """
    packed, pivots, _ = _factored("linalg.lu", A, pivot)
    P = _permutation(pivots, A.shape[-2], A)
    return _lu((P, *_triangles(packed)))


@function(
    domain=(matrices(),),
    samples=(call(T(3, 3)), call(T(2, 3, 4), get_infos=True)),
    returns="Any",
    out=True,
)
def lu(A: Any, pivot: bool = True, get_infos: Any = False) -> Any:
    """The LU decomposition in LAPACK's form, as :func:`torch.linalg.lu_factor`.

    >>> import minigrad as torch
    >>> torch.eye(2).lu()[1]
    tensor([1, 2], dtype=torch.int32)
    """
    made = _factored("linalg.lu_factor", A, pivot)
    return _lu_with_info(made) if get_infos else made[:2]


@function(
    where=("torch",),
    out=True,
    returns="Any",
    domain=(spread(), pivots()),
    varied=False,  # torch does not check how many pivots there are
    samples=(call(T(3, 3), T(3)), call(T(2, 4, 3), T(2, 3)), call(T(2, 3), T(2))),
)
def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True
) -> Any:
    """P, L and U of a decomposition in LAPACK's form.

    Formula:   L below the diagonal of LU_data, with ones on it; U from the diagonal on
    Gradient:  the parts of gL and gU that stand there

    >>> import minigrad as torch
    >>> torch.lu_unpack(*torch.linalg.lu_factor(torch.tensor([[1., 1.], [2., 4.]]))).P
    tensor([[0., 1.],
            [1., 0.]])
    """
    need_matrices("torch.lu_unpack", LU_data, "LU_data")
    need_tensor("lu_unpack", LU_pivots, "LU_pivots", 2)
    if str(LU_pivots.dtype) != "torch.int32":
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype."
            "\nNote: this function is intended to be used with the output produced by "
            "torch.linalg.lu_factor"
        )
    none = LU_data.new_empty(0)
    P = _permutation(LU_pivots, LU_data.shape[-2], LU_data) if unpack_pivots else none
    if not unpack_data:
        return _lu_unpack((P, none, none))
    return _lu_unpack((P, *_triangles(LU_data)))


def _solved(op: str, LU: Any, pivots: Any, B: Any, left: bool, adjoint: bool) -> Any:
    """X of A X = B, or its transposed or mirrored forms, for A = P L U."""
    need_tensor(op, B, "B", 3)
    need_square_floats(op, LU, name="LU")
    n = LU.shape[-1]
    if LU._array.dtype != B._array.dtype:
        raise DtypeError(
            f"{op}: Expected LU and B to have the same dtype, but found LU of type {LU.dtype} and "
            f"B of type {B.dtype} instead"
        )
    if str(pivots.dtype) != "torch.int32":
        raise RuntimeError(
            f"{op}: pivots should be a Tensor of scalar type torch.int32. Got {pivots.dtype}"
        )
    if pivots.ndim == 0:
        raise IndexError(f"{op}: Dimension specified as -1 but tensor has no dimensions: pivots")
    if pivots.shape[-1] != n:
        raise ShapeError(
            f"{op}: Number of pivots per batch should be same as the dimension of the matrix, {n}; "
            f"got pivots with shape {list(pivots.shape)}"
        )
    if pivots.shape != LU.shape[:-1]:
        raise ShapeError(
            f"{op}: Expected LU.shape[:-1] and pivots.shape to be the same, but got pivots with "
            f"shape {list(pivots.shape)} instead"
        )
    if B.ndim < 2 or B.shape[-2 if left else -1] != n:
        raise ShapeError(
            f"{op}: Incompatible shapes of LU and B: {tuple(LU.shape)} and {tuple(B.shape)}"
        )
    if not left:  # X A = B is Aᵀ Xᵀ = Bᵀ
        B, adjoint = B.mT, not adjoint
    order = tensors.row_places(pivots, n)
    if LU.shape[:-2] != B.shape[:-2]:
        lead = np.broadcast_shapes(LU.shape[:-2], B.shape[:-2])
        order, B = order.expand(*lead, n), B.expand(*lead, *B.shape[-2:])
    if adjoint:  # Uᵀ Lᵀ Pᵀ X = B
        X = triangular(LU.mT, triangular(LU.mT, B, False), True, unit=True)
        X = tensors.put_rows(X, order)
    else:
        X = triangular(LU, tensors.take_rows(B, order), False, unit=True)
        X = triangular(LU, X, True)
    return X if left else X.mT


@function(
    torch="linalg.lu_solve",
    domain=(spread(), pivots(), reals(-3, 3)),
    samples=(
        call(T(3, 3), T(3), T(3, 2)),
        call(T(2, 3, 3), T(2, 3), T(2, 3, 1), adjoint=True),
        call(T(2, 2), T(2), T(3, 2), left=False),
    ),
    where=("linalg",),
    out=True,
)
def linalg_lu_solve(
    LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False
) -> Any:
    """The solution of a system whose matrix is given by its LU decomposition.

    Formula:   A out = B; ``left=False`` out A = B; ``adjoint`` Aᵀ in place of A
    Gradient:  by triangular systems

    >>> import minigrad as torch
    >>> torch.linalg.lu_solve(*torch.linalg.lu_factor(torch.eye(2) * 2), torch.ones(2, 1))
    tensor([[0.5000],
            [0.5000]])
    """
    return _solved("linalg.lu_solve", LU, pivots, B, left, adjoint)


@function(
    out=True,
    domain=(reals(-3, 3), spread(), pivots()),
    samples=(call(T(3, 2), T(3, 3), T(3)), call(T(2, 3, 1), T(2, 3, 3), T(2, 3))),
)
def lu_solve(b: Any, LU_data: Any, LU_pivots: Any) -> Any:
    """The solution of a system: :func:`torch.linalg.lu_solve` with its older order of arguments.

    >>> import minigrad as torch
    >>> torch.lu_solve(torch.ones(2, 1), *torch.linalg.lu_factor(torch.eye(2) * 2))
    tensor([[0.5000],
            [0.5000]])
    """
    return _solved("linalg.lu_solve", LU_data, LU_pivots, b, True, False)
