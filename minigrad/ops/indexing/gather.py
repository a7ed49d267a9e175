"""Reading at places given by index tensors: gather, take, index_select."""

from __future__ import annotations

from typing import Any

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, call, function, integers, register
from minigrad.backend import Array
from minigrad.ops.dims import one_dim
from minigrad.ops.indexing.places import (
    add_along,
    add_at,
    add_rows,
    is_long,
    need_tensor,
    outside,
    taken,
    taken_slices,
)


def check_index(op: str, index: Array, shape: tuple[int, ...], dim: int, whose: str) -> None:
    """Raise torch's error for an index along an axis that has another type or other axes."""
    if not is_long(index) and index.size:
        raise RuntimeError(f"{op}(): Expected dtype int32/int64 for index")
    if index.ndim != len(shape) and index.size and max(index.ndim, 1) != max(len(shape), 1):
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as {whose} tensor"
        )


def check_range(index: Array, size: int, dim: int) -> None:
    """Raise torch's error for an index that leaves its axis."""
    bad = outside(index, size)
    if bad is not None:
        raise RuntimeError(f"index {bad} is out of bounds for dimension {dim} with size {size}")


def _gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    places, shape = need_tensor("gather", "index", 3, index), input._array.shape
    at = one_dim(dim, len(shape))
    check_index("gather", places, shape, at, "input")
    for axis, (n, most) in enumerate(zip(places.shape, shape, strict=False)):
        if n > most and axis != at and places.size:
            raise RuntimeError(
                f"Size does not match at dimension {axis} expected index {list(places.shape)} to "
                f"be no larger than self {list(shape)} apart from dimension {at}"
            )
    check_range(places, shape[at] if shape else 1, at)
    return apply(Gather, (input, index), (at,))


@register(
    public=_gather,
    out="apart",
    samples=(
        call(T(3, 4), 0, T(2, 4, domain=integers(0, 2))),
        call(T(3, 4), 1, T(3, 2, domain=integers(0, 3))),
        call(T(3, 4), -1, T(2, 5, domain=integers(0, 3))),
        call(T(2, 3, 4), 1, T(2, 5, 3, domain=integers(0, 2))),
    ),
    errors=(call(T(3), 0, T(2, domain=integers(3, 5))), call(T(3), 0, 1)),
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
        """Read the flat memory; the index may be shorter on the other axes."""
        if not index.size:
            return xp.zeros(index.shape, input.dtype)
        return taken(xp, input, index, dim)

    @staticmethod
    def grad_input(g: Array, index: Array, shape: Any, dim: int, F: Any) -> Array:
        """Add back."""
        return F.put_along(g, index, shape, dim)


@register(internal=True)
class PutAlong(Op):
    """Zeros of a shape with values added along an axis: the reverse of gather."""

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, size: Any, dim: int) -> Array:
        """Add one by one: a place may come twice."""
        out = xp.zeros(size, dtype=input.dtype)
        if index.size:
            add_along(xp, out, dim, index, input)
        return out

    @staticmethod
    def grad_input(g: Array, index: Array, dim: int, F: Any) -> Array:
        """Read at the same places."""
        return F.gather(g, index, dim)


@function(
    samples=(
        call(T(2, 3), T(2, 1, domain=integers(0, 2)), 1),
        call(T(2, 3), T(1, 3, domain=integers(0, 1)), dim=0),
    ),
    errors=(call(T(2, 3), T(2, domain=integers(0, 1)), 1),),
    out=True,
)
def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """Values picked along an axis, the other axes broadcast; without ``dim``, from all elements.

    >>> import minigrad as torch
    >>> x = torch.tensor([[3, 1, 2]])
    >>> x.take_along_dim(x.argsort(1), 1)
    tensor([[1, 2, 3]])
    """
    places, shape = need_tensor("take_along_dim", "indices", 2, indices), input._array.shape
    if places.dtype.kind != "i" or places.itemsize < 8:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype}"
        )
    if dim is None:
        return _gather(input.reshape(-1), 0, _inside(indices.reshape(-1), input._array.size))
    if places.ndim != len(shape):
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {len(shape)} dimensions for input, and {places.ndim} dimensions for indices"
        )
    at = one_dim(dim, len(shape))
    common = [_broadcast(a, b) for a, b in zip(shape, places.shape, strict=True)]
    if shape:
        input = input.expand(*common[:at], shape[at], *common[at + 1 :])
        indices = indices.expand(*common[:at], places.shape[at], *common[at + 1 :])
    return _gather(input, at, _inside(indices, shape[at] if shape else 1))


def _broadcast(a: int, b: int) -> int:
    return b if a == 1 else a


def _inside(indices: Any, size: int) -> Any:
    """Places counted around the axis, as torch counts negative and too large ones here."""
    if size == 0 or outside(indices._array, size) is None:
        return indices
    return tensors.from_array(indices._array % size)


def _take(input: Any, index: Any) -> Any:
    places, count = need_tensor("take", "index", 2, index), input._array.size
    check_flat("take", places, count)
    return apply(Take, (input, index))


def check_flat(op: str, places: Array, count: int) -> None:
    """Raise torch's error unless all places are among ``count`` elements in a row."""
    if places.dtype.kind != "i" or places.itemsize < 8:
        raise RuntimeError(f"{op}(): Expected a long tensor for index, but got {places.dtype}")
    bad = outside(places, count, negative=True)
    if bad is not None:
        raise IndexError(
            f"out of range: tried to access index {bad} on a tensor of {count} elements."
        )


