"""Reading and writing where a mask holds, and the places where one does."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.apply import apply
from minigrad.autograd.op import Op, tensors
from minigrad.autograd.registry import T, booleans, call, function, integers, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, faults, xp_of
from minigrad.dtypes import held
from minigrad.errors import DtypeError
from minigrad.ops.elementwise.masks import chosen, picked
from minigrad.ops.folds import in_rows
from minigrad.ops.indexing.places import need_tensor, on_flat
from minigrad.ops.shape.expand import broadcast_tensors

ANY = ("float", "int", "bool")
MANY = 4096  # elements; below, one call of NumPy's is the fastest


def _need_mask(op: str, mask: Any, position: int = 2) -> Any:
    """The array of a mask; RuntimeError in torch's words if it is not of bools."""
    array = need_tensor(op, "mask", position, mask)
    if array.dtype.kind != "b":
        raise RuntimeError(
            f"{op} only supports boolean masks, but got mask with dtype {mask.dtype.c_name}"
        )
    return array


def _over(input: Any, mask: Any) -> Any:
    """The input in the shape that it has together with the mask."""
    shape, other = input._array.shape, mask._array.shape
    return input if shape == other else broadcast_tensors(input, mask)[0]


def _masked_fill(input: Any, mask: Any, value: Any) -> Any:
    _need_mask("masked_fill_", mask)
    if isinstance(value, TensorBase):
        if value._array.ndim:
            raise RuntimeError(
                "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value._array.ndim} dimension(s)."
            )
        value = value.to(input.dtype)
    elif not isinstance(value, (int, float, np.generic)):
        raise TypeError(
            "masked_fill(): argument 'value' (position 3) must be Number or Tensor, not "
            f"{type(value).__name__}"
        )
    else:
        value = held(value, input._array.dtype)
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
        return in_rows(chosen(xp, mask, xp.asarray(value, dtype=input.dtype), input))

    @staticmethod
    def grad_input(g: Array, mask: Array, F: Any) -> Array:
        """Where it was left alone."""
        return F.where(mask, 0.0, g)

    @staticmethod
    def grad_value(g: Array, mask: Array, F: Any) -> Array:
        """Where it was written."""
        return F.where(mask, g, 0.0)


def _masked_select(input: Any, mask: Any) -> Any:
    if need_tensor("masked_select", "mask", 2, mask).dtype.kind != "b":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    if input._array.shape != mask._array.shape:
        input, mask = broadcast_tensors(input, mask)
    return apply(MaskedSelect, (input, mask))


@register(
    public=_masked_select,
    out="apart",
    dtypes=ANY,
    samples=(
        call(T(2, 3), T(2, 3, domain=booleans())),
        call(T(2, 1), T(3, domain=booleans())),
        call(T(), T(domain=booleans())),
    ),
    errors=(call(T(2), T(3, domain=booleans())), call(T(2), T(2))),
)
class MaskedSelect(Op):
    """The elements where a mask holds, in a row.

    Formula:   out = [input_i for which mask_i]
    Gradient:  g at the places that were picked

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2., 3.])
    >>> x.masked_select(x > 1)
    tensor([2., 3.])
    """

    @staticmethod
    def forward(xp: Any, input: Array, mask: Array) -> Array:
        """Pick."""
        return input[mask]

    @staticmethod
    def grad_input(g: Array, mask: Array, F: Any) -> Array:
        """Put back."""
        return F.masked_place(g, mask)


@register(internal=True)
class MaskedPlace(Op):
    """Zeros with values, in a row, where a mask holds: the reverse of masked_select."""

    @staticmethod
    def forward(xp: Any, input: Array, mask: Array) -> Array:
        """Write among zeros."""
        out = xp.zeros(mask.shape, dtype=input.dtype)
        out[mask] = input
        return out

    @staticmethod
    def grad_input(g: Array, mask: Array, F: Any) -> Array:
        """Read at the same places."""
        return F.masked_select(g, mask)


def _masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    _need_mask("masked_scatter_", mask)
    values = need_tensor("masked_scatter", "source", 3, source)
    if values.dtype != input._array.dtype:
        raise DtypeError(
            "masked_scatter: expected self and source to have same dtypes but got "
            f"{input.dtype} and {source.dtype}"
        )
    input = _over(input, mask)
    few, ones = "Number of elements of source < number of ones in mask", mask._array
    times = input._array.size // max(ones.size, 1)
    if type(ones) is not np.ndarray:  # the card looks, and is not waited for
        wanted = xp_of(ones).count_nonzero(ones).reshape(1) * times
        faults.note_range(xp_of(ones), wanted, 0, values.size + 1, few, RuntimeError)
    elif int(np.count_nonzero(ones)) * times > values.size:
        raise RuntimeError(few)
    return (input, mask, source), ()


