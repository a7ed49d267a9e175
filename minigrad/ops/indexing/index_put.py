"""Adding at index arrays: the reverse of ``x[index]``, and ``index_put`` with all its forms."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.apply import apply
from minigrad.autograd.inplace import write
from minigrad.autograd.op import Op
from minigrad.autograd.registry import REGISTRY, T, call, function, integers, places, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.ops.indexing.index import Key, SetItem, index_error, only_array, resolved, same_dtype
from minigrad.ops.indexing.index_key import FULL
from minigrad.ops.indexing.places import add_at, add_rows, wrapped


@register(internal=True)
class PlaceAdd(Op):
    """Zeros of a shape with values added at an advanced index."""

    @staticmethod
    def forward(xp: Any, input: Array, size: Any, key: Any) -> Array:
        """Add among zeros."""
        return _add_item(xp, xp.zeros(size, dtype=input.dtype), input, key)

    @staticmethod
    def grad_input(g: Array, key: Any, F: Any) -> Array:
        """Read at the same places."""
        return F.select_copy(g, key)


def _add_item(xp: Any, target: Array, values: Array, key: Key) -> Array:
    """Add values at an advanced index, in place: a place may come twice, but not under a mask."""
    axis = only_array(key)
    if axis is not None:
        index = wrapped(xp, key[axis], target.shape[axis]).reshape(-1)
        before, after = target.shape[:axis], target.shape[axis + 1 :]
        add_rows(xp, target, axis, index, values.reshape(*before, index.size, *after))
    elif key[-1].dtype.kind == "b":
        target[key] += values
    else:
        if len(key) == target.ndim and not any([k is FULL for k in key]):
            places: Any = 0
            for index, n in zip(key, target.shape, strict=True):
                places = places * n + wrapped(xp, index, n)
        else:
            places = xp.arange(target.size).reshape(target.shape)[key]
        add_at(xp, target, places, values)
    return target


def _picked(xp: Any, shape: tuple[int, ...], key: Key) -> tuple[int, ...]:
    """The shape of what an index picks."""
    first = key[0]
    if all([k is not FULL and k.dtype.kind == "i" and k.shape == first.shape for k in key]):
        return (*first.shape, *shape[len(key) :])
    return xp.broadcast_to(xp.zeros((), bool), shape)[key].shape  # type: ignore[no-any-return]


@register("add_item", internal=True)
class AddItem(Op):
    """A tensor with values added at an advanced index."""

    grad_fn = "IndexPutBackward0"
    writes = True
    broadcasts = True

    @staticmethod
    def forward(xp: Any, input: Array, value: Array, key: Any) -> Array:
        """Add; the places of the result decide the shape of the values."""
        picked = _picked(xp, input.shape, key)
        if value.shape != picked:
            value = xp.broadcast_to(value, picked)
        return _add_item(xp, input, value, key)

    @staticmethod
    def grad_input(g: Array) -> Array:
        """All of it."""
        return g

    @staticmethod
    def grad_value(g: Array, key: Any, F: Any) -> Array:
        """What was added counts where it was added."""
        return F.select_copy(g, key)


def _index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    for number, index in enumerate(indices):
        if index is not None and not isinstance(index, TensorBase):
            raise TypeError(
                f"expected Tensor as element {number} in argument 0, but got {type(index).__name__}"
            )
    if not isinstance(values, TensorBase):
        raise TypeError(
            f"index_put_(): argument 'values' (position 3) must be Tensor, not "
            f"{type(values).__name__}"
        )
    same_dtype(input, values)
    # A tensor of one number is no number here: it does not take its axis away.
    key = tuple(
        FULL if i is None else i.reshape(1) if i._array.ndim == 0 and i._array.size else i
        for i in indices
    )
    _, arrays = resolved(key, input._array)
    return (input, values), (arrays,)


@function(
    "index_put",
    samples=(
        call(T(3, 4), (T(1, domain=places(0, 2)),), T(4)),
        call(T(3, 4), (T(2, domain=integers(0, 2)), T(2, domain=integers(0, 3))), T(2), True),
        call(T(3), [T(4, domain=integers(0, 2))], T(4), accumulate=True),
    ),
    errors=(
        call(T(3), (T(2, domain=integers(4, 5)),), T(2)),
        call(T(3), (T(2, domain=integers(0, 2)),), T(3)),
        call(T(3), (T(2, domain=integers(0, 2)),), 1.0),
    ),
)
def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """Values written to, or added at, the places that index tensors give together.

    Formula:   out[indices] = values, or += with what comes twice added twice
    Gradient:  g where nothing was written; g[indices] for the values

    >>> import minigrad as torch
    >>> torch.zeros(3).index_put((torch.tensor([0, 2]),), torch.tensor(5.))
    tensor([5., 0., 5.])
    """
    try:
        inputs, params = _index_put(input, indices, values, accumulate)
        return apply(AddItem if accumulate else SetItem, inputs, params)
    except IndexError as error:
        raise index_error(input, error) from None


@function(
    "index_put_",
    where=("torch", "Tensor"),
    torch=None,
    samples=REGISTRY["index_put"].samples,
)
def index_put_(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """In-place form of :func:`index_put`.

    >>> import minigrad as torch
    >>> torch.zeros(2).index_put_((torch.tensor([1]),), torch.tensor(5.))
    tensor([0., 5.])
    """
    try:
        (_, values), params = _index_put(input, indices, values, accumulate)
        op = AddItem if accumulate else SetItem
        return write(op, input, (values,), params, check=False)
    except IndexError as error:
        raise index_error(input, error) from None
