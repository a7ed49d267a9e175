"""How elements lie in memory: layouts, and the orders of axes that torch has names for.

Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.layout
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class _Word:
    """A word with torch's printed form, of which each is there once."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class layout(_Word):
    """A way to keep elements; minigrad has ``strided`` alone.

    >>> import minigrad as torch
    >>> torch.zeros(1).layout, torch.zeros(1).layout == torch.sparse_coo
    (torch.strided, False)
    """

    __slots__ = ()


class memory_format(_Word):
    """An order of the axes in memory.

    >>> import minigrad as torch
    >>> x = torch.zeros(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    >>> x.stride(), x.is_contiguous(memory_format=torch.channels_last)
    ((48, 1, 12, 3), True)
    """

    __slots__ = ()


strided = layout("strided")
sparse_coo = layout("sparse_coo")
sparse_csr = layout("sparse_csr")
sparse_csc = layout("sparse_csc")
sparse_bsr = layout("sparse_bsr")
sparse_bsc = layout("sparse_bsc")

contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")

# The axes of a tensor from the outermost in memory to the innermost.
_ORDERS = {"channels_last": (0, 2, 3, 1), "channels_last_3d": (0, 2, 3, 4, 1)}


def check_layout(asked: Any) -> None:
    """Raise NotImplementedError for a layout that minigrad leaves out."""
    if asked is not None and asked is not strided:
        raise NotImplementedError(f"{asked!r}: sparse layouts are left out of minigrad")


def axes_of(form: memory_format, ndim: int) -> tuple[int, ...]:
    """The axes from the outermost in memory to the innermost.

    Raises: RuntimeError for a number of axes that the format is not for.

    >>> axes_of(channels_last, 4), axes_of(contiguous_format, 2)
    ((0, 2, 3, 1), (0, 1))
    """
    order = _ORDERS.get(form.name)
    if order is None:
        return tuple(range(ndim))
    if len(order) != ndim:
        raise RuntimeError(f"required rank {len(order)} tensor to use {form.name} format")
    return order


def lies_in(array: Any, form: memory_format) -> bool:
    """Whether an array's elements lie in this order without gaps.

    >>> import numpy as np
    >>> lies_in(np.zeros((2, 3)), contiguous_format)
    True
    """
    order = _ORDERS.get(form.name)
    if order is None:
        return bool(array.flags.c_contiguous)
    return len(order) == array.ndim and bool(array.transpose(order).flags.c_contiguous)


def dense_axes(array: Any) -> tuple[int, ...] | None:
    """The axes from the outermost in memory to the innermost, as they now lie.

    None if that is their own order, or if elements share memory.

    >>> import numpy as np
    >>> dense_axes(np.zeros((2, 3)).T), dense_axes(np.zeros((2, 3)))
    ((1, 0), None)
    """
    if array.flags.c_contiguous or 0 in array.strides:
        return None
    steps = [abs(s) for s in array.strides]
    return tuple(sorted(range(array.ndim), key=lambda axis: -steps[axis]))


def in_memory_order(array: Any, draw: Callable[[tuple[int, ...]], Any]) -> Any:
    """What is drawn for an array, in the order in which its elements lie in memory."""
    order = dense_axes(array)
    if order is None:
        return draw(array.shape)
    back = sorted(range(array.ndim), key=order.__getitem__)
    return draw(tuple(array.shape[axis] for axis in order)).transpose(back)


def ordered(xp: Any, shape: Sequence[int], dtype: Any, axes: Sequence[int] | None) -> Any:
    """Zeros of a shape whose axes lie in memory in this order.

    >>> import numpy as np
    >>> ordered(np, (2, 3), np.int8, (1, 0)).strides
    (1, 2)
    """
    if axes is None:
        return xp.zeros(shape, dtype)
    back = sorted(range(len(axes)), key=axes.__getitem__)
    return xp.zeros([shape[axis] for axis in axes], dtype).transpose(back)
