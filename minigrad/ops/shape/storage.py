"""The memory behind a tensor: ``storage``, ``untyped_storage``, ``set_``.

Source: https://docs.pytorch.org/docs/stable/storage.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from minigrad import dtypes, sharing
from minigrad.autograd.graph import storage_of
from minigrad.autograd.registry import function
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import address_of, backend_of
from minigrad.device import device as Device
from minigrad.ops.dims import sizes
from minigrad.ops.shape.strided import looked_at, memory_of, start_of

METHOD: dict[str, Any] = {"where": ("Tensor",), "gradcheck": False}


class UntypedStorage:
    """The bytes that a tensor and all its views share.

    >>> import minigrad as torch
    >>> x = torch.zeros(2); len(x.untyped_storage()), x[1:].untyped_storage().nbytes()
    (8, 8)
    """

    __slots__ = ("_memory",)
    __module__ = "minigrad"
    _kind: dtypes.dtype = dtypes.uint8

    def __init__(self, memory: Any) -> None:
        self._memory = memory

    @property
    def device(self) -> Device:
        """Where the memory lies."""
        return backend_of(self._memory).device_of(self._memory)

    def nbytes(self) -> int:
        """The number of bytes."""
        return int(self._memory.nbytes)

    def size(self) -> int:
        """The number of elements: of bytes, if it is untyped."""
        return int(self._memory.size)

    __len__ = size

    def element_size(self) -> int:
        """Bytes per element."""
        return int(self._memory.itemsize)

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return address_of(self._memory)

    def tolist(self) -> list[Any]:
        """The elements as Python numbers."""
        found: list[Any] = backend_of(self._memory).to_host(self._memory).tolist()
        return found

    def is_shared(self) -> bool:
        """Whether other processes can see the memory: that of a card always."""
        return sharing.is_shared(self._memory)

    def share_memory_(self) -> Self:
        """Move the memory to where other processes see it; its tensors follow."""
        sharing.share([self])
        return self

    @classmethod
    def _new_shared(cls, size: int, *, device: Any = "cpu") -> UntypedStorage:
        """Shared memory of so many bytes."""
        return UntypedStorage(np.zeros(size, np.uint8)).share_memory_()

    def __getitem__(self, place: Any) -> Any:
        return self.tolist()[place]

    def __setitem__(self, place: Any, value: Any) -> None:
        self._memory[place] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __repr__(self) -> str:
        numbers = "\n".join(f" {number}" for number in self.tolist())
        kind = f"torch.storage.{type(self).__name__}(device={self.device})"
        return f"{numbers}\n[{kind} of size {len(self)}]"


sharing.slots[UntypedStorage] = UntypedStorage.__dict__["_memory"]


class TypedStorage(UntypedStorage):
    """The elements that a tensor and all its views share, in a row.

    >>> import minigrad as torch
    >>> torch.ones(2, 2).t().storage().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    __slots__ = ()
    __module__ = "minigrad"

    @property
    def dtype(self) -> dtypes.dtype:
        """The element type."""
        return dtypes.of_numpy(self._memory.dtype)

    def _new_shared(self, size: int, *, device: Any = "cpu") -> TypedStorage:  # type: ignore[override]
        """Shared memory of so many such elements."""
        return TypedStorage(np.zeros(size, self._memory.dtype)).share_memory_()

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(self._memory.view(np.uint8))

    def __repr__(self) -> str:
        numbers = "\n".join(f" {number}" for number in self.tolist())
        facts = f"dtype={self.dtype}, device={self.device}"
        return f"{numbers}\n[torch.storage.TypedStorage({facts}) of size {len(self)}]"


def _of(kind: type[UntypedStorage], input: Any, memory: Any) -> Any:
    """What stands for a memory: one object, as programs compare those of a tensor and its views."""
    made, known = kind(memory), vars(storage_of(input))
    found = known.get(kind.__name__, made)
    same = found.data_ptr() == made.data_ptr() and found._memory.dtype == memory.dtype
    known[kind.__name__] = found if same and found.size() == made.size() else made
    return known[kind.__name__]


@function(torch="Tensor.storage", returns="Any", **METHOD)
def storage(input: Any) -> TypedStorage:
    """The whole memory that the tensor looks at, as elements.

    >>> import minigrad as torch
    >>> torch.arange(4)[::2].storage().size()
    4
    """
    return _of(TypedStorage, input, memory_of(input._array))  # type: ignore[no-any-return]


@function(torch="Tensor.untyped_storage", returns="Any", **METHOD)
def untyped_storage(input: Any) -> UntypedStorage:
    """The whole memory that the tensor looks at, as bytes.

    >>> import minigrad as torch
    >>> x = torch.zeros(3); x[1:].untyped_storage().data_ptr() == x.data_ptr()
    True
    """
    memory = memory_of(input._array).view(np.uint8)
    return _of(UntypedStorage, input, memory)  # type: ignore[no-any-return]


@function(torch="Tensor.storage_offset", returns="int", **METHOD)
def storage_offset(input: Any) -> int:
    """Where in its memory the tensor begins, in elements.

    >>> import minigrad as torch
    >>> torch.zeros(3)[1:].storage_offset()
    1
    """
    return start_of(input._array) if input._array.size else 0


@function(where=("torch",), gradcheck=False, returns="bool")
def is_storage(obj: Any) -> bool:
    """Whether an object is the memory of a tensor.

    >>> import minigrad as torch
    >>> torch.is_storage(torch.zeros(1).storage())
    True
    """
    return isinstance(obj, UntypedStorage)


@function("set_", torch=None, **METHOD)
def set_(
    input: Any,
    source: Any = None,
    storage_offset: int = 0,
    size: Any = None,
    stride: Any = None,
) -> Any:
    """Let the tensor look at the memory of another, or at a storage; returns the tensor.

    Raises: RuntimeError for a source of another dtype.

    >>> import minigrad as torch
    >>> torch.zeros(1).set_(torch.arange(6.).storage(), 1, (2,), (2,))
    tensor([1., 3.])
    """
    array = input._array
    if source is None:
        found = array.reshape(-1)[:0]
    elif isinstance(source, TensorBase) and size is None:
        found = source._array
    else:
        memory = memory_of(source._array) if isinstance(source, TensorBase) else source._memory
        if type(source) is UntypedStorage:
            memory = memory[: memory.size // array.itemsize * array.itemsize].view(array.dtype)
        shape = (memory.size - storage_offset,) if size is None else sizes((size,))
        steps = [1] * len(shape) if stride is None else list(sizes((stride,)))
        if stride is None:
            for axis in range(len(shape) - 2, -1, -1):
                steps[axis] = steps[axis + 1] * shape[axis + 1]
        found = looked_at(np, memory, shape, steps, storage_offset)
    if found.dtype != array.dtype:
        raise RuntimeError(
            "Could not set tensor of type "
            f"{dtypes.of_numpy(found.dtype).type_name} to a tensor of type {input.dtype.type_name}"
        )
    if input.requires_grad:
        input.data = input.data.set_(source, storage_offset, size, stride)
        return input
    input._array = found
    input._storage = source._storage if isinstance(source, TensorBase) else None
    return input
