"""Objects written down: Python's pickle, with tensors and names in torch's form."""

from __future__ import annotations

import pickle
from types import FunctionType
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import backend_of
from minigrad.layout import layout
from minigrad.ops.shape.storage import TypedStorage, UntypedStorage
from minigrad.serialization.names import get_layout, place_of, storage_type
from minigrad.serialization.rebuild import reduced
from minigrad.tensor import Tensor

__all__ = ["Storages", "pickler_class"]


class Storages:
    """The memories that an object looks at, each once, under the keys "0", "1" and so on."""

    def __init__(self) -> None:
        self.memories: list[Any] = []
        self._entered: dict[Any, tuple[int, dtypes.dtype]] = {}

    def enter(self, storage: UntypedStorage) -> tuple[Any, str, str, int]:
        """Type, key, place and number of elements of a storage.

        Raises: RuntimeError for a memory that is already there with another element type.
        """
        memory = storage._memory
        typed = isinstance(storage, TypedStorage)
        kind = dtypes.of_numpy(memory.dtype) if typed else dtypes.uint8
        key: Any = (storage.data_ptr(), memory.nbytes) if memory.nbytes else id(memory)
        number, known = self._entered.setdefault(key, (len(self.memories), kind))
        if known is not kind:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different "
                "types"
            )
        if number == len(self.memories):
            self.memories.append(memory)  # which keeps the address from being used again
        written = storage_type(kind) if typed else UntypedStorage
        return written, str(number), _location(memory), int(memory.size)

    def host_bytes(self, number: int) -> Any:
        """The bytes of a memory, brought to the CPU if they are elsewhere."""
        memory = self.memories[number]
        return backend_of(memory).to_host(memory).view(np.uint8)


def _location(memory: Any) -> str:
    where = backend_of(memory).device_of(memory)
    return "cpu" if where.type == "cpu" else f"cuda:{where.index or 0}"


class _TorchForms:
    """What a pickler does differently: storages stand outside, tensors have torch's form."""

    storages: Storages
    tail: tuple[Any, ...]  # what stands after a storage's number of elements in older files

    def persistent_id(self, obj: Any) -> Any:
        """A storage's place in the file; None for everything else."""
        if isinstance(obj, UntypedStorage):
            return ("storage", *self.storages.enter(obj), *self.tail)
        return None

    def reducer_override(self, obj: Any) -> Any:
        """The call that makes a tensor or a layout again."""
        if isinstance(obj, TensorBase) and type(obj).__reduce_ex__ is Tensor.__reduce_ex__:
            return reduced(obj)
        if isinstance(obj, layout):
            return get_layout, (repr(obj),)
        return NotImplemented


_PLAIN = {str, int, float, bool, type(None), bytes, tuple, list, dict}  # neither tensor nor name
_PythonPickler: Any = pickle._Pickler  # type checkers are told of the one in C alone


class _TorchNames(_TorchForms, _PythonPickler):  # type: ignore[misc]
    """Python's own pickler, because the one in C writes only names that can be imported here."""

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        """Write an object; what Python's own pickles consist of goes the short way."""
        kind = type(obj)
        if kind not in _PLAIN:
            super().save(obj, save_persistent_id)
            return
        self.framer.commit_frame()
        known = self.memo.get(id(obj))
        if known is None:
            self.dispatch[kind](self, obj)
        else:
            self.write(self.get(known[0]))

    def reducer_override(self, obj: Any) -> Any:
        """The name of what has one of torch's."""
        if type(obj) in (type, FunctionType) and place_of(obj) is not None:
            return obj.__qualname__
        return super().reducer_override(obj)

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """Write torch's name of an object, or else its own."""
        place = place_of(obj)
        if place is None:
            super().save_global(obj, name)
            return
        module, word = place
        if self.proto >= 4:
            self.save(module)
            self.save(word)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{module}\n{word}\n".encode("ascii"))
        self.memoize(obj)


def pickler_class(pickle_module: Any) -> type:
    """The class of picklers for a pickle module that the user asked for.

    One that is written in C writes minigrad's names in the place of torch's.
    """
    if pickle_module is pickle:
        return _TorchNames
    return type("Pickler", (_TorchForms, pickle_module.Pickler), {})
