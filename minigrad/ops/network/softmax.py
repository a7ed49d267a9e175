"""Softmax and its relatives, all computed after subtracting the greatest element."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, function, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, warn_user
from minigrad.ops.dims import all_dims, one_dim
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.folds import as_columns, as_rows, fold, in_rows, is_short
from minigrad.ops.network import softmax_kernels

_WHERE = ("torch", "Tensor", "nn.functional", "special")
_DOMAIN = (reals(-5, 5),)
SEVERAL = 512  # elements; of so many, columns are faster than short rows, both copies included
_SAMPLES = (
    call(T(3, 4), dim=1),
    call(T(3, 4), dim=0),
    call(T(2, 3, 4, 2), dim=-3),
    call(T(5), dim=0),
    call(T(), dim=0),
    call(T(2, 0), dim=1),
    call(T(3, 1), dim=1),
)
_ERRORS = (call(T(2, 3), dim=2), call(T(2, 3), dim=-3))


def greatest(xp: Any, x: Array, axis: Any) -> Array:
    """The maximum along axes, kept with size 1; NumPy's method is slower than its ufunc."""
    reduce = np.maximum.reduce if xp is np else xp.max
    return reduce(x, axis=axis, keepdims=True)


def exp_shifted(xp: Any, x: Array, axis: Any) -> tuple[Array, Array]:
    """e to the power of x less its greatest element, and the sum of these along the axis."""
    if x.shape and 0 in x.shape:
        return x.copy(), xp.ones((), dtype=x.dtype)
    e = x - greatest(xp, x, axis)
    xp.exp(e, out=e)
    return e, xp.add.reduce(e, axis=axis, keepdims=True)


@register("softmax_along", internal=True)
class SoftmaxAlong(Op):
    """Softmax along one axis.   y = e^x / Σ e^x    gx = y (g - Σ g y)."""

    grad_fn = "SoftmaxBackward0"

    @staticmethod
    @widened(halves=lambda xp, x, dim: softmax_kernels.softmax(x, dim, log=False))
    def forward(xp: Any, input: Array, dim: int) -> Array:
        """Exponentials of what is at most 0, divided in place."""
        if not input.ndim:
            return xp.ones_like(input) + input * 0
        found = softmax_kernels.softmax(input, dim, log=False)
        if found is not None:
            return found
        if is_short(input, dim, SEVERAL):
            return as_rows(SoftmaxAlong.forward(xp, as_columns(input), 0), input.shape)
        e, total = exp_shifted(xp, input, dim)
        e /= total
        return in_rows(e)

    @staticmethod
    def grad_input(g: Any, out: Any, dim: int, F: Any) -> Any:
        """What exceeds the mean cotangent, weighted by the output."""
        found = softmax_kernels.softmax_back(g, out, dim, log=False)
        if found is not None:
            return found
        return (g - (F.sum(g * out, (dim,), True) if len(out.shape) else g * out)) * out


@register("log_softmax_along", internal=True)
class LogSoftmaxAlong(Op):
    """Logarithm of softmax along one axis.   y = x - log Σ e^x    gx = g - e^y Σ g."""

    grad_fn = "LogSoftmaxBackward0"

    @staticmethod
    @widened(halves=lambda xp, x, dim: softmax_kernels.softmax(x, dim, log=True))
    def forward(xp: Any, input: Array, dim: int) -> Array:
        """The greatest element is taken out of the sum, so that nothing overflows."""
        if not input.ndim:
            return input * 0
        found = softmax_kernels.softmax(input, dim, log=True)
        if found is not None:
            return found
        if 0 in input.shape:
            return input.copy()
        if is_short(input, dim, SEVERAL):
            return as_rows(LogSoftmaxAlong.forward(xp, as_columns(input), 0), input.shape)
        y = input - greatest(xp, input, dim)
        total = xp.add.reduce(xp.exp(y), axis=dim, keepdims=True)
        y -= xp.log(total, out=total)
        return in_rows(y)

    @staticmethod
    def grad_input(g: Any, out: Any, dim: int, F: Any) -> Any:
        """The cotangent less its sum, weighted by the softmax."""
        found = softmax_kernels.softmax_back(g, out, dim, log=True)
        if found is not None:
            return found
        return F.exp(out) * -(F.sum(g, (dim,), True) if len(out.shape) else g) + g


