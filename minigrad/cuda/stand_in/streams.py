"""Streams, events and captured graphs, with the order that a card would keep, and no other.

Nothing runs at the same time here. But each block of memory knows which stream wrote it last and
when, each stream what it has waited for; so a use that nothing orders after the write it needs is
an error, every time, and not now and then a wrong number.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import Any

from minigrad.cuda.stand_in.cards import Block, CUDARuntimeError, awaited, here, waits

__all__ = [
    "Event",
    "Graph",
    "Stream",
    "StreamOrderError",
    "current",
    "external",
    "get_elapsed_time",
]


class StreamOrderError(RuntimeError):
    """Two streams use one array, one of them writes, and no event or wait is between."""


Seen = dict["Stream", int]
_by_host: Seen = {}  # what the host has waited for: all that it starts comes later
_streams: weakref.WeakSet[Stream] = weakref.WeakSet()
_made = [False]  # whether there is any stream but the null one; until then order needs no thought


class Graph:
    """Launches that were captured; ``launch`` does them all again, in the same memory."""

    def __init__(self, launches: list[Callable[[], None]], held: list[Any]) -> None:
        self.launches, self.held = launches, held

    def launch(self, stream: Stream | None = None) -> None:
        """Do them on a stream, the current one for None."""
        on = stream or current()
        on.tick += 1
        for launch in self.launches:
            launch()

    def upload(self, stream: Stream | None = None) -> None:
        """Get ready for the first launch."""


class Stream:
    """A queue of work on a card; in a ``with`` block it is the current one."""

    null: Stream

    def __init__(
        self,
        null: bool = False,
        non_blocking: bool = False,
        ptds: bool = False,
        priority: int | None = None,
    ) -> None:
        self.is_null, self.non_blocking, self.priority = null, non_blocking, priority
        self.ptr = 0 if null else id(self)
        self.device_id = -1 if null else here.device
        self.tick = 0
        self.seen: Seen = {}
        self.capture: list[Callable[[], None]] | None = None
        self.held: list[Any] = []  # memory that was made while capturing
        self.origin: Stream | None = None  # that which began the capture
        self.forks: list[Stream] = []  # those that joined it
        self._before: list[tuple[int, Stream | None]] = []
        _streams.add(self)
        _made[0] = _made[0] or not null

    def __enter__(self) -> Stream:
        self._before.append((here.device, here.stream))
        return self.use()

    def __exit__(self, *error: object) -> None:
        device, before = self._before.pop()
        here.streams[device] = before

    def use(self) -> Stream:
        """Make it the current stream of its card.

        Raises: RuntimeError if another card is the current one.
        """
        if self.device_id not in (-1, here.device):
            raise RuntimeError(
                f"The device that the stream is created on ({self.device_id}) does not match with "
                f"the current device ({here.device})"
            )
        here.streams[here.device] = self
        return self

    @property
    def done(self) -> bool:
        """Whether nothing waits on it."""
        return True

    def synchronize(self) -> None:
        """Wait until its work is done."""
        waits("Stream.synchronize")
        self.awaited()

    def awaited(self) -> None:
        """The host has waited for it: what any stream is given now comes after its work."""
        _merge(_by_host, {**self.seen, self: self.tick})

    def record(self, event: Event | None = None) -> Event:
        """Mark how far its work has got."""
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Let what is launched from now on come after an event.

        After one of a stream that is captured, it is captured into the same graph.
        """
        _merge(self.seen, event.seen)
        origin = event.origin
        if origin is not None and origin.capture is not None and self.capture is None:
            self.capture, self.held, self.origin = origin.capture, origin.held, origin
            self.tick += 1
            origin.forks.append(self)

    def begin_capture(self, mode: int | None = None) -> None:
        """Note launches from now on instead of doing them.

        Raises: CUDARuntimeError on the null stream, or while capturing.
        """
        if self.is_null:
            raise CUDARuntimeError(
                "cudaErrorStreamCaptureUnsupported: operation not permitted on the legacy stream"
            )
        if self.capture is not None:
            raise CUDARuntimeError("cudaErrorIllegalState: the stream is capturing already")
        self.capture, self.held, self.origin = [], [], self

    def end_capture(self) -> Graph:
        """What was captured.

        Raises: CUDARuntimeError if a stream that joined has work that this one did not wait for.
        """
        if self.capture is None:
            raise CUDARuntimeError("cudaErrorIllegalState: the stream is not capturing")
        if self.origin is not self:
            raise CUDARuntimeError("cudaErrorStreamCaptureUnmatched: another stream began it")
        launches, apart = self.capture, [f for f in self.forks if self.seen.get(f, 0) < f.tick]
        for stream in (self, *self.forks):
            stream.capture, stream.origin, stream.forks = None, None, []
        if apart:
            raise CUDARuntimeError(
                "cudaErrorStreamCaptureUnjoined: capturing stream has unjoined work"
            )
        return Graph(launches, self.held)

    def is_capturing(self) -> bool:
        """Whether launches are noted instead of done."""
        return self.capture is not None

    def check_no_capture(self, what: str) -> None:
        """Raise CUDARuntimeError while capturing."""
        if self.capture is not None:
            raise CUDARuntimeError(
                "cudaErrorStreamCaptureUnsupported: operation not permitted when stream is "
                f"capturing ({what})"
            )

    def __repr__(self) -> str:
        return "<Stream 0>" if self.is_null else f"<Stream {self.ptr:#x}>"


