"""Saved values as the user's hooks keep them: see `autograd/saved.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.autograd.modes import MODE, NO_GRAD
from minigrad.autograd.tensor_base import TensorBase
from minigrad.errors import ShapeError


class Packed(tuple[Any, ...]):
    """Saved values, some of them parcels. The sweep knows by the type that it must open them."""

    __slots__ = ()


class Parcel:
    """A saved value as the user's pack hook left it, with the hook that brings it back."""

    __slots__ = ("content", "shape", "unpack")

    def __init__(self, content: Any, unpack: Callable[[Any], Any], shape: Any) -> None:
        self.content = content
        self.unpack = unpack
        self.shape = shape


def parcel(value: Any, place: Any, to_content: Any, unpack: Any) -> Any:
    """An array as a pack hook wants it kept; also those of a tuple. Anything else stays."""
    if type(value) is tuple:
        edges = place or (None,) * len(value)
        pairs = zip(value, edges, strict=True)
        return tuple([parcel(v, at, to_content, unpack) for v, at in pairs])
    if not (hasattr(value, "dtype") and hasattr(value, "shape")):
        return value
    from minigrad.autograd.apply import make  # which stands above this room

    token = MODE.set(NO_GRAD)
    try:
        tensor = make(value, place)
        content = to_content(tensor)
    finally:
        MODE.reset(token)
    if tensor._storage is not None and tensor._storage.version:
        raise RuntimeError(
            "A saved tensor pack hook is modifying its input in place. Tensors provided as input "
            "to pack hook can not be modified by in-place operations, as the value is used "
            "elsewhere; clone() it in the hook."
        )
    return Parcel(content, unpack, value.shape)


def opened(value: Any) -> Any:
    """A saved value, or the arrays of a tuple of them, out of their parcels."""
    if type(value) is tuple:
        return tuple(opened(v) for v in value)
    if type(value) is not Parcel:
        return value
    tensor = value.unpack(value.content)
    if not isinstance(tensor, TensorBase):
        raise TypeError(
            "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
            f"{type(tensor).__name__}"
        )
    if tensor._array.shape != value.shape:
        raise ShapeError(
            f"unpack_hook: expected a Tensor of shape {value.shape}, which was packed, got one of "
            f"shape {tensor._array.shape}"
        )
    return tensor._array
