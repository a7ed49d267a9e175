"""Indexing: ``x[...]``, ``x[...] = v``, ``index_put`` and ``select``."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from minigrad.autograd.apply import apply
from minigrad.autograd.inplace import CopySlices, write
from minigrad.autograd.op import Op
from minigrad.autograd.overlap import check_apart, check_overlap
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array, backend_of
from minigrad.dtypes import held
from minigrad.errors import DtypeError, InPlaceError, ShapeError
from minigrad.ops.dims import one_dim
from minigrad.ops.folds import in_rows
from minigrad.ops.indexing.index_key import (
    FULL,
    check_count,
    divided,
    is_basic,
    parts_of,
    read,
    too_many,
)

ANY = ("float", "int", "bool")
Key = tuple[Any, ...]


def _named(key: Any) -> str:
    """torch's name for the last step of a basic index."""
    last = [k for k in key if k is not Ellipsis and k != FULL] or [FULL]
    kinds = {int: "SelectBackward0", slice: "SliceBackward0", type(None): "UnsqueezeBackward0"}
    return kinds.get(type(last[-1]), "SelectBackward0")


def _writer(key: Any) -> str:
    """torch's name for writing at an index: to a view, or to places that arrays name."""
    return "CopySlices" if all(map(is_basic, key)) else "IndexPutBackward0"


register("copy_slices", internal=True)(CopySlices)


@register("select_view", internal=True)
class SelectView(Op):
    """Basic indexing: integers, slices, ``None``, ``...``; a view."""

    grad_fn = _named
    view = True

    @staticmethod
    def forward(xp: Any, input: Array, key: Any) -> Array:
        """Let the array module move the pointer."""
        return input[key]

    @staticmethod
    def grad_input(g: Array, shape: Any, key: Any, F: Any) -> Array:
        """Put back among zeros."""
        return F.place(g, shape, key)


SELECT: Any = SelectView.short


def only_array(key: Key) -> int | None:
    """The axis of the one index array of a key; None if there are several, or a mask."""
    axis = len(key) - 1
    plain = key[axis].dtype.kind == "i" and all([k is FULL for k in key[:axis]])
    return axis if plain else None


@register("select_copy", internal=True)
class SelectCopy(Op):
    """Advanced indexing: arrays of places, or one mask, on some axes; a copy."""

    grad_fn = "IndexBackward0"
    holds = True

    @staticmethod
    def forward(xp: Any, input: Array, key: Any) -> Array:
        """Pick; into row-major order, where NumPy may give another."""
        axis = only_array(key)
        fast = axis is not None and input.size  # a third of the time
        return in_rows(input.take(key[axis], axis) if fast else input[key])

    @staticmethod
    def grad_input(g: Array, shape: Any, key: Any, F: Any) -> Array:
        """Add back among zeros; what was picked twice counts twice."""
        return F.place_add(g, shape, key)


@register(internal=True)
class Place(Op):
    """Zeros of a shape with values at a basic index: the reverse of a view."""

    @staticmethod
    def forward(xp: Any, input: Array, size: Any, key: Any) -> Array:
        """Write among zeros."""
        out = xp.zeros(size, dtype=input.dtype)
        out[key] = input
        return out

    @staticmethod
    def grad_input(g: Array, key: Any, F: Any) -> Array:
        """Read at the same place."""
        return F.select_view(g, key)


def getitem(input: Any, key: Any) -> Any:
    """``input[key]`` with torch's rules; basic keys give views, others copies.

    Raises: IndexError for places that do not exist, TypeError for what is no index.
    """
    try:
        kind = type(key)
        if kind is int:  # a trailing `...` keeps a 0-d result an array, and so a view
            return SELECT(input, (key, ...))
        if kind is not tuple and isinstance(key, TensorBase):
            array = key._array
            whole = array.dtype.kind == "i" and array.itemsize == 8
            if array.ndim and whole and input._array.ndim and type(array) is type(input._array):
                return apply(SelectCopy, (input,), ((array,),))
        view, arrays = resolved(key, input._array)
        if arrays is None:
            return SELECT(input, view)
        return apply(SelectCopy, (input if view is None else SELECT(input, view),), (arrays,))
    except IndexError as error:
        raise index_error(input, error) from None