Stream.null = Stream(null=True)


def external(ptr: int, device_id: int = -1) -> Stream:
    """``cupy.cuda.ExternalStream``: the stream with this handle, whoever made it."""
    for stream in (Stream.null, *_streams):
        if stream.ptr == ptr:
            return stream
    found = Stream(non_blocking=True)
    found.ptr, found.device_id = ptr, here.device if device_id < 0 else device_id
    return found


class Event:
    """A point in the work of a stream."""

    def __init__(
        self, block: bool = False, disable_timing: bool = False, interprocess: bool = False
    ) -> None:
        self.seen: Seen = {}
        self.origin: Stream | None = None  # of the capture in which it was recorded
        self.timed, self.device = not disable_timing, here.device
        self.at: float | None = None

    @property
    def done(self) -> bool:
        """Whether the stream has come there."""
        return True

    def record(self, stream: Stream | None = None) -> None:
        """Mark how far a stream's work has got."""
        on = stream or current()
        if self.device != (here.device if on.device_id < 0 else on.device_id):
            raise CUDARuntimeError("cudaErrorInvalidResourceHandle: an event of another card")
        self.seen, self.origin = {**on.seen, on: on.tick}, on.origin
        self.at = time.perf_counter()

    def synchronize(self) -> None:
        """Wait until the stream has come there."""
        waits("Event.synchronize")
        _merge(_by_host, self.seen)


def _all_awaited(card: int) -> None:
    for stream in list(_streams):
        if stream.device_id in (-1, card):
            stream.awaited()


awaited.append(_all_awaited)


def get_elapsed_time(start: Event, end: Event) -> float:
    """Milliseconds between two events.

    Raises: CUDARuntimeError for an event that was not recorded, or without timing.
    """
    if start.at is None or end.at is None or not (start.timed and end.timed):
        raise CUDARuntimeError("cudaErrorInvalidResourceHandle: invalid resource handle")
    return 1000 * (end.at - start.at)


def current(device_id: int = -1) -> Stream:
    """The stream on which this thread launches, of the current card or of another one."""
    return here.streams.get(here.device if device_id < 0 else device_id) or Stream.null


def _merge(into: Seen, more: Seen) -> None:
    for stream, tick in more.items():
        into[stream] = max(into.get(stream, 0), tick)


def launch(stream: Stream, reads: list[Block], writes: list[Block]) -> None:
    """Note a use of memory by a stream.

    Raises: StreamOrderError if nothing orders it after the uses that it must come after.
    """
    stream.tick += 1
    if not _made[0]:
        for block in writes:
            block.writer, block.tick = stream, stream.tick
        return
    if not stream.non_blocking:  # the null stream and blocking ones wait for each other
        _join(stream)
    for block in reads:
        _after(stream, block.writer, block.tick, "reads what", "writes")
        if block.readers is None:
            block.readers = {}
        block.readers[stream] = stream.tick
    for block in writes:
        _after(stream, block.writer, block.tick, "writes what", "writes")
        for reader, tick in (block.readers or {}).items():
            _after(stream, reader, tick, "writes what", "reads")
        block.writer, block.tick, block.readers = stream, stream.tick, None


def _join(stream: Stream) -> None:
    null = Stream.null
    if stream is not null:
        _merge(stream.seen, {**null.seen, null: null.tick})
        null.seen[stream] = stream.tick  # what the null stream launches next comes after
        for known, tick in stream.seen.items():
            if known is not null:
                null.seen[known] = max(null.seen.get(known, 0), tick)


def _after(stream: Stream, other: Any, tick: int, this: str, that: str) -> None:
    if other is None or other is stream:
        return
    if max(stream.seen.get(other, 0), _by_host.get(other, 0)) < tick:
        raise StreamOrderError(
            f"{stream} {this} {other} {that}, and nothing orders the two: record an event on one "
            "stream and let the other wait for it"
        )
