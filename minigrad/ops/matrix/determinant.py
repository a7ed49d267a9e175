"""Determinants, and their derivatives, which exist for singular matrices too."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, matrices, register
from minigrad.backend import Array, linalg
from minigrad.ops.matrix.matrices import columns, mT, need_square_floats
from minigrad.return_types import named

SQUARE = (call(T(3, 3)), call(T(2, 4, 4)), call(T(1, 1)), call(T(0, 2, 2)))
NOT_SQUARE = (call(T(2, 3)), call(T(3)), call("A"))


def inner(a: Any, b: Any, F: Any) -> Any:
    """The sum of the elementwise products of the matrices of two stacks, to multiply such."""
    return F.sum(a * b, (-2, -1), True)


@register("determinant", internal=True)
class Determinant(Op):
    """The determinant.   gA = g cof(A)"""

    grad_fn = "LinalgDetBackward0"

    @staticmethod
    def forward(xp: Any, A: Array) -> Array:
        """By LU decomposition."""
        return linalg(xp).det(A)

    @staticmethod
    def grad_A(g: Any, A: Any, F: Any) -> Any:
        """The cofactors, scaled."""
        return columns(g) * F.cofactors(A)


@register("cofactors", internal=True)
class Cofactors(Op):
    """The matrix of cofactors, det(A) A⁻ᵀ where A has an inverse: the gradient of det."""

    @staticmethod
    def forward(xp: Any, A: Array) -> Array:
        """By the inverse; by singular values if there is none."""
        det = linalg(xp).det(A)
        if det.all():
            try:
                return columns(det) * mT(linalg(xp).inv(A))
            except np.linalg.LinAlgError:
                pass
        U, S, Vh = linalg(xp).svd(A)
        others = _products_without(xp, S, 1)
        return columns(linalg(xp).det(U) * linalg(xp).det(Vh)) * ((U * others[..., None, :]) @ Vh)

    @staticmethod
    def grad_A(g: Any, A: Any, F: Any) -> Any:
        """The second derivative of det, which is symmetric, applied to the cotangent."""
        return F.cofactors_along(A, g)


@register("cofactors_along", internal=True)
class CofactorsAlong(Op):
    """How the cofactors change along a direction: det(A) (<H, K> K - K Hᵀ K) with K = A⁻ᵀ."""

    @staticmethod
    def forward(xp: Any, A: Array, H: Array) -> Array:
        """By singular values, in whose basis no inverse is needed."""
        U, S, Vh = linalg(xp).svd(A)
        pairs = _products_without(xp, S, 2)
        M = mT(U) @ H @ mT(Vh)
        diagonal = xp.diagonal(M, axis1=-2, axis2=-1)
        eye = xp.eye(S.shape[-1], dtype=S.dtype)
        inside = eye * (pairs @ diagonal[..., None]) - mT(M) * pairs
        return columns(linalg(xp).det(U) * linalg(xp).det(Vh)) * (U @ inside @ Vh)

    @staticmethod
    def grad_H(g: Any, A: Any, F: Any) -> Any:
        """The same: the second derivative is symmetric."""
        return F.cofactors_along(A, g)

    @staticmethod
    def grad_A(g: Any, A: Any, H: Any, F: Any) -> Any:
        """The third derivative of det, for matrices that have an inverse."""
        K = mT(F.inverse_matrix(A))
        a, b = inner(H, K, F), inner(g, K, F)
        KHK, KgK = K @ mT(H) @ K, K @ mT(g) @ K
        both = a * b - inner(mT(g) @ K, mT(K) @ H, F)
        mixed = KHK @ mT(g) @ K + KgK @ mT(H) @ K
        return columns(F.determinant(A)) * (both * K - b * KHK - a * KgK + mixed)


def _products_without(xp: Any, S: Array, count: int) -> Array:
    """For each index (or pair of different ones) the product of all others' values."""
    eye = xp.eye(S.shape[-1], dtype=bool)
    if count == 1:
        return xp.where(eye, 1, S[..., None, :]).prod(-1)
    left_out = eye[:, None, :] | eye[None, :, :]
    return xp.where(left_out, 1, S[..., None, None, :]).prod(-1) * ~eye


