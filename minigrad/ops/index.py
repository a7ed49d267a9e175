"""Indexing: ``x[...]``, ``x[...] = v``, gather, and writing whole tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.apply import apply
from minigrad.autograd.inplace import CopySlices, check_overlap, write
from minigrad.autograd.op import Op
from minigrad.autograd.registry import T, call, function, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Array
from minigrad.errors import InPlaceError
from minigrad.ops.dims import one_dim

ANY = ("float", "int", "bool")


def plain_key(key: Any) -> tuple[tuple[Any, ...], bool]:
    """An index as NumPy takes it, and whether it only selects a view (no lists, no tensors).

    A trailing ``...`` keeps a 0-d result an array, and so a view.
    """
    parts = key if isinstance(key, tuple) else (key,)
    out: list[Any] = []
    basic = True
    for part in parts:
        if isinstance(part, slice):
            if part.step is not None and int(part.step) <= 0:
                raise ValueError("step must be greater than zero")
            part = slice(
                *(None if v is None else int(v) for v in (part.start, part.stop, part.step))
            )
        elif isinstance(part, TensorBase):
            array = part._array
            if array.dtype.kind not in "iub":
                raise IndexError(
                    "tensors used as indices must be long, int, byte or bool tensors, got "
                    f"{part.dtype}"  # type: ignore[attr-defined]
                )
            if array.ndim == 0 and array.dtype.kind == "i":
                part = int(array)  # a number in a tensor selects a view, as the number does
            else:
                part = array.astype(bool) if array.dtype == np.uint8 else array
                basic = False
        elif isinstance(part, bool):
            basic = False
        elif part is not None and part is not Ellipsis and not isinstance(part, (int, np.integer)):
            part, basic = _list_key(part), False
        out.append(part)
    if basic and Ellipsis not in out:
        out.append(Ellipsis)
    return tuple(out), basic


def _list_key(part: Any) -> Any:
    if isinstance(part, (list, range, np.ndarray, tuple)):
        array = np.asarray([p.__index__() if hasattr(p, "__index__") else p for p in part])
        return array if array.size else array.astype(np.int64)
    kind = TypeError if isinstance(part, str) else IndexError
    raise kind(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
        f"indices (got {type(part).__name__})"
    )


def _named(key: Any) -> str:
    """torch's name for the last step of a basic index."""
    last = [k for k in key if k is not Ellipsis and k != slice(None)] or [slice(None)]
    kinds = {int: "SelectBackward0", slice: "SliceBackward0", type(None): "UnsqueezeBackward0"}
    return kinds.get(type(last[-1]), "SelectBackward0")


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
        return F.put(g, shape, key)


@register("select_copy", internal=True)
class SelectCopy(Op):
    """Advanced indexing: integer and bool arrays among the rest; a copy."""

    grad_fn = "IndexBackward0"

    @staticmethod
    def forward(xp: Any, input: Array, key: Any) -> Array:
        """Pick; into row-major order, where NumPy may give another."""
        out = input[key]
        return out if out.flags.c_contiguous else out.copy()

    @staticmethod
    def grad_input(g: Array, shape: Any, key: Any, F: Any) -> Array:
        """Add back among zeros; what was picked twice counts twice."""
        return F.put_add(g, shape, key)


@register(internal=True)
class Put(Op):
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


@register(internal=True)
class PutAdd(Op):
    """Zeros of a shape with values added at an advanced index."""

    @staticmethod
    def forward(xp: Any, input: Array, size: Any, key: Any) -> Array:
        """Add one by one: an index may come twice. A mask never does, and is written at once."""
        out = xp.zeros(size, dtype=input.dtype)
        if all(not hasattr(k, "dtype") or k.dtype == bool for k in key):
            out[key] = input
        else:
            xp.add.at(out, key, input)
        return out

    @staticmethod
    def grad_input(g: Array, key: Any, F: Any) -> Array:
        """Read at the same places."""
        return F.select_copy(g, key)


