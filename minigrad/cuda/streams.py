"""Streams and events: work that a card does in its own order, beside other work.

As in torch, a new stream does not wait for the default one: ``wait_stream`` and events order them.
Source: https://docs.pytorch.org/docs/stable/cuda.html#streams-and-events
"""

from __future__ import annotations

import contextlib
import weakref
from typing import Any

from minigrad.backend import capture, card_memory
from minigrad.cuda.cards import card, cupy
from minigrad.device import device as Device
from minigrad.errors import DeviceError

__all__ = [
    "Event",
    "ExternalStream",
    "Stream",
    "StreamContext",
    "current_stream",
    "default_stream",
    "set_stream",
    "stream",
]


class Stream:
    """A queue of work on a card; made on the current card, or on the one named.

    In a ``with`` block work is given to it.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     side = torch.cuda.Stream()
    ...     x = torch.ones(3, device="cuda")
    ...     side.wait_stream(torch.cuda.current_stream())
    ...     with torch.cuda.stream(side):
    ...         y = 2 * x
    ...     torch.cuda.current_stream().wait_stream(side)
    ...     y.cpu()
    tensor([2., 2., 2.])
    """

    def __init__(self, device: Any = None, priority: int = 0, **given: Any) -> None:
        with card(device) as here:
            made = cupy().cuda.Stream(non_blocking=True, priority=priority or None)
        self._of(made, here.id)

    def _of(self, of_cupy: Any, index: int) -> Stream:
        self.cupy, self.device = of_cupy, Device("cuda", index)
        self._inside: list[StreamContext] = []
        return self

    def __enter__(self) -> Stream:
        self._inside.append(StreamContext(self))
        self._inside[-1].__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._inside.pop().__exit__(*error)

    @property
    def priority(self) -> int:
        """Lower numbers come first; 0 unless another was given."""
        return int(self.cupy.priority or 0)

    @property
    def cuda_stream(self) -> int:
        """The handle of CUDA."""
        return int(self.cupy.ptr)

    def query(self) -> bool:
        """Whether all its work is done."""
        return bool(self.cupy.done)

    def synchronize(self) -> None:
        """Wait until all its work is done."""
        self.cupy.synchronize()

    def record_event(self, event: Event | None = None) -> Event:
        """An event at the end of what it has to do now."""
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Let what it is given from now on come after an event, if that was recorded."""
        if event.cupy is not None:
            self.cupy.wait_event(event.cupy)

    def wait_stream(self, stream: Stream) -> None:
        """Let what it is given from now on come after what another has to do now."""
        self.wait_event(stream.record_event())

    def keeps(self, array: Any) -> None:
        """Keep an array's memory, when all that see it have died, until work given so far is done.

        That is ``Tensor.record_stream``. CuPy hands freed memory to the stream that asked for it
        first, whatever others still do with it.
        """
        root = array if array.base is None else array.base
        weakref.finalize(root, _died, self, root.data.mem).atexit = False

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stream):
            return NotImplemented
        return self.cuda_stream == other.cuda_stream and self.device == other.device

    def __hash__(self) -> int:
        return hash((self.cuda_stream, self.device))

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


class ExternalStream(Stream):
    """A stream that another library made, by its handle; its card is the one named or current.

    That library keeps it alive: it is not destroyed with this object. Memory that is freed here
    is used again in the order of this stream.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     theirs = torch.cuda.Stream()
    ...     with torch.cuda.stream(torch.cuda.ExternalStream(theirs.cuda_stream)):
    ...         torch.cuda.current_stream() == theirs
    True
    """

    def __init__(self, stream_ptr: int, device: Any = None, **given: Any) -> None:
        with card(device) as here:
            self._of(cupy().cuda.ExternalStream(int(stream_ptr), here.id), here.id)


class Event:
    """A point in the work of a stream, to wait for, or to measure time between two.

    It belongs to the card of the stream that first records it.

    Raises: RuntimeError in :meth:`elapsed_time` for events that were not made to measure time.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    ...     start.record()
    ...     x = torch.ones(3, device="cuda") + 1
    ...     end.record()
    ...     end.synchronize()
    ...     start.elapsed_time(end) >= 0
    True
    """

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ) -> None:
        self.timed, self._blocking = enable_timing, blocking
        self.cupy: Any = None

    def record(self, stream: Stream | None = None) -> None:
        """Stand at the end of what a stream has to do now; the current one for None."""
        on = stream or current_stream()
        if self.cupy is None:
            with card(on.device):
                self.cupy = cupy().cuda.Event(block=self._blocking, disable_timing=not self.timed)
        self.cupy.record(on.cupy)

    def wait(self, stream: Stream | None = None) -> None:
        """Let what a stream is given from now on come after the event."""
        (stream or current_stream()).wait_event(self)

    def query(self) -> bool:
        """Whether the stream has come there, or never will."""
        return self.cupy is None or bool(self.cupy.done)

    def synchronize(self) -> None:
        """Wait until the stream has come there."""
        if self.cupy is not None:
            self.cupy.synchronize()

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to another; both must be done."""
        if not (self.timed and end_event.timed):
            raise RuntimeError("Both events must be created with argument 'enable_timing=True'.")
        if self.cupy is None or end_event.cupy is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        return float(cupy().cuda.get_elapsed_time(self.cupy, end_event.cupy))


def current_stream(device: Any = None) -> Stream:
    """The stream that work is given to.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     torch.cuda.current_stream() == torch.cuda.default_stream()
    True
    """
    with card(device) as here:
        found = cupy().cuda.get_current_stream()
    return object.__new__(Stream)._of(found, here.id)


def default_stream(device: Any = None) -> Stream:
    """The stream that a card begins with.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     torch.cuda.default_stream().cuda_stream
    0
    """
    return object.__new__(Stream)._of(cupy().cuda.Stream.null, card(device).id)


def set_stream(stream: Stream) -> None:
    """Give work to a stream from now on.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     torch.cuda.set_stream(torch.cuda.default_stream())
    """
    with card(stream.device):
        stream.cupy.use()


class StreamContext:
    """A block in which work is given to a stream; None changes nothing.

    >>> import minigrad as torch
    >>> with torch.cuda.StreamContext(None):
    ...     pass
    """

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream
        self._before: Any = None

    def __enter__(self) -> None:
        if self.stream is not None:
            self._before = card(self.stream.device)
            self._before.__enter__()
            self.stream.cupy.__enter__()

    def __exit__(self, *error: object) -> None:
        if self.stream is not None:
            self.stream.cupy.__exit__(*error)
            self._before.__exit__(*error)


def stream(stream: Stream | None) -> StreamContext:
    """Give work to a stream inside of a ``with`` block; None changes nothing.

    >>> import minigrad as torch
    >>> with torch.cuda.stream(None):
    ...     pass
    """
    return StreamContext(stream)


def _died(stream: Stream, memory: Any) -> None:
    """Nobody sees this memory any more, but a stream may still use it."""
    if capture.active():  # a replay uses it again
        capture.keep(memory)
        return
    event = Event()
    with contextlib.suppress(DeviceError):  # that cards have been exchanged: nobody uses it
        event.record(stream)
        card_memory.waiting.append((event.cupy, memory))
