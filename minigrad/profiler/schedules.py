"""Which steps of a program are profiled."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

__all__ = ["ProfilerAction", "ProfilerActivity", "schedule"]


class ProfilerActivity(Enum):
    """What is measured: host time (``CPU``), and on request a card's own (``CUDA``).

    >>> ProfilerActivity.CPU.name
    'CPU'
    """

    CPU = 0
    CUDA = 2
    XPU = 3


class ProfilerAction(Enum):
    """What happens in a step.

    >>> ProfilerAction.RECORD.value
    2
    """

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0
) -> Callable[[int], ProfilerAction]:
    """A plan: skip some steps, then again and again wait, warm up, and record ``active`` steps.

    ``repeat`` is how often; 0 for as long as the program runs.

    Raises: ValueError if nothing would be recorded.

    >>> plan = schedule(wait=1, warmup=1, active=2, repeat=1)
    >>> [plan(step).name for step in range(5)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active < 1:
        raise ValueError("schedule: expected active >= 1, and no negative number")
    cycle = wait + warmup + active

    def plan(step: int) -> ProfilerAction:
        if step < 0:
            raise ValueError(f"schedule: expected a step of at least 0, got {step}")
        step -= skip_first
        if step < 0 or (repeat and step >= repeat * cycle):
            return ProfilerAction.NONE
        place = step % cycle
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if place == cycle - 1 else ProfilerAction.RECORD

    return plan
