"""Many elements to one: sums, means, products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, booleans, call, function, reals, register
from minigrad.backend import Array
from minigrad.backend.native import kernel
from minigrad.errors import DtypeError
from minigrad.ops.dims import NOT_GIVEN, all_dims, kept_shape, one_dim, sizes
from minigrad.ops.elementwise.masks import picked, zero
from minigrad.ops.elementwise.precision import single, widened
from minigrad.ops.folds import fold, in_rows
from minigrad.ops.reduction.adding import FEW, ONES, add_up, few_added_up

SAMPLES = (
    call(T(2, 3)),
    call(T(2, 3), dim=1),
    call(T(2, 3, 4), dim=(0, 2)),
    call(T(2, 3, 4), dim=-2, keepdim=True),
    call(T()),
    call(T(1, 3), 0),
)


ERRORS = (call(T(2, 3), dim=2), call(T(2, 3), dim=-3))


def spread(g: Any, shape: Any, dim: Any, keepdim: bool, F: Any) -> Any:
    """A reduced cotangent with size-1 axes where the reduced ones were."""
    if keepdim or dim is None or len(shape) == 0:
        return g  # over everything: 0-d, which spreads as it is
    return F.reshape(g, kept_shape(shape, dim))


def given_dim(dim: Any, axis: Any) -> Any:
    """torch's ``dim``, or NumPy's ``axis`` for it."""
    return dim if axis is None else axis


def numbered(name: str) -> Any:
    """torch's node names: ``SumBackward0`` over everything, ``SumBackward1`` over given axes."""
    return lambda dim, *rest: f"{name}Backward{0 if dim is None else 1}"


def as_summed(input: Any, dtype: Any) -> Any:
    """The input in the dtype asked for; integers and bools as int64 where none is."""
    if dtype is not None:
        return input.to(dtype)
    return input.to(dtypes.int64) if input._array.dtype.kind in "biu" else input


def need_float(op: str, input: Any) -> None:
    """Raise torch's error for integers where only floats have an answer."""
    if input._array.dtype.kind not in "fV":
        raise DtypeError(
            f"{op}(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {input.dtype.type_name}; use {op}(x.float())"
        )


def count_of(shape: Any, dim: Any) -> int:
    """How many elements go into one result."""
    if dim is None:
        return math.prod(shape)
    return shape[dim[0]] if len(dim) == 1 else math.prod([shape[i] for i in dim])


def _sum(
    input: Any,
    dim: int | Sequence[int] | None = NOT_GIVEN,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Any:
    x = input._array
    op = SUM
    if dtype is not None:
        input = input.to(dtype)
    elif x.dtype.kind in "biu":
        op = SUM_OF_INTEGERS
    if axis is not None:
        dim = axis
    keepdim = keepdim or keepdims
    whole = dim is NOT_GIVEN and not keepdim
    return op(input, None if whole else all_dims(dim, x.ndim), keepdim)


@register(internal=True)
class SumOfIntegers(Op):
    """Sum of integers or bools as int64."""

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any, keepdim: bool) -> Array:
        """Add up; bools are counted."""
        if dim is None and not keepdim and input.dtype.kind == "b":
            return xp.asarray(xp.count_nonzero(input))
        return in_rows(xp.add.reduce(input, axis=dim, dtype=xp.int64, keepdims=keepdim))


@register(public=_sum, out=True, dtypes=("float", "int", "bool"), samples=SAMPLES, errors=ERRORS)
class Sum(Op):
    """Sum of all elements, or along axes; integers and bools are summed as int64.

    Formula:   out = sum_i input_i
    Gradient:  g, spread over what was summed

    >>> import minigrad as torch
    >>> x = torch.tensor([[1., 2.], [3., 4.]])
    >>> x.sum(), x.sum(dim=0), x.sum(1, keepdim=True).shape
    (tensor(10.), tensor([4., 6.]), torch.Size([2, 1]))
    """

    grad_fn = numbered("Sum")

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any = None, keepdim: bool = False) -> Array:
        """Half precision is added up in float32, small integers stay what they are."""
        kind = input.dtype
        if kind.char in "fd":
            if input.size <= FEW and xp is np:  # the hot case
                return few_added_up(input, ONES[kind.char], dim, keepdim)
            return add_up(xp, input, dim, keepdim)
        if kind.itemsize == 2 and kind.kind in "fV":
            return add_up(xp, single(xp, input), dim, keepdim).astype(kind)
        if kind.kind in "biu" and kind.itemsize < 8:
            return in_rows(xp.add.reduce(input, axis=dim, dtype=kind, keepdims=keepdim))
        return add_up(xp, input, dim, keepdim)

    @staticmethod
    def grad_input(g: Array, shape: Any, dim: Any, keepdim: bool, F: Any) -> Array:
        """Every element counts once."""
        return F.expand(spread(g, shape, dim, keepdim, F), shape)


