"""The LDLᵀ decomposition of symmetric matrices, and systems that are solved with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, matrices, pivots, reals, register
from minigrad.backend import Array
from minigrad.errors import ShapeError
from minigrad.ops.matrix.determinant import NOT_SQUARE
from minigrad.ops.matrix.matrices import (
    batch_text,
    each,
    fail,
    lapack,
    need_square_floats,
    need_tensor,
)
from minigrad.return_types import named

_ldl_factor = named("linalg_ldl_factor", "LD", "pivots")
_ldl_factor_ex = named("linalg_ldl_factor_ex", "LD", "pivots", "info")


@register("ldl_packed", internal=True)
class LdlPacked(Op):
    """L and D of a symmetric A = P L D Lᵀ Pᵀ in one matrix, exchanges, and the first zero pivot."""

    outputs = 3

    @staticmethod
    def forward(xp: Any, A: Array) -> Any:
        """By LAPACK, matrix by matrix; the lower triangle is read."""
        if not A.size:
            lead = A.shape[:-2]
            return A.copy(), xp.zeros(A.shape[:-1], xp.int32), xp.zeros(lead, xp.int32)
        routine = lapack(xp, "sytrf", A.dtype)

        def one(a: Array) -> Any:
            LD, pivots, info = routine(a, lower=1)
            return xp.tril(LD), pivots.astype(xp.int32), np.int32(info)

        return tuple(each(xp, one, A))


LDL: dict[str, Any] = {
    "domain": (matrices(),),
    "samples": (call(T(3, 3)), call(T(2, 2, 2))),
    "errors": NOT_SQUARE,
    "where": ("linalg",),
    "returns": "Any",
    "out": True,
    "gradcheck": False,
}


@function(torch="linalg.ldl_factor", **LDL)
def linalg_ldl_factor(A: Any, *, hermitian: bool = False) -> Any:
    """The LDLᵀ decomposition of a symmetric matrix in LAPACK's form; the lower triangle is read.

    >>> import minigrad as torch
    >>> torch.linalg.ldl_factor(torch.eye(2)).LD
    tensor([[1., 0.],
            [0., 1.]])
    """
    made = linalg_ldl_factor_ex(A, hermitian=hermitian)
    if made.info._array.any():
        raise RuntimeError(
            f"torch.linalg.ldl_factor: {batch_text(made.info._array)[0]}the factor D is singular"
        )
    return _ldl_factor(made[:2])


@function(torch="linalg.ldl_factor_ex", **LDL)
def linalg_ldl_factor_ex(A: Any, *, hermitian: bool = False, check_errors: bool = False) -> Any:
    """The LDLᵀ decomposition, and for each matrix 0 or the number of the first zero in D.

    >>> import minigrad as torch
    >>> torch.linalg.ldl_factor_ex(torch.eye(2)).info
    tensor(0, dtype=torch.int32)
    """
    need_square_floats("linalg.ldl_factor_ex", A)
    made = tensors.ldl_packed(A)
    if check_errors:
        fail("torch.linalg.ldl_factor_ex", made[2]._array, "D[{0},{0}] is zero")
    return _ldl_factor_ex(made)


@register("ldl_solution", internal=True)
class LdlSolution(Op):
    """The solution of a system whose matrix is given by its LDLᵀ decomposition; it is symmetric."""

    broadcasts = True
    grad_fn = "LinalgLdlSolveBackward0"

    @staticmethod
    def forward(xp: Any, B: Array, LD: Array, pivots: Array) -> Array:
        """By LAPACK, matrix by matrix."""
        lead = xp.broadcast_shapes(B.shape[:-2], LD.shape[:-2])
        B = xp.broadcast_to(B, (*lead, *B.shape[-2:]))
        if not B.size:
            return xp.zeros(B.shape, B.dtype)
        routine = lapack(xp, "sytrs", LD.dtype)
        LD = xp.broadcast_to(LD, (*lead, *LD.shape[-2:]))
        pivots = xp.broadcast_to(pivots, (*lead, pivots.shape[-1]))[..., None]

        def one(b: Array, ld: Array, p: Array) -> Any:
            return (routine(ld, p[:, 0], b, lower=1)[0],)

        return xp.ascontiguousarray(each(xp, one, B, LD, pivots)[0])

    @staticmethod
    def grad_B(g: Any, LD: Any, pivots: Any, F: Any) -> Any:
        """The same system."""
        return F.ldl_solution(g, LD, pivots)


@function(
    torch="linalg.ldl_solve",
    orders=0,
    domain=(reals(0.5, 3, moved=False), pivots(), reals(-3, 3)),
    samples=(call(T(3, 3), T(3), T(3, 2)), call(T(2, 3, 3), T(2, 3), T(2, 3, 1))),
    varied=False,  # of batches that are broadcast, torch reads pivots outside its memory
    where=("linalg",),
    out=True,
)
def linalg_ldl_solve(LD: Any, pivots: Any, B: Any, *, hermitian: bool = False) -> Any:
    """The solution of a system whose matrix is given by its LDLᵀ decomposition.

    Formula:   A out = B
    Gradient:  gB = A⁻¹ g

    >>> import minigrad as torch
    >>> torch.linalg.ldl_solve(*torch.linalg.ldl_factor(torch.eye(2) * 2), torch.ones(2, 1))
    tensor([[0.5000],
            [0.5000]])
    """
    need_square_floats("linalg.ldl_solve", LD, name="LD")
    need_tensor("linalg.ldl_solve", B, "B", 3)
    if B.ndim < 2 or B.shape[-2] != LD.shape[-1]:
        raise ShapeError(
            f"linalg.ldl_solve: Incompatible shapes of LD and B: {tuple(LD.shape)} and "
            f"{tuple(B.shape)}"
        )
    return tensors.ldl_solution(B, LD, pivots)
