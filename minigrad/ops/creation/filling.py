"""Making tensors by filling them: zeros, ones, empty, full, their ``_like`` and ``new_`` forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.registry import function
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import at
from minigrad.dtypes import dtype as Dtype
from minigrad.layout import axes_of, dense_axes, ordered, preserve_format
from minigrad.ops.creation.data import TOP, number_of, numpy_type
from minigrad.ops.creation.placing import made_on, place
from minigrad.ops.dims import sizes

METHOD: dict[str, Any] = {"where": ("Tensor",), "gradcheck": False}


def shape_of(size: tuple[Any, ...], names: dict[str, Any], name: str) -> tuple[int, ...]:
    """Sizes given one by one, as a sequence, or by ``size=``."""
    if names:
        if "size" not in names or len(names) > 1 or size:
            wrong = next((n for n in names if n != "size"), "size")
            raise TypeError(f"{name}() got an unexpected keyword argument '{wrong}'")
        size = (names["size"],)
    elif not size:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    shape = checked_sizes(size, name)
    if shape and min(shape) < 0:
        raise RuntimeError(f"{name}: Dimension size must be non-negative.")
    return shape


def checked_sizes(size: tuple[Any, ...], name: str) -> tuple[int, ...]:
    """Sizes as a tuple; TypeError in torch's words for anything else."""
    try:
        return sizes(size)
    except TypeError:
        raise TypeError(
            f"{name}(): argument 'size' (position 1) must be tuple of ints, not "
            f"{type(size[0]).__name__}"
        ) from None


def blank_like(input: Any, dtype: Any, memory_format: Any, name: str, device: Any = "cpu") -> Any:
    """An array of zeros of a tensor's shape, that lies in memory as the tensor does."""
    if not isinstance(input, TensorBase):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    array = input._array
    kind = array.dtype if dtype is None else dtypes.as_dtype(dtype).numpy
    if memory_format is None or memory_format is preserve_format:
        axes = dense_axes(array)
    else:
        axes = axes_of(memory_format, array.ndim)
    there = made_on(device, lambda xp: ordered(xp, array.shape, kind, axes))
    return ordered(np, array.shape, kind, axes) if there is None else there


def _called(fn: Any, name: str, doc: str, **facts: Any) -> None:
    fn.__name__ = fn.__qualname__ = name
    fn.__module__, fn.__doc__ = "minigrad", doc
    function(name, **facts)(fn)


def _filled(name: str, fill: Callable[[Any, Any], Any], value: int, doc: str) -> None:
    """One of ``zeros``, ``ones``, ``empty`` and its ``_like`` and ``new_`` forms."""

    def make_filled(
        *size: Any,
        out: Any = None,
        dtype: Dtype | None = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        memory_format: Any = None,
        **names: Any,
    ) -> Any:
        shape = shape_of(size, names, name)
        kind = numpy_type(dtype, out, layout)
        if memory_format is not None and memory_format is not preserve_format:
            array = ordered(np, shape, kind, axes_of(memory_format, len(shape)))
        else:
            array = made_on(device, lambda xp: xp.full(shape, value, kind))
            array = fill(shape, kind) if array is None else array
        return place(array, device, requires_grad, out)

    _called(
        make_filled,
        name,
        f"""A tensor of the given sizes {doc}.

    >>> import minigrad as torch
    >>> torch.{name}(2, 3).shape
    torch.Size([2, 3])
    """,
        **TOP,
    )

    def like(
        input: Any,
        *,
        dtype: Dtype | None = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        memory_format: Any = None,
    ) -> Any:
        array = blank_like(
            input, dtype, memory_format, f"{name}_like", device or getattr(input, "device", None)
        )
        if type(array) is not np.ndarray:
            with at(array):
                array.fill(value)
        elif value:
            array.fill(value)
        return place(array, device or input.device, requires_grad)

    _called(
        like,
        f"{name}_like",
        f"""A tensor of the shape, dtype and device of another, {doc}.

    >>> import minigrad as torch
    >>> torch.{name}_like(torch.zeros(2, dtype=torch.int64)).dtype
    torch.int64
    """,
        **TOP,
    )

    def new(
        input: Any,
        *size: Any,
        dtype: Dtype | None = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        **names: Any,
    ) -> Any:
        return make_filled(
            *size,
            dtype=dtype or input.dtype,
            device=device or input.device,
            requires_grad=requires_grad,
            **names,
        )

    _called(
        new,
        f"new_{name}",
        f"""A tensor of the given sizes and this tensor's dtype and device, {doc}.

    >>> import minigrad as torch
    >>> torch.zeros(1, dtype=torch.int64).new_{name}(2, 3).dtype
    torch.int64
    """,
        torch=f"Tensor.new_{name}",
        **METHOD,
    )


