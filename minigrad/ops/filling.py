"""Making tensors by filling them: zeros, ones, empty, full, their ``_like`` and ``new_`` forms."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.registry import function
from minigrad.autograd.tensor_base import TensorBase
from minigrad.dtypes import dtype as Dtype
from minigrad.ops.creation import TOP, numpy_type, place
from minigrad.ops.dims import sizes


def _filled(name: str, fill: Any, doc: str) -> None:
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
        shape = sizes((names.pop("size"),) if "size" in names else size)
        if names:
            raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(names))}'")
        if any(n < 0 for n in shape):
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
            )
        return place(np.full(shape, fill, dtype=numpy_type(dtype)), device, requires_grad, out)

    make_filled.__name__ = make_filled.__qualname__ = name
    make_filled.__doc__ = f"""A tensor of the given sizes {doc}.

    >>> import minigrad as torch
    >>> torch.{name}(2, 3).shape
    torch.Size([2, 3])
    """
    function(name, **TOP)(make_filled)

    def like(
        input: Any,
        *,
        dtype: Dtype | None = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
    ) -> Any:
        return full_like(input, fill, dtype=dtype, device=device, requires_grad=requires_grad)

    like.__name__ = like.__qualname__ = f"{name}_like"
    like.__doc__ = f"""A tensor of the shape, dtype and device of another, {doc}.

    >>> import minigrad as torch
    >>> torch.{name}_like(torch.zeros(2, dtype=torch.int64)).dtype
    torch.int64
    """
    function(f"{name}_like", **TOP)(like)

    def new(
        input: Any,
        *size: Any,
        dtype: Dtype | None = None,
        device: Any = None,
        requires_grad: bool = False,
    ) -> Any:
        return make_filled(
            *size,
            dtype=dtype or input.dtype,
            device=device or input.device,
            requires_grad=requires_grad,
        )

    new.__name__ = new.__qualname__ = f"new_{name}"
    new.__doc__ = f"""A tensor of the given sizes and this tensor's dtype and device, {doc}.

    >>> import minigrad as torch
    >>> torch.zeros(1, dtype=torch.int64).new_{name}(2, 3).dtype
    torch.int64
    """
    function(f"new_{name}", where=("Tensor",), gradcheck=False, torch=f"Tensor.new_{name}")(new)


@function(**TOP)
def full(
    size: Any,
    fill_value: Any,
    *,
    out: Any = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """A tensor of the given sizes, filled with one value.

    >>> import minigrad as torch
    >>> torch.full((2,), 7), torch.full((2,), 0.5)
    (tensor([7, 7]), tensor([0.5000, 0.5000]))
    """
    value: Any = fill_value
    if isinstance(value, TensorBase):
        value = value._array.item()
    kind = dtypes.scalar_type(value) if dtype is None else dtype
    return place(np.full(sizes((size,)), value, dtype=kind.numpy), device, requires_grad, out)


@function(**TOP)
def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Any:
    """A tensor of the shape, dtype and device of another, filled with one value.

    >>> import minigrad as torch
    >>> torch.full_like(torch.zeros(2), 7)
    tensor([7., 7.])
    """
    return full(
        input.shape,
        fill_value,
        dtype=dtype or input.dtype,
        device=device or input.device,
        requires_grad=requires_grad,
    )


_filled("zeros", 0, "filled with zeros")


_filled("ones", 1, "filled with ones")


_filled("empty", 0, "whose values mean nothing (here: zeros)")


@function(where=("Tensor",), torch="Tensor.new_full", gradcheck=False)
def new_full(
    input: Any,
    size: Any,
    fill_value: Any,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
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
