"""The QR decomposition, and Householder's reflections from which it is made."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Op, arrays, tensors
from minigrad.autograd.registry import T, call, function, matrices, reals, register
from minigrad.backend import Array, linalg
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.matrix.matrices import (
    cut,
    each,
    lapack,
    mT,
    need_float,
    need_matrices,
    need_tensor,
)
from minigrad.return_types import named

_linalg_qr = named("linalg_qr", "Q", "R")
_qr = named("qr", "Q", "R")
_geqrf = named("geqrf", "a", "tau")
FEW = 1024  # elements


@register("qr_parts", internal=True)
class QrParts(Op):
    """Q and R of A = Q R, with orthonormal columns and an upper triangle."""

    grad_fn = "LinalgQrBackward0"
    outputs = 2
    keeps = ("Q", "R")

    @staticmethod
    def forward(xp: Any, A: Array, mode: str) -> Any:
        """By LAPACK; what NumPy does around it takes as long as a small matrix.

        What is kept are copies: users may write to the results.
        """
        few = xp is np and A.ndim == 2 and 0 < A.size <= FEW
        if few and (mode != "complete" or A.shape[0] <= A.shape[1]):
            k = min(A.shape)
            made, tau, *_ = lapack(xp, "geqrf", A.dtype)(A)
            R = arrays.triu(xp.ascontiguousarray(made[:k]), 0)
            Q = xp.empty((0,), A.dtype)
            if mode != "r":
                Q = xp.ascontiguousarray(lapack(xp, "orgqr", A.dtype)(made[:, :k], tau)[0])
            return Q, R, Q.copy(), R.copy()
        if mode == "r":
            R = linalg(xp).qr(A, mode="r")
            Q = xp.empty((0,), A.dtype)
        else:
            Q, R = linalg(xp).qr(A, mode=mode)
        return Q, R, Q.copy(), R.copy()

    @staticmethod
    def rekeep(F: Any, A: Any, mode: str) -> Any:
        """The same again, recorded."""
        return F.qr_parts(A, mode)

    @staticmethod
    def vjp(g: Any, A: Any, Q: Any, R: Any, mode: str, F: Any) -> Any:
        """Of the first columns as many as there are rows; the others are Q times those of R."""
        (m, n), (gQ, gR) = A.shape[-2:], g
        if mode == "r":
            raise RuntimeError(
                "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. "
                "Please use linalg.qr(A, mode='reduced') if you are going to require gradients."
            )
        if mode == "complete" and m > n:
            raise RuntimeError(
                "The QR decomposition is not differentiable when mode='complete' and nrows > ncols"
            )
        gQ = Q * 0 if gQ is None else gQ
        gR = R * 0 if gR is None else gR
        if m >= n:
            return (_tall(gQ, gR, Q, R, F),)
        rest = cut(F, gR, -1, m, n - m)
        gQ = gQ + cut(F, A, -1, m, n - m) @ mT(rest)
        first = _tall(gQ, cut(F, gR, -1, 0, m), Q, cut(F, R, -1, 0, m), F)
        return (F.cat(first, Q @ rest, dim=len(A.shape) - 1),)


def _tall(gQ: Any, gR: Any, Q: Any, R: Any, F: Any) -> Any:
    """For no more columns than rows: (gQ + Q sym(gR Rᵀ - Qᵀ gQ)) R⁻ᵀ, symmetric from above."""
    M = gR @ mT(R) - mT(Q) @ gQ
    symmetric = F.triu(M, 0) + mT(F.triu(M, 1))
    return mT(F.triangular(R, mT(gQ + Q @ symmetric), True, False))


QR: dict[str, Any] = {"domain": (matrices(),), "errors": (call(T(3)), call("A"))}


@function(
    torch="linalg.qr",
    where=("linalg",),
    out=True,
    returns="Any",
    samples=(
        call(T(3, 3)),
        call(T(2, 4, 3)),
        call(T(3, 5), "reduced"),
        call(T(0, 2, 2)),
    ),
    **QR,
)
def linalg_qr(A: Any, mode: str = "reduced") -> Any:
    """The QR decomposition; mode "complete" gives a square Q, mode "r" R alone.

    Formula:   A = Q R, the columns of Q orthonormal, R an upper triangle
    Gradient:  (gQ + Q sym(gR Rᵀ - Qᵀ gQ)) R⁻ᵀ, sym making a symmetric matrix of the upper triangle

    Shape:     (*, m, n) -> (*, m, k), (*, k, n), k = min(m, n); k = m if complete
    Raises:    RuntimeError for an unknown mode, integers, vectors

    >>> import minigrad as torch
    >>> torch.linalg.qr(torch.tensor([[0., 2.], [3., 0.]])).R.abs()
    tensor([[3., 0.],
            [0., 2.]])
    """
    need_matrices("linalg.qr", A)
    need_float("linalg.qr", A, "geqrf_cpu")
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', "
            "or 'complete'"
        )
    return _linalg_qr(tensors.qr_parts(A, mode))


@function(
    out=True,
    returns="Any",
    samples=(call(T(3, 3)), call(T(2, 4, 3), some=True)),
    **QR,
)
def qr(input: Any, some: bool = True) -> Any:
    """The QR decomposition: :func:`torch.linalg.qr` under its older name.

    >>> import minigrad as torch
    >>> torch.qr(torch.eye(2)).R.abs()
    tensor([[1., 0.],
            [0., 1.]])
    """
    return _qr(linalg_qr(input, "reduced" if some else "complete"))


@register("reflectors_of", internal=True)
class ReflectorsOf(Op):
    """LAPACK's raw QR decomposition: R above the diagonal, the reflectors below, their factors."""

    outputs = 2

    @staticmethod
    def forward(xp: Any, input: Array) -> Any:
        """Matrix by matrix."""
        if not input.size:
            return input.copy(), xp.zeros((*input.shape[:-2], min(input.shape[-2:])), input.dtype)
        routine = lapack(xp, "geqrf", input.dtype)

        def one(a: Array) -> Any:
            made, tau, *_ = routine(a)
            return xp.ascontiguousarray(made), tau

        return tuple(each(xp, one, input))


