"""Making tensors from data: numbers, nested lists, arrays, buffers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.apply import make
from minigrad.autograd.registry import function
from minigrad.autograd.tensor_base import TensorBase
from minigrad.device import get_default_device
from minigrad.dtypes import dtype as Dtype
from minigrad.layout import check_layout
from minigrad.ops.creation.placing import place
from minigrad.ops.creation.sources import unbanned, warn_of_copy, writable

TOP: dict[str, Any] = {"where": ("torch",), "gradcheck": False, "quick": True}


def numpy_type(dtype: Any, out: Any = None, layout: Any = None) -> Any:
    """NumPy's type for a torch dtype; for None that of ``out``, or else the default one.

    Raises: RuntimeError if ``out`` has another dtype, NotImplementedError for a sparse layout.
    """
    if layout is not None:
        check_layout(layout)
    if out is not None:
        own = out.dtype
        if dtype is not None and dtypes.as_dtype(dtype) is not own:
            raise RuntimeError(
                f"dtype {dtypes.as_dtype(dtype).type_name} does not match dtype of out parameter "
                f"({own.type_name})"
            )
        return own.numpy
    return (dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)).numpy


def host_array(data: Any, dtype: Dtype | None) -> Any:
    """An array of what a user hands to ``tensor``: numbers, nested lists, arrays, tensors."""
    dtype = None if dtype is None else dtypes.as_dtype(dtype)
    if isinstance(data, TensorBase):
        array = data._host()  # type: ignore[attr-defined]
        return array.astype((dtypes.of_numpy(array.dtype) if dtype is None else dtype).numpy)
    if isinstance(data, (np.ndarray, np.generic)):
        own = dtypes.of_numpy(data.dtype)
        return np.array(data, dtype=(own if dtype is None else dtype).numpy, order="C")
    if hasattr(data, "__array__"):
        return host_array(np.asarray(data), dtype)
    return _from_lists(data, dtype)


def number_of(value: Any) -> Any:
    """A Python number for a 0-d tensor; anything else as it is."""
    return value.item() if isinstance(value, TensorBase) else value  # type: ignore[attr-defined]


def _from_lists(data: Any, dtype: Dtype | None) -> Any:
    """Numbers in nested sequences, as an array."""
    shape, first = [], data
    while _is_sequence(first):
        shape.append(len(first))
        if not shape[-1]:
            break
        first = first[0]
    leaves: list[Any] = []
    if isinstance(first, (str, bytes)):
        text = f"new(): invalid data type '{type(first).__name__}'"
        raise (
            ValueError(f"too many dimensions '{type(first).__name__}'")
            if shape
            else TypeError(text)
        )
    _gather(data, shape, 0, leaves)
    kind = _kind_of(leaves)
    if any(isinstance(leaf, (TensorBase, np.ndarray)) for leaf in (leaves if kind[1] else ())):
        leaves = [leaf.item() if hasattr(leaf, "item") else leaf for leaf in leaves]
    wanted = kind[0] if dtype is None else dtype
    if not leaves:
        return np.zeros(shape, wanted.numpy)
    if dtype is None or dtype.category is not dtypes.Category.INTEGER:
        return _packed(leaves, wanted).reshape(shape)
    return _checked_cast(_packed(leaves, kind[0]), dtype).reshape(shape)


def _is_sequence(data: Any) -> bool:
    if isinstance(data, (list, tuple)):
        return True
    if isinstance(data, (str, bytes, dict, TensorBase, np.generic)):
        return False
    if isinstance(data, np.ndarray):
        return data.ndim > 0
    return hasattr(data, "__getitem__") and hasattr(data, "__len__")


def _gather(data: Any, shape: list[int], dim: int, leaves: list[Any]) -> None:
    """Append the elements of nested sequences that must have this shape, in order."""
    if dim == len(shape):
        leaves.append(data)
        return
    if len(data) != shape[dim]:
        raise ValueError(f"expected sequence of length {shape[dim]} at dim {dim} (got {len(data)})")
    if dim == len(shape) - 1:
        leaves.extend(data)
        return
    for item in data:
        if not _is_sequence(item):
            raise TypeError("not a sequence")
        _gather(item, shape, dim + 1, leaves)


def _kind_of(leaves: list[Any]) -> tuple[Dtype, bool]:
    """The dtype of elements together, and whether there are others than Python's numbers."""
    types = set(map(type, leaves))
    if types <= {int, float, bool}:
        default = dtypes.get_default_dtype()
        kind = default if float in types or not types else dtypes.int64
        return (dtypes.bool_ if types == {bool} else kind), False
    found: Dtype | None = None
    for leaf in leaves:
        if isinstance(leaf, (TensorBase, np.generic, np.ndarray)):
            holder: Any = leaf._array if isinstance(leaf, TensorBase) else leaf
            kind = dtypes.of_numpy(holder.dtype)
            if holder.size != 1 or (holder.ndim and not isinstance(leaf, TensorBase)):
                _refuse(kind)
        elif isinstance(leaf, complex):
            raise NotImplementedError("complex numbers are left out of minigrad: real types only")
        elif isinstance(leaf, (int, float)):
            kind = dtypes.scalar_type(leaf)
        elif isinstance(leaf, (list, tuple)):
            raise TypeError(f"'{type(leaf).__name__}' object cannot be interpreted as an integer")
        elif isinstance(leaf, str):
            raise TypeError("new(): invalid data type 'str'")
        else:
            raise RuntimeError(f"Could not infer dtype of {type(leaf).__name__}")
        found = kind if found is None else dtypes.promote_types(found, kind)
    assert found is not None
    return found, True