def _prepared(op: str, input: Any, dim: Any, dtype: Any) -> tuple[Any, int]:
    """The input in the dtype asked for, and the axis counted from the front."""
    if not isinstance(input, TensorBase):
        raise TypeError(f"{op}(): argument 'input' must be Tensor, not {type(input).__name__}")
    if dtype is not None and of_numpy(input._array.dtype) is not dtype:
        input = input.to(dtype)
    array = input._array
    if dim is None:
        warn_user(
            f"Implicit dimension choice for {op} has been deprecated. Change the call to include "
            "dim=X as an argument."
        )
        dim = 0 if array.ndim in (0, 1, 3) else 1
    axis = one_dim(dim, array.ndim)
    need_floats(op, array, axis)
    return input, axis


def need_floats(op: str, array: Any, axis: int) -> None:
    """Raise torch's error for integers, which names the kernel that it has for the axis."""
    if array.dtype.kind not in "fV":
        last = "_lastdim" if axis == array.ndim - 1 else ""
        raise NotImplementedError(
            f'"{op}{last}_kernel_impl" not implemented for '
            f"'{of_numpy(array.dtype).type_name}'; give dtype=torch.float32"
        )


@function(
    where=_WHERE,
    torch="nn.functional.softmax",
    domain=_DOMAIN,
    samples=_SAMPLES,
    errors=_ERRORS,
    out=True,
)
def softmax(input: Any, dim: int | None = None, _stacklevel: Any = 3, dtype: Any = None) -> Any:
    """Positive numbers that sum to 1 along an axis, in the ratio of the exponentials.

    Formula: y_i = e^{x_i} / Σ_j e^{x_j}. Gradient: gx = y (g - Σ_j g_j y_j).

    Shape: any, unchanged. ``dtype`` converts the input first.
    Raises: IndexError for an axis that is not there, NotImplementedError for integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html

    >>> import minigrad as torch
    >>> torch.nn.functional.softmax(torch.tensor([0., 0., 0., 0.]), dim=0)
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    if type(_stacklevel) is not int:  # Tensor.softmax(dim, dtype): the method has no _stacklevel
        dtype = _stacklevel
    input, axis = _prepared("softmax", input, dim, dtype)
    return SoftmaxAlong.short(input, axis)


@function(
    where=_WHERE,
    torch="nn.functional.log_softmax",
    domain=_DOMAIN,
    samples=_SAMPLES,
    errors=_ERRORS,
    out=True,
)
def log_softmax(input: Any, dim: int | None = None, _stacklevel: Any = 3, dtype: Any = None) -> Any:
    """The logarithm of softmax, exact where softmax itself would round to 0.

    Formula: y_i = x_i - log Σ_j e^{x_j}. Gradient: gx = g - e^y Σ_j g_j.

    Shape: any, unchanged. ``dtype`` converts the input first.
    Raises: IndexError for an axis that is not there, NotImplementedError for integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html

    >>> import minigrad as torch
    >>> torch.nn.functional.log_softmax(torch.tensor([1000., 0.]), dim=0)
    tensor([    0., -1000.])
    """
    if type(_stacklevel) is not int:
        dtype = _stacklevel
    input, axis = _prepared("log_softmax", input, dim, dtype)
    return LogSoftmaxAlong.short(input, axis)


@function(
    where=("nn.functional",),
    torch="nn.functional.softmin",
    domain=_DOMAIN,
    samples=_SAMPLES[:3],
    errors=_ERRORS,
)
def softmin(input: Any, dim: int | None = None, _stacklevel: Any = 3, dtype: Any = None) -> Any:
    """Softmax of the negative input.   y = softmax(-x); gradient as for :func:`softmax`.

    Shape: any, unchanged.
    Raises: IndexError for an axis that is not there, NotImplementedError for integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softmin.html

    >>> import minigrad as torch
    >>> torch.nn.functional.softmin(torch.tensor([0., 0.]), dim=0)
    tensor([0.5000, 0.5000])
    """
    input, axis = _prepared("softmin", -input, dim, dtype)
    return SoftmaxAlong.short(input, axis)


@function(
    where=("nn.functional",),
    torch="nn.functional.gumbel_softmax",
    domain=_DOMAIN,
    samples=(call(T(2, 3)), call(T(3, 2), tau=0.5, dim=0)),
)
def gumbel_softmax(
    logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Any:
    """A random near-choice by the logits: softmax of them with Gumbel noise, or the choice itself.

    Formula: y = softmax((x + n) / τ), n = -log e, e drawn from Exponential(1); ``hard`` gives the
    one-hot vector of the greatest y. Gradient: as of the softmax, for ``hard`` too.

    Shape: any, unchanged.
    Raises: RuntimeError for integers.
    Source: Jang and others, Categorical reparameterization with Gumbel-softmax, 2017;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.gumbel_softmax.html

    >>> import minigrad as torch
    >>> torch.nn.functional.gumbel_softmax(torch.tensor([[9., -9.]]), tau=0.1, hard=True)
    tensor([[1., 0.]])
    """
    if eps != 1e-10:
        warn_user("`eps` parameter is deprecated and has no effect.")
    if logits._array.dtype.kind not in "fV":
        raise DtypeError(
            "Exponential distribution is a continuous probability distribution. dtype must be a "
            f"floating point but you specified {of_numpy(logits._array.dtype)!r} (gumbel_softmax)"
        )
    noise = -logits.new_empty(logits.shape).exponential_().log()
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    places = soft.max(dim, keepdim=True).indices
    return (soft.detach() * 0).scatter(dim, places, 1.0) - soft.detach() + soft


@register("logsumexp_along", internal=True)
class LogsumexpAlong(Op):
    """Logarithm of the sum of exponentials.   y = log Σ e^x    gx = g e^{x - y}."""

    grad_fn = "LogsumexpBackward0"

    @staticmethod
    @widened
    def forward(xp: Any, input: Array, dim: Any, keepdim: bool) -> Array:
        """The greatest element is taken out of the sum, unless it is infinite."""
        if input.size == 0:
            return xp.log(xp.exp(input).sum(axis=dim, keepdims=keepdim))
        found = softmax_kernels.logsumexp(input) if dim == (input.ndim - 1,) else None
        if found is not None:
            return found[..., None] if keepdim else found
        if len(dim) == 1 and is_short(input, dim[0]):
            y = LogsumexpAlong.forward(xp, as_columns(input), (0,), False)
            return y.reshape((*input.shape[:-1], *([1] if keepdim else [])))
        top = fold(xp, "maximum", input, dim, True)
        top = xp.where(xp.abs(top) == math.inf, xp.zeros_like(top), top)
        y = xp.log(fold(xp, "add", xp.exp(input - top), dim, True)) + top
        return y if keepdim else y.reshape([n for i, n in enumerate(y.shape) if i not in dim])

    @staticmethod
    def grad_input(g: Any, input: Any, out: Any, dim: Any, keepdim: bool, F: Any) -> Any:
        """The softmax, scaled by the cotangent."""
        if not keepdim:
            kept = [1 if i in dim else n for i, n in enumerate(input.shape)]
            g, out = g.reshape(kept), out.reshape(kept)
        return g * F.exp(input - out)


@function(
    where=("torch", "Tensor", "special"),
    out=True,
    domain=_DOMAIN,
    samples=(
        call(T(3, 4), dim=1),
        call(T(3, 4), dim=(0, 1)),
        call(T(2, 3, 4), dim=(0, -1), keepdim=True),
        call(T(), dim=0),
    ),
    errors=(call(T(2, 3), dim=3), call(T(2, 3), dim=(0, 0))),
)
def logsumexp(input: Any, dim: int | Sequence[int], keepdim: bool = False) -> Any:
    """The logarithm of the sum of the exponentials along axes, without overflow.

    Formula: y = log Σ_j e^{x_j}. Gradient: gx = g softmax(x).

    Shape: the axes of ``dim`` are left out, or kept with size 1.
    Raises: IndexError for an axis that is not there.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.logsumexp.html

    >>> import minigrad as torch
    >>> torch.logsumexp(torch.tensor([1000., 1000.]), dim=0)
    tensor(1000.6932)
    """
    if dim is None:
        raise TypeError("logsumexp(): argument 'dim' must be tuple of ints, not NoneType")
    if input._array.dtype.kind not in "fV":
        input = input.float()
    ndim = input._array.ndim
    dims = all_dims(dim, ndim)
    return LogsumexpAlong.short(input, tuple(range(ndim)) if dims is None else dims, keepdim)
