"""``FloatTensor`` and its like: torch's old constructors, one per element type."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.tensor_base import TensorBase
from minigrad.ops.creation import place, tensor
from minigrad.ops.dims import sizes


class TensorType(type):
    """The type of the old constructors: none has instances, each knows its tensors.

    >>> import minigrad as torch
    >>> torch.FloatTensor([1, 2]), isinstance(torch.zeros(1), torch.FloatTensor)
    (tensor([1., 2.]), True)
    """

    _dtype: dtypes.dtype

    def __call__(cls, *args: Any) -> Any:
        """A tensor of the data, or one of the sizes, filled with zeros."""
        if len(args) == 1 and not isinstance(args[0], int):
            return tensor(args[0], dtype=cls._dtype)
        return place(np.zeros(sizes(args or (0,)), cls._dtype.numpy))

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, TensorBase) and instance._array.dtype == cls._dtype.numpy


def _tensor_type(name: str, kind: dtypes.dtype) -> TensorType:
    doc = f"""Makes tensors of {kind.name}, of data or of sizes, and is the type that they have.

    >>> import minigrad as torch
    >>> torch.{name}([1, 0]).dtype
    torch.{kind.name}
    """
    return TensorType(name, (), {"_dtype": kind, "__module__": "minigrad", "__doc__": doc})


FloatTensor = _tensor_type("FloatTensor", dtypes.float32)
DoubleTensor = _tensor_type("DoubleTensor", dtypes.float64)
HalfTensor = _tensor_type("HalfTensor", dtypes.float16)
LongTensor = _tensor_type("LongTensor", dtypes.int64)
IntTensor = _tensor_type("IntTensor", dtypes.int32)
ByteTensor = _tensor_type("ByteTensor", dtypes.uint8)
BoolTensor = _tensor_type("BoolTensor", dtypes.bool_)