def resolved(key: Any, array: Array) -> tuple[Any, Key | None]:
    """An index of an array as a view (None: the whole) and, if it has any, arrays on its axes.

    They are brought to the array: lists, and tensors of the CPU, are indices on every device.
    """
    shape = array.shape
    quick = _basic(key if type(key) is tuple else (key,))
    if quick is not None:
        return quick, None
    given = tuple([read(part) if type(part) is slice else part for part in parts_of(key)])
    rest = check_count(given, shape)
    parts = tuple([read(part) for part in given])
    if all([is_basic(part) for part in parts]):
        several = parts.count(Ellipsis)
        if several > 1:  # all but the first stand for nothing
            first = parts.index(Ellipsis) + 1
            parts = (*parts[:first], *[p for p in parts[first:] if p is not Ellipsis])
        return parts if several else (*parts, Ellipsis), None
    rest -= sum([p.ndim - 1 for p, g in zip(parts, given, strict=True) if _is_new_mask(p, g)])
    if rest < 0:
        raise too_many(shape)
    view, arrays = divided(parts, shape, rest)
    kind = type(array)
    return view, tuple([a if a is FULL or type(a) is kind else _brought(a, array) for a in arrays])


def _brought(part: Array, array: Array) -> Array:
    """An index array of the host, where the array that it picks from lies."""
    if type(part) is not np.ndarray:
        raise RuntimeError(
            "indices should be either on cpu or on the same device as the indexed tensor (cpu)"
        )
    backend = backend_of(array)  # data of the host, which a captured step may not contain
    return backend.from_host(part, backend.device_of(array).index)


def _basic(key: Key) -> Key | None:
    """An index of plain numbers, slices, None and one ``...``; None if there is more in it."""
    parts: list[Any] = []
    dots = False
    for part in key:
        kind = type(part)
        if kind is slice:
            part = read(part)
        elif part is Ellipsis:
            if dots:
                return None
            dots = True
        elif kind is not int and part is not None:
            return None
        parts.append(part)
    if not dots:
        parts.append(Ellipsis)
    return tuple(parts)


def _is_new_mask(part: Any, given: Any) -> bool:
    """Whether a mask was given as nested lists, which were counted as one axis."""
    return isinstance(given, (list, tuple)) and not is_basic(part) and part.dtype.kind == "b"


def index_error(input: Any, error: IndexError) -> IndexError:
    """torch's words for NumPy's index errors."""
    shape, text = input._array.shape, str(error)
    if "out of bounds" in text:
        return IndexError(text.replace("for axis", "for dimension"))
    if "too many indices" in text:
        return too_many(shape)
    if "broadcast" in text:
        found = re.findall(r"\(([\d,]*)\)", text)
        shapes = ", ".join(f"[{s.rstrip(',').replace(',', ', ')}]" for s in found)
        return IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        )
    return error


