"""Memory that a worker fills and the parent reads, and values laid out in it.

A worker makes its batches in *segments*: nameless files in memory (``memfd_create``), mapped here
and, by way of a descriptor sent over a socket, in the parent. Nothing of them stands in
``/dev/shm``; the kernel frees them with the last process that maps them, however that ended.

A batch travels as a small text (its pickle) and places in a segment, and is not copied: collating
writes into the segment, the parent's tensors lie on it. When the last of them dies, the segment
goes back to the worker, which fills it again: fresh memory would cost a page fault for every 4096
bytes, more than the copying. A program that keeps its batches gets copies after the first few.
"""

from __future__ import annotations

import collections
import copyreg
import io
import math
import mmap
import os
import pickle
import weakref
from typing import Any, NamedTuple

import numpy as np

from minigrad.backend import address_of
from minigrad.segments import nameless_file
from minigrad.sharing import ALIGN, NON_LEAF, aligned
from minigrad.tensor import Tensor

__all__ = ["Arena", "Mail", "Segments"]

_SHORT = 1 << 15  # a longer pickle goes through the segment too: sockets hold little
_KEPT = 16  # segments that the parent may keep in use at a time


class Mail(NamedTuple):
    """A packed value. ``segment``: 0 for none; ``size``: of a segment new to the parent, or 0."""

    text: bytes | None  # None: it stands first in the segment
    segment: int
    size: int
    places: list[tuple[int, int]]  # offset and length of each piece
    dropped: list[int]  # segments that will not be used again


class _Segment(NamedTuple):
    number: int
    memory: mmap.mmap
    users: list[Any]  # a weak reference to the array that all others of one batch lie on


class Arena:
    """A worker's segments."""

    def __init__(self) -> None:
        self._free: list[_Segment] = []
        self._sent: dict[int, _Segment] = {}
        self._dropped: list[int] = []
        self._count = 0
        self._wanted = 0  # bytes that the largest batch so far has needed
        self._segment: _Segment | None = None  # of the batch being made
        self._array: Any = None  # the bytes of it
        self._used = 0

    def begin(self) -> None:
        """Get ready for another batch."""
        self._drop()
        while self._free and self._segment is None:
            segment = self._free.pop()
            if all(user() is None for user in segment.users):
                self._open(segment)
            else:  # somebody here has kept a tensor of it
                self._dropped.append(segment.number)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """An array to be filled: in the segment, if there is room."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        start, self._used = self._used, aligned(self._used + size)
        if self._array is None or start + size > len(self._array) or dtype.hasobject or not size:
            return np.empty(shape, dtype)
        return np.ndarray(shape, dtype, self._array, start)

    def pack(self, value: Any) -> tuple[Mail, int | None]:
        """What to send for a value, and the descriptor to send along if the segment is new."""
        pieces: list[Any] = []
        text: bytes | None = _pickled(value, pieces)
        if text is not None and len(text) > _SHORT:
            pieces.insert(0, memoryview(text))
            text = None
        if not pieces:
            self._drop()
            return Mail(text, 0, 0, [], self._news()), None
        sizes = [piece.nbytes for piece in pieces]
        offsets = self._inside(pieces, sizes)
        handle, size = None, 0
        if offsets is None:
            self._want(max(ALIGN, self._used, sum(map(aligned, sizes))))
            handle, size = self._fresh(self._wanted), self._wanted
            offsets = self._placed(pieces, sizes, [None] * len(pieces))
        assert self._segment is not None and offsets is not None
        segment, self._segment, self._array = self._segment, None, None
        self._sent[segment.number] = segment
        places = list(zip(offsets, sizes, strict=True))
        return Mail(text, segment.number, size, places, self._news()), handle

    def released(self, number: int, reusable: bool) -> None:
        """The parent is done with a segment."""
        segment = self._sent.pop(number)
        if reusable:
            self._keep([segment])

    def _news(self) -> list[int]:
        """The segments that the parent can forget."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def _want(self, size: int) -> None:
        """Make segments of at least this size from now on."""
        if size > self._wanted:  # by a quarter at least: lengths may grow batch by batch
            self._wanted = max(size, self._wanted + (self._wanted >> 2))
            free, self._free = self._free, []
            self._keep(free)

    def _keep(self, segments: list[_Segment]) -> None:
        """Fill these again, if they are large enough."""
        for segment in segments:
            if len(segment.memory) >= self._wanted:
                self._free.append(segment)
            else:
                self._dropped.append(segment.number)

    def _open(self, segment: _Segment) -> None:
        self._segment, self._used = segment, 0
        self._array = np.frombuffer(segment.memory, np.uint8)
        segment.users[:] = [weakref.ref(self._array)]

    def _drop(self) -> None:
        if self._segment is not None:
            self._keep([self._segment])
        self._segment = self._array = None
        self._used = 0

    def _fresh(self, size: int) -> int:
        """Make a segment the one of this batch; returns its file, for the parent."""
        self._drop()
        self._count += 1
        handle = nameless_file(size, "minigrad-batch")
        self._open(_Segment(self._count, mmap.mmap(handle, size), []))
        return handle

    def _inside(self, pieces: list[Any], sizes: list[int]) -> list[int] | None:
        """Offsets of pieces that were made in the segment, or fit into it; None if some do not."""
        if self._array is None:
            return None
        begin, length = address_of(self._array), len(self._array)
        found: list[int | None] = []
        for piece, size in zip(pieces, sizes, strict=True):
            offset = address_of(np.frombuffer(piece, np.uint8)) - begin if size else -1
            found.append(offset if 0 <= offset <= length - size else None)
        return self._placed(pieces, sizes, found)

    def _placed(
        self, pieces: list[Any], sizes: list[int], offsets: list[int | None]
    ) -> list[int] | None:
        """Copy the pieces that have no place yet; None if there is no room for one."""
        done = []
        for piece, size, offset in zip(pieces, sizes, offsets, strict=True):
            if offset is None:
                offset, self._used = self._used, aligned(self._used + size)
                if offset + size > len(self._array):
                    return None
                if size:
                    self._array[offset : offset + size] = np.frombuffer(piece, np.uint8)
            done.append(offset)
        return done