@register(
    public=_take,
    out="apart",
    samples=(
        call(T(2, 3), T(4, domain=integers(-6, 5))),
        call(T(2, 3), T(2, 2, domain=integers(0, 5))),
    ),
    errors=(call(T(2, 3), T(2, domain=integers(6, 7))),),
)
class Take(Op):
    """Elements picked from all, counted in row-major order; the output has the index's shape.

    Formula:   out[i] = flat(input)[index[i]]
    Gradient:  g added to the places that were picked

    >>> import minigrad as torch
    >>> torch.take(torch.tensor([[1, 2], [3, 4]]), torch.tensor([0, 3]))
    tensor([1, 4])
    """

    @staticmethod
    def forward(xp: Any, input: Array, index: Array) -> Array:
        """Read the flat memory."""
        return input.reshape(-1).take(index) if index.size else xp.zeros(index.shape, input.dtype)

    @staticmethod
    def grad_input(g: Array, index: Array, shape: Any, F: Any) -> Array:
        """Add back."""
        return F.untake(g, index, shape)


@register(internal=True)
class Untake(Op):
    """Zeros of a shape with values added at row-major places: the reverse of take."""

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, size: Any) -> Array:
        """Add one by one."""
        out = xp.zeros(size, dtype=input.dtype)
        if index.size:
            add_at(xp, out, index, input)
        return out

    @staticmethod
    def grad_input(g: Array, index: Array, F: Any) -> Array:
        """Read at the same places."""
        return F.take(g, index)


def check_vector(op: str, index: Any, kinds: str = "int32 or int64") -> Array:
    """The array of an index over the slices of an axis: whole numbers in a row."""
    places = need_tensor(op, "index", 3, index)
    if not is_long(places):
        raise RuntimeError(f"{op}(): Expected dtype {kinds} for index, got {index.dtype}")
    if places.ndim > 1:
        raise IndexError(f"{op}(): Index is supposed to be a vector, got shape {places.shape}")
    return places


def _index_select(input: Any, dim: int, index: Any) -> Any:
    at, shape = one_dim(dim, input._array.ndim), input._array.shape
    places = check_vector("index_select", index)
    size = shape[at] if shape else 1
    bad = outside(places, size)
    if bad is not None:
        if at == 1:  # which torch reads by another kernel
            raise RuntimeError(f"INDICES element is out of DATA bounds, id={bad} axis_dim={size}")
        raise IndexError(
            f"index out of range in self: {bad} for dimension {at} with size {size} (index_select)"
        )
    if not shape and places.size != 1:
        raise RuntimeError(
            f"index_select(): Index to scalar can have only 1 value, got {places.size} value(s)"
        )
    return apply(IndexSelect, (input, index), (at,))


@register(
    public=_index_select,
    out="apart",
    samples=(
        call(T(3, 4), 0, T(2, domain=integers(0, 2))),
        call(T(3, 4), 1, T(5, domain=integers(0, 3))),
        call(T(2, 3, 2), -2, T(4, domain=integers(0, 2))),
    ),
    errors=(call(T(3), 0, T(2, domain=integers(3, 5))), call(T(3), 0, [0])),
)
class IndexSelect(Op):
    """The slices of an axis at given places, in that order.

    Formula:   out[i] = input[index[i]]
    Gradient:  g added to the slices that were picked

    >>> import minigrad as torch
    >>> torch.tensor([[1, 2], [3, 4]]).index_select(0, torch.tensor([1, 1]))
    tensor([[3, 4],
            [3, 4]])
    """

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, dim: int) -> Array:
        """Read whole slices; of a number there is one."""
        if input.ndim == 0:
            return input.copy()
        return taken_slices(xp, input, index.reshape(-1), dim)

    @staticmethod
    def grad_input(g: Array, index: Array, shape: Any, dim: int, F: Any) -> Array:
        """Add back."""
        return F.put_slices(g, index, shape, dim)


@register(internal=True)
class PutSlices(Op):
    """Zeros of a shape with slices added along an axis: the reverse of index_select."""

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, size: Any, dim: int) -> Array:
        """Add; a slice may come twice."""
        out = xp.zeros(size, dtype=input.dtype)
        add_rows(xp, out, dim, index.reshape(-1), input)
        return out

    @staticmethod
    def grad_input(g: Array, index: Array, dim: int, F: Any) -> Array:
        """Read the same slices."""
        return F.index_select(g, index, dim)


@function(
    where=("torch",),
    gradcheck=False,
    domain=[integers(0, 5)],
    dtypes=("int",),
    samples=(call(T(4), (2, 3)), call(T(2, 2), 7)),
    errors=(call(T(3, domain=integers(1, 2)), (2, -3)),),
    returns="tuple[Tensor, ...]",
)
def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Row-major positions as one coordinate tensor for each axis.

    >>> import minigrad as torch
    >>> torch.unravel_index(torch.tensor([1, 5]), (2, 3))
    (tensor([0, 1]), tensor([1, 2]))
    """
    places = need_tensor("unravel_index", "indices", 1, indices)
    if places.dtype.kind not in "iu":
        raise ValueError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if not all(isinstance(n, int) for n in sizes):
        raise ValueError(f"expected 'shape' sequence to only contain ints, got {sizes!r:.60}")
    if any(n < 0 for n in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    rest, found = indices.long(), []
    for n in reversed(sizes):
        found.append(rest % n)
        rest = rest // n
    return tuple(reversed(found))
