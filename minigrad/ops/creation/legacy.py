"""``FloatTensor`` and its like: torch's old constructors, one per element type; ``Tensor.new``."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.op import tensors
from minigrad.autograd.registry import function
from minigrad.autograd.tensor_base import TensorBase
from minigrad.device import CPU
from minigrad.ops.creation.data import host_array
from minigrad.ops.creation.placing import place
from minigrad.size import Size


def legacy(args: tuple[Any, ...], kind: dtypes.dtype, any_type: bool = False) -> Any:
    """The array that one of torch's old constructors makes of its arguments.

    Whole numbers are sizes, a shape is a shape, anything else must be a sequence of numbers. A
    tensor is taken as it is, but of another dtype only with ``any_type``.
    """
    if not args:
        return np.zeros(0, kind.numpy)
    first = args[0]
    if len(args) == 1 and isinstance(first, TensorBase):
        own = dtypes.of_numpy(first._array.dtype)
        if own is not kind and not any_type:
            raise TypeError(f"expected a tensor of {kind!r} (got {own!r}); use .to({kind!r})")
        return first._array
    if isinstance(first, Size):
        return np.zeros(first, kind.numpy)
    if len(args) == 1 and not (isinstance(first, (int, np.integer)) and first is not True):
        if isinstance(first, (str, bytes)):
            raise TypeError(f"new(): invalid data type '{type(first).__name__}'")
        if isinstance(first, dict) or not hasattr(first, "__len__"):
            name = type(first).__name__
            name = f"numpy.{name}" if isinstance(first, np.generic) else name
            raise TypeError(f"new(): data must be a sequence (got {name})")
        return host_array(first, kind)
    if not all(hasattr(n, "__index__") and not isinstance(n, bool) for n in args):
        kinds = ", ".join(type(n).__name__ for n in args)
        raise TypeError(f"new() received an invalid combination of arguments - got ({kinds})")
    shape = tuple(int(n) for n in args)
    if min(shape) < 0:
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
        )
    return np.zeros(shape, kind.numpy)


tensors.legacy_array = legacy  # for `Tensor.__new__`, which stands below the ops


class TensorType(type):
    """The type of the old constructors: none has instances, each knows its tensors.

    >>> import minigrad as torch
    >>> torch.FloatTensor([1, 2]), isinstance(torch.zeros(1), torch.FloatTensor)
    (tensor([1., 2.]), True)
    """

    dtype: dtypes.dtype
    is_cuda = False

    def __call__(cls, *args: Any) -> Any:
        """A tensor of the data, or one of the sizes, filled with zeros."""
        return place(legacy(args, cls.dtype), CPU)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, TensorBase) and instance._array.dtype == cls.dtype.numpy


def _tensor_type(name: str, kind: dtypes.dtype) -> TensorType:
    doc = f"""Makes tensors of {kind.name}, of data or of sizes, and is the type that they have.

    >>> import minigrad as torch
    >>> torch.{name}([1, 0]).dtype
    torch.{kind.name}
    """
    return TensorType(name, (), {"dtype": kind, "__module__": "minigrad", "__doc__": doc})


FloatTensor = _tensor_type("FloatTensor", dtypes.float32)
DoubleTensor = _tensor_type("DoubleTensor", dtypes.float64)
HalfTensor = _tensor_type("HalfTensor", dtypes.float16)
BFloat16Tensor = _tensor_type("BFloat16Tensor", dtypes.bfloat16)
LongTensor = _tensor_type("LongTensor", dtypes.int64)
IntTensor = _tensor_type("IntTensor", dtypes.int32)
ShortTensor = _tensor_type("ShortTensor", dtypes.int16)
CharTensor = _tensor_type("CharTensor", dtypes.int8)
ByteTensor = _tensor_type("ByteTensor", dtypes.uint8)
BoolTensor = _tensor_type("BoolTensor", dtypes.bool_)


@function(where=("Tensor",), torch="Tensor.new", gradcheck=False)
def new(input: Any, *args: Any, device: Any = None) -> Any:
    """A tensor of this one's dtype and device, of sizes or of data: torch's old spelling.

    >>> import minigrad as torch
    >>> torch.zeros(2).new([1, 2])
    tensor([1., 2.])
    """
    if args and isinstance(args[0], TensorBase):
        return args[0].to(input.dtype)
    return place(legacy(args, input.dtype), device or input.device)
