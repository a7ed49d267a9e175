"""Reading an index: what stands in ``x[...]``, in the few forms that the ops know."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from minigrad.autograd.tensor_base import TensorBase
from minigrad.ops.creation.data import host_array

FULL = slice(None)
SEQUENCES = (list, tuple, range, np.ndarray)
KINDS = (
    "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
    "indices"
)


def parts_of(key: Any) -> tuple[Any, ...]:
    """The parts of an index; a list that holds more than numbers counts as a tuple."""
    if isinstance(key, tuple):
        return key
    if isinstance(key, list) and len(key) < 32:
        several = (TensorBase, slice, str, type(None), type(Ellipsis), *SEQUENCES)
        if any([isinstance(k, several) for k in key]):
            return tuple(key)
    return (key,)


def read(part: Any) -> Any:
    """One part as a number, a slice, None, ``...``, a bool, or an array of int64 or bools.

    Raises: IndexError or TypeError for what is no index.
    """
    if part is None or part is Ellipsis or type(part) is int or type(part) is bool:
        return part
    if isinstance(part, slice):
        return _read_slice(part)
    if isinstance(part, TensorBase):
        array = part._array
        kind = array.dtype.kind
        if kind == "u" and array.itemsize == 1:
            array, kind = array.astype(bool), "b"
        if array.ndim == 0 and kind in "bi":
            return bool(array) if kind == "b" else int(array)
        if kind != "b" and not (kind == "i" and array.itemsize >= 4):
            raise IndexError(
                f"tensors used as indices must be long, int, byte or bool tensors, got {part.dtype}"  # type: ignore[attr-defined]
            )
        return array
    if isinstance(part, SEQUENCES):
        return _read_sequence(part)
    if isinstance(part, (int, np.integer)):
        return int(part)
    kind = TypeError if isinstance(part, str) else IndexError
    raise kind(f"{KINDS} (got {type(part).__name__})")


def _read_slice(part: slice) -> slice:
    """A slice of whole numbers; torch goes forwards only."""
    start, stop, step = part.start, part.stop, part.step
    if step is not None and index(step) <= 0:
        said = "step must be greater than zero" if index(step) else "slice step cannot be zero"
        raise ValueError(said)
    plain = (int, type(None))
    if type(start) in plain and type(stop) in plain and type(step) in plain:
        return part
    return slice(*[None if v is None else index(v) for v in (start, stop, step)])


def _read_sequence(part: Any) -> Any:
    """Nested lists and arrays: bools and bytes are masks, all else is made int64."""
    array = part if isinstance(part, np.ndarray) else host_array(part, None)
    if array.dtype.kind not in "iubf":
        raise TypeError(f"{KINDS} (got an array of {array.dtype})")
    if array.dtype.kind == "b" or array.dtype == np.uint8:
        array = array.astype(bool)
        return array if array.ndim else bool(array)
    array = array.astype(np.int64, copy=False)
    return array if array.ndim else int(array)


def is_basic(part: Any) -> bool:
    """Whether a part only selects a view."""
    return not (hasattr(part, "dtype") or type(part) is bool)


def _axes(part: Any) -> int:
    """How many axes a part, read or not, uses up."""
    if part is None or part is Ellipsis or type(part) is bool:
        return 0
    array = part._array if isinstance(part, TensorBase) else part
    kind = getattr(getattr(array, "dtype", None), "kind", "")
    mask = kind == "b" or (kind == "u" and array.itemsize == 1)
    return int(array.ndim) if mask else 1


def check_count(parts: Sequence[Any], shape: Sequence[int]) -> int:
    """How many axes an index leaves to ``...``; IndexError if it names more than there are."""
    rest = len(shape) - sum(map(_axes, parts))
    if rest < 0:
        raise too_many(shape)
    return rest


def too_many(shape: Sequence[int]) -> IndexError:
    """The error for an index that names more axes than there are."""
    if shape:
        return IndexError(f"too many indices for tensor of dimension {len(shape)}")
    return IndexError(
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python to convert a 0-dim tensor "
        "to a number"
    )


def divided(
    parts: Sequence[Any], shape: Sequence[int], rest: int
) -> tuple[tuple[Any, ...] | None, tuple[Any, ...]]:
    """An index as two that follow one another: a view (None: the whole), and arrays on its axes.

    torch applies numbers, slices and None before the arrays. A bool is a mask for a new axis.

    >>> import numpy as np
    >>> divided((0, np.array([1])), (2, 3), 0)
    ((0, slice(None, None, None), Ellipsis), (array([1]),))
    """
    view: list[Any] = []
    arrays: list[Any] = []
    axis = 0
    for part in parts:
        if part is Ellipsis:
            view += [FULL] * rest
            arrays += [FULL] * rest
            axis, rest = axis + rest, 0
        elif type(part) is bool:
            view.append(None)
            arrays.append(np.array([part]))
        elif is_basic(part):
            view.append(part)
            if type(part) is not int:
                arrays.append(FULL)
            axis += part is not None
        else:
            count = _axes(part)
            if part.dtype.kind == "b" and part.shape != tuple(shape[axis : axis + count]):
                same = zip(part.shape, shape[axis:], strict=False)
                at = axis + next((i for i, (a, b) in enumerate(same) if a != b), 0)
                raise IndexError(
                    f"The shape of the mask {list(part.shape)} at index {at - axis} does not match "
                    f"the shape of the indexed tensor {list(shape)} at index {at}"
                )
            view += [FULL] * count
            arrays.append(part)
            axis += count
    while arrays[-1] is FULL:
        arrays.pop()
    whole = all([type(v) is slice and v == FULL for v in view])
    return None if whole else (*view, Ellipsis), _without_masks(arrays)


def _without_masks(arrays: list[Any]) -> tuple[Any, ...]:
    """Masks beside other arrays as the places where they hold; a mask alone stays."""
    several = len([a for a in arrays if a is not FULL]) > 1
    found: list[Any] = []
    for array in arrays:
        mask = several and array is not FULL and array.dtype.kind == "b"
        found += array.nonzero() if mask else [array]
    return tuple(found)
