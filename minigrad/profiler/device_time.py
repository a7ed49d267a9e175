"""How long a card is at each op: a pair of events around it in its stream."""

from __future__ import annotations

from typing import Any

from minigrad import cuda

__all__ = ["DeviceTime"]


class DeviceTime:
    """Pairs of events by the number of a span. Nothing waits until somebody asks.

    >>> DeviceTime().nanoseconds(0)
    0
    """

    def __init__(self) -> None:
        self._pairs: dict[int, tuple[Any, Any]] = {}

    def mark(self) -> Any:
        """An event at the end of what the current stream has to do now."""
        event = cuda.Event(enable_timing=True)
        event.record()
        return event

    def note(self, number: int, begin: Any, result: Any) -> None:
        """Mark the end of the op that began at an event, if a card ran it."""
        parts = result if isinstance(result, (tuple, list)) else (result,)
        if any(hasattr(part, "__cuda_array_interface__") for part in parts):
            self._pairs[number] = (begin, self.mark())

    def nanoseconds(self, number: int) -> int:
        """The time between the events of a span; 0 of one that no card ran."""
        if number not in self._pairs:
            return 0
        begin, end = self._pairs.pop(number)
        end.synchronize()
        return int(begin.elapsed_time(end) * 1e6)