def _ones(shape: Any, kind: Any) -> Any:
    """Of few elements twice as fast as NumPy's own."""
    array = np.empty(shape, kind)
    array.fill(1)
    return array


_filled("zeros", np.zeros, 0, "filled with zeros")
_filled("ones", _ones, 1, "filled with ones")
_filled("empty", np.zeros, 0, "whose values mean nothing (here: zeros)")


def _fill_value(value: Any, kind: Any) -> Any:
    """A number that an element type can hold; RuntimeError if it cannot."""
    return dtypes.held(number_of(value), kind)


@function(**{**TOP, "quick": False})
def full(
    size: Any,
    fill_value: Any,
    *,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A tensor of the given sizes, filled with one value.

    >>> import minigrad as torch
    >>> torch.full((2,), 7), torch.full((2,), 0.5)
    (tensor([7, 7]), tensor([0.5000, 0.5000]))
    """
    if isinstance(size, int):
        raise TypeError("full(): argument 'size' (position 1) must be tuple of ints, not int")
    if dtype is None and out is None:
        dtype = dtypes.scalar_type(number_of(fill_value))
    kind = numpy_type(dtype, out, layout)
    shape, value = shape_of((size,), {}, "full"), _fill_value(fill_value, kind)
    array = made_on(device, lambda xp: xp.full(shape, value, kind))
    if array is None:
        array = np.empty(shape, kind)
        array.fill(value)
    return place(array, device, requires_grad, out)


@function(**{**TOP, "quick": False})
def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Any:
    """A tensor of the shape, dtype and device of another, filled with one value.

    >>> import minigrad as torch
    >>> torch.full_like(torch.zeros(2), 7)
    tensor([7., 7.])
    """
    place_of = device or getattr(input, "device", None)
    array = blank_like(input, dtype, memory_format, "full_like", place_of)
    array[...] = _fill_value(fill_value, array.dtype)
    return place(array, device or input.device, requires_grad)


@function(torch="Tensor.new_full", **METHOD)
def new_full(
    input: Any,
    size: Any,
    fill_value: Any,
    *,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A tensor of the given sizes and this tensor's dtype and device, filled with one value.

    >>> import minigrad as torch
    >>> torch.zeros(1).new_full((2,), 7)
    tensor([7., 7.])
    """
    return full(
        size,
        fill_value,
        dtype=dtype or input.dtype,
        device=device or input.device,
        requires_grad=requires_grad,
    )


@function(**TOP)
def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A tensor of given sizes and steps in memory, whose values mean nothing (here: zeros).

    Raises: RuntimeError for negative sizes or steps, or lengths that differ.

    >>> import minigrad as torch
    >>> torch.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    shape, steps = sizes((size,)), sizes((stride,))
    if len(shape) != len(steps):
        raise RuntimeError(
            f"dimensionality of sizes ({len(shape)}) must match dimensionality of strides "
            f"({len(steps)})"
        )
    if any(n < 0 for n in shape):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
        )
    if any(s < 0 for s in steps):
        raise RuntimeError(
            f"empty_strided: strides must not be negative, got sizes={list(shape)} and "
            f"strides={list(steps)}"
        )
    kind = numpy_type(dtype, None, layout)
    reach = sum((n - 1) * s for n, s in zip(shape, steps, strict=True)) + 1
    memory = np.zeros(0 if 0 in shape else reach, kind)
    array = np.ndarray(shape, kind, memory, 0, [s * kind.itemsize for s in steps])
    return place(array, device, requires_grad)


@function(torch="Tensor.new_empty_strided", **METHOD)
def new_empty_strided(
    input: Any,
    size: Any,
    stride: Any,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """Like :func:`empty_strided`, with this tensor's dtype and device.

    >>> import minigrad as torch
    >>> torch.zeros(1).new_empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    return empty_strided(
        size,
        stride,
        dtype=dtype or input.dtype,
        device=device or input.device,
        requires_grad=requires_grad,
    )


@function(**TOP)
def empty_permuted(
    size: Any,
    physical_layout: Any,
    *,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A tensor of given sizes, and of axes that lie in memory in a given order, without values.

    >>> import minigrad as torch
    >>> torch.empty_permuted((2, 3, 5), (2, 0, 1)).stride()
    (3, 1, 6)
    """
    shape, order = sizes((size,)), sizes((physical_layout,))
    if len(shape) != len(order):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {len(shape)} is not equal to len(physical_layout) = {len(order)}"
        )
    if any(not 0 <= axis < len(shape) for axis in order):
        raise RuntimeError(f"Dimension out of range: {order} is no order of {len(shape)} axes")
    if len(set(order)) < len(order):
        raise RuntimeError("Duplicate dim not allowed")
    array = ordered(np, shape, numpy_type(dtype, None, layout), order)
    return place(array, device, requires_grad)
