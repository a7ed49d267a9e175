"""Memory that several processes see: tensors moved into it, and sent to other processes with it.

A *segment* is a nameless file in memory, mapped here and in every process that has its descriptor:
by being forked, or by getting it with a pickled tensor. Nothing of it stands in ``/dev/shm``; the
kernel frees it with the last process that maps it.

To *share* is to copy memory into a segment once, and then to let everything here that looks at it
look there: tensors, their views, ``.data``, storage objects and what graphs have saved. Who that is
nobody writes down, as most tensors are never shared: reference counts tell whether there is anybody
else, and only then are the objects of the process looked through. As in torch, NumPy arrays keep
the former memory, and gradients are not sent.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minigrad.autograd.apply import edge_of
from minigrad.autograd.graph import AccumulateGrad, Node
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import address_of

__all__ = ["NON_LEAF", "is_shared", "share"]

ALIGN = 64  # bytes: a cache line, and NumPy's widest vectors

NON_LEAF = (
    "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not "
    "support crossing process boundaries.  If you just want to transfer the data, call detach() "
    "on the tensor before serializing (e.g., putting it on the queue)."
)

# Where objects of a class keep the array whose memory they look at; storage objects join here.
slots: dict[type, Any] = {TensorBase: TensorBase.__dict__["_array"]}
bases: set[type] = set()  # what shared memory is mapped by, once there is any


def aligned(size: int) -> int:
    """Bytes that something takes if the next begins on a line of its own.

    >>> aligned(65)
    128
    """
    return -(-size // ALIGN) * ALIGN


def owner_of(array: Any) -> Any:
    """The array that an array and all other views of its memory look at in the end."""
    while True:
        base = array.base
        if type(base) is not np.ndarray:  # `as_strided` puts a holder between
            base = getattr(base, "base", None)
            if type(base) is not np.ndarray:
                return array
        array = base


def is_shared(array: Any) -> bool:
    """Whether other processes see the memory: that of a card always."""
    return type(array) is not np.ndarray or type(owner_of(array).base) in bases


def share(holders: Iterable[Any]) -> None:
    """Move the memory of tensors and storage objects into one segment; that of cards stays."""
    register()
    holders = [holder for holder in holders if not is_shared(_array_of(holder))]
    if holders:
        alone = all(map(_alone, holders))
        move = _Move([owner_of(_array_of(holder)) for holder in holders])
        move.look(holders if alone else _everything())


class _Move:
    """From the memory of some arrays to a segment."""

    def __init__(self, owners: list[Any]) -> None:
        from minigrad.segments import Segment, nameless_file

        self.owners = {id(owner): owner for owner in owners}
        bounds = {key: np.lib.array_utils.byte_bounds(a) for key, a in self.owners.items()}
        offsets, size = {}, 0
        for key, (low, high) in bounds.items():
            offsets[key] = size
            size += max(ALIGN, aligned(high - low))
        segment = Segment(nameless_file(size, "minigrad-tensor"), size)
        self.roots: dict[int, tuple[int, Any]] = {}  # the address that was, and the bytes that are
        for key, (low, high) in bounds.items():
            root = np.ndarray((high - low,), np.uint8, segment, offsets[key])
            if high > low:
                root[...] = np.ctypeslib.as_array((ctypes.c_uint8 * (high - low)).from_address(low))
            self.roots[key] = low, root
        self._seen: dict[int, tuple[Any, Any]] = {}  # one array stays one array

    def moved(self, array: Any) -> Any:
        """What an array has become: itself, if its memory has not moved."""
        if type(array) is not np.ndarray:
            return array
        key = id(owner_of(array))
        if key not in self.roots:
            return array
        if id(array) not in self._seen:
            low, root = self.roots[key]
            offset = address_of(array) - low if array.size else 0
            made = np.ndarray(array.shape, array.dtype, root, offset, array.strides)
            made.flags.writeable = array.flags.writeable
            self._seen[id(array)] = array, made
        return self._seen[id(array)][1]

    def look(self, things: Iterable[Any]) -> None:
        """Let these look at the segment."""
        for thing in things:
            slot = _slot(type(thing))
            if slot is not None:
                try:
                    array = slot.__get__(thing)
                except AttributeError:  # a tensor that is being made
                    continue
                fresh = self.moved(array)
                if fresh is not array:
                    slot.__set__(thing, fresh)
            elif isinstance(thing, Node) and isinstance(thing.saved, tuple):
                saved = [self.moved(value) for value in thing.saved]
                if any(a is not b for a, b in zip(saved, thing.saved, strict=True)):
                    thing.saved = type(thing.saved)(saved)


def _slot(kind: type) -> Any:
    """Where objects of a class keep their array; None for those that have none."""
    return next((slot for base, slot in slots.items() if issubclass(kind, base)), None)


def _array_of(holder: Any) -> Any:
    return _slot(type(holder)).__get__(holder)


def _everything() -> Iterator[Any]:
    """The objects of this process that can hold others."""
    if gc.get_freeze_count():  # such are not told
        gc.unfreeze()
    known: dict[type, bool] = {}
    for thing in gc.get_objects():
        kind = type(thing)
        wanted = known.get(kind)
        if wanted is None:
            wanted = known[kind] = issubclass(kind, (*slots, Node))
        if wanted:
            yield thing


def _references(holder: Any) -> tuple[int, int] | None:
    """How many refer to the array of a tensor, and to what owns its memory; None: in between."""
    array = _array_of(holder)
    owner = owner_of(array)
    if array is not owner and array.base is not owner:
        return None
    return sys.getrefcount(array), sys.getrefcount(owner)


def _alone(holder: Any) -> bool:
    """Whether nobody else looks at the memory: counted as for arrays that are surely alone."""
    sample = np.empty(2) if _array_of(holder).base is None else np.empty(2)[:1]
    one = TensorBase()
    one._array = sample
    del sample
    return _references(holder) == _references(one)


# --- between processes: what multiprocessing's pickler does with tensors -------------------------


def register() -> None:
    """Let tensors that multiprocessing sends, in arguments and through queues, be shared."""
    if not _registered:
        from multiprocessing import reduction, resource_sharer

        from minigrad import segments

        assert resource_sharer  # imported here: a process forked meanwhile must not have half of it
        of_class = reduction.register
        _registered.append(of_class)
        of_class(segments.Segment, segments.reduced)
        for kind in list(slots):
            register_class(kind)


_registered: list[Any] = []


def register_class(kind: type) -> None:
    """The same for one class, and those derived from it that have no way of their own."""
    for of_class in _registered:
        if issubclass(kind, TensorBase):
            if getattr(kind.__reduce_ex__, "__qualname__", "") in _OURS:
                of_class(kind, _reduced_tensor)
        else:
            of_class(kind, _reduced_storage)
        found: list[type] = kind.__subclasses__()
        for derived in found:
            register_class(derived)


_OURS = ("Interchange.__reduce_ex__", "Parameter.__reduce_ex__")


def warn_of_hooks(node: Node | None) -> None:
    """Say what of a tensor does not travel."""
    for hook in [] if node is None or node.hooks is None else node.hooks.tensor.values():
        warnings.warn(
            f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, you "
            "can decorate the function with @torch.utils.hooks.unserializable_hook to suppress "
            "this warning",
            stacklevel=2,
        )


def _piece(holder: Any) -> tuple[Any, ...]:
    """What ``_array_on`` needs: the segment, the bytes of the memory there, and a place in it."""
    share([holder])
    array = _array_of(holder)
    owner = owner_of(array)
    start = address_of(owner) - address_of(np.frombuffer(owner.base, np.uint8, 1))
    place = address_of(array) - address_of(owner), array.shape, array.strides
    return owner.base, start, owner.nbytes, array.dtype.type, *place


def _array_on(
    segment: Any, start: int, size: int, kind: type, offset: int, shape: Any, strides: Any
) -> Any:
    """An array that looks at a segment."""
    root = np.ndarray((size,), np.uint8, segment, start)
    return np.ndarray(shape, np.dtype(kind), root, offset, strides)


def _reduced_tensor(tensor: Any) -> tuple[Any, ...]:
    edge, array = edge_of(tensor), tensor._array
    if edge is not None and not isinstance(edge, AccumulateGrad):
        raise RuntimeError(NON_LEAF)
    warn_of_hooks(edge)
    if type(array) is not np.ndarray or not array.size:  # cards, and no memory: by value
        return tensor.__reduce_ex__(4)  # type: ignore[no-any-return]
    bare = type(tensor).__module__.partition(".")[0] == "minigrad"
    state = {k: v for k, v in tensor.__dict__.items() if not bare or k == "persistent"}
    return _tensor_on, (type(tensor), _piece(tensor), edge is not None, state)


def _tensor_on(cls: Any, piece: Any, requires_grad: bool, state: dict[str, Any]) -> Any:
    out = cls._wrap(_array_on(*piece))
    out._node = AccumulateGrad(out) if requires_grad else None
    out.__dict__.update(state)
    return out


def _reduced_storage(storage: Any) -> tuple[Any, ...]:
    memory = storage._memory
    if type(memory) is not np.ndarray:
        raise RuntimeError("Cannot pickle CUDA storage; try pickling a CUDA tensor instead")
    if not memory.size:
        return type(storage), (memory,)
    return _storage_on, (type(storage), _piece(storage))


def _storage_on(cls: Any, piece: Any) -> Any:
    return cls(_array_on(*piece))
