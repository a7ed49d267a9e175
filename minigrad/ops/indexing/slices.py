"""Writing whole slices of an axis at places given by an index: index_add and its relatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, integers, places, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.dtypes import held
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.dims import one_dim
from minigrad.ops.indexing.places import add_rows, along, is_long, need_tensor, outside


def _checked(op: str, input: Any, dim: int, index: Any, source: Any, long: bool = False) -> int:
    """The axis, once index and source are found to fit the tensor."""
    shape, at = input._array.shape, one_dim(dim, input._array.ndim)
    places = need_tensor(op, "index", 3, index)
    values = need_tensor(op, "source", 4, source)
    if places.ndim > 1:
        raise IndexError(
            f"{op}_(): Index is supposed to be a vector, but got dim: {places.ndim} with type: "
            f"{index.dtype} and size: {list(places.shape)}"
        )
    if not is_long(places) or (long and places.itemsize < 8):
        kinds = "a long tensor" if long else "dtype int32/int64"
        raise RuntimeError(f"{op}_(): Expected {kinds} for index, but got {index.dtype}")
    if values.dtype != input._array.dtype:
        raise DtypeError(
            f"{op}_(): self ({input.dtype}) and source ({source.dtype}) must have the same scalar "
            "type"
        )
    return _fitting(op, shape, at, places, values, IndexError if long else RuntimeError)


def _fitting(
    op: str, shape: tuple[int, ...], at: int, places: Array, values: Array, kind: type[Exception]
) -> int:
    length = values.shape[at] if values.ndim > at else 1
    if places.size != length and values.ndim <= max(len(shape), 1):
        raise kind(
            f"{op}_(): Number of indices ({places.size}) should be equal to source.size(dim): "
            f"({length}), for dim: {at}"
        )
    rest, other = (s[:at] + s[at + 1 :] for s in (shape or (1,), values.shape or (1,)))
    if rest != other:
        raise ShapeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(shape)} source.shape = {list(values.shape)}"
        )
    size = shape[at] if shape else 1
    bad = outside(places, size)
    if bad is not None:
        if op == "index_add" and len(shape) <= 1:
            raise IndexError(f"index out of range in self: {bad}, of size {size}")
        raise kind(f"{op}_(): index {bad} is out of bounds for dimension {at} with size {size}")
    return at


def _index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    at = _checked("index_add", input, dim, index, source)
    whole = input._array.dtype.kind in "iub"
    if whole and isinstance(alpha, float):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )
    if isinstance(alpha, bool) and input._array.dtype.kind != "b":
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    return (input, index, source), (at, alpha)


@register(
    arguments=_index_add,
    out=True,
    samples=(
        call(T(3, 4), 0, T(2, domain=integers(0, 2)), T(2, 4)),
        call(T(3, 4), 1, T(5, domain=integers(0, 3)), T(3, 5), alpha=2),
        call(T(3), -1, T(2, domain=integers(0, 2)), T(2)),
    ),
    errors=(
        call(T(3, 4), 0, T(2, domain=integers(0, 2)), T(3, 4)),
        call(T(3, 4), 0, T(2, domain=integers(3, 5)), T(2, 4)),
        call(T(3, 4), 0, T(2, domain=integers(0, 2)), T(2, 3)),
    ),
)
class IndexAdd(Op):
    """Slices added to the slices of an axis at given places; several for one place add up.

    Formula:   out[index[i]] = input[index[i]] + alpha * (sum of source[i])
    Gradient:  g; alpha * g[index] for the source

    >>> import minigrad as torch
    >>> torch.zeros(3, 2).index_add(0, torch.tensor([0, 2, 2]), torch.ones(3, 2))
    tensor([[1., 1.],
            [0., 0.],
            [2., 2.]])
    """

    writes = True

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, source: Array, dim: int, alpha: Any) -> Array:
        """Add slice by slice."""
        if index.size:
            rows = source if alpha == 1 else source * xp.asarray(alpha).astype(source.dtype)
            add_rows(xp, input, dim, index.reshape(-1), rows)
        return input

    @staticmethod
    def grad_input(g: Array) -> Array:
        """All of it."""
        return g

    @staticmethod
    def grad_source(g: Array, index: Array, shape: Any, dim: int, alpha: Any, F: Any) -> Array:
        """What was added counts where it was added."""
        read = F.reshape(F.index_select(g, index, dim), shape)
        return read if alpha == 1 else read * alpha


def _index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    return (input, index, source), (_checked("index_copy", input, dim, index, source, True),)


@register(
    arguments=_index_copy,
    out=True,
    samples=(
        call(T(3, 4), 0, T(1, domain=places(0, 2)), T(1, 4)),
        call(T(3, 4), -1, T(1, domain=places(0, 3)), T(3, 1)),
    ),
    errors=(call(T(3, 4), 0, T(2, domain=integers(0, 2)), T(3, 4)),),
)
class IndexCopy(Op):
    """Slices of an axis overwritten at given places.

    Formula:   out[index[i]] = source[i]
    Gradient:  g where nothing was written; g[index] for the source

    >>> import minigrad as torch
    >>> torch.zeros(3, 2).index_copy(0, torch.tensor([0, 2]), torch.ones(2, 2))
    tensor([[1., 1.],
            [0., 0.],
            [1., 1.]])
    """

    writes = True

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, source: Array, dim: int) -> Array:
        """Write."""
        if input.ndim:
            input[_key(dim, index)] = source
        elif index.size:
            input[...] = source.reshape(())
        return input

    @staticmethod
    def grad_input(g: Array, index: Array, dim: int, F: Any) -> Array:
        """What was overwritten counts no more."""
        return F.index_fill(g, index, 0.0, dim)

    @staticmethod
    def grad_source(g: Array, index: Array, shape: Any, dim: int, F: Any) -> Array:
        """What was written counts where it was written."""
        return F.reshape(F.index_select(g, index, dim), shape)


def _key(dim: int, index: Array) -> tuple[Any, ...]:
    return (slice(None),) * dim + (index.reshape(-1),)


def _index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    at, shape = one_dim(dim, input._array.ndim), input._array.shape
    places = need_tensor("index_fill_", "index", 3, index)
    if places.dtype.kind != "i" or places.itemsize < 8:
        raise IndexError(f"index_fill_(): Expected dtype int64 for index, got {index.dtype}")
    if places.ndim > 1:
        raise RuntimeError(f"Index has to be a vector/scalar, got shape {list(places.shape)}")
    if isinstance(value, TensorBase):
        if value._array.ndim:
            raise RuntimeError(
                "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value._array.ndim} dimension(s)."
            )
        value = value.to(input.dtype)
    elif not isinstance(value, (int, float, np.generic)):
        raise TypeError(
            "index_fill(): argument 'value' (position 4) must be Number or Tensor, not "
            f"{type(value).__name__}"
        )
    else:
        value = held(value, input._array.dtype)
    bad = outside(places, shape[at] if shape else 1, negative=True)
    if bad is not None:
        raise IndexError(
            f"index {bad} is out of bounds for dimension {at} with size {shape[at] if shape else 1}"
        )
    return (input, index, value), (at,)


@register(
    arguments=_index_fill,
    samples=(
        call(T(3, 4), 0, T(2, domain=integers(0, 2)), 2),
        call(T(3, 4), 1, T(1, domain=integers(0, 3)), T()),
        call(T(3), 0, T(domain=integers(0, 2)), -1),
    ),
    errors=(
        call(T(3, 4), 0, T(2, domain=integers(3, 5)), 1),
        call(T(3, 4), 0, T(2, domain=integers(0, 2)), T(2)),
    ),
)
class IndexFill(Op):
    """Slices of an axis filled with one value at given places.

    Formula:   out[index[i]] = value
    Gradient:  g where nothing was written; the sum of g[index] for the value

    >>> import minigrad as torch
    >>> torch.zeros(3).index_fill(0, torch.tensor([0, -1]), 5)
    tensor([5., 0., 5.])
    """

    writes = True

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, value: Array, dim: int) -> Array:
        """Write."""
        if input.ndim:
            input[_key(dim, index)] = value
        elif index.size:
            input[...] = value
        return input

    @staticmethod
    def grad_input(g: Array, index: Array, dim: int, F: Any) -> Array:
        """What was overwritten counts no more."""
        return F.index_fill(g, index, 0.0, dim)

    @staticmethod
    def grad_value(g: Array, index: Array, dim: int, F: Any) -> Array:
        """What was written counts wherever it was written."""
        return F.sum_slices(g, index, dim)


@register(internal=True)
class SumSlices(Op):
    """The sum of the slices of an axis at given places, each counted once."""

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, dim: int) -> Array:
        """A negative place may name one that was named from the front."""
        if not input.ndim or not index.size:
            return input * (index.size > 0) if not input.ndim else xp.zeros((), input.dtype)
        chosen = xp.zeros(input.shape[dim], bool)
        chosen[index] = True
        return input[(slice(None),) * dim + (chosen,)].sum()

    @staticmethod
    def grad_input(g: Any, index: Any, shape: Any, dim: int, F: Any) -> Any:
        """The same to each."""
        return F.index_fill(F.blank(g, shape), index, g, dim)


@function(
    out=True,
    inplace=True,
    torch=None,  # torch warns, once, that it is in beta; parity_tests.torch_samples compares it
    domain=(reals(0.5, 3),),
    samples=(
        call(T(3, 4), 0, T(2, domain=integers(0, 2)), T(2, 4), "prod"),
        call(T(3, 4), 1, T(5, domain=integers(0, 3)), T(3, 5), "mean"),
        call(T(3), 0, T(4, domain=integers(0, 2)), T(4), "amax", include_self=False),
        call(T(3), 0, T(4, domain=integers(0, 2)), T(4), reduce="amin"),
    ),
    errors=(call(T(3), 0, T(2, domain=integers(0, 2)), T(2), "sum"),),
)
def index_reduce(
    input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Any:
    """Slices brought together at given places of an axis, by product, mean or extreme.

    Formula:   out[index[i]] = reduce(input[index[i]], source[i], ...)
    Gradient:  that of the reduction

    >>> import minigrad as torch
    >>> x, where = torch.tensor([1., 4., 2.]), torch.tensor([0, 0, 1])
    >>> torch.zeros(2).index_reduce(0, where, x, "amax")
    tensor([4., 2.])
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    at = _checked("index_reduce", input, dim, index, source)
    column = along(index._array, max(source._array.ndim, 1), at)
    places = tensors.from_array(column).expand(source._array.shape or (1,))
    return input.scatter_reduce(
        at, places, source.reshape(places.shape), reduce, include_self=include_self
    )
