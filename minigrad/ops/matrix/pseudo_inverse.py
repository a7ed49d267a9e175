"""Pseudo-inverses, ranks and least squares: matrices that need not have an inverse."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.record import symmetric
from minigrad.autograd.registry import T, call, function, matrices, reals, register, spread
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, linalg, on_host, scientific
from minigrad.errors import ShapeError
from minigrad.ops.matrix.matrices import (
    each,
    lapack,
    mT,
    need_float,
    need_matrices,
    need_square,
    need_tensor,
)
from minigrad.return_types import named

_lstsq = named("linalg_lstsq", "solution", "residuals", "rank", "singular_values")


def limits(op: str, A: Any, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """Below which singular values count as zero: absolute, and relative to the largest.

    Without either, the relative one is the precision times the longer side of the matrix.
    """
    for name, value in (("atol", atol), ("rtol", rtol)):
        if isinstance(value, TensorBase) and value.dtype.is_complex:  # type: ignore[attr-defined]
            raise RuntimeError(f"{op}: {name} tensor of complex type is not supported.")
    if rtol is None:
        usual = np.finfo(A._array.dtype).eps * max(A._array.shape[-2:], default=0)
        above = _array(atol) > 0 if atol is not None else False
        rtol = np.where(above, 0.0, usual)
    return _column(0.0 if atol is None else atol), _column(rtol)


def _array(value: Any) -> Any:
    return value._array if isinstance(value, TensorBase) else value


def _column(value: Any) -> Any:
    """A number, or one for each matrix, to be compared with all singular values of it."""
    array = np.asarray(_array(value))
    return array[..., None] if array.ndim else float(array)


def _counting(xp: Any, S: Array, atol: Any, rtol: Any) -> Array:
    """Which singular values (or sizes of eigenvalues) count."""
    if not S.shape[-1]:
        return xp.zeros(S.shape, bool)
    return xp.maximum(atol, rtol * S.max(-1, keepdims=True)) < S


@register("pseudo_inverse", internal=True)
class PseudoInverse(Op):
    """The pseudo-inverse P of A.   gA = -Pᵀ g Pᵀ + (1 - A P) gᵀ P Pᵀ + Pᵀ P gᵀ (1 - P A)"""

    grad_fn = "LinalgPinvBackward0"

    @staticmethod
    def forward(xp: Any, A: Array, atol: Any, rtol: Any, hermitian: bool) -> Array:
        """The inverses of the values that count, between the vectors of all."""
        if not A.size:
            return xp.zeros((*A.shape[:-2], A.shape[-1], A.shape[-2]), A.dtype)
        if hermitian:
            S, U = linalg(xp).eigh(A)
            V = U
        else:
            U, S, Vh = linalg(xp).svd(A, full_matrices=False)
            V = mT(Vh)
        counts = _counting(xp, xp.abs(S), atol, rtol)
        scaled = V * xp.where(counts, 1 / xp.where(counts, S, 1), 0)[..., None, :]
        return scaled @ mT(U)

    @staticmethod
    def grad_A(g: Any, A: Any, out: Any) -> Any:
        """Its change for a change of A that leaves the rank as it is, transposed."""
        return pseudo_inverse_gradient(g, A, out)


def pseudo_inverse_gradient(g: Any, A: Any, P: Any) -> Any:
    """What a cotangent of the pseudo-inverse P gives A, in either reading."""
    Pt, gt = mT(P), mT(g)
    left, right = gt @ P @ Pt, Pt @ P @ gt
    return -(Pt @ g @ Pt) + left - A @ (P @ left) + right - (right @ P) @ A


TALL = (call(T(3, 3)), call(T(2, 4, 3)), call(T(2, 5)), call(T(0, 3)))
ANY: dict[str, Any] = {"domain": (matrices(),), "errors": (call(T(3)), call("A"))}


def _pinv(op: str, A: Any, atol: Any, rtol: Any, hermitian: bool) -> Any:
    need_matrices(op, A)
    need_float(op, A)
    if hermitian:
        need_square(op, A)
    return tensors.pseudo_inverse(A, *limits(op, A, atol, rtol), hermitian)


@function(
    torch="linalg.pinv",
    where=("linalg",),
    out=True,
    samples=(
        *TALL,
        call(T(3, 3), rtol=1e-3),
        call(T(3, 3, domain=spread(symmetric)), atol=1e-2, hermitian=True),
    ),
    **ANY,
)
def linalg_pinv(
    A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Any:
    """The pseudo-inverse (Moore and Penrose's), of any matrix.

    Formula:   out = V diag(1 / S) Uᵀ over the singular values above max(atol, rtol max(S))
    Gradient:  -Pᵀ g Pᵀ + (1 - A P) gᵀ P Pᵀ + Pᵀ P gᵀ (1 - P A) with P = out

    Shape:     (*, m, n) -> (*, n, m)
    Raises:    RuntimeError for integers and vectors

    >>> import minigrad as torch
    >>> torch.linalg.pinv(torch.tensor([[2.], [0.]]))
    tensor([[0.5000, 0.0000]])
    """
    return _pinv("linalg.pinv", A, atol, rtol if rcond is None else rcond, hermitian)


@function(samples=TALL, **ANY)
def pinverse(input: Any, rcond: Any = 1e-15) -> Any:
    """The pseudo-inverse: :func:`torch.linalg.pinv` under its older name.

    >>> import minigrad as torch
    >>> torch.pinverse(torch.tensor([[2.], [0.]]))
    tensor([[0.5000, 0.0000]])
    """
    return _pinv("linalg.pinv", input, None, rcond, False)


@register("rank_of", internal=True)
class RankOf(Op):
    """How many singular values count."""

    @staticmethod
    def forward(xp: Any, A: Array, atol: Any, rtol: Any, hermitian: bool) -> Array:
        """Compare and count."""
        if not A.size:
            S = xp.zeros((*A.shape[:-2], 0), A.dtype)
        elif hermitian:
            S = xp.abs(linalg(xp).eigvalsh(A))
        else:
            S = linalg(xp).svd(A, compute_uv=False)
        return _counting(xp, S, atol, rtol).sum(-1)


@function(
    torch="linalg.matrix_rank",
    where=("linalg",),
    out=True,
    samples=(*TALL, call(T(3, 3), 1e-3), call(T(3, 3), hermitian=True)),
    gradcheck=False,
    **ANY,
)
def linalg_matrix_rank(
    A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Any:
    """The rank of a matrix: how many of its singular values are above max(atol, rtol max(S)).

    >>> import minigrad as torch
    >>> torch.linalg.matrix_rank(torch.ones(3, 3))
    tensor(1)
    """
    need_matrices("linalg.matrix_rank", A)
    need_float("linalg.matrix_rank", A)
    if hermitian:
        need_square("linalg.matrix_rank", A)
    if tol is not None:
        atol, rtol = tol, 0.0
    return tensors.rank_of(A, *limits("linalg.matrix_rank", A, atol, rtol), hermitian)


@register("least_squares", internal=True)
class LeastSquares(Op):
    """The X of least size for which |A X - B| is least, the squares that remain, ranks, values."""

    broadcasts = True
    grad_fn = "LinalgLstsqBackward0"
    outputs = 4

    @staticmethod
    def forward(xp: Any, A: Array, B: Array, rcond: Any, driver: str) -> Any:
        """By LAPACK, matrix by matrix."""
        lead = xp.broadcast_shapes(A.shape[:-2], B.shape[:-2])
        (m, n), k, own = A.shape[-2:], B.shape[-1], A.shape[:-2]
        A = xp.broadcast_to(A, (*lead, m, n))
        B = xp.broadcast_to(B, (*lead, m, k))
        none = xp.empty((0,), A.dtype)
        if not A.size or not k:
            X, rank = xp.zeros((*lead, n, k), A.dtype), xp.zeros(lead, xp.int64)
            S = xp.zeros((*lead, min(m, n)), A.dtype)
        else:
            cut = np.finfo(A.dtype).eps * max(m, n) if rcond is None else rcond
            X, rank, S = each(xp, lambda a, b: _one_system(xp, a, b, cut, driver), A, B)
        full = m > n and driver != "gelsy" and (driver == "gels" or bool((rank == n).all()))
        rest = ((A @ X - B) ** 2).sum(-2) if full else none
        once = (0,) * (len(lead) - len(own)) + tuple(slice(0, size) for size in own)
        rank, S = rank[once], S[once]  # of each matrix, however often it was used
        rank = rank if driver != "gels" else xp.empty((0,), xp.int64)
        return X, rest, rank, (S if driver in ("gelsd", "gelss") else none)

    @staticmethod
    def vjp(g: Any, A: Any, B: Any, out: Any, needs: Any, F: Any) -> Any:
        """X is the pseudo-inverse times B."""
        gX, grest = g[0], g[1]
        gA = gB = None
        if gX is not None:
            P = F.pseudo_inverse(A, *_usual(A), False)
            gB = mT(P) @ gX
            gA = pseudo_inverse_gradient(gX @ mT(B), A, P) if needs[0] else None
        if grest is not None and grest.shape != (0,):
            twice = (A @ out - B) * (grest.reshape((*grest.shape[:-1], 1, grest.shape[-1])) * 2)
            gB = -twice if gB is None else gB - twice
            if needs[0]:
                whole = twice @ mT(out)
                gA = whole if gA is None else gA + whole
        return gA, gB


def _usual(A: Any) -> tuple[float, float]:
    dtype = getattr(A, "_array", A).dtype
    return 0.0, float(np.finfo(dtype).eps) * max(A.shape[-2:])


def _one_system(xp: Any, a: Array, b: Array, cut: float, driver: str) -> Any:
    m, n = a.shape
    nothing = xp.zeros(min(m, n), a.dtype)
    if driver == "gels":
        wide = xp.zeros((max(m, n), b.shape[1]), b.dtype)
        wide[:m] = b
        return lapack(xp, "gels", a.dtype)(a, wide)[1][:n], np.int64(min(m, n)), nothing
    lstsq = on_host("LAPACK's " + driver, scientific(np, "linalg").lstsq)
    X, _, rank, S = lstsq(a, b, cond=cut, lapack_driver=driver, check_finite=False)
    return X, np.int64(rank), nothing if S is None else S


@function(
    torch="linalg.lstsq",
    where=("linalg",),
    returns="Any",
    domain=(matrices(), reals(-3, 3)),
    samples=(call(T(3, 3), T(3, 2)), call(T(2, 5, 3), T(2, 5, 1)), call(T(2, 4), T(2, 2))),
    errors=(call(T(3), T(3)), call(T(3, 2), T(2, 1))),
    out=True,
    varied=False,  # torch repeats a matrix of right sides for sizes that have nothing to do with it
)
def linalg_lstsq(A: Any, B: Any, rcond: Any = None, *, driver: str | None = None) -> Any:
    """The solution of a system in the sense of least squares, of least size if there are several.

    Formula:   solution = pinv(A) B; residuals the squares of A solution - B, summed, if A is tall
               and of full rank and the driver is not "gelsy", the default
    Gradient:  of the solution gB = Pᵀ g, gA that of the pseudo-inverse P for the cotangent g Bᵀ

    Shape:     (*, m, n) (*, m, k) -> (*, n, k), (*, k) or (0), (*), (*, min(m, n)) or (0)
    Raises:    RuntimeError for other shapes, an unknown driver, integers

    >>> import minigrad as torch
    >>> torch.linalg.lstsq(torch.tensor([[1.], [0.]]), torch.tensor([[2.], [3.]])).solution
    tensor([[2.]])
    """
    op = "linalg.lstsq"
    need_matrices(op, A)
    need_tensor(op, B, "B", 2)
    need_float(op, A)
    if driver not in (None, "gels", "gelsd", "gelss", "gelsy"):
        raise RuntimeError(
            "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        )
    a, b = A._array, B._array
    vector = b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])
    if not b.ndim:
        raise ShapeError("torch.linalg.lstsq: input.dim() must be greater or equal to other.dim()")
    if a.dtype != b.dtype:
        raise RuntimeError(
            "torch.linalg.lstsq: Expected input and other to have the same dtype, but got "
            f"{A.dtype} and {B.dtype}"
        )
    if vector:
        B = B.unsqueeze(-1)
    if B.shape[-2] != A.shape[-2]:
        raise ShapeError(
            "torch.linalg.lstsq: input.size(-2) should match other.size(-2): "
            f"{A.shape[-2]} is not {B.shape[-2]}"
        )
    X, rest, rank, S = tensors.least_squares(A, B, rcond, driver or "gelsy")
    if vector:
        X = X.squeeze(-1)
        rest = rest if rest.shape == (0,) else rest.squeeze(-1)
    return _lstsq((X, rest, rank, S))