@register("sign_and_log", internal=True)
class SignAndLog(Op):
    """The sign of the determinant and the logarithm of its size.   gA = g A⁻ᵀ"""

    grad_fn = "LinalgSlogdetBackward0"
    outputs = 2

    @staticmethod
    def forward(xp: Any, A: Array) -> Any:
        """By LU decomposition."""
        return tuple(linalg(xp).slogdet(A))

    @staticmethod
    def grad_A(g: Any, A: Any, F: Any) -> Any:
        """The transpose of the inverse, scaled; the sign is constant."""
        if g[1] is None:
            return A * 0
        return columns(g[1]) * mT(F.inverse_matrix(A))


_linalg_slogdet = named("linalg_slogdet", "sign", "logabsdet")
_slogdet = named("slogdet", "sign", "logabsdet")
FACTS: dict[str, Any] = {"domain": (matrices(),), "samples": SQUARE, "errors": NOT_SQUARE}


@function(torch="linalg.det", where=("linalg",), out=True, **FACTS)
def linalg_det(A: Any) -> Any:
    """The determinant of a square matrix, or of each of a stack.

    Formula:   out = det(A)
    Gradient:  g det(A) A⁻ᵀ; for a singular matrix g times its cofactors

    Shape:     (*, n, n) -> (*)
    Raises:    RuntimeError unless the matrices are square and of floats

    >>> import minigrad as torch
    >>> torch.linalg.det(torch.tensor([[1., 2.], [3., 4.]]))
    tensor(-2.)
    """
    need_square_floats("linalg.det", A, "lu_cpu")
    return tensors.determinant(A)


@function(**FACTS)
def det(input: Any) -> Any:
    """The determinant: :func:`torch.linalg.det` under its older name.

    >>> import minigrad as torch
    >>> torch.det(torch.tensor([[2., 0.], [0., 3.]]))
    tensor(6.)
    """
    return linalg_det(input)


@function(torch="linalg.slogdet", where=("linalg",), out=True, returns="Any", **FACTS)
def linalg_slogdet(A: Any) -> Any:
    """The sign of the determinant, and the logarithm of its absolute value, which can't overflow.

    Formula:   sign = sign(det(A)), logabsdet = log(|det(A)|)
    Gradient:  of logabsdet g A⁻ᵀ

    Shape:     (*, n, n) -> (*), (*)
    Raises:    RuntimeError unless the matrices are square and of floats

    >>> import minigrad as torch
    >>> torch.linalg.slogdet(torch.tensor([[-2., 0.], [0., 0.5]]))
    torch.return_types.linalg_slogdet(
    sign=tensor(-1.),
    logabsdet=tensor(0.))
    """
    need_square_floats("linalg.slogdet", A)
    return _linalg_slogdet(tensors.sign_and_log(A))


@function(returns="Any", **FACTS)
def slogdet(input: Any) -> Any:
    """Sign and logarithm of the determinant: :func:`torch.linalg.slogdet` under its older name.

    >>> import minigrad as torch
    >>> torch.slogdet(torch.eye(2)).sign
    tensor(1.)
    """
    return _slogdet(linalg_slogdet(input))


@function(**FACTS)
def logdet(input: Any) -> Any:
    """The logarithm of the determinant; NaN where that is negative, -inf where it is zero.

    Formula:   out = log(det(input))
    Gradient:  g A⁻ᵀ

    Shape:     (*, n, n) -> (*)
    Raises:    RuntimeError unless the matrices are square and of floats

    >>> import minigrad as torch
    >>> torch.logdet(torch.eye(3))
    tensor(0.)
    """
    need_square_floats("logdet", input)
    sign, log = tensors.sign_and_log(input)
    return tensors.where(sign == -1, float("nan"), log)
