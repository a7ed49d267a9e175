"""Axes in another order."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minigrad.autograd.op import Op
from minigrad.autograd.refusals import not_a_tensor
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.errors import warn_user
from minigrad.ops.dims import listed, one_dim

ANY = ("float", "int", "bool")


@register(internal=True)
class PermuteAxes(Op):
    """The axes in another order."""

    grad_fn = "PermuteBackward0"
    view = True

    @staticmethod
    def forward(xp: Any, input: Array, dims: Any) -> Array:
        """Reorder strides."""
        return input.transpose(dims)

    @staticmethod
    def grad_input(g: Array, dims: Any, F: Any) -> Array:
        """The inverse order."""
        return F.permute_axes(g, tuple(np.argsort(dims).tolist()))


PERMUTE: Any = PermuteAxes.short


@function(
    "permute",
    dtypes=ANY,
    samples=(call(T(2, 3, 4), (2, 0, 1)), call(T(2, 3, 4), (0, -1, 1)), call(T(), ())),
    errors=(call(T(2, 3), (0,)), call(T(2, 3), (0, 0))),
    quick=True,
)
def permute(input: Any, *dims: Any, **named: Any) -> Any:
    """The axes in another order, as a view.

    Formula:   out.shape[i] = input.shape[dims[i]]
    Gradient:  g with its axes put back

    >>> import minigrad as torch
    >>> torch.zeros(2, 3, 4).permute(2, 0, 1).shape
    torch.Size([4, 2, 3])
    """
    try:
        ndim = input._array.ndim
    except AttributeError:
        raise not_a_tensor("permute", input) from None
    order = tuple([one_dim(d, ndim) for d in listed(dims, named, "dims")])
    if len(order) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {ndim} is not equal "
            f"to len(dims) = {len(order)}"
        )
    if len(set(order)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return PERMUTE(input, order)


def _transpose(input: Any, dim0: int, dim1: int) -> Any:
    try:
        ndim = input._array.ndim
    except AttributeError:
        raise not_a_tensor("transpose", input) from None
    return TRANSPOSE(input, one_dim(dim0, ndim), one_dim(dim1, ndim))


@register(
    public=_transpose,
    quick=True,
    dtypes=ANY,
    samples=(call(T(2, 3), 0, 1), call(T(2, 3, 4), -1, 0), call(T(), 0, 0)),
    errors=(call(T(2, 3), 0, 2),),
    aliases=("swapdims",),
)
class Transpose(Op):
    """Two axes exchanged, as a view.

    Formula:   out[.., j, .., i, ..] = input[.., i, .., j, ..]
    Gradient:  g with the two axes exchanged

    >>> import minigrad as torch
    >>> torch.arange(6).reshape(2, 3).transpose(0, 1).shape
    torch.Size([3, 2])
    """

    view = True

    @staticmethod
    def forward(xp: Any, input: Array, dim0: int, dim1: int) -> Array:
        """Exchange strides."""
        return input.swapaxes(dim0, dim1) if input.ndim else input[...]

    @staticmethod
    def grad_input(g: Array, dim0: int, dim1: int, F: Any) -> Array:
        """Exchange again."""
        return F.transpose(g, dim0, dim1)


TRANSPOSE: Any = Transpose.short


@function(dtypes=ANY, samples=(call(T(2, 3), 0, 1), call(T(2, 3, 4), axis0=-1, axis1=0)))
def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """Two axes exchanged, as a view: :func:`transpose` under NumPy's name.

    >>> import minigrad as torch
    >>> torch.zeros(2, 3).swapaxes(0, 1).shape
    torch.Size([3, 2])
    """
    return _transpose(input, axis0, axis1)


@register(internal=True)
class TransposeMatrix(Op):
    """The two axes of a matrix exchanged: ``x.t()`` and ``x.T``."""

    grad_fn = "TBackward0"
    view = True

    @staticmethod
    def forward(xp: Any, input: Array) -> Array:
        """Exchange strides."""
        return input.T

    @staticmethod
    def grad_input(g: Array, F: Any) -> Array:
        """Exchange again."""
        return F.transpose_matrix(g)


TRANSPOSE_MATRIX: Any = TransposeMatrix.short


@function(
    "t",
    dtypes=ANY,
    samples=(call(T(2, 3)), call(T(3)), call(T())),
    errors=(call(T(2, 3, 4)),),
    quick=True,
)
def t(input: Any) -> Any:
    """A matrix transposed, as a view; a vector stays as it is.

    >>> import minigrad as torch
    >>> torch.zeros(2, 3).t().shape
    torch.Size([3, 2])
    """
    try:
        if input._array.ndim > 2:
            raise RuntimeError(
                f"t() expects a tensor with <= 2 dimensions, but self is {input.dim()}D"
            )
    except AttributeError:
        raise not_a_tensor("t", input) from None
    return TRANSPOSE_MATRIX(input)


def _reversed_axes(input: Any) -> Any:
    """All axes in reverse order; of a matrix, its transpose.

    >>> import minigrad as torch
    >>> torch.tensor([[1, 2], [3, 4]]).T
    tensor([[1, 3],
            [2, 4]])
    """
    ndim = input._array.ndim
    if ndim != 2:
        _warn_of_other_shapes()
    return PERMUTE(input, tuple(range(ndim - 1, -1, -1)))


@functools.cache
def _warn_of_other_shapes() -> None:
    """Say once, as torch does, that reversing the axes of what is no matrix will be an error."""
    warn_user(
        "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is "
        "deprecated and it will throw an error in a future release. Consider `x.mT` to transpose "
        "batches of matrices or `x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the "
        "dimensions of a tensor."
    )


def _matrix_transpose(name: str, exact: bool = False) -> Any:
    """The getter of a property that exchanges the last two axes."""

    def getter(input: Any) -> Any:
        """The last two axes exchanged.

        >>> import minigrad as torch
        >>> torch.zeros(2, 3, 4).mT.shape
        torch.Size([2, 4, 3])
        """
        ndim = input._array.ndim
        if ndim == 2 or (ndim > 2 and not exact):
            return TRANSPOSE(input, ndim - 2, ndim - 1)
        if ndim == 0:
            return PERMUTE(input, ())
        what = "matrices (2-D tensors)" if exact else "matrices or batches of matrices"
        raise RuntimeError(f"tensor.{name} is only supported on {what}. Got {ndim}-D tensor.")

    return getter


for _name, _getter in {
    "T": _reversed_axes,
    "H": _matrix_transpose("H", exact=True),
    "mT": _matrix_transpose("mT"),
    "mH": _matrix_transpose("mH"),
}.items():
    setattr(TensorBase, _name, property(_getter))


@function(samples=(call(T(2, 3)), call(T(2, 3, 4))), errors=(call(T(2)),), dtypes=ANY)
def adjoint(input: Any) -> Any:
    """The last two axes exchanged; of a real matrix that is its adjoint.

    >>> import minigrad as torch
    >>> torch.zeros(2, 3).adjoint().shape
    torch.Size([3, 2])
    """
    return _matrix_transpose("adjoint()")(input)


@function(
    "movedim",
    dtypes=ANY,
    samples=(call(T(2, 3, 4), 0, 2), call(T(2, 3, 4), (0, 1), (1, 2))),
    aliases=("moveaxis",),
)
def movedim(input: Any, source: Any, destination: Any) -> Any:
    """Axes moved to other places, the rest in their old order.

    >>> import minigrad as torch
    >>> torch.zeros(2, 3, 4).movedim(0, 2).shape
    torch.Size([3, 4, 2])
    """
    ndim = input._array.ndim
    origin = [one_dim(d, ndim) for d in (source if isinstance(source, (tuple, list)) else [source])]
    goal = [
        one_dim(d, ndim)
        for d in (destination if isinstance(destination, (tuple, list)) else [destination])
    ]
    if len(origin) != len(goal):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({origin} dims) should contain "
            f"the same number of dims as destination ({goal} dims)"
        )
    for what, axes, given in (("source", origin, source), ("destination", goal, destination)):
        if len(set(axes)) != len(axes):
            raise RuntimeError(f"movedim: repeated dim in `{what}` ({given})")
    if not ndim:
        return PERMUTE(input, ())
    order = [d for d in range(ndim) if d not in origin]
    for place, axis in sorted(zip(goal, origin, strict=True)):
        order.insert(place, axis)
    return input.permute(order)
