"""Writing at places given by an index along one axis: scatter and its sums, products, extremes."""

from __future__ import annotations

from typing import Any

from minigrad import dtypes
from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, integers, places, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.errors import DtypeError
from minigrad.ops.dims import one_dim
from minigrad.ops.elementwise.precision import widened
from minigrad.ops.indexing.gather import check_flat, check_index, check_range
from minigrad.ops.indexing.index import getitem
from minigrad.ops.indexing.places import (
    add_along,
    add_at,
    apply_at,
    counted_at,
    need_tensor,
    on_flat,
    one_for_all,
    positions,
)
from minigrad.ops.indexing.scatter_slices import UFUNCS, divided, identity, slices_reduced


def _checked(op: str, input: Any, dim: int, index: Any, src: Any) -> tuple[int, Any]:
    """The axis, and the part of the source that the index has places for."""
    places, shape = need_tensor(op, "index", 3, index), input._array.shape
    at = one_dim(dim, len(shape))
    check_index("scatter", places, shape, at, "self")
    is_tensor = isinstance(src, TensorBase)
    if is_tensor and src._array.dtype != input._array.dtype:
        raise DtypeError("scatter(): Expected self.dtype to be equal to src.dtype")
    if not places.size:
        return at, 0.0
    check_range(places, shape[at] if shape else 1, at)
    for axis, (n, most) in enumerate(zip(places.shape, shape, strict=False)):
        if n > most and axis != at:
            raise RuntimeError(
                f"Expected index {list(places.shape)} to be no larger than self {list(shape)} "
                f"apart from dimension {at}"
            )
    return at, _cut(src, places.shape) if is_tensor else dtypes.held(src, input._array.dtype)


def _cut(src: Any, shape: tuple[int, ...]) -> Any:
    """The first elements of a source along each axis; RuntimeError if it has not so many."""
    sizes = src._array.shape
    if sizes == shape:
        return src
    if max(len(sizes), 1) != max(len(shape), 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    if any(n > m for n, m in zip(shape, sizes, strict=False)):
        raise RuntimeError(
            f"Expected index {list(shape)} to be no larger size than src {list(sizes)}"
        )
    return getitem(src, tuple(slice(n) for n in shape[: len(sizes)])).reshape(shape)


def _scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: Any = None
) -> Any:
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    if (src is None) == (value is None):
        raise TypeError("scatter(): expected either a Tensor as 'src' or a number as 'value'")
    if isinstance(value, TensorBase):
        value = value.item()  # type: ignore[attr-defined]
    at, src = _checked("scatter", input, dim, index, value if src is None else src)
    return (input, index, src), (at, reduce)


@register(
    arguments=_scatter,
    out=True,
    varied=False,  # places that are named twice have no one source
    samples=(
        call(T(3, 4), 0, T(1, 4, domain=places(0, 2)), T(1, 4)),
        call(T(3, 5), 1, T(3, 2, domain=places(0, 4)), 2),
        call(T(2, 3, 4), -1, T(2, 3, 1, domain=places(0, 3)), T(2, 3, 1)),
        call(T(3), 0, T(5, domain=integers(0, 2)), value=-1),
    ),
    errors=(
        call(T(3), 0, T(2, domain=integers(3, 5)), 1.0),
        call(T(3), 0, T(2, domain=integers(0, 2)), T(1)),
        call(T(3), 0, T(2, domain=integers(0, 2)), T(2), reduce="sum"),
    ),
)
class Scatter(Op):
    """Values written along an axis, one place for each; of several for one place the last stays.

    Formula:   out[index[i, j], j] = src[i, j]  (dim = 0)
    Gradient:  g where nothing was written; g read at the places for the source

    >>> import minigrad as torch
    >>> torch.zeros(2, 3).scatter(1, torch.tensor([[0], [2]]), 1.)
    tensor([[1., 0., 0.],
            [0., 0., 1.]])
    """

    writes = True

    @staticmethod
    def forward(
        xp: Any, input: Array, index: Array, src: Array, dim: int, reduce: str | None = None
    ) -> Array:
        """Write to the flat memory."""
        if not index.size:
            return input
        places = positions(xp, index, input.shape or (1,), dim)
        if reduce == "add":
            add_at(xp, input, places, xp.broadcast_to(xp.asarray(src, input.dtype), places.shape))
        elif reduce == "multiply":
            values = xp.asarray(src, dtype=input.dtype)
            on_flat(input, lambda flat: apply_at(xp, "multiply", flat, places, values))
        else:
            on_flat(input, lambda flat: flat.__setitem__(places, src))
        return input

    @staticmethod
    def grad_input(g: Array, index: Array, dim: int, reduce: str | None, F: Any) -> Array:
        """What was overwritten counts no more."""
        _only_plain(reduce)
        return F.scatter(g, index, 0.0, dim)

    @staticmethod
    def grad_src(g: Array, index: Array, dim: int, reduce: str | None, F: Any) -> Array:
        """What was written counts where it was written."""
        _only_plain(reduce)
        return F.gather(g, index, dim)


