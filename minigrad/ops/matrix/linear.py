"""The affine map of a layer, y = x wᵀ + b, as one node of the graph.

torch records a transposition and a product; one op instead saves a node and two views per layer.
The nodes carry torch's names.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Op, renamed
from minigrad.autograd.registry import T, call, function, into, reals, register
from minigrad.autograd.shortcuts import short_cut
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.backend.native import matmul
from minigrad.errors import ShapeError
from minigrad.ops.matrix.products import (
    check_expands,
    different_addends,
    different_types,
    half,
    product,
    rows_of,
    wrong_inner,
)

FEW = 1 << 16  # elements: NumPy adds up the rows of fewer before a kernel could be called


def times_transposed(input: Array, weight: Array) -> Array:
    """All rows of the input times the weight's transpose, checked."""
    if input.ndim == 2 and input.shape[1] == weight.shape[1]:
        return product(input, weight.T)
    check_linear(input, weight)
    return product(rows_of(input), weight.T).reshape(*input.shape[:-1], weight.shape[0])


class _Affine(Op):
    """The affine map of a layer, y = x wᵀ + b, as one node.   gb = Σ g, gx = g w, gw = gᵀ x."""

    called = "linear"
    promotes = "same"
    numbers = ()
    mixed = staticmethod(different_addends)

    @staticmethod
    def forward(xp: Any, bias: Array, input: Array, weight: Array) -> Array:
        """One product of matrices, which begins with the bias or to which it is added in place.

        In half precision it is added in float32; cuBLAS does so by itself.
        """
        if half(input) and xp is np:
            wide = [x.astype(xp.float32) for x in (bias, input, weight)]
            return _Affine.forward(xp, *wide).astype(input.dtype)
        rows = input if input.ndim == 2 else rows_of(input) if input.ndim else None
        made = matmul(rows, weight.T, bias) if rows is not None else None
        if made is not None:
            return made if input.ndim == 2 else made.reshape((*input.shape[:-1], len(weight)))
        out = times_transposed(input, weight)
        if bias.shape != weight.shape[:1]:
            check_expands(bias.shape, out.shape)
        out += bias
        return out

    @staticmethod
    def grad_bias(g: Any, shape: Any, F: Any) -> Any:
        """The cotangent, summed over all rows."""
        few = type(g) is np.ndarray and g.ndim == 2 and g.size < FEW and not half(g)
        return g.sum(0) if few and shape == g.shape[1:] else F.sum_to(g, shape)

    @staticmethod
    def grad_input(g: Any, weight: Any) -> Any:
        """The cotangent times the weight."""
        return _times(g, weight)

    @staticmethod
    def grad_weight(g: Any, input: Any) -> Any:
        """The cotangents of all rows times the rows."""
        return product(rows_of(g).T, rows_of(input))


@register("affine", internal=True)
class Affine(_Affine):
    """An affine map of the rows of a matrix."""

    grad_fn = "AddmmBackward0"


@register("affine_nd", internal=True)
class AffineNd(_Affine):
    """An affine map of a vector, or of the vectors along the last axis."""

    grad_fn = "ViewBackward0"


class _Linear(Op):
    """The linear map of a layer, y = x wᵀ, as one node.   gx = g w, gw = gᵀ x."""

    called = "linear"
    promotes = "same"
    mixed = staticmethod(different_types)

    @staticmethod
    def forward(xp: Any, input: Array, weight: Array) -> Array:
        """One product of matrices."""
        return times_transposed(input, weight)

    grad_input = _Affine.grad_input
    grad_weight = _Affine.grad_weight


@register("linear_2d", internal=True)
class Linear2d(_Linear):
    """A linear map of the rows of a matrix."""

    grad_fn = "MmBackward0"


@register("linear_nd", internal=True)
class LinearNd(_Linear):
    """A linear map of a vector, or of the vectors along the last axis."""

    grad_fn = "UnsafeViewBackward0"


def _times(g: Any, weight: Any) -> Any:
    if len(g.shape) == 2:
        return product(g, weight)
    return product(rows_of(g), weight).reshape((*g.shape[:-1], weight.shape[1]))


def check_linear(input: Array, weight: Array) -> None:
    """Raise torch's error unless rows of ``input`` fit the columns of ``weight``."""
    if input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        if input.ndim == 0:
            raise ShapeError("both arguments to linear need to be at least 1D, but they are 0D")
        rows = (input.size // max(input.shape[-1], 1), input.shape[-1])
        raise wrong_inner(rows, weight.shape[::-1], "linear")


@function(
    where=("nn.functional",),
    torch="nn.functional.linear",
    domain=(reals(-3, 3),),
    samples=(
        call(T(2, 3), T(4, 3), T(4)),
        call(T(2, 3), T(4, 3)),
        call(T(3), T(4, 3), T(4)),
        call(T(3), T(4, 3)),
        call(T(2, 2, 3), T(4, 3), T(4)),
        call(T(2, 1, 2, 3), T(4, 3)),
        call(T(0, 3), T(4, 3), T(4)),
        call(T(2, 3), T(3)),
        call(T(3), T(3)),
    ),
    errors=(
        call(T(2, 3), T(4, 5), T(4)),
        call(T(2, 3), T(4, 5)),
        call(T(2, 3), T(4, 3), T(5)),
        call(T(2, 2, 3), T(4, 5), T(4)),
        call(T(2), T(4, 5), T(4)),
        call(T(2, 3), T(3), T()),
    ),
    quick=True,
)
def linear(input: Any, weight: Any, bias: Any = None, *, out: Any = None) -> Any:
    """An affine map of the last axis.

    Formula: y = x wᵀ + b. Gradient: gx = g w, gw = gᵀ x, gb = Σ g over all rows.

    Shape: (*, in), (out, in), (out) -> (*, out); a weight (in) gives (*).
    Raises: RuntimeError if the last size of the input is not ``in``, or for different dtypes.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.linear.html

    >>> import minigrad as torch
    >>> w, b = torch.tensor([[1., 2.], [0., 1.]]), torch.tensor([10., 20.])
    >>> torch.nn.functional.linear(torch.tensor([[1., 1.]]), w, b)
    tensor([[13., 21.]])
    """
    if out is not None:
        return into(out, linear(input, weight, bias), True)
    try:
        axes, matrix = input._array.ndim, weight._array.ndim == 2
    except AttributeError:
        given = {"'input' (position 1)": input, "'weight' (position 2)": weight}
        name = next(name for name, t in given.items() if not isinstance(t, TensorBase))
        raise TypeError(
            f"linear(): argument {name} must be Tensor, not {type(given[name]).__name__}"
        ) from None
    if not matrix:
        if weight._array.ndim != 1 or bias is not None:
            raise ShapeError(f"mat2 must be a matrix, got {weight._array.ndim}-D tensor (linear)")
        return input @ weight
    if bias is None:
        if axes == 1:
            return renamed(_linear_nd(input, weight), "SqueezeBackward4")
        return _linear_2d(input, weight) if axes == 2 else _linear_nd(input, weight)
    return _affine_2d(bias, input, weight) if axes == 2 else _affine_nd(bias, input, weight)


_short: Any = short_cut
_affine_2d, _affine_nd, _linear_2d, _linear_nd = (
    _short(op, depth=2) for op in (Affine, AffineNd, Linear2d, LinearNd)
)
