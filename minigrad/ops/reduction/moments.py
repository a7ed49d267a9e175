"""Variance, standard deviation, covariance and correlation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, function, register
from minigrad.backend import Array
from minigrad.backend.native import kernel, pointwise
from minigrad.dtypes import get_default_dtype
from minigrad.errors import warn_user
from minigrad.ops.dims import all_dims, kept_shape
from minigrad.ops.elementwise.precision import is_half, widened
from minigrad.ops.reduction.adding import MANY, add_up, first_of_last, square_sum
from minigrad.ops.reduction.reduce import ERRORS, count_of, given_dim, spread

SAMPLES = (
    call(T(2, 3)),
    call(T(2, 3), dim=1),
    call(T(2, 3, 4), dim=(0, 2), correction=0),
    call(T(2, 3, 4), dim=-2, keepdim=True),
    call(T(5), unbiased=False),
)


def _asked(
    name: str, input: Any, dim: Any, unbiased: bool | None, correction: float | None
) -> tuple[Any, float]:
    """Axes and correction as the ops take them, from torch's several ways to say them."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    x = input._array
    if x.dtype.kind not in "fV":
        raise RuntimeError(
            "std and var only support floating point and complex dtypes; use x.float(), not "
            f"{input.dtype} ({name})"
        )
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    dims = all_dims(dim, x.ndim)
    if count_of(x.shape, dims) <= correction:
        warn_user(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the "
            "reduction factor (input numel divided by output numel)."
        )
    return dims, correction


def _moment(op: type[Op], name: str) -> Any:
    """The public form that these ops share."""

    def moment(
        input: Any,
        dim: int | Sequence[int] | bool | None = None,  # or `unbiased`
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float | None = None,
        axis: Any = None,
        keepdims: bool = False,
    ) -> Any:
        dims, correction = _asked(name, input, given_dim(dim, axis), unbiased, correction)
        return apply(op, (input,), (dims, correction, keepdim or keepdims))

    return moment


def var_and_mean(xp: Any, x: Array, dim: Any, correction: float, keepdim: bool) -> Any:
    """Two passes: the mean, with size-1 axes, then the squares of what is left."""
    count = count_of(x.shape, dim)
    degrees = max(count - correction, 0)
    rows = first_of_last(x.ndim, dim) is not None
    columns = not rows and max(dim) < len(dim)  # the first axes
    name = "variance_rows" if rows else "variance_columns"
    run = kernel(name, x) if x.size >= MANY and (rows or columns) else None
    if run is not None:
        kept = kept_shape(x.shape, dim)
        left = x.shape[: x.ndim - len(dim or x.shape)] if rows else x.shape[len(dim) :]
        mean, out = xp.empty(kept, x.dtype), xp.empty(kept if keepdim else left, x.dtype)
        sizes = (mean.size, count) if rows else (count, mean.size)
        run(x, out, mean, *sizes, float(degrees))
        return out, mean
    mean = add_up(xp, x, dim, True) / (count or math.nan)
    centred = x - mean
    if dim is None and not keepdim and x.size < MANY:
        return square_sum(xp, centred) / degrees, mean
    centred *= centred
    return add_up(xp, centred, dim, keepdim) / degrees, mean


def moment_and_mean(
    xp: Any, x: Array, dim: Any, correction: float, keepdim: bool, root: bool
) -> Any:
    """A variance (or its root) and a mean over the same axes; half precision is rounded once."""
    wide = x.astype(xp.float32) if is_half(x.dtype) else x
    moment, mean = var_and_mean(xp, wide, dim, correction, keepdim)
    if root:
        moment = xp.sqrt(moment)
    if not keepdim:
        mean = mean.reshape(moment.shape)
    return (moment, mean) if wide is x else (moment.astype(x.dtype), mean.astype(x.dtype))