def _only_plain(reduce: str | None) -> None:
    if reduce is not None:
        raise NotImplementedError(
            "derivative for scatter with reduce= is not implemented; use scatter_reduce"
        )


def _scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    need_tensor("scatter_add", "src", 4, src)
    at, src = _checked("scatter_add", input, dim, index, src)
    return (input, index, src), (at,)


@register(
    arguments=_scatter_add,
    out=True,
    samples=(
        call(T(3, 4), 0, T(2, 4, domain=integers(0, 2)), T(2, 4)),
        call(T(3, 5), 1, T(3, 7, domain=integers(0, 4)), T(3, 7)),
        call(T(3), -1, T(5, domain=integers(0, 2)), T(5)),
    ),
    errors=(
        call(T(3), 0, T(2, domain=integers(3, 5)), T(2)),
        call(T(3), 0, T(2, domain=integers(0, 2)), 1.0),
    ),
)
class ScatterAdd(Op):
    """Values added along an axis, one place for each; several for one place add up.

    Formula:   out[index[i, j], j] = input[...] + sum of src[i, j]  (dim = 0)
    Gradient:  g; g read at the places for the source

    >>> import minigrad as torch
    >>> torch.zeros(3).scatter_add(0, torch.tensor([0, 0, 2]), torch.ones(3))
    tensor([2., 0., 1.])
    """

    writes = True

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, src: Array, dim: int) -> Array:
        """Add to the flat memory."""
        if index.size:
            add_along(xp, input, dim, index, src)
        return input

    @staticmethod
    def grad_input(g: Array) -> Array:
        """All of it."""
        return g

    @staticmethod
    def grad_src(g: Array, index: Array, dim: int, F: Any) -> Array:
        """What was added counts where it was added."""
        return F.gather(g, index, dim)


REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def _scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Any:
    need_tensor("scatter_reduce", "src", 4, src)
    if reduce not in REDUCTIONS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    at, src = _checked("scatter_reduce", input, dim, index, src)
    if not index._array.size:
        return input.clone()
    return apply(ScatterReduce, (input, index, src), (at, reduce, bool(include_self)))


def _count(F: Any, like: Any, index: Any, dim: int, include_self: bool) -> Any:
    """How many numbers came together at each place of ``like``; one where none did."""
    ones = F.blank(like, like.shape) + 1
    many = F.blank(like, index.shape) + 1
    count = F.scatter_add(ones if include_self else ones - 1, index, many, dim)
    return F.masked_fill(count, count == 0, 1.0)


@register(
    public=_scatter_reduce,
    out=True,
    inplace=True,
    domain=(reals(0.5, 3),),
    samples=(
        call(T(3, 4), 0, T(2, 4, domain=integers(0, 2)), T(2, 4), "sum"),
        call(T(3, 4), 1, T(3, 5, domain=integers(0, 3)), T(3, 5), reduce="prod"),
        call(T(5), 0, T(4, domain=integers(0, 4)), T(4), "mean", include_self=False),
        call(T(3, 4), 0, T(2, 4, domain=integers(0, 2)), T(2, 4), "amax"),
        call(T(4), 0, T(6, domain=integers(0, 3)), T(6), "amin", include_self=False),
    ),
    errors=(call(T(3), 0, T(2, domain=integers(0, 2)), T(2), "add"),),
)
class ScatterReduce(Op):
    """Values brought together along an axis, by sum, product, mean or extreme.

    Formula:   out[index[i, j], j] = reduce(input[...], src[i, j], ...)  (dim = 0)
    Gradient:  that of the reduction; an extreme shares g equally at a tie

    >>> import minigrad as torch
    >>> x, where = torch.tensor([1., 4., 2., 3.]), torch.tensor([0, 0, 1, 1])
    >>> torch.zeros(2).scatter_reduce(0, where, x, reduce="amax")
    tensor([4., 3.])
    """

    @staticmethod
    @widened
    def forward(
        xp: Any, input: Array, index: Array, src: Array, dim: int, reduce: str, include_self: bool
    ) -> Array:
        """Reduce into a copy; without the old value begin with the reduction's identity."""
        out = input.copy()
        vector = one_for_all(index, input.shape, dim) if src.dtype.kind != "b" else None
        if vector is not None:
            return slices_reduced(out, vector, src, dim, reduce, include_self)
        flat, places = out.reshape(-1), positions(xp, index, input.shape or (1,), dim)
        places, src = places.reshape(-1), src.reshape(-1)
        if not include_self:
            flat[places] = identity(xp, reduce, input.dtype)
        if reduce in ("sum", "mean"):
            add_at(xp, out, places, src)
        else:
            apply_at(xp, UFUNCS[reduce], flat, places, src)
        if reduce == "mean":
            count = counted_at(xp, places, flat.size).reshape(out.shape) + include_self
            return divided(xp, out, count)
        return out

    @staticmethod
    def vjp(
        g: Any,
        input: Any,
        index: Any,
        src: Any,
        out: Any,
        dim: int,
        reduce: str,
        include_self: bool,
        F: Any,
    ) -> Any:
        """By reduction; the old values get nothing where they were left out."""
        if reduce == "sum":
            own, other = g, F.gather(g, index, dim)
        elif reduce == "mean":
            own = g / _count(F, g, index, dim, include_self)
            other = F.gather(own, index, dim)
        elif reduce == "prod":
            own, other = _grad_prod(g, input, index, src, out, dim, include_self, F)
        else:
            kind = dtypes.of_numpy(getattr(g, "_array", g).dtype)
            mine = F.cast(input == out, kind)
            theirs = F.cast(src == F.gather(out, index, dim), kind)
            share = g / F.scatter_add(mine, index, theirs, dim)
            own, other = mine * share, theirs * F.gather(share, index, dim)
        if not include_self:
            own = F.scatter(own, index, 0.0, dim)
        return own, None, other