class Segments:
    """A worker's segments as the parent sees them."""

    def __init__(self) -> None:
        self._memories: dict[int, mmap.mmap] = {}
        self._used: dict[int, Any] = {}  # weak references to what lies on a segment
        self._freed: collections.deque[int] = collections.deque()
        self._spoilt: set[int] = set()  # not to be filled again

    def arrived(self, mail: Mail, handles: collections.deque[int]) -> None:
        """Take note of a value that came: map its segment if that is new, and close the file."""
        for number in mail.dropped:
            self._memories.pop(number, None)
        if mail.size:
            handle = handles.popleft()
            try:
                self._memories[mail.segment] = mmap.mmap(handle, mail.size)
            finally:
                os.close(handle)

    def spoil(self) -> None:
        """A process is being forked, which may go on using the tensors that are alive now."""
        self._spoilt |= self._used.keys()

    def unpack(self, mail: Mail) -> Any:
        """The value, its tensors on the segment."""
        if not mail.segment:
            assert mail.text is not None
            return pickle.loads(mail.text)
        lease = self._lease(mail.segment)
        pieces = [lease[start : start + size].data for start, size in mail.places]
        text: Any = pieces.pop(0) if mail.text is None else mail.text
        return pickle.loads(text, buffers=pieces)

    def forget(self, mail: Mail) -> None:
        """Give back the segment of a value that nobody wants any more."""
        if mail.segment:
            self._freed.append(mail.segment)

    def released(self) -> list[tuple[int, bool]]:
        """The segments that were given back since the last call; can they be filled again?"""
        found = []
        while self._freed:
            number = self._freed.popleft()
            self._used.pop(number, None)
            reusable = number not in self._spoilt
            if not reusable:
                self._spoilt.discard(number)
                del self._memories[number]
            found.append((number, reusable))
        return found

    def _lease(self, number: int) -> Any:
        """The bytes of a segment; when nothing refers to them any more, it is given back."""
        lease = np.frombuffer(self._memories[number], np.uint8)
        if len(self._used) - len(self._freed) >= _KEPT:
            self._freed.append(number)
            return lease.copy()
        freed = self._freed
        self._used[number] = weakref.ref(lease, lambda _: freed.append(number))
        return lease


def _pickled(value: Any, pieces: list[Any]) -> bytes:
    """The pickle of a value without the memory of its tensors and arrays, which goes to pieces."""
    stream = io.BytesIO()
    pickler = pickle.Pickler(
        stream, pickle.HIGHEST_PROTOCOL, buffer_callback=lambda piece: pieces.append(piece.raw())
    )
    pickler.dispatch_table = {**copyreg.dispatch_table, Tensor: _reduced}
    pickler.dump(value)
    return stream.getvalue()


def _reduced(tensor: Tensor) -> tuple[Any, ...]:
    """How to make a tensor again on other memory, strides included."""
    array = tensor._array
    if type(array) is not np.ndarray:
        return tensor.__reduce_ex__(pickle.HIGHEST_PROTOCOL)  # type: ignore[no-any-return]
    if not tensor.is_leaf:
        raise RuntimeError(NON_LEAF)
    memory = _dense(array)
    strides = array.strides if memory is not None else None
    memory = np.ascontiguousarray(array).reshape(-1) if memory is None else memory
    content: Any = memory.view(np.uint8) if memory.size else b""
    piece = pickle.PickleBuffer(content)
    facts = (array.dtype, array.shape, strides, tensor.requires_grad)
    return _tensor_on, (piece, *facts)


def _dense(array: Any) -> Any:
    """The elements that an array looks at in the order of memory, flat; None if there are gaps."""
    if array.flags.c_contiguous:
        return array.reshape(-1)
    if min(array.strides) < 0:
        return None
    once = array[tuple(slice(None) if s else slice(1) for s in array.strides)]  # expand repeats
    once = once.transpose(sorted(range(once.ndim), key=lambda axis: -once.strides[axis]))
    return once.reshape(-1) if once.flags.c_contiguous else None


def _tensor_on(piece: Any, dtype: Any, shape: Any, strides: Any, requires_grad: bool) -> Tensor:
    """Unpickle a tensor: it lies on the piece."""
    if not len(piece):
        return Tensor._wrap(np.empty(shape, dtype))  # type: ignore[no-any-return]
    out: Tensor = Tensor._wrap(np.ndarray(shape, dtype, piece, 0, strides))
    return out.requires_grad_() if requires_grad else out
