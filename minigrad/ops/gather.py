"""Picking by index tensors and masks: gather, masked_fill, nonzero."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, booleans, call, function, integers, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.ops.dims import one_dim
from minigrad.ops.index import getitem

ANY = ("float", "int", "bool")


def _gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    at = one_dim(dim, input._array.ndim)
    if index._array.dtype != np.int64:
        raise RuntimeError("gather(): Expected dtype int64 for index")
    if index._array.ndim != input._array.ndim:
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    size = input._array.shape[at]
    if index._array.size and (index._array.min() < 0 or index._array.max() >= size):
        worst = int(index._array.max())
        raise RuntimeError(f"index {worst} is out of bounds for dimension {at} with size {size}")
    return apply(Gather, (input, index), (at,))


@register(
    public=_gather,
    samples=(
        call(T(3, 4), 0, T(2, 4, domain=integers(0, 2))),
        call(T(3, 4), 1, T(3, 2, domain=integers(0, 3))),
        call(T(3, 4), -1, T(2, 5, domain=integers(0, 3))),
    ),
    errors=(call(T(3), 0, T(2, domain=integers(3, 5))),),
)
class Gather(Op):
    """Values picked along an axis, one place for each result.

    Formula:   out[i, j] = input[index[i, j], j]  (dim = 0)
    Gradient:  g added to the places that were picked

    >>> import minigrad as torch
    >>> torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, dim: int) -> Array:
        """Pick; the index may be shorter on the other axes."""
        return input[_places(xp, index, dim)]

    @staticmethod
    def grad_input(g: Array, index: Array, shape: Any, dim: int, F: Any) -> Array:
        """Add back."""
        return F.put_along(g, index, shape, dim)


def _places(xp: Any, index: Array, dim: int) -> tuple[Any, ...]:
    """A full advanced index: ``index`` on its axis, counters on the others."""
    grid = []
    for axis, n in enumerate(index.shape):
        shape = [1] * index.ndim
        shape[axis] = n
        grid.append(index if axis == dim else xp.arange(n).reshape(shape))
    return tuple(grid)


@register(internal=True)
class PutAlong(Op):
    """Zeros of a shape with values added along an axis: the reverse of gather."""

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, size: Any, dim: int) -> Array:
        """Add one by one: a place may come twice."""
        out = xp.zeros(size, dtype=input.dtype)
        xp.add.at(out, _places(xp, index, dim), input)
        return out

    @staticmethod
    def grad_input(g: Array, index: Array, dim: int, F: Any) -> Array:
        """Read at the same places."""
        return F.gather(g, index, dim)


def _masked_fill(input: Any, mask: Any, value: Any) -> Any:
    if mask._array.dtype != bool:
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}"
        )
    if isinstance(value, TensorBase):
        if value._array.ndim:
            raise RuntimeError(
                "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value._array.ndim} dimension(s)."
            )
        value = value.to(input.dtype)
    return apply(MaskedFill, (input, mask, value))


@register(
    public=_masked_fill,
    where=("torch", "Tensor"),
    samples=(
        call(T(2, 3), T(2, 3, domain=booleans()), 0.5),
        call(T(2, 3), T(3, domain=booleans()), -1.0),
        call(T(2, 3), T(2, 1, domain=booleans()), T(domain=reals(-1, 1))),
    ),
    inplace=True,
)
class MaskedFill(Op):
    """A value written where a mask holds.

    Formula:   out = value if mask else input
    Gradient:  g where the mask does not hold; its sum where it does for the value

    >>> import minigrad as torch
    >>> torch.tensor([1., 2.]).masked_fill(torch.tensor([True, False]), 0.)
    tensor([0., 2.])
    """

    broadcasts = True

    @staticmethod
    def forward(xp: Any, input: Array, mask: Array, value: Array) -> Array:
        """Choose."""
        return xp.where(mask, xp.asarray(value, dtype=input.dtype), input)

    @staticmethod
    def grad_input(g: Array, mask: Array, F: Any) -> Array:
        """Where it was left alone."""
        return F.where(mask, 0.0, g)

    @staticmethod
    def grad_value(g: Array, mask: Array, F: Any) -> Array:
        """Where it was written."""
        return F.where(mask, g, 0.0)


@function(
    where=("torch", "Tensor"),
    domain=[integers(0, 1)],
    dtypes=("int",),
    samples=(call(T(2, 3)), call(T(4))),
    gradcheck=False,
)
def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The places of all elements that are not zero, one row each; or one tensor per axis.

    >>> import minigrad as torch
    >>> torch.tensor([0, 5, 7]).nonzero()
    tensor([[1],
            [2]])
    """
    places = (
        input._array.nonzero() if input._array.ndim else (input._array != 0).reshape(1).nonzero()
    )
    found = [tensors.from_array(p.astype(np.int64)) for p in places]
    if as_tuple:
        return tuple(found)
    rows = np.stack([f._array for f in found], axis=1)
    return tensors.from_array(rows if input._array.ndim else rows[:, :0])


@function(
    where=("torch", "Tensor"),
    samples=(
        call(T(3, 4), 0, T(2, domain=integers(0, 2))),
        call(T(3, 4), 1, T(5, domain=integers(0, 3))),
    ),
)
def index_select(input: Any, dim: int, index: Any, *, out: Any = None) -> Any:
    """The slices of an axis at given places, in that order.

    Formula:   out[i] = input[index[i]]
    Gradient:  g added to the slices that were picked

    >>> import minigrad as torch
    >>> torch.tensor([[1, 2], [3, 4]]).index_select(0, torch.tensor([1, 1]))
    tensor([[3, 4],
            [3, 4]])
    """
    at = one_dim(dim, input._array.ndim)
    return getitem(input, (slice(None),) * at + (index,))