def numbers_first(input: Any, key: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """A view with the key's numbers applied, and the rest of the key.

    For NumPy a number among index arrays is one of them, and the arrays' axis goes to the front
    when a slice parts them; for torch it selects before the arrays do.
    """
    whole = [isinstance(k, (int, np.integer)) and not isinstance(k, bool) for k in key]
    if not any(whole):
        return input, key
    select: list[Any] = []
    rest: list[Any] = []
    for part, number in zip(key, whole, strict=True):
        if number:
            select.append(part)
            continue
        rest.append(part)
        if part is Ellipsis:
            select.append(part)
        elif part is not None and not isinstance(part, bool):
            select += [slice(None)] * (part.ndim if _is_mask(part) else 1)
    return getitem(input, tuple(select)), tuple(rest)


def getitem(input: Any, key: Any) -> Any:
    """``input[key]`` with torch's rules; basic keys give views, others copies.

    Raises: IndexError for places that do not exist, TypeError for what is no index.
    """
    found, basic = plain_key(key)
    if not basic:
        input, found = numbers_first(input, found)
    try:
        return apply(SelectView if basic else SelectCopy, (input,), (found,))
    except IndexError as error:
        raise _index_error(input, found, error) from None


def _index_error(input: Any, key: tuple[Any, ...], error: IndexError) -> IndexError:
    """torch's words for NumPy's index errors."""
    shape = input._array.shape
    used = sum(getattr(k, "ndim", 1) if _is_mask(k) else 1 for k in key if _takes_axis(k))
    if used > len(shape):
        if not shape:
            return IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python to convert a 0-dim "
                "tensor to a number"
            )
        return IndexError(f"too many indices for tensor of dimension {len(shape)}")
    text = str(error)
    if "out of bounds" in text:
        return IndexError(text.replace("for axis", "for dimension"))
    if "boolean index" in text:
        mask = next(k for k in key if _is_mask(k))
        return IndexError(
            f"The shape of the mask {list(mask.shape)} does not match the shape of the indexed "
            f"tensor {list(shape)}"
        )
    return IndexError(f"shape mismatch: indexing tensors could not be broadcast together ({text})")


def _is_mask(k: Any) -> bool:
    return getattr(getattr(k, "dtype", None), "kind", "") == "b"


def _takes_axis(k: Any) -> bool:
    return k is not None and k is not Ellipsis and not isinstance(k, bool)


@register("set_item", internal=True)
class SetItem(Op):
    """A tensor with values written at an index."""

    grad_fn = "CopySlices"
    writes = True
    broadcasts = True

    @staticmethod
    def forward(xp: Any, input: Array, value: Array, key: Any) -> Array:
        """Write in place; leading axes of size one in the value don't count."""
        if getattr(value, "ndim", 0):
            place = input[key].shape
            extra = value.ndim - len(place)
            if extra > 0 and all(n == 1 for n in value.shape[:extra]):
                value = value.reshape(value.shape[extra:])
            value = xp.broadcast_to(value, place)
        input[key] = value
        return input

    @staticmethod
    def grad_input(g: Array, key: Any, F: Any) -> Array:
        """What was overwritten counts no more."""
        return F.set_item(g, 0.0, key)

    @staticmethod
    def grad_value(g: Array, key: Any, F: Any) -> Array:
        """What was written counts where it was written."""
        return F.select_copy(g, key) if _advanced(key) else F.select_view(g, key)


def _advanced(key: Any) -> bool:
    return any(hasattr(k, "dtype") or isinstance(k, bool) for k in key)


def setitem(input: Any, key: Any, value: Any) -> None:
    """``input[key] = value`` in place, recorded: the gradient flows into the value.

    Raises: IndexError for places that do not exist, RuntimeError for shapes that don't fit or a
    leaf that requires grad.
    """
    found, basic = plain_key(key)
    if isinstance(value, TensorBase):
        value = value.to(input.dtype)
    elif not isinstance(value, (int, float, np.generic)):
        value = input.new_tensor(value)
    try:
        _check_places(input, key, basic, value)
        if not basic:
            input, found = numbers_first(input, found)
        write(SetItem, input, (value,), (found,), check=False)
    except IndexError as error:
        raise _index_error(input, found, error) from None
    except InPlaceError:
        if basic:  # torch looks for the place first, and then whether it may be written
            getitem(input.detach(), key)
        raise


def _check_places(input: Any, key: Any, basic: bool, value: Any) -> None:
    """Raise if places that are written lie on one another, or partly on the value.

    A single number may be written to one place many times: torch allows that.
    """
    single = not isinstance(value, TensorBase) or not value._array.ndim
    if single:
        return
    shared = input._storage is not None and value._storage is input._storage
    if shared or 0 in input._array.strides:
        target = getitem(input.detach(), key) if basic else input
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
    dtypes=ANY, samples=(call(T(2, 3), 0, 1), call(T(2, 3), -1, -1)), errors=(call(T(2), 0, 5),)
)
def select(input: Any, dim: int, index: int) -> Any:
    """One slice of an axis, as a view.

    >>> import minigrad as torch
    >>> torch.tensor([[1, 2], [3, 4]]).select(1, 0)
    tensor([1, 3])
    """
    at = one_dim(dim, input._array.ndim)
    size = input._array.shape[at]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at "
            f"dimension {at}"
        )
    return getitem(input, (slice(None),) * at + (index,))
