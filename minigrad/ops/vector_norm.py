"""The norm of vectors, or of anything seen as one."""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, into, reals, register
from minigrad.backend import Array
from minigrad.ops.dims import all_dims
from minigrad.ops.reduce import need_float, spread


@function(
    domain=[reals(0.3, 3)],
    samples=(
        call(T(2, 3)),
        call(T(2, 3), dim=1),
        call(T(2, 3), 1, dim=0),
        call(T(4), float("inf")),
        call(T(4), 3.0),
        call(T(2, 3), 2, 1, True),
    ),
)
def norm(
    input: Any,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    out: Any = None,
    dtype: Any = None,
) -> Any:
    """Vector norm of all elements, or along axes.

    Formula:   out = (sum_i |input_i| ** p) ** (1 / p)
    Gradient:  g * input / out for p = 2, zero where out is zero

    >>> import minigrad as torch
    >>> torch.norm(torch.tensor([3., -4.])), torch.norm(torch.tensor([3., -4.]), 1)
    (tensor(5.), tensor(7.))
    """
    input = input if dtype is None else input.to(dtype)
    need_float("norm", input)
    order = 2.0 if p in ("fro", None) else float(p)
    dims = all_dims(dim, input._array.ndim)
    if order == 2:
        result = tensors.euclid_norm(input, dims, keepdim)
    elif order == 1:
        result = input.abs().sum(dims, keepdim)
    elif order == math.inf:
        result = input.abs().amax(dims if dims is not None else (), keepdim)
    elif order == -math.inf:
        result = input.abs().amin(dims if dims is not None else (), keepdim)
    elif order == 0:
        result = (input != 0).to(input.dtype).sum(dims, keepdim)
    else:
        result = (input.abs() ** order).sum(dims, keepdim) ** (1 / order)
    return result if out is None else into(out, result)


@register(internal=True)
class EuclidNorm(Op):
    """The root of the sum of squares."""

    grad_fn = "LinalgVectorNormBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any, keepdim: bool) -> Array:
        """Square, add up, take the root."""
        return xp.sqrt((input * input).sum(axis=dim, keepdims=keepdim))

    @staticmethod
    def grad_input(
        g: Array, input: Array, out: Array, shape: Any, dim: Any, keepdim: bool, F: Any
    ) -> Array:
        """The direction of the input; zero at the origin."""
        g, out = spread(g, shape, dim, keepdim, F), spread(out, shape, dim, keepdim, F)
        return input * F.where(out == 0, 0.0, g / out)