def _refuse(kind: Dtype) -> None:
    """Raise for several numbers where one is needed; ``stack`` is the way out."""
    if kind.is_floating_point:
        raise ValueError(
            "only one element tensors can be converted to Python scalars; stack() joins tensors"
        )
    raise TypeError(
        "only integer tensors of a single element can be converted to an index; stack() joins "
        "tensors"
    )


def _packed(leaves: list[Any], kind: Dtype) -> Any:
    """Numbers in a row, of one dtype."""
    if kind.category is dtypes.Category.INTEGER:
        try:
            return np.array(leaves, dtype=kind.numpy)
        except OverflowError:
            raise ValueError("Overflow when unpacking long long") from None
    with np.errstate(over="ignore"):
        if kind.itemsize == 2:  # rounded from float64 at once, as torch does
            return np.array(leaves, dtype=np.float64).astype(kind.numpy)
        return np.array(leaves, dtype=kind.numpy)


def _checked_cast(array: Any, dtype: Dtype) -> Any:
    info = np.iinfo(dtype.numpy)
    low = info.min if info.min else -info.max  # small negative numbers wrap around to uint8
    if not (array.max() <= info.max and array.min() >= low):
        raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow")
    return array.astype(dtype.numpy)


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
    if isinstance(data, TensorBase):
        warn_of_copy()
    return place(host_array(data, dtype), device, requires_grad)


