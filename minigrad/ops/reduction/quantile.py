"""Quantiles: values that a share of the elements does not exceed."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.apply import apply
from minigrad.autograd.op import tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import beside, xp_of
from minigrad.ops.dims import one_dim
from minigrad.ops.reduction.order import SortAlong

WAYS = ("linear", "lower", "higher", "midpoint", "nearest")
_Q = reals(0.05, 0.95)
_FACTS: dict[str, Any] = {
    "out": True,
    "samples": (
        call(T(7), 0.3),
        call(T(2, 5), 0.6, 1),
        call(T(4, 3), T(2, domain=_Q), dim=0, keepdim=True),
        call(T(2, 5), 0.25, 1, interpolation="lower"),
        call(T(2, 4), 0.25, interpolation="midpoint"),
        call(T(6), 0.25, interpolation="nearest"),
        call(T(), 0.5),
    ),
    "errors": (
        call(T(4), 1.5),
        call(T(4), 0.5, interpolation="cubic"),
        call(T(4), 0.5, 1),
        call(T(0), 0.5),
    ),
}


@function(**_FACTS)
def quantile(
    input: Any,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Any:
    """The value below which a share ``q`` of the elements lies, overall or along an axis.

    Several shares, in a vector, give an axis of their own, the first. NaN where there is one.

    Formula:   out = what lies at q (n - 1) among the n elements in order, between two of them
               by ``interpolation``
    Gradient:  g to the two elements by their weights

    >>> import minigrad as torch
    >>> torch.quantile(torch.tensor([1., 2., 3., 4.]), 0.5)
    tensor(2.5000)
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


@function(**_FACTS)
def nanquantile(
    input: Any,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Any:
    """The value below which a share ``q`` of what is not NaN lies, overall or along an axis.

    Formula:   out = quantile of the elements that are not NaN
    Gradient:  g to the two elements by their weights

    >>> import minigrad as torch
    >>> torch.nanquantile(torch.tensor([1., torch.nan, 3.]), 0.5)
    tensor(2.)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


def _quantile(name: str, input: Any, q: Any, dim: Any, keepdim: bool, way: str) -> Any:
    q = _checked(name, input, q, way)
    ndim = input._array.ndim
    whole = dim is None or not ndim
    at = 0 if dim is None else one_dim(dim, ndim)
    rows = input.reshape(-1) if whole else input.movedim(at, -1)
    ordered = apply(SortAlong, (rows,), (rows._array.ndim - 1, False, True))[0]
    found = _between(ordered, q, name, way).movedim(-1, 0)  # the shares come first
    if keepdim:
        found = found.reshape(-1, *[1] * ndim) if whole else found.unsqueeze(at + 1)
    return found if q._array.ndim else found.squeeze(0)


def _checked(name: str, input: Any, q: Any, way: str) -> Any:
    """The shares as a tensor of the input's dtype; errors in torch's words."""
    x = input._array
    if not x.size:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if x.dtype.char not in "fd":
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if way not in WAYS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {way}"
        )
    if not isinstance(q, TensorBase):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        return tensors.from_array(beside(np.asarray(q, x.dtype), x))
    if q._array.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if q._array.dtype != x.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if not ((q._array >= 0) & (q._array <= 1)).all():
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    return q


def _between(ordered: Any, q: Any, name: str, way: str) -> Any:
    """What lies at the shares of the last axis."""
    x = ordered._array
    xp, last, shares = xp_of(x), x.shape[-1] - 1, q._array.reshape(-1)
    nans = x != x
    if name == "quantile":  # in order, a NaN stands last
        steps = xp.asarray(last, dtype=x.dtype)
        ranks = xp.where(nans[..., -1:], steps, shares * steps)
    else:
        steps = xp.maximum((~nans).sum(axis=-1, keepdims=True) - 1, 0).astype(x.dtype)
        ranks = shares * steps
    if way not in ("linear", "midpoint"):
        ranks = {"lower": xp.floor, "higher": xp.ceil, "nearest": xp.rint}[way](ranks)
        return _at(ordered, ranks)
    low = xp.floor(ranks)
    if way == "midpoint":
        weight = tensors.from_array(xp.full_like(ranks, 0.5))
    elif q._node is None:
        weight = tensors.from_array(ranks - low)
    else:
        weight = q.reshape(-1) * tensors.from_array(steps) - tensors.from_array(low)
    below, above = _at(ordered, low), _at(ordered, xp.ceil(ranks))
    step = above - below
    near = below + weight * step  # from the nearer side, so that the ends are exact
    return tensors.where(weight < 0.5, near, above - step * (1 - weight))


def _at(ordered: Any, ranks: Any) -> Any:
    """The elements at whole places of the last axis."""
    places = tensors.from_array(ranks.astype("int64"))
    return tensors.gather(ordered, places, ordered._array.ndim - 1)