@function(
    out=True,
    returns="Any",
    domain=(matrices(),),
    samples=(call(T(3, 3)), call(T(2, 4, 3))),
    errors=(call(T(3)),),
    gradcheck=False,
)
def geqrf(input: Any) -> Any:
    """LAPACK's raw QR decomposition: R, and Householder's reflectors with their factors.

    >>> import minigrad as torch
    >>> torch.geqrf(torch.tensor([[2.]])).tau
    tensor([0.])
    """
    need_matrices("geqrf", input, "input")
    need_float("geqrf", input, "geqrf_cpu")
    return _geqrf(tensors.reflectors_of(input))


def _steps(A: Any, tau: Any, backwards: bool, F: Any) -> list[tuple[Any, Any]]:
    """The reflections in their order: v, a column that begins with zeros and a one, and tau."""
    m, k = A.shape[-2], tau.shape[-1]
    V = F.tril(cut(F, A, -1, 0, k), -1)
    V = V + F.identity_of(V, m)
    t = F.reshape(tau, (*tau.shape, 1, 1))
    steps = [
        (cut(F, V, -1, i, 1), F.reshape(cut(F, t, -3, i, 1), (*tau.shape[:-1], 1, 1)))
        for i in range(k)
    ]
    return steps[::-1] if backwards else steps


@register(internal=True)
class Reflected(Op):
    """X after all reflections H = I - tau v vᵀ, the last (or the first) of them coming first."""

    @staticmethod
    def forward(xp: Any, A: Array, tau: Array, X: Array, backwards: bool) -> Array:
        """By LAPACK, matrix by matrix; without it one reflection after the other."""
        k = tau.shape[-1]
        if not X.size or not k or xp.__name__ == "cupy":
            X = X.copy()
            for v, t in _steps(A, tau, backwards, arrays):
                X -= (t * v) @ (mT(v) @ X)
            return X
        routine = lapack(xp, "ormqr", A.dtype)
        turn, room = "N" if backwards else "T", 64 * X.shape[-1]

        def one(a: Array, t: Array, x: Array) -> Any:
            return (routine("L", turn, a[:, :k], t, x, room)[0],)

        return xp.ascontiguousarray(each(xp, one, A, tau, X)[0])

    @staticmethod
    def vjp(g: Any, A: Any, tau: Any, X: Any, backwards: bool, F: Any) -> Any:
        """Back through the reflections, each of which is symmetric."""
        steps, before = _steps(A, tau, backwards, F), []
        for v, t in steps:
            before.append(X)
            X = X - (t * v) @ (mT(v) @ X)
        gV, gt = [], []
        for (v, t), x in zip(reversed(steps), reversed(before), strict=True):
            p, q = mT(v) @ g, mT(v) @ x
            gV.append((g @ mT(q) + x @ mT(p)) * -t)
            gt.append(-(p @ mT(q)))
            g = g - (t * v) @ p
        if not steps:
            return None, None, g
        if not backwards:
            gV, gt = gV[::-1], gt[::-1]
        dim, n, k = len(A.shape) - 1, A.shape[-1], len(steps)
        if k < n:
            gV.append(cut(F, A, -1, k, n - k) * 0)
        gA = F.tril(F.cat(*gV, dim=dim), -1)
        return gA, F.reshape(F.cat(*gt, dim=dim), tau.shape), g


