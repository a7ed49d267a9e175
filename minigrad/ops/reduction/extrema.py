"""The largest and the smallest: values, places, and who gets the gradient at a tie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.ops.dims import NOT_GIVEN, all_dims, one_dim
from minigrad.ops.folds import fold, is_short
from minigrad.ops.reduction.reduce import ERRORS, given_dim, spread
from minigrad.return_types import named


def tied(g: Any, input: Any, out: Any, shape: Any, dim: Any, keepdim: bool, F: Any) -> Any:
    """The cotangent shared equally by all elements that reach the extreme value."""
    mask = input == spread(out, shape, dim, keepdim, F)
    count = F.sum(F.cast(mask, dtypes.of_numpy(getattr(g, "_array", g).dtype)), dim, True)
    return spread(g, shape, dim, keepdim, F) / count * mask


def tied_overall(g: Any, input: Any, out: Any, F: Any) -> Any:
    """The cotangent shared equally by all elements that are ``out``, NaN for one."""
    plain = getattr(out, "_array", out)
    if type(plain) is not np.ndarray:  # of a card nobody asks what it is
        mask = (input == out) | ((input != input) & (out != out))
        return g / F.sum(F.cast(mask, dtypes.of_numpy(plain.dtype)), None, False) * mask
    mask = (input == out) if bool((out == out).all()) else (input != input)
    return F.where(mask, g / int(getattr(mask, "_array", mask).sum()), 0.0)


FEW = 4096  # elements


class _Extreme(Op):
    """An extreme value over axes, shared at ties."""

    @staticmethod
    def grad_input(
        g: Array, input: Array, out: Array, shape: Any, dim: Any, keepdim: bool, F: Any
    ) -> Array:
        """Shared equally at ties."""
        return tied(g, input, out, shape, dim, keepdim, F)


def _over_axes(name: str) -> Any:
    def extreme(
        input: Any,
        dim: int | Sequence[int] | None = (),
        keepdim: bool = False,
        *,
        axis: Any = None,
        keepdims: bool = False,
    ) -> Any:
        dim = given_dim(dim, axis)
        dims = all_dims(dim, input._array.ndim)
        if not input._array.size:
            need_elements(name, input, dims)
        return getattr(tensors, name)(input, dims, keepdim or keepdims)

    return extreme


NO_DIM = (
    "{}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction "
    "dim with the 'dim' argument."
)


def need_elements(name: str, input: Any, dims: Any) -> None:
    """Raise torch's error for the extreme of nothing: of no elements, along an axis of size 0."""
    shape = input._array.shape
    if dims is None and 0 in shape:
        raise (IndexError if name.startswith("arg") else RuntimeError)(NO_DIM.format(name))
    for dim in dims or ():
        if dim < len(shape) and shape[dim] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")


_AXES: dict[str, Any] = {
    "out": True,
    "dtypes": ("float", "int", "bool"),
    "samples": (
        call(T(2, 3)),
        call(T(2, 3), dim=1),
        call(T(2, 3, 4), dim=(0, 2)),
        call(T(4), dim=0, keepdim=True),
    ),
    "errors": ERRORS,
}


@register(public=_over_axes("amax"), **_AXES)
class Amax(_Extreme):
    """Largest value of all elements, or along axes; a tie shares the gradient.

    Formula:   out = max_i input_i
    Gradient:  g / (number of ties) where input equals out

    >>> import minigrad as torch
    >>> torch.amax(torch.tensor([[1., 5.], [7., 2.]]), dim=1)
    tensor([5., 7.])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any = None, keepdim: bool = False) -> Array:
        """The largest."""
        return fold(xp, "maximum", input, dim, keepdim)


@register(public=_over_axes("amin"), **_AXES)
class Amin(_Extreme):
    """Smallest value of all elements, or along axes; a tie shares the gradient.

    Formula:   out = min_i input_i
    Gradient:  g / (number of ties) where input equals out

    >>> import minigrad as torch
    >>> torch.amin(torch.tensor([[1., 5.], [7., 2.]]), dim=1)
    tensor([1., 2.])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any = None, keepdim: bool = False) -> Array:
        """The smallest."""
        return fold(xp, "minimum", input, dim, keepdim)


AMINMAX = named("aminmax", "min", "max")


