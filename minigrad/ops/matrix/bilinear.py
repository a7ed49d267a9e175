"""A map that is linear in each of two inputs."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.registry import T, call, function, reals
from minigrad.errors import ShapeError


@function(
    where=("torch", "nn.functional"),
    torch="nn.functional.bilinear",
    domain=(reals(-2, 2),),
    samples=(
        call(T(2, 3), T(2, 4), T(5, 3, 4)),
        call(T(2, 2, 3), T(2, 2, 1), T(2, 3, 1), T(2)),
        call(T(3), T(2), T(4, 3, 2), T(4)),
    ),
    errors=(
        call(T(2, 3), T(2, 4), T(5, 3, 3)),
        call(T(2, 3), T(3, 4), T(5, 3, 4)),
        call(T(2, 3), T(2, 4), T(5, 3, 4), T(4)),
    ),
)
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """A product of two vectors with a matrix between them, one matrix per output.

    Formula: y_o = x₁ᵀ W_o x₂ + b_o. Gradient: gx₁ = Σ_o g_o W_o x₂, gx₂ = Σ_o g_o W_oᵀ x₁,
    gW_o = g_o x₁ x₂ᵀ, gb = g.

    Shape: (*, I), (*, J), (O, I, J), (O) -> (*, O).
    Raises: RuntimeError for shapes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.bilinear.html

    >>> import minigrad as torch
    >>> x, y = torch.tensor([1., 2.]), torch.tensor([3., 4.])
    >>> torch.nn.functional.bilinear(x, y, torch.eye(2)[None])
    tensor([11.])
    """
    a, b, w = (t._array.shape for t in (input1, input2, weight))
    if len(a) != len(b):
        raise ShapeError(f"bilinear(): input dimensions do not match: got {len(a)} and {len(b)}")
    for axis, (m, n) in enumerate(zip(a[:-1], b[:-1], strict=True)):
        if m != n:
            raise ShapeError(
                f"bilinear(): input batch dimensions do not match at dim {axis}: got {m} and {n}"
            )
    for number, size, wanted in ((1, a[-1], w[1]), (2, b[-1], w[2])):
        if size != wanted:
            raise ShapeError(
                f"bilinear(): input{number} size does not match weight size: got {size} but "
                f"expected {wanted}"
            )
    if bias is not None and bias._array.shape != w[:1]:
        raise ShapeError(
            f"bilinear(): bias size does not match weight size: got {list(bias._array.shape)} but "
            f"expected [{w[0]}]"
        )
    rows, other = input1.reshape((-1, a[-1])), input2.reshape((-1, b[-1], 1))
    between = rows @ weight.permute(1, 0, 2).reshape((w[1], w[0] * w[2]))
    out = (between.reshape((-1, w[0], w[2])) @ other).reshape((*a[:-1], w[0]))
    return out if bias is None else out + bias
