"""Matrices of powers."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.op import tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.ops.matrix.matrices import need_tensor


@function(
    where=("torch",),
    domain=(reals(0.5, 2),),
    samples=(call(T(3)), call(T(3), 2, increasing=True), call(T(3), N=1), call(T(2), N=0)),
    errors=(call(T(2, 3)), call(T(3), N=-1)),
    orders=0,  # torch raises: it writes over what its derivative needs
)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of the elements of a vector as columns of a matrix, by default the highest first.

    Formula:   out[i, j] = x[i] ** (N - 1 - j)
    Gradient:  sum_j g[i, j] (N - 1 - j) x[i] ** (N - 2 - j)

    >>> import minigrad as torch
    >>> torch.vander(torch.tensor([2, 3]))
    tensor([[2, 1],
            [3, 1]])
    """
    need_tensor("vander", x, "x")
    if x._array.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor. (vander)")
    count = len(x) if N is None else N
    if count < 0:
        raise RuntimeError(f"N must be non-negative. (vander: N is {count})")
    powers = linalg_vander(x, N=max(count, 2))[:, :count]
    return powers if increasing else powers.flip(1)


@function(
    torch="linalg.vander",
    where=("linalg",),
    domain=(reals(0.5, 2),),
    samples=(call(T(3)), call(T(2, 3), N=4), call(T(3), N=2)),
    errors=(call(T()), call(T(3), N=0)),
)
def linalg_vander(x: Any, *, N: int | None = None) -> Any:
    """The powers of the elements of vectors, from the 0th on, as rows of matrices.

    Formula:   out[i, j] = x[i] ** j
    Gradient:  sum_j g[i, j] j x[i] ** (j - 1)

    >>> import minigrad as torch
    >>> torch.linalg.vander(torch.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    need_tensor("linalg.vander", x, "x")
    if not x.is_floating_point():
        x = x.long()
    x = x if x._array.ndim else x.reshape(1)
    count = x._array.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError(f"N must be greater than 1. (linalg.vander: N is {count})")
    shape = x._array.shape
    powers = x.unsqueeze(-1).expand(*shape, count - 1).cumprod(-1)
    return tensors.cat(x.new_ones(*shape, 1), powers, dim=len(shape))