def _aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    ndim = input._array.ndim
    dims = None if dim is None else all_dims(one_dim(dim, ndim), ndim)
    if dims is None and not input._array.size:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity."
        )
    need_elements("aminmax", input, dims)
    return AMINMAX(apply(Aminmax, (input,), (dims, keepdim)))


@register(
    public=_aminmax,
    out=True,
    dtypes=("float", "int", "bool"),
    samples=(call(T(2, 3)), call(T(2, 3), dim=1), call(T(4), dim=0, keepdim=True), call(T())),
    errors=(call(T(2, 3), dim=2),),
    returns="Any",
)
class Aminmax(Op):
    """Smallest and largest value of all elements, or along one axis; ties share the gradients.

    Formula:   out = (min_i input_i, max_i input_i)
    Gradient:  each cotangent / (number of ties) where input equals its value

    >>> import minigrad as torch
    >>> torch.aminmax(torch.tensor([3., 1., 2.])).max
    tensor(3.)
    """

    outputs = 2
    keeps = ("low", "high")

    @staticmethod
    def forward(xp: Any, input: Array, dim: Any, keepdim: bool) -> Any:
        """Both, and copies for backward: users may write to the results."""
        low = xp.asarray(fold(xp, "minimum", input, dim, keepdim))
        high = xp.asarray(fold(xp, "maximum", input, dim, keepdim))
        return low, high, low.copy(), high.copy()

    @staticmethod
    def grad_input(
        g: Any, input: Array, low: Array, high: Array, shape: Any, dim: Any, keepdim: bool, F: Any
    ) -> Array:
        """Shared equally at ties of either."""
        wanted = [(c, v) for c, v in zip(g, (low, high), strict=True) if c is not None]
        parts = [tied(c, input, v, shape, dim, keepdim, F) for c, v in wanted]
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def extreme_of_all(x: Array, which: str) -> Array:
    """The largest or the smallest number; of few, NumPy finds its place five times as fast."""
    if type(x) is np.ndarray and x.size < FEW and x.dtype.kind in "fiu" and x.size:
        return x.reshape(-1)[x.argmax() if which == "max" else x.argmin()]
    found = getattr(x, which)()
    # CuPy's extremes of bfloat16 are float32.
    return found if type(x) is np.ndarray else found.astype(x.dtype, copy=False)


def _three_forms(name: str, along: type[Op], between: str) -> Any:
    """``max(x)``, ``max(x, dim)`` and ``max(x, other)``."""
    result = named(name, "values", "indices")

    def extreme(
        input: Any,
        dim: Any = NOT_GIVEN,
        keepdim: bool = False,
        *,
        other: Any = None,
        axis: Any = None,
        keepdims: bool = False,
    ) -> Any:
        if type(dim) is not int:
            if isinstance(dim, TensorBase) or other is not None:
                if keepdim is not False or keepdims:
                    raise TypeError(f"{name}() of two tensors takes no dim and no keepdim")
                return getattr(tensors, between)(input, dim if other is None else other)
            dim = given_dim(dim, axis)
            if dim is NOT_GIVEN:
                if keepdim or keepdims:
                    raise TypeError(f"{name}(): keepdim needs a dim; amax and amin do without")
                if not input._array.size:
                    need_elements(name, input, None)
                return getattr(tensors, name)(input)
        x = input._array
        number = one_dim(dim, x.ndim)
        if not x.size:
            need_elements(name, input, (number,))
        return result(apply(along, (input,), (number, keepdim or keepdims)))

    return extreme


THREE: dict[str, Any] = {
    "out": True,
    "dtypes": ("float", "int", "bool"),
    "samples": (
        call(T(2, 3)),
        call(T(2, 3), 1),
        call(T(2, 3), dim=0, keepdim=True),
        call(T()),
        call(T(2, 3), T(3)),
    ),
    "errors": ERRORS,
    "returns": "Any",
}


def at_places(g: Any, places: Any, shape: Any, dim: int, keepdim: bool, F: Any) -> Any:
    """The cotangent of values picked along an axis, from places all different, put back there."""
    if len(shape) == 0:
        return g
    if not keepdim:
        g, places = F.unsqueeze(g, dim), F.unsqueeze(places, dim)
    return F.place_along(g, places, shape, dim)


