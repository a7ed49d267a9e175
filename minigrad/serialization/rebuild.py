"""A tensor taken apart into memory and geometry, and put together again.

The names in a file are torch's (``torch._utils._rebuild_tensor_v2`` and so on). What is called here
comes from a file, so every argument is looked at before anything is made of it.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.apply import edge_of
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import backend_of
from minigrad.ops.indexing.places import restrided
from minigrad.ops.shape.storage import TypedStorage, UntypedStorage
from minigrad.ops.shape.strided import geometry_of, reach
from minigrad.serialization.errors import UnpicklingError
from minigrad.serialization.names import buffer_class, is_buffer, known
from minigrad.sharing import warn_of_hooks
from minigrad.tensor import Tensor

__all__ = ["checked_state", "reduced"]

MAX_DIMS = 64  # NumPy's
_BUFFER = "_is_buffer"  # the attribute by which torch tells a buffer


def reduced(tensor: TensorBase) -> tuple[Any, ...]:
    """The call that makes a tensor again, in torch's form: a function and its arguments."""
    warn_of_hooks(edge_of(tensor))
    kind = dtypes.of_numpy(tensor._array.dtype)
    memory, start, stride = geometry_of(tensor._array)
    size = tuple(tensor._array.shape)
    stride = _steps(size, stride)
    requires_grad = edge_of(tensor) is not None
    rest: tuple[Any, ...] = (start, size, stride, requires_grad, OrderedDict())
    call: tuple[Any, ...]
    if kind in dtypes.WIDE_UNSIGNED:
        storage: Any = UntypedStorage(memory.view(np.uint8))
        call = rebuild_tensor_v3, (storage, *rest, kind)
    else:
        call = rebuild_tensor_v2, (TypedStorage(memory), *rest)
    cls, state = type(tensor), dict(tensor.__dict__)
    if is_buffer(cls):
        cls, state[_BUFFER] = Tensor, True
    if cls is Tensor and not state:
        return call
    return rebuild_from_type_v2, (call[0], cls, call[1], state)


def _steps(size: tuple[int, ...], stride: tuple[int, ...]) -> tuple[int, ...]:
    """The steps as torch counts them: without elements, those of a packed tensor."""
    if 0 not in size:
        return stride
    steps = [1] * len(size)
    for axis in range(len(size) - 2, -1, -1):
        steps[axis] = steps[axis + 1] * max(size[axis + 1], 1)
    return tuple(steps)


def _made(
    storage: Any, start: Any, size: Any, stride: Any, kind: Any, requires_grad: Any
) -> Tensor:
    """A tensor that looks at a storage; RuntimeError for a place outside of it."""
    if not isinstance(storage, UntypedStorage) or not isinstance(kind, dtypes.dtype):
        raise UnpicklingError("a tensor is made of a storage and an element type")
    numbers = (start, *_numbers(size), *_numbers(stride))
    if len(size) != len(stride) or len(size) > MAX_DIMS or type(requires_grad) is not bool:
        raise UnpicklingError(f"a tensor of sizes {size} and strides {stride} can't be")
    if type(start) is not int or start < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {start}")
    if min(numbers) < 0:
        raise RuntimeError(f"a tensor of sizes {size} and strides {stride} can't be")
    memory = storage._memory
    if memory.dtype != kind.numpy:
        memory = memory.view(np.uint8)
        memory = memory[: memory.size // kind.itemsize * kind.itemsize].view(kind.numpy)
    needed = reach(size, stride, start)
    if needed > memory.size or math.prod(size) * kind.itemsize >= 1 << 63 or max(numbers) >> 60:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {start}, and "
            f"itemsize {kind.itemsize} requiring a storage size of {needed * kind.itemsize} are "
            f"out of bounds for storage of size {memory.nbytes}"
        )
    return _tensor(memory, start, size, stride, requires_grad)


def _tensor(memory: Any, start: int, size: Any, stride: Any, requires_grad: bool) -> Tensor:
    item = memory.itemsize
    if 0 in size:  # nothing to look at: any memory does, as long as it is this one
        array = memory[:0].reshape(size)
    else:
        xp = backend_of(memory).xp
        array = restrided(xp, memory[start:], tuple(size), tuple(s * item for s in stride))
    made: Tensor = Tensor._wrap(array)
    return made.requires_grad_() if requires_grad else made


def _numbers(values: Any) -> tuple[int, ...]:
    if not isinstance(values, (tuple, list)) or not all(type(v) is int for v in values):
        raise UnpicklingError(f"sizes and strides are tuples of ints, not {type(values).__name__}")
    return tuple(values)


def rebuild_tensor(storage: Any, start: Any, size: Any, stride: Any) -> Tensor:
    """A tensor as torch's first files have it."""
    return _made(storage, start, size, stride, _kind_of(storage), False)


def rebuild_tensor_v2(
    storage: Any,
    start: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    hooks: Any,
    metadata: Any = None,
) -> Tensor:
    """A tensor of the storage's own element type."""
    _no_metadata(metadata)
    return _made(storage, start, size, stride, _kind_of(storage), requires_grad)


def rebuild_tensor_v3(
    storage: Any,
    start: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    hooks: Any,
    kind: Any,
    metadata: Any = None,
) -> Tensor:
    """A tensor of a given element type in an untyped storage."""
    _no_metadata(metadata)
    return _made(storage, start, size, stride, kind, requires_grad)


def rebuild_from_type_v2(function: Any, cls: Any, args: Any, state: Any) -> Any:
    """A tensor of a subclass, or with attributes of its own."""
    if function not in (rebuild_tensor, rebuild_tensor_v2, rebuild_tensor_v3):
        raise UnpicklingError(f"a tensor can't be made by {function!r}")
    if not isinstance(cls, type) or not issubclass(cls, TensorBase) or type(args) is not tuple:
        raise UnpicklingError(f"{cls!r} is no kind of tensor")
    tensor = function(*args)
    slots: Any = {}
    if type(state) is tuple and len(state) == 2:
        state, slots = state
    state = {**checked_state(state or {}, Tensor), **checked_state(slots or {}, Tensor)}
    if cls is Tensor and state.pop(_BUFFER, False) is True:
        cls = buffer_class()
    if cls is not Tensor:
        plain, tensor = tensor, cls._wrap(tensor._array)
        tensor.requires_grad_(plain.requires_grad)
    tensor.__dict__.update(state)
    return tensor


def checked_state(state: Any, cls: type) -> dict[str, Any]:
    """Attributes that an object of a class may be given: names that the class does not use."""
    if type(state) is not dict or not all(type(name) is str for name in state):
        raise UnpicklingError("the state of an object is a dict of attributes")
    for name in state:
        if hasattr(cls, name) or name.startswith("__"):
            raise UnpicklingError(f"a file may not set the attribute {name!r} of a {cls.__name__}")
    return state


def _kind_of(storage: Any) -> Any:
    return dtypes.of_numpy(storage._memory.dtype) if isinstance(storage, UntypedStorage) else None


def _no_metadata(metadata: Any) -> None:
    if metadata:
        raise UnpicklingError(
            f"the file holds a tensor that is marked as {metadata!r}; conjugate and negative views "
            "are left out of minigrad"
        )


known("torch._utils", "_rebuild_tensor", rebuild_tensor, rebuild_tensor)
known("torch._utils", "_rebuild_tensor_v2", rebuild_tensor_v2, rebuild_tensor_v2)
known("torch._utils", "_rebuild_tensor_v3", rebuild_tensor_v3, rebuild_tensor_v3)
known("torch._tensor", "_rebuild_from_type_v2", rebuild_from_type_v2, rebuild_from_type_v2)
