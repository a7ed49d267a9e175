"""One element picked by its rank or its frequency: the k-th, the median, the most frequent."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, register
from minigrad.backend import Array
from minigrad.ops.dims import NOT_GIVEN, one_dim
from minigrad.ops.folds import in_rows
from minigrad.ops.indexing.places import taken
from minigrad.ops.reduction.extrema import Picked, need_elements, the_only, tied_overall
from minigrad.ops.reduction.order import ERRORS, comparable, least, places_in_order
from minigrad.ops.reduction.running import last_places
from minigrad.return_types import named

KTHVALUE = named("kthvalue", "values", "indices")
MEDIAN = named("median", "values", "indices")
NANMEDIAN = named("nanmedian", "values", "indices")
MODE = named("mode", "values", "indices")
FEW = 1024  # elements; up to here, NumPy's sort takes less than its partition and what follows


def _number_k_of_few(
    xp: Any, x: Any, small: Any, k: int, dim: int, keepdim: bool, stable: bool
) -> Any:
    """The same by sorting the whole axis, which is one call."""
    order = small.argsort(axis=dim, kind="stable")
    places = in_rows(order[(slice(None),) * dim + (slice(k, k + 1),)])
    values = taken(xp, x, places, dim)
    if not stable:
        same = x == values
        if x.dtype.kind in "fV":
            same |= (x != x) & (values != values)
        places = same.argmax(axis=dim, keepdims=True)
    if not keepdim:
        values, places = values.squeeze(dim), places.squeeze(dim)
    return values, places, places


def _number_k(xp: Any, x: Array, k: int, dim: int, keepdim: bool, stable: bool) -> Any:
    """The k-th smallest along an axis (from 0), and where it stands.

    Of equal ones it is the first, or (``stable``) the one that a stable sort would put there.
    """
    small = comparable(xp, x)
    if small.size <= FEW:
        return _number_k_of_few(xp, x, small, k, dim, keepdim, stable)
    value = xp.take(xp.partition(small, k, axis=dim), xp.asarray([k]), axis=dim)
    same = small == value
    if small.dtype.kind == "f" and (value != value).any():
        same |= (small != small) & (value != value)
    number = k - (small < value).sum(axis=dim, keepdims=True) if stable else xp.zeros(1)
    if number.any():
        same = xp.cumsum(same, axis=dim) > number
    places = same.argmax(axis=dim, keepdims=True)
    values = value.astype(x.dtype, copy=False)
    if not keepdim:
        values, places = values.squeeze(dim), places.squeeze(dim)
    return values, places, places


@register(internal=True)
class KthvalueAlong(Picked):
    """The k-th smallest along an axis, and its place."""

    grad_fn = "KthvalueBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, k: int, dim: int, keepdim: bool) -> Any:
        """NaN as the greatest; the first of equal ones."""
        if not input.ndim:
            return the_only(xp, input)
        return _number_k(xp, input, k - 1, dim, keepdim, False)


def _no_bools(name: str, input: Any) -> None:
    if input._array.dtype.kind == "b":
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool'; use x.int()")


@function(
    out="apart",
    samples=(call(T(2, 5), 2), call(T(5, 2), 3, 0), call(T(4), 1, keepdim=True), call(T(), 1)),
    errors=(call(T(2, 3), 4), call(T(2, 3), 0), call(T(2, 3), 1, 2)),
    returns="Any",
)
def kthvalue(input: Any, k: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest element along an axis, counted from 1, and where it stands.

    Formula:   out = sort(input)[k - 1]
    Gradient:  g back to that place

    >>> import minigrad as torch
    >>> torch.kthvalue(torch.tensor([3., 1., 2.]), 2).values
    tensor(2.)
    """
    shape, k = input._array.shape, operator.index(k)
    number = one_dim(dim, len(shape))
    need_elements("kthvalue", input, (number,))
    if not 1 <= k <= (shape[number] if shape else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {number}")
    _no_bools("kthvalue", input)
    return KTHVALUE(apply(KthvalueAlong, (input,), (k, number, keepdim)))


@register(internal=True)
class MedianAlong(Picked):
    """The lower median along an axis, and its place; of what is not NaN if ``skip``."""

    grad_fn = staticmethod(
        lambda dim, keepdim, skip: "NanmedianBackward1" if skip else "MedianBackward1"
    )

    @staticmethod
    def forward(xp: Any, input: Array, dim: int, keepdim: bool, skip: bool) -> Any:
        """Without NaN the element in the middle; the first NaN where one is and counts."""
        if not input.ndim:
            return the_only(xp, input)
        nans = input != input if input.dtype.kind in "fV" else None
        if nans is None or (xp is np and not nans.any()):  # a card would have to be waited for
            return _number_k(xp, input, (input.shape[dim] - 1) // 2, dim, keepdim, True)
        if skip:
            count = xp.count_nonzero(~nans, axis=dim)
            middle = (xp.maximum(count - 1, 0) // 2)[(slice(None),) * dim + (None,)]
            places = taken(xp, places_in_order(xp, input, dim), middle, dim)
        else:
            places = _number_k(xp, input, (input.shape[dim] - 1) // 2, dim, True, True)[1]
            first = nans.argmax(axis=dim, keepdims=True)
            places = xp.where(nans.any(axis=dim, keepdims=True), first, places)
        values = taken(xp, input, places, dim)
        if not keepdim:
            values, places = values.squeeze(dim), places.squeeze(dim)
        return values, places, places


def _two_forms(name: str, result: Any, skip: bool) -> Any:
    """``median(x)`` and ``median(x, dim)``."""

    def median(input: Any, dim: Any = NOT_GIVEN, keepdim: bool = False) -> Any:
        _no_bools("median", input)
        if dim is NOT_GIVEN:
            if keepdim:
                raise TypeError(f"{name}(): keepdim needs a dim")
            return getattr(tensors, name)(input)
        number = one_dim(dim, input._array.ndim)
        need_elements(name, input, (number,))
        return result(apply(MedianAlong, (input,), (number, keepdim, skip)))

    return median


_MEDIAN: dict[str, Any] = {
    "out": True,
    "samples": (
        call(T(2, 5)),
        call(T(2, 4), 1),
        call(T(5, 2), dim=0, keepdim=True),
        call(T()),
    ),
    "errors": ERRORS,
    "returns": "Any",
}


class _Middle(Op):
    """The lower median of all elements."""

    @staticmethod
    def grad_input(g: Array, input: Array, out: Array, F: Any) -> Array:
        """Shared equally at ties."""
        return tied_overall(g, input, out, F)


@register(public=_two_forms("median", MEDIAN, False), **_MEDIAN)
class Median(_Middle):
    """The median: of all elements, or along one axis with its place; the lower of two.

    NaN if there is one.

    Formula:   out = sort(input)[(n - 1) // 2]
    Gradient:  over everything a tie shares it; along an axis the place gets all of it

    >>> import minigrad as torch
    >>> torch.median(torch.tensor([3., 1., 2., 4.]))
    tensor(2.)
    """

    grad_fn = "MedianBackward0"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """The element in the middle, found by partition."""
        small = comparable(xp, input).reshape(-1)
        if not small.size:
            return xp.asarray(
                float("nan") if input.dtype.kind in "fV" else least(input.dtype)
            ).astype(input.dtype)
        middle = (small.size - 1) // 2
        found = xp.partition(small, middle)[middle]
        if input.dtype.kind in "fV":
            found = xp.where((small != small).any(), math.nan, found)
        return xp.asarray(found).astype(input.dtype, copy=False)


@register(public=_two_forms("nanmedian", NANMEDIAN, True), **_MEDIAN)
class Nanmedian(_Middle):
    """The median of what is not NaN: overall, or along one axis with its place.

    Formula:   out = median of the elements that are not NaN
    Gradient:  over everything a tie shares it; along an axis the place gets all of it

    >>> import minigrad as torch
    >>> torch.nanmedian(torch.tensor([3., torch.nan, 1.]))
    tensor(1.)
    """

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """The median of the rest."""
        if input.dtype.kind in "fV":
            input = input[input == input]
        return Median.forward(xp, input)


@register(internal=True)
class ModeAlong(Picked):
    """The most frequent value along an axis, and its last place."""

    grad_fn = "ModeBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, dim: int, keepdim: bool) -> Any:
        """In order, equal values are runs; the longest wins, the smallest of the longest."""
        if not input.ndim:
            return the_only(xp, input)
        last = input.ndim - 1
        x = xp.ascontiguousarray(input.swapaxes(dim, last))
        order = places_in_order(xp, x, last)
        ordered = taken(xp, x, order, last)
        starts = xp.empty(order.shape, dtype=bool)
        starts[..., 0] = True
        xp.not_equal(ordered[..., 1:], ordered[..., :-1], out=starts[..., 1:])
        lengths = xp.arange(order.shape[-1]) - last_places(xp, starts, last)
        ends = lengths.argmax(axis=-1, keepdims=True)
        places, values = taken(xp, order, ends, last), taken(xp, ordered, ends, last)
        places, values = places.swapaxes(dim, last), values.swapaxes(dim, last)
        if not keepdim:
            values, places = values.squeeze(dim), places.squeeze(dim)
        return values, places, places


@function(
    out=True,
    samples=(call(T(2, 5)), call(T(5, 2), 0), call(T(4), -1, True), call(T())),
    errors=ERRORS,
    returns="Any",
)
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent value along an axis, the smallest of several, and its last place.

    Formula:   out = the value with the greatest count
    Gradient:  g back to that place

    >>> import minigrad as torch
    >>> torch.mode(torch.tensor([3, 1, 3, 2])).values
    tensor(3)
    """
    number = one_dim(dim, input._array.ndim)
    need_elements("mode", input, (number,))
    return MODE(apply(ModeAlong, (input,), (number, keepdim)))