@register(internal=True)
class PlaceAlong(Op):
    """Zeros of a shape with values written along an axis, no two at one place."""

    @staticmethod
    def forward(xp: Any, input: Array, places: Array, size: Any, dim: int) -> Array:
        """Write."""
        out = xp.zeros(size, dtype=input.dtype)
        xp.put_along_axis(out, places, input, axis=dim)
        return out

    @staticmethod
    def grad_input(g: Array, places: Array, dim: int, F: Any) -> Array:
        """Read at the same places."""
        return F.gather(g, places, dim)


class Picked(Op):
    """Values picked along an axis, their places, and these once more."""

    outputs = 2
    keeps = ("places",)

    @staticmethod
    def grad_input(g: Any, places: Array, shape: Any, dim: int, keepdim: bool, F: Any) -> Array:
        """Each place that was picked gets all of it."""
        return at_places(g[0], places, shape, dim, keepdim, F)


def the_only(xp: Any, input: Array) -> Any:
    """What is picked of a 0-d array: its element, at place 0."""
    place = xp.zeros((), xp.int64)
    return input.copy(), place, place


def extreme_and_place(xp: Any, which: str, x: Array, dim: int, keepdim: bool) -> Any:
    """``max`` or ``min`` along an axis, and its first place, twice.

    Of short rows the place is counted up for as long as no column has reached the extreme.
    """
    value = fold(xp, f"{which}imum", x, dim, keepdim)
    if not is_short(x, dim):
        places = xp.asarray(getattr(x, f"arg{which}")(axis=dim, keepdims=keepdim))
        return value, places, places
    reached = value[..., 0] if keepdim else value
    missing = reached != reached  # NaN, which the first NaN reaches
    some = missing.any()
    waiting = None
    for column in range(x.shape[-1] - 1):
        other = x[..., column] != reached
        if some:
            other &= x[..., column] == x[..., column]
        waiting = other if waiting is None else waiting & other
        places = waiting.astype(xp.int8) if column == 0 else places + waiting
    places = places.astype(xp.int64)
    places = places[..., None] if keepdim else places
    return value, places, places


@register("max_along", internal=True)
class MaxAlong(Picked):
    """The largest value along an axis, and its place."""

    grad_fn = "MaxBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, dim: int, keepdim: bool) -> Any:
        """The first of the largest."""
        if not input.ndim:
            return the_only(xp, input)
        return extreme_and_place(xp, "max", input, dim, keepdim)


@register("min_along", internal=True)
class MinAlong(Picked):
    """The smallest value along an axis, and its place."""

    grad_fn = "MinBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, dim: int, keepdim: bool) -> Any:
        """The first of the smallest."""
        if not input.ndim:
            return the_only(xp, input)
        return extreme_and_place(xp, "min", input, dim, keepdim)


@register(public=_three_forms("max", MaxAlong, "maximum"), **THREE)
class Max(Op):
    """Largest value: of all elements, along one axis with its place, or of two tensors.

    Formula:   out = max_i input_i
    Gradient:  over everything a tie shares it; along an axis the first place gets all of it

    >>> import minigrad as torch
    >>> x = torch.tensor([[1., 5.], [7., 2.]])
    >>> torch.max(x), torch.max(x, 1).indices, torch.max(x, torch.tensor(3.))[0]
    (tensor(7.), tensor([1, 0]), tensor([3., 5.]))
    """

    grad_fn = "MaxBackward1"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """The largest."""
        return extreme_of_all(input, "max")

    @staticmethod
    def grad_input(g: Array, input: Array, out: Array, F: Any) -> Array:
        """Shared equally at ties."""
        return tied_overall(g, input, out, F)


@register(public=_three_forms("min", MinAlong, "minimum"), **THREE)
class Min(Op):
    """Smallest value: of all elements, along one axis with its place, or of two tensors.

    Formula:   out = min_i input_i
    Gradient:  over everything a tie shares it; along an axis the first place gets all of it

    >>> import minigrad as torch
    >>> x = torch.tensor([[1., 5.], [7., 2.]])
    >>> torch.min(x), torch.min(x, 1).values
    (tensor(1.), tensor([1., 2.]))
    """

    grad_fn = "MinBackward1"

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """The smallest."""
        return extreme_of_all(input, "min")

    @staticmethod
    def grad_input(g: Array, input: Array, out: Array, F: Any) -> Array:
        """Shared equally at ties."""
        return tied_overall(g, input, out, F)