@register("set_item", internal=True)
class SetItem(Op):
    """A tensor with values written at an index."""

    grad_fn = staticmethod(_writer)
    writes = True
    broadcasts = True

    @staticmethod
    def forward(xp: Any, input: Array, value: Array, key: Any) -> Array:
        """Write in place."""
        try:
            input[key] = value
        except TypeError as error:  # of a mask: what NumPy else says by ValueError
            raise ValueError(*error.args) from None
        return input

    @staticmethod
    def grad_input(g: Array, key: Any, F: Any) -> Array:
        """What was overwritten counts no more."""
        return F.set_item(g, 0.0, key)

    @staticmethod
    def grad_value(g: Array, key: Any, F: Any) -> Array:
        """What was written counts where it was written."""
        return F.select_view(g, key) if all(map(is_basic, key)) else F.select_copy(g, key)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its leading axes of size one."""
    first = 0
    while first < len(shape) and shape[first] == 1:
        first += 1
    return shape[first:]


def setitem(input: Any, key: Any, value: Any) -> None:
    """``input[key] = value`` in place, recorded: the gradient flows into the value.

    Raises: IndexError for places that do not exist, RuntimeError for shapes that don't fit or a
    leaf that requires grad, TypeError for a value that is no tensor or number.
    """
    if not isinstance(value, (TensorBase, int, float, np.integer)):
        module = "numpy." if isinstance(value, (np.ndarray, np.generic)) else ""
        raise TypeError(f"can't assign a {module}{type(value).__name__} to a {input.type()}")
    if key is False:
        return
    try:
        view, arrays = resolved(key, input._array)
        if isinstance(value, TensorBase) and value._array.dtype != input._array.dtype:
            value = _converted(input, key, arrays, value)
        _check_places(input, view if arrays is None else None, value)
        if not isinstance(value, TensorBase):
            value = held(value, input._array.dtype)
        elif value._array.shape[:1] == (1,):
            value = value.reshape(_without_ones(value._array.shape))  # they don't count
        if arrays is None:
            write(SetItem, input, (value,), (view,), check=False)
        else:
            alone = not isinstance(value, TensorBase) or value._array.size == 1
            if alone:
                _refuse_bytes(key)
            if not (alone and arrays[-1].dtype.kind == "b"):
                check_apart(input, (value,))
            target = input if view is None else SELECT(input, view)
            write(SetItem, target, (value,), (arrays,), check=False)
    except IndexError as error:
        raise index_error(input, error) from None
    except ShapeError:
        _refuse_shape(input, view, arrays, value)
        raise
    except InPlaceError as error:
        getitem(input.detach(), key)  # torch looks for the place first
        if str(error).startswith("a leaf") and arrays is None:  # and writes to a view of it
            raise InPlaceError(f"a view of {error}") from None
        raise


def _refuse_shape(input: Any, view: Key | None, arrays: Key | None, value: Any) -> None:
    """Raise torch's error for a value that does not broadcast to the places it is written to."""
    target = input.detach() if view is None else SELECT(input.detach(), view)
    if arrays is None:
        value.detach().expand(target.shape)
    else:
        picked = list(target._array[arrays].shape)
        raise ShapeError(
            f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to "
            f"indexing result of shape {picked}"
        )


def _refuse_bytes(key: Any) -> None:
    """Raise torch's error for one number under a mask of bytes, which it only reads."""
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, TensorBase) and part._array.dtype == np.uint8:
            raise RuntimeError(
                "masked_fill_ only supports boolean masks, but got mask with dtype unsigned char"
            )


def _converted(input: Any, key: Any, arrays: Key | None, value: Any) -> Any:
    """A value in the dtype of what it is written to; at index arrays it must have that, in torch.

    One number under a mask is an exception: that is ``masked_fill_``.
    """
    if arrays is not None and key is not True:
        mask = arrays[-1].dtype.kind == "b" and input._array.ndim > 0
        same_dtype(input, value if value._array.size != 1 or not mask else input)
    return value.to(input.device, input.dtype)


def same_dtype(input: Any, value: Any) -> None:
    """Raise torch's error if values for an advanced index are not of the tensor's dtype."""
    if value._array.dtype != input._array.dtype:
        raise DtypeError(
            "Index put requires the source and destination dtypes match, got "
            f"{input.dtype} for the destination and {value.dtype} for the source."
        )


def _check_places(input: Any, view: Key | None, value: Any) -> None:
    """Raise if places that are written lie on one another, or partly on the value.

    A single number may be written to one place many times: torch allows that.
    """
    if not isinstance(value, TensorBase) or not value._array.ndim:
        return
    shared = input._storage is not None and value._storage is input._storage
    if shared or 0 in input._array.strides:
        target = input if view is None else SELECT(input.detach(), view)
        same = value._array.shape == target._array.shape  # else it is broadcast: torch lets it be
        check_overlap(target, (value,) if same else ())


def _delitem(input: Any, key: Any) -> None:
    raise TypeError("Tensor does not support deleting items")


for _name, _fn in {
    "__getitem__": getitem,
    "__setitem__": setitem,
    "__delitem__": _delitem,
}.items():
    setattr(TensorBase, _name, _fn)


@function(
    dtypes=ANY,
    samples=(call(T(2, 3), 0, 1), call(T(2, 3), -1, -1)),
    errors=(call(T(2), 0, 5), call(T(), 0, 0)),
)
def select(input: Any, dim: int, index: int) -> Any:
    """One slice of an axis, as a view.

    >>> import minigrad as torch
    >>> torch.tensor([[1, 2], [3, 4]]).select(1, 0)
    tensor([1, 3])
    """
    shape = input._array.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    at = one_dim(dim, len(shape))
    index = index.__index__()
    if not -shape[at] <= index < shape[at]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(shape)} at "
            f"dimension {at}"
        )
    return SELECT(input, (FULL,) * at + (index, ...))
