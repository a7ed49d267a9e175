"""Inverses, and systems of linear equations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.record import invertible
from minigrad.autograd.registry import Domain, T, call, function, matrices, reals, register
from minigrad.backend import Array, linalg, xp_of
from minigrad.errors import LinAlgError, ShapeError
from minigrad.ops.matrix.determinant import NOT_SQUARE, SQUARE
from minigrad.ops.matrix.matrices import (
    each,
    fail,
    lapack,
    mT,
    need_float,
    need_square_floats,
    need_tensor,
    together,
)
from minigrad.return_types import named

SINGULAR = (
    "The diagonal element {} is zero, the inversion could not be completed because the input "
    "matrix is singular."
)
UNSOLVED = "The solver failed because the input matrix is singular."


def zero_pivots(xp: Any, A: Array) -> Array:
    """For each matrix the number of the first zero on the diagonal of its U; 0: invertible."""
    if not A.shape[-1]:
        return xp.zeros(A.shape[:-2], xp.int32)
    routine = lapack(xp, "getrf", A.dtype)
    return each(xp, lambda a: (np.int32(routine(a)[2]),), A)[0]


@register("inverse_matrix", internal=True)
class InverseMatrix(Op):
    """The inverse, infinite where there is none.   gA = -A⁻ᵀ g A⁻ᵀ"""

    grad_fn = "LinalgInvExBackward0"

    @staticmethod
    def forward(xp: Any, A: Array) -> Array:
        """All at once; one by one if any is singular."""
        try:
            return linalg(xp).inv(A)
        except np.linalg.LinAlgError:
            return each(xp, lambda a: (_inverse_or_infinity(xp, a),), A)[0]

    @staticmethod
    def grad_A(g: Any, out: Any) -> Any:
        """The change of the inverse is -A⁻¹ dA A⁻¹."""
        return -(mT(out) @ g @ mT(out))


def _inverse_or_infinity(xp: Any, a: Array) -> Array:
    try:
        return linalg(xp).inv(a)
    except np.linalg.LinAlgError:
        return xp.full_like(a, math.inf)


def _inverse(op: str, A: Any) -> Any:
    need_square_floats(op, A)
    out = tensors.inverse_matrix(A)
    _check_finite(op, out._array, A._array, SINGULAR)
    return out


def _check_finite(op: str, out: Array, A: Array, text: str) -> None:
    """Raise LinAlgError if a result is not finite because a matrix is singular."""
    xp = xp_of(A)
    if not xp.isfinite(out).all():
        fail(op, zero_pivots(xp, A), text)


FACTS: dict[str, Any] = {"domain": (matrices(),), "samples": SQUARE, "errors": NOT_SQUARE}
_inv_ex = named("linalg_inv_ex", "inverse", "info")
_solve_ex = named("linalg_solve_ex", "result", "info")


@function(torch="linalg.inv", where=("linalg",), out=True, **FACTS)
def linalg_inv(A: Any) -> Any:
    """The inverse of a square matrix, or of each of a stack.

    Formula:   out = A⁻¹
    Gradient:  -A⁻ᵀ g A⁻ᵀ

    Shape:     (*, n, n) -> (*, n, n)
    Raises:    torch.linalg.LinAlgError for a singular matrix; RuntimeError for other shapes

    >>> import minigrad as torch
    >>> torch.linalg.inv(torch.tensor([[2., 0.], [0., 4.]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return _inverse("linalg.inv", A)


@function(out=True, torch="inverse", **FACTS)
def inverse(input: Any) -> Any:
    """The inverse: :func:`torch.linalg.inv` under its older name.

    >>> import minigrad as torch
    >>> torch.inverse(torch.tensor([[4.]]))
    tensor([[0.2500]])
    """
    return _inverse("linalg.inv", input)


@function(torch="linalg.inv_ex", where=("linalg",), out=True, returns="Any", **FACTS)
def linalg_inv_ex(A: Any, *, check_errors: bool = False) -> Any:
    """The inverse, and for each matrix 0 or the number of the pivot that was zero.

    Formula:   inverse = A⁻¹
    Gradient:  -A⁻ᵀ g A⁻ᵀ

    Shape:     (*, n, n) -> (*, n, n), (*)
    Raises:    with ``check_errors`` torch.linalg.LinAlgError for a singular matrix

    >>> import minigrad as torch
    >>> torch.linalg.inv_ex(torch.zeros(2, 2)).info
    tensor(1, dtype=torch.int32)
    """
    need_square_floats("linalg.inv_ex", A)
    info = tensors.pivot_info(A)
    if check_errors:
        fail("linalg.inv_ex", info._array, SINGULAR)
    return _inv_ex((tensors.inverse_matrix(A), info))


@register("pivot_info", internal=True)
class PivotInfo(Op):
    """``zero_pivots`` as a tensor."""

    @staticmethod
    def forward(xp: Any, A: Array) -> Array:
        """By LU decomposition."""
        return zero_pivots(xp, A)


@register("solve_matrices", internal=True)
class SolveMatrices(Op):
    """The solution X of A X = B, infinite where there is none.   gB = A⁻ᵀ g, gA = -gB Xᵀ"""

    broadcasts = True
    promotes = "same"
    grad_fn = "LinalgSolveExBackward0"

    @staticmethod
    def forward(xp: Any, A: Array, B: Array) -> Array:
        """All at once; one by one if any matrix is singular. CuPy broadcasts no stacks."""
        _, (A, B) = together(xp, A, B)
        try:
            return linalg(xp).solve(A, B)
        except np.linalg.LinAlgError:
            return each(xp, lambda a, b: (_solution_or_infinity(xp, a, b),), A, B)[0]

    @staticmethod
    def vjp(g: Any, A: Any, out: Any, needs: Any, F: Any) -> Any:
        """One more system with the same matrix, transposed."""
        gB = F.solve_matrices(mT(A), g)
        return (-(gB @ mT(out)) if needs[0] else None), gB


def _solution_or_infinity(xp: Any, a: Array, b: Array) -> Array:
    try:
        return linalg(xp).solve(a, b)
    except np.linalg.LinAlgError:
        return xp.full_like(b, math.inf)


def _solve(op: str, A: Any, B: Any, left: bool) -> tuple[Any, bool]:
    """The solution, and whether B was a vector; any singular matrix makes it infinite."""
    need_tensor(op, A)
    need_tensor(op, B, "B", 2)
    need_square_floats(op, A, "lu_cpu")
    a, b = A._array, B._array
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"{op}: Expected A and B to have the same dtype, but found A of type {A.dtype} and B "
            f"of type {B.dtype} instead"
        )
    vector = b.ndim == 1 or (b.ndim == a.ndim - 1 and b.shape == a.shape[:-1])
    if vector and not left:
        raise ShapeError(
            f"{op}: Vector broadcasting of the left hand side is not supported for left=False; use "
            "B.unsqueeze(-2)"
        )
    if vector:
        B = B.unsqueeze(-1)
    check_system(op, a, B._array, left)
    X = tensors.solve_matrices(A if left else A.mT, B if left else B.mT)
    X = X if left else X.mT
    return (X.squeeze(-1) if vector else X), vector


def check_system(op: str, a: Array, b: Array, left: bool) -> None:
    """Raise torch's error unless the sizes of a system fit."""
    if b.ndim < 2:
        raise ShapeError(f"{op}: The input tensor B must have at least 2 dimensions.")
    if b.shape[-2 if left else -1] != a.shape[-1]:
        sign, other = ("AX = B", b.shape[-2]) if left else ("XA = B", b.shape[-1])
        raise ShapeError(
            f"{op}: Incompatible shapes of A and B for the equation {sign} "
            f"({a.shape[-2]}x{a.shape[-1]} and {b.shape[-2]}x{b.shape[-1]}): {other} is not "
            f"{a.shape[-1]}"
        )
    for x, y in zip(a.shape[-3::-1], b.shape[-3::-1], strict=False):
        if x != y and 1 not in (x, y):
            raise ShapeError(
                f"The batch dimensions of A and B must be broadcastable ({op}: {list(a.shape)} and "
                f"{list(b.shape)})"
            )


SYSTEMS = (
    call(T(3, 3), T(3, 2)),
    call(T(3, 3), T(3)),
    call(T(2, 3, 3), T(2, 3)),
    call(T(2, 1, 3, 3), T(4, 3, 2)),
    call(T(3, 3), T(2, 3), left=False),
    call(T(0, 0), T(0, 2)),
)
SYSTEM: dict[str, Any] = {
    "domain": (matrices(), reals(-3, 3)),
    "samples": SYSTEMS,
    "errors": (call(T(3, 3), T(2, 3)), call(T(2, 3), T(2)), call(T(3, 3), "B")),
    "where": ("linalg",),
    "out": True,
}


@function(torch="linalg.solve", **SYSTEM)
def linalg_solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """The solution of a square system of linear equations, or of each of a stack.

    Formula:   A out = B; with ``left=False`` out A = B
    Gradient:  gB = A⁻ᵀ g, gA = -gB outᵀ

    Shape:     (*, n, n) (*, n, k) -> (*, n, k); a vector (n), or vectors (*, n), count as columns
    Raises:    torch.linalg.LinAlgError for a singular matrix; RuntimeError for other shapes

    >>> import minigrad as torch
    >>> torch.linalg.solve(torch.tensor([[2., 0.], [0., 4.]]), torch.tensor([1., 1.]))
    tensor([0.5000, 0.2500])
    """
    out, _ = _solve("linalg.solve", A, B, left)
    _check_finite("torch.linalg.solve", out._array, A._array, UNSOLVED)
    return out


@function(torch="linalg.solve_ex", **{**SYSTEM, "returns": "Any"})
def linalg_solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    """The solution, and for each matrix 0 or the number of the pivot that was zero.

    Formula:   A result = B; with ``left=False`` result A = B
    Gradient:  gB = A⁻ᵀ g, gA = -gB outᵀ

    Shape:     as of :func:`torch.linalg.solve`; info (*)
    Raises:    with ``check_errors`` torch.linalg.LinAlgError for a singular matrix

    >>> import minigrad as torch
    >>> torch.linalg.solve_ex(torch.eye(2), torch.ones(2)).info
    tensor(0, dtype=torch.int32)
    """
    out, _ = _solve("linalg.solve", A, B, left)
    info = tensors.pivot_info(A)
    if check_errors:
        fail("torch.linalg.solve_ex", info._array, UNSOLVED)
    return _solve_ex((out, info))


def _product(sizes: Any) -> int:
    return math.prod(sizes)


@function(
    torch="linalg.tensorinv",
    domain=(Domain(-1, 1, within=invertible),),
    samples=(call(T(3, 3), 1), call(T(2, 3, 3, 2)), call(T(6, 2, 3), ind=1)),
    errors=(call(T(3, 2), 1), call(T(2, 2), 0)),
    where=("linalg",),
    out=True,
)
def linalg_tensorinv(A: Any, ind: int = 2) -> Any:
    """The inverse of a tensor seen as a matrix from its last axes to its first ``ind``.

    Formula:   tensordot(out, A, ind) is the identity

    >>> import minigrad as torch
    >>> torch.linalg.tensorinv(torch.eye(6).reshape(6, 2, 3), ind=1).shape
    torch.Size([2, 3, 6])
    """
    need_tensor("linalg.tensorinv", A)
    shape = A._array.shape
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind' (linalg.tensorinv)")
    left, right = shape[:ind], shape[ind:]
    if _product(left) != _product(right):
        raise ShapeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {_product(right)} != {_product(left)}"
        )
    flat = A.reshape(_product(left), _product(right))
    need_float("linalg.inv", flat)
    out = tensors.inverse_matrix(flat)
    try:
        _check_finite("linalg.tensorinv", out._array, flat._array, SINGULAR)
    except LinAlgError:
        raise LinAlgError("Failed to invert the input tensor, because it is singular.") from None
    return out.reshape(*right, *left)


@function(
    torch="linalg.tensorsolve",
    domain=(Domain(-1, 1, within=invertible), reals(-3, 3)),
    samples=(call(T(3, 3), T(3)), call(T(6, 2, 3), T(6))),
    errors=(call(T(3, 2), T(3)),),
    where=("linalg",),
    out=True,
)
def linalg_tensorsolve(A: Any, B: Any, dims: Any = None) -> Any:
    """The solution X of tensordot(A, X, X.ndim) = B; ``dims`` of A are moved to its end first.

    >>> import minigrad as torch
    >>> torch.linalg.tensorsolve(torch.eye(6).reshape(6, 2, 3), torch.ones(6)).shape
    torch.Size([2, 3])
    """
    need_tensor("linalg.tensorsolve", A)
    need_tensor("linalg.tensorsolve", B, "B", 2)
    if dims is not None:
        n = A._array.ndim
        A = A.movedim(tuple(dims), tuple(range(n - len(dims), n)))
    rest = A._array.shape[B._array.ndim :]
    if _product(rest) != _product(B._array.shape):
        raise ShapeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {_product(rest)} != {_product(B._array.shape)}"
        )
    flat = A.reshape(_product(rest), _product(rest))
    return linalg_solve(flat, B.reshape(-1)).reshape(rest)