class Var(Op):
    """Variance of all elements, or along axes; ``correction=1`` divides by n - 1.

    Formula:   out = sum_i (input_i - mean) ** 2 / (n - correction)
    Gradient:  g * 2 / (n - correction) * (input - mean)

    >>> import minigrad as torch
    >>> torch.var(torch.tensor([1., 2., 3., 4.])), torch.var(torch.tensor([1., 3.]), unbiased=False)
    (tensor(1.6667), tensor(1.))
    """

    grad_fn = "VarBackward0"
    keeps = ("mean",)

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, dim: Any, correction: float, keepdim: bool) -> Any:
        """The mean is kept."""
        return var_and_mean(xp, input, dim, correction, keepdim)

    @staticmethod
    def rekeep(F: Any, input: Any, dim: Any) -> Any:
        """The mean is a function of the input."""
        return (F.mean(input, dim, True),)

    @staticmethod
    def grad_input(
        g: Array,
        input: Array,
        mean: Array,
        shape: Any,
        dim: Any,
        correction: float,
        keepdim: bool,
        F: Any,
    ) -> Array:
        """The mean's own share cancels out."""
        degrees = count_of(shape, dim) - correction
        if g.__class__ is np.ndarray and degrees > 0:
            slope = spread(g, shape, dim, keepdim, F) * (2 / degrees)
            found = pointwise("centred_product", input, mean, slope)
            if found is not None:
                return found
        centred = (input - mean) * 2
        return spread(g, shape, dim, keepdim, F) * (centred / (degrees if degrees > 0 else 0.0))


register(public=_moment(Var, "var"), out=True, samples=SAMPLES, errors=ERRORS)(Var)


class Std(Op):
    """Standard deviation of all elements, or along axes; the root of :func:`var`.

    Formula:   out = sqrt(var(input))
    Gradient:  g / (2 * out) times that of the variance, zero where out is zero

    >>> import minigrad as torch
    >>> torch.std(torch.tensor([1., 2., 3., 4.]))
    tensor(1.2910)
    """

    grad_fn = "StdBackward0"
    keeps = ("mean",)
    rekeep = Var.rekeep

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, dim: Any, correction: float, keepdim: bool) -> Any:
        """The root of the variance; the mean is kept."""
        variance, mean = var_and_mean(xp, input, dim, correction, keepdim)
        return xp.sqrt(variance), mean

    @staticmethod
    def grad_input(
        g: Array,
        input: Array,
        mean: Array,
        out: Array,
        shape: Any,
        dim: Any,
        correction: float,
        keepdim: bool,
        F: Any,
    ) -> Array:
        """Through the root, then through the variance."""
        inner = F.where(out == 0, 0.0, g / (2 * out))
        return Var.grad_input(inner, input, mean, shape, dim, correction, keepdim, F)


register(public=_moment(Std, "std"), out=True, samples=SAMPLES, errors=ERRORS)(Std)


def _added(moment: Any, g: Any, shape: Any, dim: Any, keepdim: bool, F: Any) -> Any:
    """The gradients of a moment and of a mean, either of which nobody may want."""
    if g[1] is None:
        return moment
    mean = F.expand(spread(g[1], shape, dim, keepdim, F) / (count_of(shape, dim) or 1), shape)
    return mean if moment is None else moment + mean


class VarMean(Op):
    """Variance and mean of all elements, or along axes.

    Formula:   out = (var(input), mean(input))
    Gradient:  the sum of both

    >>> import minigrad as torch
    >>> torch.var_mean(torch.tensor([1., 3.]), correction=0)
    (tensor(1.), tensor(2.))
    """

    outputs = 2

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any, correction: float, keepdim: bool) -> Any:
        """Both at once."""
        return moment_and_mean(xp, input, dim, correction, keepdim, False)

    @staticmethod
    def grad_input(
        g: Any, input: Array, shape: Any, dim: Any, correction: float, keepdim: bool, F: Any
    ) -> Array:
        """What comes through either."""
        inner = g[0]
        if inner is not None:
            mean = F.mean(input, dim, True)
            inner = Var.grad_input(inner, input, mean, shape, dim, correction, keepdim, F)
        return _added(inner, g, shape, dim, keepdim, F)


