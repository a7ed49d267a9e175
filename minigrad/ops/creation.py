"""Making tensors: from data, by filling, by counting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.apply import make
from minigrad.autograd.registry import call, function
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import backend_for
from minigrad.device import device as Device
from minigrad.dtypes import dtype as Dtype

TOP: dict[str, Any] = {"where": ("torch",), "gradcheck": False}


def place(array: Any, device: Any = None, requires_grad: bool = False, out: Any = None) -> Any:
    """A Tensor around a host array, on the device and with the flag that were asked for."""
    if device is not None:
        where = Device(device)
        array = backend_for(where).from_host(array, where.index)
    result = make(array)
    if out is not None:
        out.resize_(result.shape)
        return out.copy_(result)
    return result.requires_grad_() if requires_grad else result


def numpy_type(dtype: Dtype | None) -> Any:
    """NumPy's type for a torch dtype; the default one for None."""
    return (dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)).numpy


def host_array(data: Any, dtype: Dtype | None) -> Any:
    """An array of what a user hands to ``tensor``: numbers, nested lists, arrays, tensors."""
    dtype = None if dtype is None else dtypes.as_dtype(dtype)
    if isinstance(data, TensorBase):
        array = data._host()  # type: ignore[attr-defined]
        return array.astype((dtypes.of_numpy(array.dtype) if dtype is None else dtype).numpy)
    if isinstance(data, (np.ndarray, np.generic)):
        kind = dtypes.of_numpy(data.dtype) if dtype is None else dtype
        return np.array(data, dtype=kind.numpy, order="C")
    if hasattr(data, "__array__") and not isinstance(data, (list, tuple)):
        return host_array(np.asarray(data), dtype)
    return _from_lists(data, dtype)


def _from_lists(data: Any, dtype: Dtype | None) -> Any:
    """Numbers in nested lists; Tensors and NumPy numbers among them count as numbers."""
    plain = _plain(data)
    try:
        array = np.asarray(plain)
    except ValueError as error:
        raise ValueError(
            f"tensor: expected sequences of equal length at each level; {error}"
        ) from None
    if array.dtype.kind not in "biuf" and array.size:
        kind = type(plain).__name__ if array.ndim == 0 else array.dtype.name
        if isinstance(plain, complex) or array.dtype.kind == "c":
            raise TypeError("complex numbers are left out of minigrad: real types only")
        if array.ndim == 0 and not isinstance(plain, (str, bytes)):
            raise RuntimeError(f"Could not infer dtype of {kind}")
        raise TypeError(f"new(): invalid data type '{'str' if array.dtype.kind in 'US' else kind}'")
    if dtype is not None:
        return _checked_cast(array, dtype)
    if array.dtype.kind == "f" or array.size == 0:
        first = plain
        while isinstance(first, list) and first:
            first = first[0]
        doubles = array.size and isinstance(first, (np.float64, np.ndarray))
        return array if doubles else array.astype(dtypes.get_default_dtype().numpy)
    if array.dtype.kind == "u":
        raise ValueError("Overflow when unpacking long long")
    return array if array.dtype.kind == "b" else array.astype(np.int64)


def _checked_cast(array: Any, dtype: Dtype) -> Any:
    if dtype.category is dtypes.Category.INTEGER and array.size:
        info = np.iinfo(dtype.numpy)
        low = info.min if info.min else -info.max  # small negative numbers wrap around to uint8
        if not (array.max() <= info.max and array.min() >= low):
            raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow")
    return array.astype(dtype.numpy)


def _plain(data: Any) -> Any:
    if isinstance(data, (list, tuple)):
        return [_plain(item) for item in data]
    if isinstance(data, TensorBase):
        return data.tolist()  # type: ignore[attr-defined]
    return data