def _need_reflectors(op: str, A: Any, tau: Any) -> None:
    need_matrices(op, A)
    need_tensor(op, tau, "tau", 2)
    a, t = A._array, tau._array
    m, n = a.shape[-2:]
    if m < n:
        raise ShapeError(
            f"torch.{op}: input.shape[-2] must be greater than or equal to input.shape[-1]"
        )
    if not t.ndim or t.shape[-1] > n:
        raise ShapeError(
            f"torch.{op}: input.shape[-1] must be greater than or equal to tau.shape[-1]"
        )
    if a.ndim - t.ndim != 1 or a.shape[:-2] != t.shape[:-1]:
        raise ShapeError(
            f"torch.{op}: Expected batch dimensions of tau to be equal to input.shape[:-2], but "
            f"got {list(t.shape[:-1])}"
        )
    if a.dtype != t.dtype:
        raise DtypeError(f"torch.{op}: tau dtype {tau.dtype} does not match input dtype {A.dtype}")
    need_float(op, A)


@function(
    torch="linalg.householder_product",
    aliases=("orgqr",),
    where=("torch", "Tensor"),
    out=True,
    domain=(matrices(), reals(0.2, 0.8)),
    samples=(call(T(3, 3), T(3)), call(T(2, 4, 3), T(2, 2))),
    errors=(call(T(2, 3), T(2)), call(T(3, 2), T(3))),
)
def linalg_householder_product(A: Any, tau: Any) -> Any:
    """The first columns of a product of Householder's reflections, as ``torch.geqrf`` gives them.

    Formula:   out = H₁ H₂ ... with H = I - tau v vᵀ, v from below the diagonal of A
    Gradient:  that of the product

    Shape:     (*, m, n) (*, k) -> (*, m, n), k <= n <= m
    Raises:    RuntimeError for other shapes or different dtypes

    >>> import minigrad as torch
    >>> torch.linalg.householder_product(torch.ones(2, 1), torch.tensor([1.]))
    tensor([[ 0.],
            [-1.]])
    """
    _need_reflectors("linalg.householder_product", A, tau)
    m = A.shape[-2]
    eye = tensors.identity_of(A.detach(), m).expand(A.shape)
    return tensors.reflected(A, tau, eye, True)


def _need_reflections(A: Any, tau: Any, other: Any, axis: int) -> None:
    """Check that reflections can be applied along an axis: nothing is broadcast."""
    need_matrices("ormqr", A, "input")
    need_tensor("ormqr", other, "other", 3)
    need_float("ormqr", A)
    if other.ndim < 2:
        raise ShapeError("torch.ormqr: other must have at least 2 dimensions.")
    if not tau.ndim:
        raise IndexError("Dimension specified as -1 but tensor has no dimensions")
    if other.shape[axis] != A.shape[-2]:
        raise ShapeError(f"torch.ormqr: other.shape[{axis}] must be equal to input.shape[-2]")
    if tau.shape[-1] != min(other.shape[axis], A.shape[-1]):
        raise ShapeError(
            f"torch.ormqr: tau.shape[-1] must be equal to min(other.shape[{axis}], input.shape[-1])"
        )
    if tau.ndim != A.ndim - 1:
        raise ShapeError(
            "torch.ormqr: Expected tau to have one dimension less than input, but got tau.ndim "
            f"equal to {tau.ndim} and input.ndim is equal to {A.ndim}"
        )
    if other.ndim != A.ndim:
        raise ShapeError(
            "torch.ormqr: Expected other to have the same number of dimensions as input, but got "
            f"other.ndim equal to {other.ndim} and input.ndim is equal to {A.ndim}"
        )
    for name, lead in (("tau", tau.shape[:-1]), ("other", other.shape[:-2])):
        if lead != A.shape[:-2]:
            raise ShapeError(
                f"torch.ormqr: Expected batch dimensions of {name} to be equal to "
                f"input.shape[:-2], but got {list(lead)}"
            )


@function(
    out=True,
    domain=(matrices(), reals(0.2, 0.8), reals(-3, 3)),
    samples=(
        call(T(3, 3), T(3), T(3, 2)),
        call(T(3, 2), T(2), T(2, 3), left=False, transpose=True),
    ),
    errors=(
        call(T(3), T(3), T(3, 2)),
        call(T(3, 3), T(2), T(3, 2)),
        call(T(3, 2), T(2), T(1, 3, 4)),
        call(T(2, 3, 2), T(3, 2), T(2, 3, 4)),
    ),
)
def ormqr(input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Any:
    """A matrix times the product of all of Householder's reflections, or its transpose.

    Formula:   out = Q other, Qᵀ other, other Q or other Qᵀ
    Gradient:  that of the product

    Raises:    RuntimeError for shapes that do not belong together

    >>> import minigrad as torch
    >>> torch.ormqr(torch.ones(2, 1), torch.tensor([1.]), torch.eye(2))
    tensor([[ 0., -1.],
            [-1.,  0.]])
    """
    _need_reflections(input, tau, other, -2 if left else -1)
    if left:
        return tensors.reflected(input, tau, other, not transpose)
    return tensors.reflected(input, tau, other.mT, transpose).mT
