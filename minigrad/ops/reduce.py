"""Sums, means, variances, products, norms: many elements to one."""

from __future__ import annotations

import math
from typing import Any

from minigrad import dtypes
from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, booleans, call, into, reals, register
from minigrad.backend import Array
from minigrad.errors import DtypeError
from minigrad.ops.dims import all_dims, kept_shape, one_dim

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


def _sum(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
    out: Any = None,
) -> Any:
    if dtype is not None:
        input = input.to(dtype)
    elif input._array.dtype.kind in "biu":
        input = input.to(dtypes.int64)
    dims = all_dims(given_dim(dim, axis), input._array.ndim)
    result = apply(Sum, (input,), (dims, keepdim or keepdims))
    return result if out is None else into(out, result)


@register(public=_sum, dtypes=("float", "int", "bool"), samples=SAMPLES, errors=ERRORS)
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
        """Half precision is added up in float32."""
        if input.dtype.itemsize == 2 and input.dtype.kind in "fV":
            return input.astype(xp.float32).sum(axis=dim, keepdims=keepdim).astype(input.dtype)
        return input.sum(axis=dim, keepdims=keepdim)

    @staticmethod
    def grad_input(g: Array, shape: Any, dim: Any, keepdim: bool, F: Any) -> Array:
        """Every element counts once."""
        return F.expand(spread(g, shape, dim, keepdim, F), shape)


def _mean(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: bool = False,
    out: Any = None,
) -> Any:
    if dtype is not None:
        input = input.to(dtype)
    need_float("mean", input)
    dims = all_dims(given_dim(dim, axis), input._array.ndim)
    result = apply(Mean, (input,), (dims, keepdim or keepdims))
    return result if out is None else into(out, result)


def need_float(op: str, input: Any) -> None:
    """Raise torch's error for integers where only floats have an answer."""
    if not input.is_floating_point():
        raise DtypeError(
            f"{op}(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {input.dtype.name.capitalize()}; use {op}(x.float())"
        )


@register(public=_mean, samples=SAMPLES, errors=ERRORS)
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
    def forward(xp: Any, input: Array, dim: Any = None, keepdim: bool = False) -> Array:
        """Half precision is added up in float32."""
        if input.dtype.itemsize == 2:
            return input.astype(xp.float32).mean(axis=dim, keepdims=keepdim).astype(input.dtype)
        count = count_of(input.shape, dim)
        return input.sum(axis=dim, keepdims=keepdim) / (count if count else math.nan)

    @staticmethod
    def grad_input(g: Array, shape: Any, dim: Any, keepdim: bool, F: Any) -> Array:
        """Every element counts one n-th."""
        return F.expand(spread(g, shape, dim, keepdim, F) / count_of(shape, dim), shape)


def count_of(shape: Any, dim: Any) -> int:
    """How many elements go into one result."""
    return math.prod(n for i, n in enumerate(shape) if dim is None or i in dim)


def _prod(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Any:
    if dtype is not None:
        input = input.to(dtype)
    elif input._array.dtype.kind in "biu":
        input = input.to(dtypes.int64)
    axis = None if dim is None else one_dim(dim, input._array.ndim)
    result = apply(Prod, (input,), (axis if input._array.ndim else None, keepdim))
    return result if out is None else into(out, result)


@register(
    public=_prod,
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
    def forward(xp: Any, input: Array, dim: Any, keepdim: bool) -> Array:
        """Multiply."""
        return input.prod(axis=dim, keepdims=keepdim)

    @staticmethod
    def grad_input(
        g: Array, input: Array, out: Array, shape: Any, dim: Any, keepdim: bool, F: Any
    ) -> Array:
        """``out / input`` where nothing is zero, else the products from both sides."""
        dims = None if dim is None else (dim,)
        g, out = spread(g, shape, dims, keepdim, F), spread(out, shape, dims, keepdim, F)
        plain: Any = getattr(input, "_array", input)
        if not (plain == 0).any():
            return g * (out / input)
        if dim is None:
            flat = F.reshape(input, (plain.size,))
            return g * F.reshape(_others(flat, 0, F), shape)
        return g * _others(input, dim, F)


def _others(input: Any, dim: int, F: Any) -> Any:
    """For each element along an axis, the product of all the others."""
    parts = [F.narrow(input, dim, i, 1) for i in range(input.shape[dim])]
    before, after = [parts[0] * 0 + 1], [parts[0] * 0 + 1]
    for part in parts[:-1]:
        before.append(before[-1] * part)
    for part in reversed(parts[1:]):
        after.append(after[-1] * part)
    return F.cat(*[b * a for b, a in zip(before, reversed(after), strict=True)], dim=dim)


@register(dtypes=("float", "int", "bool"), samples=(call(T(2, 3), 1), call(T(4), dim=0)))
class Cumsum(Op):
    """Running sum along an axis.

    Formula:   out_i = input_0 + ... + input_i
    Gradient:  the running sum of g from the far end

    >>> import minigrad as torch
    >>> torch.cumsum(torch.tensor([1., 2., 3.]), dim=0)
    tensor([1., 3., 6.])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: int) -> Array:
        """Add up; integers as int64."""
        return xp.cumsum(input, axis=dim, dtype=input.dtype)

    @staticmethod
    def grad_input(g: Array, dim: int, F: Any) -> Array:
        """Each element counts in all sums from its own place on."""
        return F.flip(F.cumsum(F.flip(g, (dim,)), dim), (dim,))

    @staticmethod
    def public(
        input: Any, dim: Any = None, *, axis: Any = None, dtype: Any = None, out: Any = None
    ) -> Any:
        """Check the axis, widen integers."""
        if dtype is not None or input._array.dtype.kind in "biu":
            input = input.to(dtype or dtypes.int64)
        axis_number = one_dim(given_dim(dim, axis), input._array.ndim)
        result = apply(Cumsum, (input,), (axis_number if input._array.ndim else None,))
        return result if out is None else into(out, result)


def _truth(name: str) -> Any:
    """The public form that ``all`` and ``any`` share."""

    def truth(input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
        dims = all_dims(dim, input._array.ndim)
        result = getattr(tensors, name)(input, dims, keepdim)
        return result if out is None else into(out, result)

    return truth


TRUTH: dict[str, Any] = {
    "domain": [booleans()],
    "dtypes": ("float", "int", "bool"),
    "samples": SAMPLES,
    "gradcheck": False,
}


@register(public=_truth("all"), **TRUTH)
class All(Op):
    """Whether all elements are true (not zero), overall or along axes.

    >>> import minigrad as torch
    >>> torch.tensor([[True, False], [True, True]]).all(dim=1)
    tensor([False,  True])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any = None, keepdim: bool = False) -> Array:
        """And them all."""
        return input.astype(bool).all(axis=dim, keepdims=keepdim)


@register("any", public=_truth("any"), **TRUTH)
class AnyTrue(Op):
    """Whether any element is true (not zero), overall or along axes.

    >>> import minigrad as torch
    >>> torch.tensor([[True, False], [False, False]]).any(dim=1)
    tensor([ True, False])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any = None, keepdim: bool = False) -> Array:
        """Or them all."""
        return input.astype(bool).any(axis=dim, keepdims=keepdim)