@function(**TOP)
def tensor(
    data: Any,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A tensor of a copy of the data: numbers, nested lists, arrays.

    ints give int64, floats the default dtype, bools bool; arrays keep their type.
    Raises: ValueError for ragged lists, TypeError or RuntimeError for what holds no numbers.

    >>> import minigrad as torch
    >>> torch.tensor([[1, 2], [3, 4]]), torch.tensor(1.5, requires_grad=True)
    (tensor([[1, 2],
            [3, 4]]), tensor(1.5000, requires_grad=True))
    """
    return place(host_array(data, dtype), device, requires_grad)


@function(**TOP)
def as_tensor(data: Any, dtype: Dtype | None = None, device: Any = None) -> Any:
    """A tensor of the data, sharing memory with an array or tensor where nothing must change.

    >>> import minigrad as torch
    >>> x = torch.zeros(2); torch.as_tensor(x) is x
    True
    """
    if isinstance(data, TensorBase):
        return data.to(device=device, dtype=dtype)
    if isinstance(data, np.ndarray):
        result = from_numpy(data)
        return result.to(device=device, dtype=dtype)
    return tensor(data, dtype=dtype, device=device)


@function(**TOP)
def from_numpy(ndarray: Any) -> Any:
    """A tensor that shares the memory of a NumPy array.

    Raises: TypeError for what is no array or has no counterpart among torch's types.

    >>> import minigrad as torch, numpy as np
    >>> a = np.zeros(2); x = torch.from_numpy(a); a[0] = 5; x
    tensor([5., 0.], dtype=torch.float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.of_numpy(ndarray.dtype)
    if any(s < 0 for s in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative "
            "strides are not currently supported. (You can probably work around this by making a "
            "copy of your array  with array.copy().)"
        )
    return make(ndarray)


@function(where=("Tensor",), torch="Tensor.new_tensor", gradcheck=False)
def new_tensor(
    input: Any,
    data: Any,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """A tensor of a copy of the data, in this tensor's dtype and on its device.

    >>> import minigrad as torch
    >>> torch.zeros(1).new_tensor([1, 2])
    tensor([1., 2.])
    """
    return tensor(
        data,
        dtype=dtype or input.dtype,
        device=device or input.device,
        requires_grad=requires_grad,
    )


def _float32_steps(start: Any, step: Any, count: int, lanes: int = 8) -> Any:
    """``start + i * step`` with torch's roundings: by vectors of eight, each from its own start.

    The start of a vector is rounded once from a fused multiply and add, and again to float32.
    """
    i = np.arange(count)
    exact = (np.longdouble(start) + np.longdouble(step) * i).astype(np.float64)
    lane = i % lanes
    values = exact.astype(np.float32)[i - lane].astype(np.float64) + lane * np.float64(step)
    full = count - count % (2 * lanes)  # torch takes two vectors at a time, the rest one by one
    values[full:] = exact[full:]
    return values.astype(np.float32)


def _counting_type(dtype: Dtype | None, *numbers: Any) -> Any:
    if dtype is not None:
        return dtypes.as_dtype(dtype).numpy
    whole = all(isinstance(n, (int, np.integer)) for n in numbers)
    return np.int64 if whole else dtypes.get_default_dtype().numpy


@function(
    samples=(call(5), call(1, 7, 2), call(-1.0, 1.0, 0.25), call(0.5)),
    errors=(call(1, 5, 0), call(1, 5, -1)),
    **TOP,
)
def arange(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    out: Any = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
) -> Any:
    """The numbers from start up to, not including, end, by steps; int64 unless one is a float.

    Formula:   out_i = start + i * step
    Raises: RuntimeError for a step of zero or one that leads away from the end.

    >>> import minigrad as torch
    >>> torch.arange(3), torch.arange(1., 2., 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]))
    """
    if end is None:
        start, end = 0, start
    start, end, step = (
        n._array.item() if isinstance(n, TensorBase) else n for n in (start, end, step)
    )
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if not math.isfinite(start) or not math.isfinite(end):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    count = math.ceil((end - start) / step)
    kind = _counting_type(dtype, start, end, step)
    wide = np.int64 if isinstance(start, int) and isinstance(step, int) else np.float64
    if wide is np.float64 and kind == np.float32:
        values = _float32_steps(start, step, count)
    else:
        values = (start + np.arange(count, dtype=wide) * step).astype(kind)
    return place(values, device, requires_grad, out)


@function(
    samples=(call(0, 1, 5), call(-3.0, 2.0, steps=7), call(1.0, 1.0, 1), call(0.0, 1.0, 0)), **TOP
)
def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Any = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """So many numbers at equal distances, both ends included.

    Formula:   out_i = start + i * (end - start) / (steps - 1)

    >>> import minigrad as torch
    >>> torch.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    kind = np.dtype(numpy_type(dtype))
    if kind.kind not in "f" or steps < 2:
        return place(np.linspace(start, end, steps).astype(kind), device, requires_grad, out)
    step = kind.type((end - start) / (steps - 1))
    count = np.arange(steps).astype(kind)
    # From both ends to the middle, so that the last number is the end itself.
    up, down = kind.type(start) + step * count, kind.type(end) - step * count[::-1]
    return place(
        np.where(np.arange(steps) < steps // 2, up, down).astype(kind), device, requires_grad, out
    )


@function(samples=(call(3), call(2, 4)), **TOP)
def eye(
    n: int,
    m: int | None = None,
    *,
    out: Any = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Ones on the diagonal of a matrix, zeros elsewhere.

    >>> import minigrad as torch
    >>> torch.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    return place(np.eye(n, m, dtype=numpy_type(dtype)), device, requires_grad, out)


@function(where=("torch",), gradcheck=False)
def is_tensor(obj: Any) -> bool:
    """Whether an object is a Tensor.

    >>> import minigrad as torch
    >>> torch.is_tensor(torch.zeros(1)), torch.is_tensor([0.])
    (True, False)
    """
    return isinstance(obj, TensorBase)


@function(where=("torch",), gradcheck=False)
def is_floating_point(input: Any) -> bool:
    """Whether the elements are floats.

    >>> import minigrad as torch
    >>> torch.is_floating_point(torch.zeros(1))
    True
    """
    return bool(input.is_floating_point())


@function(where=("torch",), gradcheck=False)
def numel(input: Any) -> int:
    """The number of elements.

    >>> import minigrad as torch
    >>> torch.numel(torch.zeros(2, 3))
    6
    """
    return int(input._array.size)
