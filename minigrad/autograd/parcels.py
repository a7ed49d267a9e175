"""Saved values as the user's hooks keep them: see `autograd/saved.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
