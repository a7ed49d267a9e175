"""Powers and exponentials of matrices, products of many, and decompositions of low rank."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.record import squares
from minigrad.autograd.registry import T, call, function, matrices, register, spread
from minigrad.backend import Array, scientific
from minigrad.errors import ShapeError
from minigrad.ops.creation.random import randn
from minigrad.ops.matrix.determinant import NOT_SQUARE
from minigrad.ops.matrix.matrices import (
    cut,
    each,
    mT,
    need_float,
    need_matrices,
    need_square,
    need_tensor,
)
from minigrad.ops.matrix.orthogonal import linalg_qr
from minigrad.ops.matrix.solve import linalg_inv
from minigrad.ops.matrix.spectral import linalg_svd


def _power(op: str, A: Any, n: int) -> Any:
    need_square(op, A)
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        kind = type(n).__name__
        raise TypeError(f"{op.replace('.', '_')}(): argument 'n' must be int, not {kind}")
    if n == 0:
        return A.clone().copy_(tensors.identity_of(A.detach()))
    if n < 0:
        A, n = linalg_inv(A), -n
    result, square = None, A
    while True:
        if n % 2:
            result = square if result is None else result @ square
        n //= 2
        if not n:
            return result.clone() if result is A else result
        square = square @ square


POWERS: dict[str, Any] = {
    "domain": (matrices(),),
    "samples": (
        call(T(3, 3), 3),
        call(T(2, 3, 3), 0),
        call(T(2, 2), -2),
        call(T(3, 3), 1),
        call(T(0, 2, 2), 2),
    ),
    "errors": (call(T(2, 3), 2), call(T(3), 2)),
    "out": True,
}


@function(torch="linalg.matrix_power", where=("linalg",), **POWERS)
def linalg_matrix_power(A: Any, n: int) -> Any:
    """A square matrix times itself, n times in all; for a negative n, the same of its inverse.

    Formula:   out = A ... A, by squaring
    Gradient:  that of the products

    Shape:     (*, n, n) -> (*, n, n)
    Raises:    RuntimeError unless the matrices are square; LinAlgError for n < 0 and a singular one

    >>> import minigrad as torch
    >>> torch.linalg.matrix_power(torch.tensor([[1., 1.], [0., 1.]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    return _power("linalg.matrix_power", A, n)


@function(**POWERS)
def matrix_power(input: Any, n: int) -> Any:
    """A power of a matrix: :func:`torch.linalg.matrix_power` under its older name.

    >>> import minigrad as torch
    >>> torch.matrix_power(torch.tensor([[2.]]), 3)
    tensor([[8.]])
    """
    return _power("linalg.matrix_power", input, n)


@register("matrix_exponential", internal=True)
class MatrixExponential(Op):
    """The exponential of square matrices."""

    grad_fn = "LinalgMatrixExpBackward0"

    @staticmethod
    def forward(xp: Any, A: Array) -> Array:
        """By scaling and squaring, in float64: float32 would lose a digit by the squaring."""
        if not A.size:
            return A.copy()
        wide, expm = A.astype(xp.float64, copy=False), scientific(xp, "linalg").expm
        # SciPy takes stacks, CuPy one matrix.
        made = expm(wide) if xp is np else each(xp, lambda a: (expm(a),), wide)[0]
        return made.astype(A.dtype, copy=False)

    @staticmethod
    def grad_A(g: Any, A: Any, F: Any) -> Any:
        """The derivative along g at Aᵀ: the corner of the exponential of [[Aᵀ, g], [0, Aᵀ]]."""
        n, last = A.shape[-1], len(A.shape) - 1
        top = F.cat(mT(A), g, dim=last)
        below = F.cat(A * 0, mT(A), dim=last)
        whole = F.matrix_exponential(F.cat(top, below, dim=last - 1))
        return cut(F, cut(F, whole, -2, 0, n), -1, n, n)


EXPONENTIALS: dict[str, Any] = {
    "domain": (matrices(0.1),),
    "samples": (call(T(3, 3)), call(T(2, 2, 2)), call(T(1, 1)), call(T(0, 2, 2))),
    "errors": NOT_SQUARE,
}


@function(torch="linalg.matrix_exp", where=("linalg",), **EXPONENTIALS)
def linalg_matrix_exp(A: Any) -> Any:
    """The exponential of a square matrix, or of each of a stack.

    Formula:   out = Σ Aᵏ / k!
    Gradient:  the upper right corner of the exponential of [[Aᵀ, g], [0, Aᵀ]]

    Shape:     (*, n, n) -> (*, n, n)
    Raises:    RuntimeError unless the matrices are square and of floats

    >>> import minigrad as torch
    >>> torch.linalg.matrix_exp(torch.tensor([[0., 1.], [0., 0.]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    need_matrices("linalg.matrix_exp", A)
    need_float("linalg.matrix_exp", A, half=True)
    need_square("linalg.matrix_exp", A)
    return tensors.matrix_exponential(A)


@function(torch="matrix_exp", **EXPONENTIALS)
def matrix_exp(input: Any) -> Any:
    """The exponential of a matrix: :func:`torch.linalg.matrix_exp` under its older name.

    >>> import minigrad as torch
    >>> torch.matrix_exp(torch.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    return linalg_matrix_exp(input)


def cheapest_order(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to split each product of neighbours, for matrices of sizes[i] by sizes[i + 1].

    >>> cheapest_order([10, 1000, 5, 100])[0, 2]
    1
    """
    count = len(sizes) - 1
    cost: dict[tuple[int, int], int] = {(i, i): 0 for i in range(count)}
    split = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i, j], split[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return split


def _need_chain(op: str, tensors_: Any) -> list[Any]:
    """The factors as matrices, a vector at an end as a row or a column."""
    factors = list(tensors_)
    if len(factors) < 2:
        raise RuntimeError(f"{op}(): expected at least 2 tensors but got {len(factors)}")
    for place, factor in enumerate(factors):
        need_tensor(op, factor, "tensors")
        ends = place in (0, len(factors) - 1)
        if factor.ndim != 2 and not (ends and factor.ndim == 1):
            which = "1D or 2D" if ends else "2D"
            raise ShapeError(f"{op}(): tensor {place} must be {which} but got {factor.ndim}D")
        if factor.dtype is not factors[0].dtype:
            raise RuntimeError(f"{op}(): all tensors must have be the same dtype")
    if factors[0].ndim == 1:
        factors[0] = factors[0].unsqueeze(0)
    if factors[-1].ndim == 1:
        factors[-1] = factors[-1].unsqueeze(1)
    for place, (a, b) in enumerate(itertools.pairwise(factors)):
        if a.shape[1] != b.shape[0]:
            raise ShapeError(
                f"{op}(): tensors {place} and {place + 1} with shapes {list(a.shape)} and "
                f"{list(b.shape)} cannot be multiplied"
            )
    return factors


def _chain(factors: list[Any]) -> Any:
    split = cheapest_order([factors[0].shape[0], *[f.shape[1] for f in factors]])

    def product(i: int, j: int) -> Any:
        if i == j:
            return factors[i]
        k = split[i, j]
        return product(i, k) @ product(k + 1, j)

    return product(0, len(factors) - 1)


@function(
    torch="linalg.multi_dot",
    where=("linalg",),
    out=True,
    samples=(
        call([T(2, 3), T(3, 4)]),
        call([T(4), T(4, 2), T(2, 3), T(3)]),
        call([T(2, 3), T(3, 1), T(1, 5)]),
    ),
    errors=(call([T(2, 3)]), call([T(2, 3), T(2, 3)])),
)
def linalg_multi_dot(tensors: Any) -> Any:
    """The product of several matrices, in the order that takes the fewest operations.

    Formula:   out = A B C ...; the first and the last may be vectors, a row and a column
    Gradient:  that of the products

    Raises:    RuntimeError for fewer than two, and for sizes that do not fit

    >>> import minigrad as torch
    >>> torch.linalg.multi_dot([torch.ones(2, 3), torch.ones(3, 1), torch.ones(1)])
    tensor([3., 3.])
    """
    given = list(tensors)
    out = _chain(_need_chain("multi_dot", given))
    if given[0].ndim == 1:
        out = out.squeeze(0)
    return out.squeeze(-1) if given[-1].ndim == 1 else out


@function(
    where=("torch",),
    out=True,
    samples=(call(T(2, 3), T(3, 4)), call(T(2, 3), T(3, 1), T(1, 5))),
    errors=(call(T(2, 3), T(2, 3)), call(T(3), T(3))),
)
def chain_matmul(*matrices: Any) -> Any:
    """The product of several matrices; see :func:`torch.linalg.multi_dot`.

    >>> import minigrad as torch
    >>> torch.chain_matmul(torch.ones(1, 2), torch.ones(2, 1))
    tensor([[2.]])
    """
    for place, matrix in enumerate(matrices):
        need_tensor("chain_matmul", matrix, "matrices")
        if matrix.ndim != 2:
            raise ShapeError(
                f"Tensor dimension is {matrix.ndim}, expected 2 instead (chain_matmul: tensor "
                f"{place})"
            )
    if len(matrices) == 1:
        return matrices[0]
    return _chain(_need_chain("chain_matmul", matrices))


def _basis(A: Any, q: int, niter: int, M: Any) -> Any:
    """An orthonormal basis of about the range of A - M, by iterations from random columns."""
    B = A if M is None else A - M
    start = randn(A.shape[-1], q, dtype=A.dtype, device=A.device)
    Q = linalg_qr(B @ start).Q
    for _ in range(niter or 0):
        Q = linalg_qr(B.mT @ Q).Q
        Q = linalg_qr(B @ Q).Q
    return Q


@function(
    where=("torch",),
    returns="Any",
    torch=None,
    domain=(spread(),),
    samples=(call(T(4, 3), 3), call(T(2, 3, 4), q=3, niter=1)),
    varied=False,  # more columns than the rank: what is left of them is rounding, or NaN
    shown=squares,
)
def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Any = None) -> Any:
    """About the q largest singular values of A - M, with their vectors, by a random projection.

    Formula:   A - M ≈ U diag(S) Vᵀ
    Source:    https://docs.pytorch.org/docs/stable/generated/torch.svd_lowrank.html

    >>> import minigrad as torch
    >>> U, S, V = torch.svd_lowrank(torch.ones(3, 2), q=1)
    >>> torch.allclose(S * S, torch.tensor([6.]))
    True
    """
    need_matrices("svd_lowrank", A)
    q = 6 if q is None else q
    if M is not None:
        M = M.expand(A.shape)
    m, n = A.shape[-2:]
    if m < n:
        A, M = A.mT, None if M is None else M.mT
    Q = _basis(A, q, niter or 0, M)
    B = Q.mT @ (A if M is None else A - M)
    U, S, Vh = linalg_svd(B, full_matrices=False)
    U, V = Q @ U, Vh.mT
    return (V, S, U) if m < n else (U, S, V)


@function(
    where=("torch",),
    returns="Any",
    torch=None,
    domain=(spread(),),
    samples=(call(T(4, 3), 3, center=False), call(T(5, 3), q=3)),
    varied=False,  # a centred square matrix is singular
    shown=squares,
)
def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> Any:
    """About the q first principal components of the rows of A, by a random projection.

    Formula:   A - mean(A) ≈ U diag(S) Vᵀ
    Source:    https://docs.pytorch.org/docs/stable/generated/torch.pca_lowrank.html

    >>> import minigrad as torch
    >>> torch.pca_lowrank(torch.tensor([[1., 0.], [3., 0.]]), q=1)[1].round()
    tensor([1.])
    """
    need_matrices("pca_lowrank", A)
    m, n = A.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not 0 <= q <= min(m, n):
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    need_float("pca_lowrank", A)
    if center:
        A = A - A.mean(dim=-2, keepdim=True)
    return svd_lowrank(A, q, niter=niter)
