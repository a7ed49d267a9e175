"""Singular values and eigenvalues, with their vectors.

Vectors are given up to a sign (and, for equal values, up to a rotation); the derivatives are those
of quantities that do not depend on that choice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.record import squares, symmetric
from minigrad.autograd.registry import T, call, function, matrices, register, spread
from minigrad.backend import Array, linalg
from minigrad.errors import LinAlgError
from minigrad.ops.matrix.determinant import NOT_SQUARE, SQUARE
from minigrad.ops.matrix.matrices import (
    cut,
    mT,
    need_float,
    need_matrices,
    need_square_floats,
    rows,
)
from minigrad.return_types import named

_linalg_svd = named("linalg_svd", "U", "S", "Vh")
_svd = named("svd", "U", "S", "V")
_eigh = named("linalg_eigh", "eigenvalues", "eigenvectors")
NOT_FINITE = (
    "The algorithm failed to converge because the input matrix contained non-finite values."
)


def off_diagonal_quotient(X: Any, values: Any, F: Any) -> Any:
    """X[i, j] / (values[j] - values[i]) beside the diagonal, 0 on it."""
    eye = F.identity_of(X)
    differences = rows(values) - mT(rows(values))
    return X * (1 - eye) / (differences + eye)


@register("svd_parts", internal=True)
class SvdParts(Op):
    """U, S and Vᵀ of A = U diag(S) Vᵀ."""

    grad_fn = "LinalgSvdBackward0"
    outputs = 3
    keeps = ("U", "S", "Vh")

    @staticmethod
    def forward(xp: Any, A: Array, full: bool) -> Any:
        """By LAPACK. What is kept are copies: users may write to the results."""
        U, S, Vh = _decomposed(xp, A, full)
        return U, S, Vh, U.copy(), S.copy(), Vh.copy()

    @staticmethod
    def rekeep(F: Any, A: Any, full: bool) -> Any:
        """The same again, recorded."""
        return F.svd_parts(A, full)

    @staticmethod
    def vjp(g: Any, A: Any, U: Any, S: Any, Vh: Any, full: bool, F: Any) -> Any:
        """In the basis of the vectors, and what leaves the spaces that they span."""
        gU, gS, gVh = g
        (m, n), k = A.shape[-2:], S.shape[-1]
        U, Vh = cut(F, U, -1, 0, k), cut(F, Vh, -2, 0, k)
        inside = rows(gS) * F.identity_of(rows(S)) if gS is not None else None
        squares = S * S
        out = None
        if gU is not None:
            gU = cut(F, gU, -1, 0, k)
            turn = mT(U) @ gU
            part = off_diagonal_quotient(turn - mT(turn), squares, F) * rows(S)
            inside = part if inside is None else inside + part
            if m > k:
                out = ((gU - U @ turn) / rows(S)) @ Vh
        if gVh is not None:
            gVh = cut(F, gVh, -2, 0, k)
            turn = Vh @ mT(gVh)
            part = mT(rows(S)) * off_diagonal_quotient(turn - mT(turn), squares, F)
            inside = part if inside is None else inside + part
            if n > k:
                rest = (U / rows(S)) @ (gVh - mT(turn) @ Vh)
                out = rest if out is None else out + rest
        whole = U @ inside @ Vh
        return (whole if out is None else whole + out,)


def _decomposed(xp: Any, A: Array, full: bool) -> Any:
    try:
        return linalg(xp).svd(A, full_matrices=full)
    except np.linalg.LinAlgError:
        raise LinAlgError(f"linalg.svd: {NOT_FINITE}") from None


@register("singular_values", internal=True)
class SingularValues(Op):
    """The singular values alone.   gA = U diag(g) Vᵀ"""

    grad_fn = "LinalgSvdBackward0"

    @staticmethod
    def forward(xp: Any, A: Array) -> Array:
        """By LAPACK, which is faster without the vectors."""
        if not A.size:
            return xp.zeros((*A.shape[:-2], min(A.shape[-2:])), A.dtype)
        try:
            return linalg(xp).svd(A, compute_uv=False)
        except np.linalg.LinAlgError:
            raise LinAlgError(f"linalg.svd: {NOT_FINITE}") from None

    @staticmethod
    def grad_A(g: Any, A: Any, F: Any) -> Any:
        """With the vectors, which are needed only now."""
        U, _, Vh = F.svd_parts(A, False)
        return (U * rows(g)) @ Vh


@register("eigh_parts", internal=True)
class EighParts(Op):
    """Eigenvalues and vectors of a symmetric matrix, of which one triangle is read."""

    grad_fn = "LinalgEighBackward0"
    outputs = 2
    keeps = ("L", "V")

    @staticmethod
    def forward(xp: Any, A: Array, triangle: str) -> Any:
        """By LAPACK; NaN for a matrix that is not finite. Copies are kept."""
        try:
            L, V = linalg(xp).eigh(A, UPLO=triangle)
        except np.linalg.LinAlgError:
            L, V = xp.full(A.shape[:-1], np.nan, A.dtype), xp.full_like(A, np.nan)
        return L, V, L.copy(), V.copy()

    @staticmethod
    def rekeep(F: Any, A: Any, triangle: str) -> Any:
        """The same again, recorded."""
        return F.eigh_parts(A, triangle)

    @staticmethod
    def vjp(g: Any, A: Any, L: Any, V: Any, triangle: str, F: Any) -> Any:
        """gA = sym(V (diag(gL) + (Vᵀ gV) / (L_j - L_i)) Vᵀ)."""
        gL, gV = g
        if gV is None:
            return ((V * rows(gL)) @ mT(V),)
        inside = off_diagonal_quotient(mT(V) @ gV, L, F)
        if gL is not None:
            inside = inside + rows(gL) * F.identity_of(V)
        whole = V @ inside @ mT(V)
        return ((whole + mT(whole)) / 2,)


@register("eigenvalues_of_symmetric", internal=True)
class EigenvaluesOfSymmetric(Op):
    """The eigenvalues alone.   gA = V diag(g) Vᵀ"""

    grad_fn = "LinalgEighBackward0"

    @staticmethod
    def forward(xp: Any, A: Array, triangle: str) -> Array:
        """By LAPACK, which is faster without the vectors."""
        try:
            return linalg(xp).eigvalsh(A, UPLO=triangle)
        except np.linalg.LinAlgError:
            return xp.full(A.shape[:-1], np.nan, A.dtype)

    @staticmethod
    def grad_A(g: Any, A: Any, triangle: str, F: Any) -> Any:
        """With the vectors, which are needed only now."""
        _, V = F.eigh_parts(A, triangle)
        return (V * rows(g)) @ mT(V)


MATRICES = (call(T(3, 3)), call(T(2, 4, 3)), call(T(3, 5)), call(T(0, 3)), call(T(0, 2, 2)))
ANY: dict[str, Any] = {
    "domain": (matrices(),),
    "samples": MATRICES,
    "errors": (call(T(3)), call("A")),
    "where": ("linalg",),
}


def _need_real(op: str, A: Any) -> None:
    need_matrices(op, A)
    need_float(op, A, "linalg_svd_cpu")


def _no_cuda_driver(op: str, driver: Any) -> None:
    if driver is not None:
        raise RuntimeError(
            f"{op}: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER "
            "backend."
        )


# The signs of vectors are LAPACK's own: one build of it may choose others than another.
def _determined(usv: Any) -> Any:
    """What a decomposition determines: no signs, and no vectors without a singular value."""
    U, S, Vh = usv
    k = S.shape[-1]
    return squares((U[..., :k], S, Vh[..., :k, :]))


@function(
    torch="linalg.svd",
    out=True,
    returns="Any",
    shown=_determined,
    **{**ANY, "domain": (spread(),), "samples": (call(T(3, 3)), call(T(2, 4, 3)), call(T(0, 3)))},
)
def linalg_svd(A: Any, full_matrices: bool = True, *, driver: Any = None) -> Any:
    """The singular value decomposition.

    Formula:   A = U diag(S) Vh, S from large to small; U and Vh square unless
               ``full_matrices=False``
    Gradient:  U (skew(Uᵀ gU) / E diag(S) + diag(S) skew(Vᵀ gV) / E + diag(gS)) Vh with
               E[i, j] = S[j]² - S[i]², plus what leaves the spaces that U and Vh span

    Shape:     (*, m, n) -> (*, m, m), (*, min(m, n)), (*, n, n)
    Raises:    torch.linalg.LinAlgError if A is not finite; RuntimeError for integers

    >>> import minigrad as torch
    >>> torch.linalg.svd(torch.tensor([[0., 2.], [3., 0.]])).S
    tensor([3., 2.])
    """
    _need_real("linalg.svd", A)
    _no_cuda_driver("torch.linalg.svd", driver)
    return _linalg_svd(tensors.svd_parts(A, full_matrices))


@function(
    out=True,
    returns="Any",
    shown=lambda usv: _determined((usv[0], usv[1], usv[2].mT)),
    domain=(spread(),),
    samples=(call(T(3, 3)), call(T(2, 4, 3), some=False), call(T(2, 3)), call(T(0, 3))),
    errors=(call(T(3)),),
)
def svd(input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """The singular value decomposition with V itself: :func:`torch.linalg.svd` as it used to be.

    Formula:   input = U diag(S) Vᵀ

    >>> import minigrad as torch
    >>> torch.svd(torch.tensor([[0., 2.], [3., 0.]])).S
    tensor([3., 2.])
    """
    _need_real("linalg.svd", input)
    if compute_uv:
        U, S, Vh = tensors.svd_parts(input, not some)
        return _svd((U, S, Vh.mT))
    *lead, m, n = input.shape
    S = tensors.singular_values(input)
    return _svd((input.new_zeros(*lead, m, m), S, input.new_zeros(*lead, n, n)))


@function(torch="linalg.svdvals", out=True, **ANY)
def linalg_svdvals(A: Any, *, driver: Any = None) -> Any:
    """The singular values, from large to small.

    Formula:   A = U diag(out) Vh
    Gradient:  U diag(g) Vh

    Shape:     (*, m, n) -> (*, min(m, n))
    Raises:    torch.linalg.LinAlgError if A is not finite; RuntimeError for integers

    >>> import minigrad as torch
    >>> torch.linalg.svdvals(torch.tensor([[0., 2.], [3., 0.]]))
    tensor([3., 2.])
    """
    _need_real("linalg.svdvals", A)
    _no_cuda_driver("torch.linalg.svd", driver)
    return tensors.singular_values(A)


def _triangle(UPLO: str) -> str:
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper()


SYMMETRIC: dict[str, Any] = {
    "domain": (spread(symmetric),),
    "errors": NOT_SQUARE,
    "where": ("linalg",),
}


@function(
    torch="linalg.eigh",
    out=True,
    returns="Any",
    shown=squares,
    samples=(*SQUARE, call(T(3, 3), "U")),
    **SYMMETRIC,
)
def linalg_eigh(A: Any, UPLO: str = "L") -> Any:
    """Eigenvalues and eigenvectors of a symmetric matrix, of which one triangle is read.

    Formula:   A = V diag(eigenvalues) Vᵀ, from small to large
    Gradient:  sym(V (diag(gL) + (Vᵀ gV) / E) Vᵀ) with E[i, j] = L[j] - L[i]

    Shape:     (*, n, n) -> (*, n), (*, n, n)
    Raises:    RuntimeError for other shapes and integers

    >>> import minigrad as torch
    >>> torch.linalg.eigh(torch.tensor([[2., 1.], [1., 2.]])).eigenvalues
    tensor([1., 3.])
    """
    need_square_floats("linalg.eigh", A, "linalg_eigh_cpu")
    return _eigh(tensors.eigh_parts(A, _triangle(UPLO)))


@function(
    torch="linalg.eigvalsh",
    out=True,
    samples=(*SQUARE, call(T(3, 3), "U")),
    **SYMMETRIC,
)
def linalg_eigvalsh(A: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of a symmetric matrix, from small to large; one triangle is read.

    Formula:   A = V diag(out) Vᵀ
    Gradient:  V diag(g) Vᵀ, which spreads over both triangles

    Shape:     (*, n, n) -> (*, n)
    Raises:    RuntimeError for other shapes and integers

    >>> import minigrad as torch
    >>> torch.linalg.eigvalsh(torch.tensor([[2., 1.], [1., 2.]]))
    tensor([1., 3.])
    """
    need_square_floats("linalg.eigvalsh", A, "linalg_eigh_cpu")
    return tensors.eigenvalues_of_symmetric(A, _triangle(UPLO))


def _complex(op: str) -> NotImplementedError:
    return NotImplementedError(
        f"{op}: the eigenvalues of a general matrix are complex numbers, which minigrad does not "
        "have; for a symmetric matrix use linalg.eigh or linalg.eigvalsh"
    )


@function(torch=None, where=("linalg",), returns="Any", gradcheck=False)
def linalg_eig(A: Any) -> Any:
    """Eigenvalues of a general matrix are complex numbers, which there are none of here.

    >>> import minigrad as torch
    >>> torch.linalg.eig(torch.eye(2))
    Traceback (most recent call last):
    NotImplementedError: linalg.eig: the eigenvalues of a general matrix are complex ...
    """
    need_square_floats("linalg.eig", A)
    raise _complex("linalg.eig")


@function(torch=None, where=("linalg",), gradcheck=False)
def linalg_eigvals(A: Any) -> Any:
    """Eigenvalues of a general matrix are complex numbers, which there are none of here.

    >>> import minigrad as torch
    >>> torch.linalg.eigvals(torch.eye(2))
    Traceback (most recent call last):
    NotImplementedError: linalg.eigvals: the eigenvalues of a general matrix are complex ...
    """
    need_square_floats("linalg.eigvals", A)
    raise _complex("linalg.eigvals")