def _grad_prod(
    g: Any, input: Any, index: Any, src: Any, out: Any, dim: int, include_self: bool, F: Any
) -> tuple[Any, Any]:
    """Quotients of the product, and products without the factor where that is the only zero."""
    zero = input == 0
    whole = F.masked_fill(input, zero, 1.0)
    own = g * F.scatter_reduce(whole, index, src, dim, "prod", include_self) / whole
    nought = src == 0
    kind = dtypes.of_numpy(getattr(g, "_array", g).dtype)
    zeros = F.scatter_add(F.blank(g, g.shape), index, F.cast(nought, kind), dim)
    lone = nought & (F.gather(zeros, index, dim) == 1)
    rest = F.scatter_reduce(input, index, F.masked_fill(src, lone, 1.0), dim, "prod", include_self)
    quotient = F.gather(g * out, index, dim) / F.masked_fill(src, nought, 1.0)
    return own, F.where(lone, F.gather(g * rest, index, dim), quotient)


def _put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    places, values = (
        need_tensor("put_", "index", 2, index),
        need_tensor("put_", "source", 3, source),
    )
    if values.dtype != input._array.dtype:
        raise DtypeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{input.dtype} and source.dtype = {source.dtype}"
        )
    if values.size != places.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {values.size}, index.numel() = {places.size}"
        )
    if input._array.size == 0 and places.size:
        raise IndexError("put_(): tried to access an element of an empty tensor")
    check_flat("put_", places, input._array.size)
    return (input, index, source), (bool(accumulate),)


@register(
    "put",
    arguments=_put,
    samples=(
        call(T(2, 3), T(2, domain=integers(0, 0)), T(2), accumulate=True),
        call(T(2, 3), T(1, domain=places(-6, 5)), T(1)),
    ),
    errors=(
        call(T(2, 3), T(2, domain=integers(6, 7)), T(2)),
        call(T(2, 3), T(2, domain=integers(0, 5)), T(3)),
    ),
)
class Put(Op):
    """Values written to, or added at, places counted in row-major order.

    Formula:   flat(out)[index[i]] = source[i]
    Gradient:  g where nothing was written; g read at the places for the source

    >>> import minigrad as torch
    >>> torch.zeros(2, 2).put(torch.tensor([1, 2]), torch.tensor([5., 6.]))
    tensor([[0., 5.],
            [6., 0.]])
    """

    writes = True

    @staticmethod
    def forward(xp: Any, input: Array, index: Array, source: Array, accumulate: bool) -> Array:
        """Write to the flat memory; a negative place counts from the end."""
        places = xp.where(index < 0, index + input.size, index).reshape(-1)
        if not places.size:
            return input
        if accumulate:
            add_at(xp, input, places, source)
        else:
            values = source.reshape(-1) if getattr(source, "ndim", 0) else source
            on_flat(input, lambda flat: flat.__setitem__(places, values))
        return input

    @staticmethod
    def grad_input(g: Array, index: Array, accumulate: bool, F: Any) -> Array:
        """What was overwritten counts no more."""
        return g if accumulate else F.put(g, index, 0.0, False)

    @staticmethod
    def grad_source(g: Array, index: Array, shape: Any, F: Any) -> Array:
        """What was written counts where it was written."""
        return F.reshape(F.take(g, index), shape)
