"""The norm of vectors, or of anything seen as one, and what follows from it."""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd.op import Op, arrays, renamed
from minigrad.autograd.readings import composed
from minigrad.autograd.registry import REGISTRY, T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.ops.dims import all_dims, one_dim
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.folds import in_rows
from minigrad.ops.reduction.adding import MANY, add_up, square_sum
from minigrad.ops.reduction.reduce import spread


@register(internal=True)
class VectorNorm(Op):
    """The p-norm over axes.

    Formula:   out = (sum_i |input_i| ** p) ** (1 / p); the count of what is not 0 for p = 0, the
               greatest and the smallest |input_i| for p = inf and -inf
    """

    grad_fn = "LinalgVectorNormBackward0"

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, p: float, dim: Any, keepdim: bool) -> Array:
        """The usual norms without powers."""
        if p == 2:
            if dim is None and not keepdim and input.size < MANY and input.dtype.char in "fd":
                return xp.sqrt(square_sum(xp, input))
            if input.size >= MANY and input.flags.c_contiguous and not keepdim:
                if dim is None:
                    flat = input.reshape(-1)
                    return xp.sqrt(flat @ flat)
                if dim == (input.ndim - 1,) and input.shape[-1] >= 64:
                    return xp.sqrt((input[..., None, :] @ input[..., None])[..., 0, 0])
            return xp.sqrt(add_up(xp, input * input, dim, keepdim))
        if p == 0:
            return in_rows((input != 0).sum(axis=dim, keepdims=keepdim)).astype(input.dtype)
        size = xp.abs(input)
        if p == 1:
            return add_up(xp, size, dim, keepdim)
        if p == math.inf:
            return in_rows(size.max(axis=dim, keepdims=keepdim).astype(size.dtype, copy=False))
        if p == -math.inf:
            return in_rows(size.min(axis=dim, keepdims=keepdim).astype(size.dtype, copy=False))
        return add_up(xp, size**p, dim, keepdim) ** (1 / p)

    @staticmethod
    def grad_input(
        g: Array, input: Array, out: Array, shape: Any, p: float, dim: Any, keepdim: bool, F: Any
    ) -> Array:
        """What has a kink at 0 gets nothing there; ties of the greatest share."""
        g, out = spread(g, shape, dim, keepdim, F), spread(out, shape, dim, keepdim, F)
        if p == 0:
            return None
        if p == 1:
            return F.sign(input) * g
        if p == 2:
            return input * F.where(out == 0, 0.0, g / out)
        size = F.abs(input)
        if math.isinf(p):
            mask = (size == out) | (size != size)
            count = F.sum(F.where(mask, out * 0 + 1, 0.0), dim, True)
            return F.where(mask, F.sign(input) * (g / count), 0.0)
        held = F.where(input == 0, 1.0, size) if p < 2 else size  # a power of 0 that is not finite
        slope = F.sign(input) * held ** (p - 1)
        return slope * F.where(out == 0, 0.0, g * out ** (1 - p))


VECTOR_NORM: Any = VectorNorm.short


def need_floats(input: Any) -> None:
    """Raise torch's error for the norm of integers."""
    if input._array.dtype.kind not in "fV":
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            f"{input.dtype.type_name}; use x.float()"
        )


def vector_norm(input: Any, p: float, dim: Any, keepdim: bool) -> Any:
    """The p-norm over axes, of floats; an empty extreme is an error."""
    x = input._array
    need_floats(input)
    dims = all_dims(dim, x.ndim)
    if (
        (p < 0 or p == math.inf)
        and not x.size
        and any(n == 0 for i, n in enumerate(x.shape) if dims is None or i in dims)
    ):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {p:g} norm on an empty tensor because the "
            "operation does not have an identity"
        )
    return VECTOR_NORM(input, float(p), dims, keepdim)


@function(
    out=True,
    domain=[reals(0.3, 3)],
    samples=(
        call(T(2, 3)),
        call(T(2, 3), dim=1),
        call(T(2, 3), 1, dim=0),
        call(T(4), float("inf")),
        call(T(4), 3.0),
        call(T(2, 3), 2, 1, True),
    ),
    errors=(call(T(2, 3), 2, 2), call(T(2, 3), "max")),
)
def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Any:
    """Vector norm of all elements, or along axes; ``p="nuc"`` is a norm of matrices.

    Formula:   out = (sum_i |input_i| ** p) ** (1 / p)
    Gradient:  g * input / out for p = 2, zero where out is zero

    >>> import minigrad as torch
    >>> torch.norm(torch.tensor([3., -4.])), torch.norm(torch.tensor([3., -4.]), 1)
    (tensor(5.), tensor(7.))
    """
    input = input if dtype is None else input.to(dtype)
    if p == "nuc":
        matrix_norm = REGISTRY["linalg_matrix_norm"].function
        return matrix_norm(input, "nuc", tuple(range(input.ndim)) if dim is None else dim, keepdim)
    if p in ("fro", None):
        p = 2.0
    elif isinstance(p, str):
        raise RuntimeError(f"norm(): expected p to be a number, 'fro' or 'nuc', got {p!r}")
    return vector_norm(input, float(p), dim, keepdim)


@function(
    domain=[reals(0.3, 3)],
    samples=(call(T(2, 3), T(2, 3)), call(T(4), T(2, 4), 1), call(T(3), T(3), p=3.0)),
    errors=(call(T(2, 3), T(4)),),
    out=True,
)
def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The p-norm of a difference.

    Formula:   out = (sum_i |input_i - other_i| ** p) ** (1 / p)
    Gradient:  that of the norm, and its negative

    >>> import minigrad as torch
    >>> torch.dist(torch.tensor([1., 2.]), torch.tensor([4., 6.]))
    tensor(5.)
    """
    if not (isinstance(input, TensorBase) and isinstance(other, TensorBase)):
        raise TypeError("dist(): input and other must be Tensors")
    return renamed(vector_norm(input - other, float(p), None, False), "DistBackward0")


@function(
    samples=(call(T(2, 3), 2, 0, 1.0), call(T(3, 2, 2), 1, 1, 0.5), call(T(2, 3), 2, -1, 9.0)),
    errors=(call(T(3), 2, 0, 1.0), call(T(2, 3), 2, 2, 1.0), call(T(2, 3), -1, 0, 1.0)),
    inplace=True,
    out=True,
)
def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Any:
    """Slices of an axis scaled down to a norm where theirs is greater.

    Formula:   out_i = input_i * min(1, maxnorm / (norm_i + 1e-7))
    Gradient:  g times the factor, and through the norm where it was scaled

    >>> import minigrad as torch
    >>> torch.renorm(torch.tensor([[3., 4.], [0.6, 0.8]]), 2, 0, 1.)
    tensor([[0.6000, 0.8000],
            [0.6000, 0.8000]])
    """
    shape = input._array.shape
    if p <= 0 or maxnorm < 0:
        wrong = "non-positive-norm not supported" if p <= 0 else "expected maxnorm to be >= 0"
        raise RuntimeError(f"renorm: {wrong}, got p={p} and maxnorm={maxnorm}")
    if len(shape) < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {len(shape)} dimensions"
        )
    kept = one_dim(dim, len(shape))
    need_floats(input)
    axes = tuple(i for i in range(len(shape)) if i != kept)
    return renamed(composed(_renormed, (input,), float(p), axes, maxnorm), "RenormBackward0")


def _renormed(F: Any, x: Any, p: float, axes: tuple[int, ...], maxnorm: float) -> Any:
    norms = F.vector_norm(x, p, axes, True)
    factors = F.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1.0)
    return x * (factors if F is arrays else factors.to(x.dtype))