class StdMean(Op):
    """Standard deviation and mean of all elements, or along axes.

    Formula:   out = (std(input), mean(input))
    Gradient:  the sum of both

    >>> import minigrad as torch
    >>> torch.std_mean(torch.tensor([1., 3.]), correction=0)
    (tensor(1.), tensor(2.))
    """

    outputs = 2

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any, correction: float, keepdim: bool) -> Any:
        """Both at once."""
        return moment_and_mean(xp, input, dim, correction, keepdim, True)

    @staticmethod
    def grad_input(
        g: Any,
        input: Array,
        out: Array,
        shape: Any,
        dim: Any,
        correction: float,
        keepdim: bool,
        F: Any,
    ) -> Array:
        """What comes through either."""
        inner = g[0]
        if inner is not None:
            mean = F.mean(input, dim, True)
            inner = Std.grad_input(inner, input, mean, out, shape, dim, correction, keepdim, F)
        return _added(inner, g, shape, dim, keepdim, F)


for _op, _name in ((VarMean, "var_mean"), (StdMean, "std_mean")):
    register(
        public=_moment(_op, _name), where=("torch",), samples=SAMPLES, errors=ERRORS, returns="Any"
    )(_op)


@function(
    samples=(
        call(T(3, 5)),
        call(T(5)),
        call(T(2, 4), correction=0),
    ),
    errors=(call(T(2, 2, 2)),),
)
def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """Covariance of variables (rows) over observations (columns).

    ``fweights`` says how often each observation was made, ``aweights`` how much it counts.

    Formula:   out_ij = sum_k w_k (x_ik - mean_i) (x_jk - mean_j) / (sum_k w_k - correction)
    Gradient:  by those of the sums and the product

    >>> import minigrad as torch
    >>> torch.cov(torch.tensor([[0., 1., 2.], [2., 1., 0.]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    shape = input._array.shape
    if len(shape) > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions but got an input with "
            f"{len(shape)} dimensions"
        )
    if input._array.dtype.kind == "b":
        raise RuntimeError("cov(): bool dtype is not supported for input; use cov(x.float())")
    x = input.reshape(1, -1) if len(shape) < 2 else input
    observations = x._array.shape[1]
    weights = _weights(fweights, aweights, observations)
    if not x.is_floating_point():
        x = x.to(get_default_dtype())
    if weights is None:
        degrees: Any = max(observations - correction, 0)
        weighed = centred = x - x.sum(1, True) / max(observations, 1)
    else:
        total = weights.sum()
        if weights._array.size and not weights._array.any():
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
        centred = x - (x * weights).sum(1, True) / total
        weighed = centred * weights
        counted = 1 if aweights is None else (weights * aweights).sum() / total
        degrees = (total - correction * counted).clamp(min=0)
    if not degrees:
        warn_user(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the "
            "number of observations."
        )
    return (weighed @ centred.t() / degrees).squeeze()


def _weights(fweights: Any, aweights: Any, count: int) -> Any:
    """The weights of the observations, both kinds multiplied; None if none are given."""
    weights = None
    for name, given, kinds, word in (
        ("fweights", fweights, "iu", "integral"),
        ("aweights", aweights, "fV", "floating point"),
    ):
        if given is None:
            continue
        array = given._array
        if array.ndim > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
                f"{array.ndim} dimensions"
            )
        if array.dtype.kind not in kinds:
            raise RuntimeError(
                f"cov(): expected {name} to have {word} dtype but got {name} with {given.dtype}"
            )
        if array.size != count:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the "
                f"input but got {array.size} != {count}"
            )
        if array.size and array.min() < 0:
            raise RuntimeError(f"cov(): {name} cannot be negative")
        weights = given if weights is None else weights * given
    return weights


@function(
    samples=(call(T(3, 5)), call(T(5))),
    errors=(call(T(2, 2, 2)),),
)
def corrcoef(input: Any) -> Any:
    """Correlation coefficients of variables (rows) over observations (columns).

    Formula:   out_ij = cov_ij / sqrt(cov_ii cov_jj), held between -1 and 1
    Gradient:  by those of the covariance, the root and the quotient

    >>> import minigrad as torch
    >>> torch.corrcoef(torch.tensor([[0., 1., 2.], [2., 1., 0.]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if input._array.ndim > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input._array.ndim} dimensions"
        )
    c = cov(input)
    if not c._array.ndim:
        return c / c
    deviation = c.diag().sqrt()
    return (c / deviation.unsqueeze(1) / deviation.unsqueeze(0)).clamp(-1, 1)