SUM: Any = Sum.short
SUM_OF_INTEGERS: Any = SumOfIntegers.short


def _mean(
    input: Any,
    dim: int | Sequence[int] | None = NOT_GIVEN,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Any:
    if dtype is not None:
        input = input.to(dtype)
    x = input._array
    if x.dtype.kind not in "fV":
        need_float("mean", input)
    if axis is not None:
        dim = axis
    keepdim = keepdim or keepdims
    whole = dim is NOT_GIVEN and not keepdim
    return MEAN(input, None if whole else all_dims(dim, x.ndim), keepdim)


@register(public=_mean, out=True, samples=SAMPLES, errors=ERRORS)
class Mean(Op):
    """Mean of all elements, or along axes.

    Formula:   out = sum_i input_i / n
    Gradient:  g / n, spread over what was averaged

    >>> import minigrad as torch
    >>> torch.tensor([[1., 2.], [3., 4.]]).mean(dim=1)
    tensor([1.5000, 3.5000])
    """

    grad_fn = numbered("Mean")

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, dim: Any = None, keepdim: bool = False) -> Array:
        """Half precision is added up in float32."""
        count = input.size if dim is None else count_of(input.shape, dim)
        return add_up(xp, input, dim, keepdim) / (count or math.nan)

    @staticmethod
    def grad_input(g: Array, shape: Any, dim: Any, keepdim: bool, F: Any) -> Array:
        """Every element counts one n-th."""
        return F.expand(spread(g, shape, dim, keepdim, F) / (count_of(shape, dim) or 1), shape)


MEAN: Any = Mean.short


def _nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    input = as_summed(input, dtype)
    return apply(Nansum, (input,), (all_dims(dim, input._array.ndim), keepdim))


@register(public=_nansum, out=True, dtypes=("float", "int"), samples=SAMPLES, errors=ERRORS)
class Nansum(Op):
    """Sum of all elements that are not NaN, or along axes.

    Formula:   out = sum_i (0 where input_i is NaN, else input_i)
    Gradient:  g where input is not NaN

    >>> import minigrad as torch
    >>> torch.nansum(torch.tensor([1., torch.nan, 3.]))
    tensor(4.)
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any, keepdim: bool) -> Array:
        """A sum; where it comes to NaN, again with zeros for all NaN. A card is not waited for."""
        may = input.dtype.kind in "fV"
        if may and xp is not np:
            numbers = picked(xp, input != input, zero(xp, input.dtype), input)
            return Sum.forward(xp, numbers, dim, keepdim)
        total = Sum.forward(xp, input, dim, keepdim)
        if may and (total != total).any():
            input = xp.where(input != input, xp.zeros((), input.dtype), input)
            total = Sum.forward(xp, input, dim, keepdim)
        return total

    @staticmethod
    def grad_input(g: Array, input: Array, shape: Any, dim: Any, keepdim: bool, F: Any) -> Array:
        """Every element that counted, counted once."""
        return F.where(input != input, 0.0, spread(g, shape, dim, keepdim, F))


@function(out=True, samples=SAMPLES, errors=ERRORS)
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Mean of all elements that are not NaN, or along axes; NaN where there are none.

    Formula:   out = nansum(input) / (number of elements that are not NaN)
    Gradient:  g / that number where input is not NaN

    >>> import minigrad as torch
    >>> torch.nanmean(torch.tensor([1., torch.nan, 3.]))
    tensor(2.)
    """
    if not input.is_floating_point():
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            f"{input.dtype.name.capitalize()}; use nanmean(x.float())"
        )
    counts = tensors.sum((input == input).to(dtypes.int64), all_dims(dim, input.ndim), keepdim)
    return _nansum(input, dim, keepdim, dtype=dtype) / counts


def _prod(
    input: Any,
    dim: Any = NOT_GIVEN,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
) -> Any:
    input = as_summed(input, dtype)
    dim = given_dim(dim, axis)
    whole = dim is NOT_GIVEN and not keepdim
    number = None if whole else one_dim(dim, input._array.ndim)
    return apply(Prod, (input,), (number if input._array.ndim else None, keepdim))


