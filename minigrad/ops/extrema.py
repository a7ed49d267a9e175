"""The largest and the smallest: values, places, and who gets the gradient at a tie."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from minigrad import dtypes
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, into, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.ops.dims import all_dims, one_dim
from minigrad.ops.reduce import ERRORS, given_dim, spread

NUMBERS = ("float", "int")
AXES = (call(T(2, 3), dim=1), call(T(2, 3, 4), dim=(0, 2)), call(T(4), dim=0, keepdim=True))


def pair(name: str) -> Any:
    """torch's named result: ``torch.return_types.max(values=..., indices=...)``."""
    cls = namedtuple(name, ("values", "indices"))  # type: ignore[misc]

    def show(self: Any) -> str:
        return f"torch.return_types.{name}(\nvalues={self.values!r},\nindices={self.indices!r})"

    cls.__repr__ = show  # type: ignore[method-assign]
    cls.__module__ = "minigrad.return_types"
    return cls


def tied(g: Any, input: Any, out: Any, shape: Any, dim: Any, keepdim: bool, F: Any) -> Any:
    """The cotangent shared equally by all elements that reach the extreme value."""
    mask = input == spread(out, shape, dim, keepdim, F)
    count = F.sum(F.cast(mask, dtypes.of_numpy(getattr(g, "_array", g).dtype)), dim, True)
    return spread(g, shape, dim, keepdim, F) / count * mask


class _Extreme(Op):
    """An extreme value over axes, shared at ties."""

    @staticmethod
    def grad_input(
        g: Array, input: Array, out: Array, shape: Any, dim: Any, keepdim: bool, F: Any
    ) -> Array:
        """Shared equally at ties."""
        return tied(g, input, out, shape, dim, keepdim, F)


def _over_axes(name: str) -> Any:
    def extreme(input: Any, dim: Any = (), keepdim: bool = False, *, out: Any = None) -> Any:
        dims = all_dims(None if dim == () else dim, input._array.ndim)
        need_elements(name, input, dims)
        result = getattr(tensors, name)(input, dims, keepdim)
        return result if out is None else into(out, result)

    return extreme


def need_elements(name: str, input: Any, dims: Any) -> None:
    """Raise torch's error for the extreme of nothing."""
    shape = input._array.shape
    if any(n == 0 for i, n in enumerate(shape) if dims is None or i in dims):
        raise IndexError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0, or to have "
            f"non-zero size; shape {tuple(shape)} has no elements there"
        )


@register(public=_over_axes("amax"), dtypes=NUMBERS, samples=(call(T(2, 3)), *AXES), errors=ERRORS)
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
        return input.max(axis=dim, keepdims=keepdim)


@register(public=_over_axes("amin"), dtypes=NUMBERS, samples=(call(T(2, 3)), *AXES), errors=ERRORS)
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
        return input.min(axis=dim, keepdims=keepdim)


def _three_forms(name: str, along: str, over: str, between: str) -> Any:
    """``max(x)``, ``max(x, dim)`` and ``max(x, other)``."""
    result_class = pair(name)

    def extreme(
        input: Any,
        dim: Any = None,
        keepdim: bool = False,
        *,
        other: Any = None,
        axis: Any = None,
        out: Any = None,
    ) -> Any:
        if isinstance(dim, TensorBase) or other is not None:
            return getattr(tensors, between)(input, dim if other is None else other)
        dim = given_dim(dim, axis)
        if dim is None:
            if input._array.size == 0:
                raise RuntimeError(
                    f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                    "Specify the reduction dim with the 'dim' argument."
                )
            return getattr(tensors, over)(input)
        number = one_dim(dim, input._array.ndim)
        need_elements(name, input, (number,))
        return result_class(*getattr(tensors, along)(input, number, keepdim))

    return extreme