@register(
    arguments=_masked_scatter,
    dtypes=ANY,
    varied=False,  # the source must have as many elements as the mask has ones
    samples=(
        call(T(2, 3), T(2, 3, domain=booleans()), T(7)),
        call(T(2, 3), T(3, domain=booleans()), T(2, 4)),
    ),
    errors=(call(T(2), T(2), T(2)),),
)
class MaskedScatter(Op):
    """The elements of a source written, one after the other, where a mask holds.

    Formula:   out[mask] = flat(source)[: number of places]
    Gradient:  g where the mask does not hold; g read at the places for the source

    >>> import minigrad as torch
    >>> torch.zeros(3).masked_scatter(torch.tensor([True, False, True]), torch.tensor([1., 2.]))
    tensor([1., 0., 2.])
    """

    writes = True

    @staticmethod
    def forward(xp: Any, input: Array, mask: Array, source: Array) -> Array:
        """Write; on a card read at the running count of places, so that no size is asked for."""
        mask = xp.broadcast_to(mask, input.shape)
        if xp is not np and source.size:
            place = xp.minimum(xp.cumsum(mask, axis=None), source.size) - 1
            values = source.reshape(-1)[xp.maximum(place, 0)].reshape(input.shape)
            input[...] = picked(xp, mask, values, input)
            return input
        values = source.reshape(-1)[: int(xp.count_nonzero(mask))]

        def write(flat: Array) -> None:
            flat[mask.reshape(-1)] = values

        on_flat(input, write)
        return input

    @staticmethod
    def grad_input(g: Array, mask: Array, F: Any) -> Array:
        """Where it was left alone."""
        return F.where(mask, 0.0, g)

    @staticmethod
    def grad_source(g: Array, mask: Array, shape: Any, F: Any) -> Array:
        """What was written counts where it was written; the rest of the source not at all."""
        whole = F.expand(mask, g.shape) if mask.shape != g.shape else mask
        used = F.masked_select(g, whole)
        count = 1
        for n in shape:
            count *= n
        return F.reshape(F.place(used, (count,), (slice(0, used.shape[0]),)), shape)


def _axis_places(array: Any) -> Any:
    """``array.nonzero()``; of many elements by their flat places, which NumPy finds far faster."""
    if type(array) is not np.ndarray or array.ndim < 2 or array.size < MANY:
        return array.nonzero()
    mask = np.ascontiguousarray(array if array.dtype.kind == "b" else array != 0)
    rows = mask.reshape(-1, mask.shape[-1])
    number = np.arange(len(rows))
    row = np.repeat(number, np.count_nonzero(rows, axis=1))
    column = np.flatnonzero(mask) - row * mask.shape[-1]
    if mask.ndim == 2:
        return row, column
    return *(axis.take(row) for axis in np.unravel_index(number, mask.shape[:-1])), column


def _places(input: Any) -> tuple[Any, ...]:
    array = input._array
    found = _axis_places(array) if array.ndim else (array != 0).reshape(1).nonzero()
    return tuple(tensors.from_array(in_rows(p.astype("int64", copy=False))) for p in found)


PLACES: dict[str, Any] = {
    "domain": [integers(0, 1)],
    "dtypes": ("int",),
    "gradcheck": False,
}


@function(where=("torch", "Tensor"), samples=(call(T(2, 3)), call(T(4))), out=True, **PLACES)
def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The places of all elements that are not zero, one row each; or one tensor per axis.

    >>> import minigrad as torch
    >>> torch.tensor([0, 5, 7]).nonzero()
    tensor([[1],
            [2]])
    """
    if as_tuple:
        return _places(input)
    array = input._array
    found = _axis_places(array) if array.ndim else ()
    count = len(found[0]) if found else int(array != 0)
    rows = xp_of(array).empty((count, array.ndim), "int64")
    for axis, places in enumerate(found):
        rows[:, axis] = places
    return tensors.from_array(rows)


@function(samples=(call(T(2, 3)), call(T(4))), **PLACES)
def argwhere(input: Any) -> Any:
    """The places of all elements that are not zero, one row each.

    >>> import minigrad as torch
    >>> torch.tensor([[0, 5], [7, 0]]).argwhere()
    tensor([[0, 1],
            [1, 0]])
    """
    return nonzero(input)


@function(samples=(call(T(2, 3), size=4), call(T(4), size=2, fill_value=7)), out=True, **PLACES)
def nonzero_static(input: Any, *, size: int, fill_value: int = -1) -> Any:
    """The places of the first elements that are not zero, always ``size`` rows.

    >>> import minigrad as torch
    >>> torch.tensor([0, 5, 7]).nonzero_static(size=3)
    tensor([[ 1],
            [ 2],
            [-1]])
    """
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    rows = nonzero(input)._array[:size]
    xp = xp_of(rows)
    rest = xp.full((size - len(rows), rows.shape[1]), fill_value, dtype=rows.dtype)
    return tensors.from_array(xp.concatenate([rows, rest]))