@register(
    public=_prod,
    out=True,
    domain=[reals(0.5, 2)],
    dtypes=("float", "int"),
    samples=(
        call(T(2, 3)),
        call(T(2, 3), dim=1),
        call(T(2, 3), 0, keepdim=True),
        call(T()),
        call(T(4, domain=booleans())),
    ),
    errors=ERRORS,
)
class Prod(Op):
    """Product of all elements, or along one axis.

    Formula:   out = prod_i input_i
    Gradient:  g * the product of all the others, exact also where elements are zero

    >>> import minigrad as torch
    >>> torch.prod(torch.tensor([2., 3., 4.]))
    tensor(24.)
    """

    grad_fn = numbered("Prod")

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, dim: Any, keepdim: bool) -> Array:
        """Half precision is multiplied in float32."""
        found = _product(input, dim, keepdim)
        if found is not None:
            return found
        if input.dtype.kind == "f":
            return fold(xp, "multiply", input, dim, keepdim)
        return in_rows(xp.multiply.reduce(input, axis=dim, dtype=input.dtype, keepdims=keepdim))

    @staticmethod
    def grad_input(
        g: Array, input: Array, out: Array, shape: Any, dim: Any, keepdim: bool, F: Any
    ) -> Array:
        """``out / input`` where nothing is zero, else the products from both sides."""
        if not shape:
            return g
        g, out = (
            spread(g, shape, _tuple(dim), keepdim, F),
            spread(out, shape, _tuple(dim), keepdim, F),
        )
        plain: Any = getattr(input, "_array", input)
        if plain.all():
            return g * (out / input)
        if dim is None:
            flat = F.reshape(input, (plain.size,))
            return g * F.reshape(_others(flat, 0, F), shape)
        return g * _others(input, dim, F)


def _product(x: Array, dim: int | None, keepdim: bool) -> Array | None:
    """The product by a kernel, which goes along the fastest axis in vectors; None without one."""
    run, shape = kernel("product", x), x.shape
    if run is None:
        return None
    before, count, after = ((), x.size, ()) if dim is None else _around(shape, dim)
    made = kept_shape(shape, _tuple(dim)) if keepdim else before + after
    out = np.empty(made, x.dtype)
    run(x, out, math.prod(before), count, math.prod(after))
    return out


def _around(shape: tuple[int, ...], dim: int) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    return shape[:dim], shape[dim], shape[dim + 1 :]


def _tuple(dim: Any) -> tuple[int, ...] | None:
    return None if dim is None else (dim,)


def _others(input: Any, dim: int, F: Any) -> Any:
    """For each element along an axis, the product of all the others."""
    length = input.shape[dim]
    one = F.narrow(input, dim, 0, 1) * 0 + 1
    before = F.cat(one, F.narrow(input, dim, 0, length - 1), dim=dim)
    after = F.cat(one, F.flip(F.narrow(input, dim, 1, length - 1), (dim,)), dim=dim)
    return F.cumprod(before, dim) * F.flip(F.cumprod(after, dim), (dim,))


@function(
    where=("Tensor",),
    torch="Tensor.sum_to_size",
    samples=(call(T(2, 3), 1, 3), call(T(2, 3), (2, 1)), call(T(2, 3), 3), call(T(4, 2, 3), 2, 1)),
    errors=(call(T(2, 3), 3, 3), call(T(3), 2, 3)),
)
def sum_to_size(input: Any, *size: Any) -> Any:
    """Sum to a shape from which the input's shape could have been broadcast.

    Formula:   out = sum of input over the axes that expand adds or repeats
    Gradient:  g, expanded back

    >>> import minigrad as torch
    >>> torch.ones(2, 3).sum_to_size(2, 1)
    tensor([[3.],
            [3.]])
    """
    shape, wanted = input._array.shape, sizes(size)
    fits = len(wanted) <= len(shape) and all(
        w in (1, n) for w, n in zip(reversed(wanted), reversed(shape), strict=False)
    )
    if not fits:
        raise RuntimeError(f"size {{{list(wanted)}}} is not expandable to size {{{list(shape)}}}.")
    if not wanted:
        return input.sum()
    if wanted == shape:
        return input
    added = len(shape) - len(wanted)
    summed = [i for i, n in enumerate(shape) if i < added or wanted[i - added] != n]
    total = tensors.sum(as_summed(input, None), tuple(summed), True)
    return total.reshape(wanted) if added else total