THREE: dict[str, Any] = {
    "dtypes": NUMBERS,
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


def _place_gradient(g: Any, indices: Any, shape: Any, dim: int, keepdim: bool, F: Any) -> Any:
    """A cotangent of values put back at their places."""
    if len(shape) == 0:
        return g
    if not keepdim:
        g, indices = F.unsqueeze(g, dim), F.unsqueeze(indices, dim)
    return F.put_along(g, indices, shape, dim)


def _first(xp: Any, input: Array, dim: int, keepdim: bool, find: Any) -> tuple[Any, Any, Any]:
    """Values, places, and the places once more for backward."""
    if input.ndim == 0:
        place = xp.zeros((), xp.int64)
        return input.copy(), place, place
    places = find(input, axis=dim)
    values = xp.take_along_axis(input, xp.expand_dims(places, dim), dim)
    if not keepdim:
        values = values.squeeze(dim)
    else:
        places = xp.expand_dims(places, dim)
    return values, places, places


class MaxAlong(Op):
    """The largest value along an axis, and its place."""

    grad_fn = "MaxBackward0"
    outputs = 2
    keeps = ("places",)

    @staticmethod
    def forward(xp: Any, input: Array, dim: int, keepdim: bool) -> Any:
        """The first of the largest."""
        return _first(xp, input, dim, keepdim, xp.argmax)

    @staticmethod
    def grad_input(g: Any, places: Array, shape: Any, dim: int, keepdim: bool, F: Any) -> Array:
        """All of it to the first."""
        return _place_gradient(g[0], places, shape, dim, keepdim, F)


class MinAlong(Op):
    """The smallest value along an axis, and its place."""

    grad_fn = "MinBackward0"
    outputs = 2
    keeps = ("places",)

    @staticmethod
    def forward(xp: Any, input: Array, dim: int, keepdim: bool) -> Any:
        """The first of the smallest."""
        return _first(xp, input, dim, keepdim, xp.argmin)

    @staticmethod
    def grad_input(g: Any, places: Array, shape: Any, dim: int, keepdim: bool, F: Any) -> Array:
        """All of it to the first."""
        return _place_gradient(g[0], places, shape, dim, keepdim, F)


register("max_along", internal=True)(MaxAlong)
register("min_along", internal=True)(MinAlong)


@register(public=_three_forms("max", "max_along", "max", "maximum"), **THREE)
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
        return input.max()

    @staticmethod
    def grad_input(g: Array, input: Array, out: Array, shape: Any, F: Any) -> Array:
        """Shared equally at ties."""
        return tied(g, input, out, shape, None, False, F)


@register(public=_three_forms("min", "min_along", "min", "minimum"), **THREE)
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
        return input.min()

    @staticmethod
    def grad_input(g: Array, input: Array, out: Array, shape: Any, F: Any) -> Array:
        """Shared equally at ties."""
        return tied(g, input, out, shape, None, False, F)


def _place(name: str) -> Any:
    def place(
        input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, out: Any = None
    ) -> Any:
        dim = given_dim(dim, axis)
        number = None if dim is None else one_dim(dim, input._array.ndim)
        need_elements(name, input, None if number is None else (number,))
        result = getattr(tensors, name)(input, number, keepdim)
        return result if out is None else into(out, result)

    return place


PLACE: dict[str, Any] = {
    "dtypes": NUMBERS,
    "samples": (call(T(2, 3)), call(T(2, 3), 1), call(T(2, 3), dim=0, keepdim=True), call(T())),
    "errors": ERRORS,
    "gradcheck": False,
}


@register(public=_place("argmax"), **PLACE)
class Argmax(Op):
    """Place of the largest element, overall (flattened) or along an axis; the first at a tie.

    >>> import minigrad as torch
    >>> torch.tensor([[1., 5.], [7., 2.]]).argmax(dim=1)
    tensor([1, 0])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: int | None, keepdim: bool) -> Array:
        """Where the largest stands."""
        return xp.argmax(input, axis=dim if input.ndim else None, keepdims=keepdim)


@register(public=_place("argmin"), **PLACE)
class Argmin(Op):
    """Place of the smallest element, overall (flattened) or along an axis; the first at a tie.

    >>> import minigrad as torch
    >>> torch.tensor([[1., 5.], [7., 2.]]).argmin(dim=1)
    tensor([0, 1])
    """

    @staticmethod
    def forward(xp: Any, input: Array, dim: int | None, keepdim: bool) -> Array:
        """Where the smallest stands."""
        return xp.argmin(input, axis=dim if input.ndim else None, keepdims=keepdim)
