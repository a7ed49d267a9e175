"""The Cholesky decomposition, triangular systems, and what is solved with both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.record import lower, symmetric, upper
from minigrad.autograd.registry import T, call, function, into, matrices, reals, register, spread
from minigrad.backend import Array, linalg
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.matrix.determinant import NOT_SQUARE, SQUARE
from minigrad.ops.matrix.matrices import (
    each,
    fail,
    lapack,
    mT,
    need_float,
    need_square,
    need_square_floats,
    need_tensor,
    together,
)
from minigrad.ops.matrix.solve import check_system
from minigrad.return_types import named

NOT_POSITIVE = (
    "The factorization could not be completed because the input is not positive-definite (the "
    "leading minor of order {} is not positive-definite)."
)
_cholesky_ex = named("linalg_cholesky_ex", "L", "info")
_triangular_solve = named("triangular_solve", "solution", "cloned_coefficient")


def half_diagonal(P: Any, F: Any) -> Any:
    """The lower triangle with half of its diagonal."""
    return (F.tril(P, 0) + F.tril(P, -1)) / 2


@register("cholesky_factor", internal=True)
class CholeskyFactor(Op):
    """The lower factor L of A = L Lᵀ, and for each matrix the order of the first bad minor.

    With Φ the lower triangle with half of its diagonal, dL = L Φ(L⁻¹ dA L⁻ᵀ), and so gA is
    L⁻ᵀ sym(Φ(Lᵀ g)) L⁻¹.
    """

    grad_fn = "LinalgCholeskyExBackward0"
    outputs = 2

    @staticmethod
    def forward(xp: Any, A: Array) -> Any:
        """All at once; one by one if one is not positive definite."""
        if xp is np and A.ndim == 2 and A.size:  # what LAPACK calls the upper triangle is its lower
            upper, bad = lapack(xp, "potrf", A.dtype)(A.T, lower=0, clean=1)
            corner = upper.diagonal()
            if not bad and corner.dot(corner) == corner.dot(corner):
                return xp.ascontiguousarray(upper.T), xp.zeros((), xp.int32)
        try:
            L, info = linalg(xp).cholesky(A), xp.zeros(A.shape[:-2], xp.int32)
        except np.linalg.LinAlgError:
            routine = lapack(xp, "potrf", A.dtype)

            def one(a: Array) -> Any:
                L, info = routine(a, lower=1, clean=1)
                return L, np.int32(info)

            L, info = each(xp, one, A)
        broken = xp.isnan(xp.diagonal(L, axis1=-2, axis2=-1))
        if broken.any():  # some LAPACKs take NaN for positive
            first = (broken.argmax(-1) + 1).astype(xp.int32)
            info = xp.where((info == 0) & broken.any(-1), first, info)
        return L, info

    @staticmethod
    def grad_A(g: Any, out: Any, F: Any) -> Any:
        """Two triangular systems."""
        half = half_diagonal(mT(out) @ g[0], F)
        inside = (half + mT(half)) / 2
        left = F.triangular(mT(out), inside, True, False)
        return mT(F.triangular(mT(out), mT(left), True, False))


def _cholesky(op: str, A: Any, upper: bool, check: bool) -> tuple[Any, Any]:
    need_square_floats(op, A, "cholesky_cpu")
    if upper:  # the same matrix, of which the other half is read
        A = A.mT
    L, info = tensors.cholesky_factor(A)
    if check:
        fail(op, info._array, NOT_POSITIVE)
    return (L.mT if upper else L), info


POSITIVE: dict[str, Any] = {"domain": (spread(symmetric),), "errors": NOT_SQUARE}
UPPER = (*SQUARE, call(T(3, 3), upper=True))


@function(torch="linalg.cholesky", where=("linalg",), out=True, samples=UPPER, **POSITIVE)
def linalg_cholesky(A: Any, *, upper: bool = False) -> Any:
    """The Cholesky factor of a symmetric positive-definite matrix; only one triangle is read.

    Formula:   A = out outᵀ with a lower triangle out; with ``upper`` A = outᵀ out with an upper one
    Gradient:  L⁻ᵀ sym(Φ(Lᵀ g)) L⁻¹, Φ the lower triangle with half of its diagonal

    Shape:     (*, n, n) -> (*, n, n)
    Raises:    torch.linalg.LinAlgError for a matrix that is not positive definite

    >>> import minigrad as torch
    >>> torch.linalg.cholesky(torch.tensor([[4., 2.], [2., 2.]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    return _cholesky("linalg.cholesky", A, upper, True)[0]


@function(out=True, samples=UPPER, **POSITIVE)
def cholesky(input: Any, upper: bool = False) -> Any:
    """The Cholesky factor: :func:`torch.linalg.cholesky` under its older name.

    >>> import minigrad as torch
    >>> torch.cholesky(torch.tensor([[4.]]))
    tensor([[2.]])
    """
    return _cholesky("cholesky", input, upper, True)[0]


@function(
    torch="linalg.cholesky_ex",
    where=("linalg",),
    out=True,
    returns="Any",
    samples=UPPER,
    **POSITIVE,
)
def linalg_cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> Any:
    """The Cholesky factor, and for each matrix 0 or the order of its first minor not positive.

    >>> import minigrad as torch
    >>> torch.linalg.cholesky_ex(-torch.eye(2)).info
    tensor(1, dtype=torch.int32)
    """
    return _cholesky_ex(_cholesky("linalg.cholesky_ex", A, upper, check_errors))


@register("triangular", internal=True)
class Triangular(Op):
    """The solution X of A X = B for a triangular A.   gB = A⁻ᵀ g, gA = -gB Xᵀ in the triangle"""

    broadcasts = True
    grad_fn = "LinalgSolveTriangularBackward0"

    @staticmethod
    def forward(xp: Any, A: Array, B: Array, upper: bool, unit: bool) -> Array:
        """By BLAS, matrix by matrix; of many small ones all at once, row by row.

        A zero on the diagonal makes infinities.
        """
        lead, (A, B) = together(xp, A, B)
        if not B.size:
            return xp.zeros(B.shape, B.dtype)
        if math.prod(lead) > A.shape[-1]:
            return _by_rows(A, B.copy(), upper, unit)
        trsm = lapack(xp, "trsm", A.dtype)

        def one(a: Array, b: Array) -> Any:
            if a.flags.c_contiguous:  # LAPACK counts by columns: for it this is the transpose
                return (trsm(1.0, a.T, b, lower=upper, trans_a=1, diag=unit),)
            return (trsm(1.0, a, b, lower=not upper, diag=unit),)

        return xp.ascontiguousarray(each(xp, one, A, B)[0])

    @staticmethod
    def vjp(g: Any, A: Any, out: Any, upper: bool, unit: bool, needs: Any, F: Any) -> Any:
        """One more system with the same triangle, transposed."""
        gB = F.triangular(mT(A), g, not upper, unit)
        if not needs[0]:
            return None, gB
        whole, beside = -(gB @ mT(out)), int(unit)
        return (F.triu(whole, beside) if upper else F.tril(whole, -beside)), gB


def _by_rows(A: Array, X: Array, upper: bool, unit: bool) -> Array:
    """Substitution, in place of X, which begins as B."""
    n = A.shape[-1]
    for i in reversed(range(n)) if upper else range(n):
        row, known = slice(i, i + 1), slice(i + 1, n) if upper else slice(0, i)
        if known.start != known.stop:  # the first row has nothing known before it
            X[..., row, :] -= A[..., row, known] @ X[..., known, :]
        if not unit:
            X[..., row, :] /= A[..., row, row]
    return X


def triangular(A: Any, B: Any, upper: bool, left: bool = True, unit: bool = False) -> Any:
    """The solution of A X = B, or of X A = B, for Tensors whose sizes fit."""
    if left:
        return tensors.triangular(A, B, upper, unit)
    return tensors.triangular(A.mT, B.mT, not upper, unit).mT


@function(
    torch="linalg.solve_triangular",
    where=("linalg",),
    out=True,
    domain=(matrices(), reals(-3, 3)),
    samples=(
        call(T(3, 3), T(3, 2), upper=True),
        call(T(3, 3), T(3, 2), upper=False, unitriangular=True),
        call(T(2, 3, 3), T(4, 3), upper=False, left=False),
        call(T(2, 1, 3, 3), T(2, 3, 1), upper=True),
        call(T(0, 0), T(0, 2), upper=True),
    ),
    errors=(call(T(2, 3), T(3, 1), upper=True), call(T(3, 3), T(2, 1), upper=True)),
)
def linalg_solve_triangular(
    A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    """The solution of a system whose matrix is triangular; the other triangle is not read.

    Formula:   A out = B; with ``left=False`` out A = B; ``unitriangular``: ones on the diagonal
    Gradient:  gB = A⁻ᵀ g, gA = -gB outᵀ in the triangle

    Shape:     (*, n, n) (*, n, k) -> (*, n, k)
    Raises:    RuntimeError for other shapes or different dtypes

    >>> import minigrad as torch
    >>> torch.linalg.solve_triangular(torch.eye(2) * 2, torch.ones(2, 1), upper=True)
    tensor([[0.5000],
            [0.5000]])
    """
    op = "linalg.solve_triangular"
    need_square(op, A)
    need_tensor(op, B, "B", 2)
    need_float(op, A)
    if A._array.dtype != B._array.dtype:
        raise DtypeError(
            f"{op}: Expected A and B to have the same dtype, but found A of type {A.dtype} and B "
            f"of type {B.dtype} instead"
        )
    check_system(op, A._array, B._array, left)
    return triangular(A, B, upper, left, unitriangular)


@function(
    domain=(reals(-3, 3), matrices()),
    samples=(
        call(T(3, 2), T(3, 3)),
        call(T(3, 2), T(3, 3), upper=False, transpose=True),
        call(T(2, 3, 1), T(3, 3), unitriangular=True),
    ),
    errors=(call(T(2, 2), T(3, 3)), call(T(3), T(3, 3))),
    returns="Any",
)
def triangular_solve(
    b: Any,
    A: Any,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
    *,
    out: Any = None,
) -> Any:
    """The solution of a triangular system, and its matrix; see ``torch.linalg.solve_triangular``.

    >>> import minigrad as torch
    >>> torch.triangular_solve(torch.ones(2, 1), torch.eye(2) * 2).solution
    tensor([[0.5000],
            [0.5000]])
    """
    for name, value in (("b", b), ("A", A)):
        need_tensor("triangular_solve", value, name)
        if value._array.ndim < 2:
            raise ShapeError(
                f"torch.triangular_solve: Expected {name} to have at least 2 dimensions, but it "
                f"has {value._array.ndim} dimensions instead"
            )
    need_float("triangular_solve", A)
    _check_pair("triangular_solve", b, A)
    matrix, above = (A.mT, not upper) if transpose else (A, upper)
    lead = np.broadcast_shapes(b._array.shape[:-2], A._array.shape[:-2])
    found = _triangular_solve(
        (
            triangular(matrix, b, above, True, unitriangular),
            A.expand(*lead, *A._array.shape[-2:]).clone(),
        )
    )
    return found if out is None else into(out, found)


def _check_pair(op: str, b: Any, A: Any) -> None:
    """torch's checks of the older solvers, which take the right-hand side first."""
    m, n = A._array.shape[-2:]
    if A._array.dtype != b._array.dtype:
        raise DtypeError(f"{op}: b and A must have the same dtype: {b.dtype} is not {A.dtype}")
    if m != n:
        raise ShapeError(f"A must be batches of square matrices, but they are {m} by {n} matrices")
    if n != b._array.shape[-2]:
        raise ShapeError(
            f"Incompatible matrix sizes for {op}: each A matrix is {n} by {n} but each b matrix is "
            f"{b._array.shape[-2]} by {b._array.shape[-1]}"
        )


@register("cholesky_solution", internal=True)
class CholeskySolution(Op):
    """The solution X of L Lᵀ X = B.   gB = A⁻¹ g, gA = -gB Xᵀ, gL = (gA + gAᵀ) L"""

    broadcasts = True
    grad_fn = "CholeskySolveBackward0"

    @staticmethod
    def forward(xp: Any, B: Array, L: Array, upper: bool) -> Array:
        """Two triangular systems."""
        low, high = (mT(L), L) if upper else (L, mT(L))
        return Triangular.forward(
            xp, high, Triangular.forward(xp, low, B, False, False), True, False
        )

    @staticmethod
    def grad_B(g: Any, L: Any, upper: bool, F: Any) -> Any:
        """The same system."""
        return F.cholesky_solution(g, L, upper)

    @staticmethod
    def grad_L(g: Any, L: Any, out: Any, upper: bool, F: Any) -> Any:
        """By the gradient of the matrix; both triangles of L have one."""
        gA = -(F.cholesky_solution(g, L, upper) @ mT(out))
        return L @ (gA + mT(gA)) if upper else (gA + mT(gA)) @ L


@function(
    out=True,
    domain=(reals(-3, 3), spread(lower)),
    samples=(call(T(3, 2), T(3, 3)), call(T(2, 3, 1), T(3, 3, domain=spread(upper)), upper=True)),
    errors=(call(T(3), T(3, 3)), call(T(2, 2), T(3, 3))),
)
def cholesky_solve(input: Any, L: Any, upper: bool = False) -> Any:
    """The solution of a system whose matrix is given by its Cholesky factor.

    Formula:   L Lᵀ out = input; with ``upper`` Lᵀ L out = input
    Gradient:  by two triangular systems

    >>> import minigrad as torch
    >>> torch.cholesky_solve(torch.ones(1, 1), torch.tensor([[2.]]))
    tensor([[0.2500]])
    """
    for name, value in (("b", input), ("u", L)):
        need_tensor("cholesky_solve", value, name)
        if value._array.ndim < 2:
            raise ShapeError(
                f"{name} should have at least 2 dimensions, but has {value._array.ndim} dimensions "
                "instead (cholesky_solve)"
            )
    need_float("cholesky_solve", L)
    _check_pair("cholesky_solve", input, L)
    return tensors.cholesky_solution(input, L, upper)


@function(
    out=True,
    domain=(spread(lower),),
    samples=(call(T(3, 3)), call(T(2, 3, 3, domain=spread(upper)), True)),
    errors=(call(T(3)), call(T(2, 3))),
)
def cholesky_inverse(L: Any, upper: bool = False) -> Any:
    """The inverse of the matrix whose Cholesky factor is given.

    Formula:   out = (L Lᵀ)⁻¹; with ``upper`` (Lᵀ L)⁻¹
    Gradient:  by two triangular systems

    >>> import minigrad as torch
    >>> torch.cholesky_inverse(torch.tensor([[2.]]))
    tensor([[0.2500]])
    """
    need_square("cholesky_inverse", L)
    need_float("cholesky_inverse", L)
    return tensors.cholesky_solution(tensors.identity_of(L.detach()), L, upper)