@function(**TOP)
def scalar_tensor(
    s: Any,
    *,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A 0-d tensor of a number, of the default dtype unless another is asked for.

    >>> import minigrad as torch
    >>> torch.scalar_tensor(3)
    tensor(3.)
    """
    return place(
        np.asarray(number_of(s)).astype(numpy_type(dtype, None, layout)), device, requires_grad
    )


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
        return from_numpy(data).to(device=device or get_default_device(), dtype=dtype)
    return tensor(data, dtype=dtype, device=device)


@function(**TOP)
def asarray(
    obj: Any,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Any:
    """A tensor of anything: a tensor, an array, what speaks DLPack, a buffer, numbers in lists.

    Memory is shared if ``copy`` is None and nothing must change; ``copy=False`` insists on it.
    Raises: ValueError if ``copy=False`` cannot be kept.

    >>> import minigrad as torch
    >>> torch.asarray([1, 2]), torch.asarray(bytearray(b"ab"), dtype=torch.uint8)
    (tensor([1, 2]), tensor([97, 98], dtype=torch.uint8))
    """
    source: Any = None
    if isinstance(obj, TensorBase):
        source = obj
    elif isinstance(obj, np.ndarray):
        source = from_numpy(obj)
    elif hasattr(obj, "__dlpack__"):
        source = from_dlpack(obj)
    elif isinstance(obj, (bytes, bytearray, memoryview)):
        source = frombuffer(obj, dtype=dtypes.get_default_dtype() if dtype is None else dtype)
    if source is None:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        return tensor(obj, dtype=dtype, device=device, requires_grad=bool(requires_grad))
    result = source.to(device=device, dtype=dtype)
    if copy is False and result is not source:
        raise ValueError("can't alias tensor with another dtype or device; pass copy=None")
    if copy and result is source:
        result = source.clone()
    if requires_grad is False and result.requires_grad:
        return result.detach()
    return result.requires_grad_() if requires_grad and not result.requires_grad else result


@function(**TOP)
def from_numpy(ndarray: Any) -> Any:
    """A tensor that shares the memory of a NumPy array.

    Raises: TypeError for what is no array or has no counterpart among torch's types.

    >>> import minigrad as torch, numpy as np
    >>> a = np.zeros(2); x = torch.from_numpy(a); a[0] = 5; x
    tensor([5., 0.], dtype=torch.float64)
    """
    if not isinstance(ndarray, np.ndarray):
        kind = type(ndarray)
        name = kind.__name__ if kind.__module__ == "builtins" else f"numpy.{kind.__name__}"
        raise TypeError(f"expected np.ndarray (got {name})")
    dtypes.of_numpy(ndarray.dtype)
    if any(s < 0 for s in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative "
            "strides are not currently supported. (You can probably work around this by making a "
            "copy of your array  with array.copy().)"
        )
    if not ndarray.flags.writeable:
        return make(writable(ndarray))
    return make(ndarray.view(np.ndarray))  # a later `ndarray.shape = ...` is not the tensor's


@function(**TOP)
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Any:
    """A tensor that shares the memory of another library's array, by the DLPack protocol.

    >>> import minigrad as torch, numpy as np
    >>> a = np.zeros(2); x = torch.from_dlpack(a); a[0] = 5; x
    tensor([5., 0.], dtype=torch.float64)
    """
    options: dict[str, Any] = {} if copy is None else {"copy": copy}
    if type(ext_tensor).__name__ == "PyCapsule":
        capsule = ext_tensor  # on the CPU, and read once
        ext_tensor = SimpleNamespace(
            __dlpack__=lambda **options: capsule, __dlpack_device__=lambda: (1, 0)
        )
    array = np.from_dlpack(ext_tensor, **options)
    if not array.flags.writeable:  # so NumPy takes what the protocol has no word for
        array = unbanned(array)
    result = from_numpy(array)
    return result if device is None else result.to(device)


@function(**TOP)
def frombuffer(
    buffer: Any,
    *,
    dtype: Dtype,
    count: int = -1,
    offset: int = 0,
    requires_grad: bool = False,
) -> Any:
    """A tensor that shares the memory of an object with Python's buffer protocol.

    Raises: ValueError for what is no buffer, or too short for what is asked of it.

    >>> import minigrad as torch
    >>> torch.frombuffer(bytearray(b"abcd"), dtype=torch.uint8, count=2, offset=1)
    tensor([98, 99], dtype=torch.uint8)
    """
    kind = dtypes.as_dtype(dtype)
    try:
        length, item = memoryview(buffer).nbytes, kind.itemsize
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    if not length or not count:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({length} bytes) minus 1"
        )
    if count > 0 and offset + count * item > length:
        raise ValueError(
            f"requested buffer length ({count} * {item} bytes) after offset ({offset} bytes) must "
            f"not be greater than actual buffer length ({length} bytes)"
        )
    if count < 0 and (length - offset) % item:
        raise ValueError(
            f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a "
            f"multiple of element size ({item})"
        )
    array = np.frombuffer(buffer, kind.numpy, count, offset)
    return make(array).requires_grad_(requires_grad)


@function(where=("Tensor",), torch="Tensor.new_tensor", gradcheck=False)
def new_tensor(
    input: Any,
    data: Any,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Any:
    """A tensor of a copy of the data, in this tensor's dtype and on its device.

    >>> import minigrad as torch
    >>> torch.zeros(1).new_tensor([1, 2])
    tensor([1., 2.])
    """
    place_of, kind = device or input.device, dtype or input.dtype
    return tensor(data, dtype=kind, device=place_of, requires_grad=requires_grad)
