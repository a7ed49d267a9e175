"""How long a card is at each op: a pair of events around it in its stream."""

from __future__ import annotations

from typing import Any

from minigrad import cuda

__all__ = ["DeviceTime"]


class DeviceTime:
    """Marks the beginning and the end of ops. Nothing waits until somebody asks.

    >>> DeviceTime().nanoseconds(None)
    0
    """

    def mark(self) -> Any:
        """An event at the end of what the current stream has to do now."""
        event = cuda.Event(enable_timing=True)
        event.record()
        return event

    def pair(self, begin: Any, result: Any) -> Any:
        """The events of an op that began at one and gave a result; None if no card ran it."""
        parts = result if isinstance(result, (tuple, list)) else (result,)
        on_card = any(hasattr(part, "__cuda_array_interface__") for part in parts)
        return (begin, self.mark()) if on_card else None

    def nanoseconds(self, pair: Any) -> int:
        """The time between the two events; 0 without."""
        if pair is None:
            return 0
        begin, end = pair
        end.synchronize()
        return int(begin.elapsed_time(end) * 1e6)
