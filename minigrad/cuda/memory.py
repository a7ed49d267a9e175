"""The memory of cards: what is used, what is kept for later, and the most that there was.

Tensors live in CuPy's pool, which keeps what is freed for what comes; ``backend/card_memory.py``
stands before it.
Source: https://docs.pytorch.org/docs/stable/cuda.html#memory-management
"""

from __future__ import annotations

from typing import Any

from minigrad.backend.card_memory import Watch, in_units, watch
from minigrad.cuda.cards import card, cupy, number
from minigrad.errors import DeviceError

__all__ = [
    "empty_cache",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "memory_summary",
    "reset_peak_memory_stats",
    "set_per_process_memory_fraction",
]


def _watch() -> Watch:
    return watch(cupy())


def _pool_of(device: Any, ask: str) -> int:
    """A number of bytes that the pool of a card knows; 0 where there is no card."""
    try:
        pool = cupy().get_default_memory_pool()
    except DeviceError:
        return 0
    with card(device):
        return int(getattr(pool, ask)())


def memory_allocated(device: Any = None) -> int:
    """How many bytes of a card's memory tensors hold; 0 without one.

    >>> import minigrad as torch
    >>> torch.cuda.memory_allocated() >= 0
    True
    """
    return _pool_of(device, "used_bytes")


def memory_reserved(device: Any = None) -> int:
    """How many bytes of a card's memory the pool has: used, and kept for what comes.

    >>> import minigrad as torch
    >>> torch.cuda.memory_reserved() >= torch.cuda.memory_allocated()
    True
    """
    return _pool_of(device, "total_bytes")


def reset_peak_memory_stats(device: Any = None) -> None:
    """Let the peaks begin anew at what there is now; nothing without a card.

    >>> import minigrad as torch
    >>> torch.cuda.reset_peak_memory_stats()
    """
    try:
        watched = _watch()
    except DeviceError:
        return
    with card(device) as here:
        watched.peaks[here.id] = watched.reserved[here.id] = 0
        watched.note()


def _peak(device: Any, which: str) -> int:
    try:
        watched = _watch()
    except DeviceError:
        return 0
    index = card(device).id
    if index not in watched.peaks:
        reset_peak_memory_stats(index)
    found: dict[int, int] = getattr(watched, which)
    return found[index]


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that tensors held since :func:`reset_peak_memory_stats`; 0 without a card.

    Counting costs a little for each allocation: it begins when this, or the reset, is first called.

    >>> import minigrad as torch
    >>> torch.cuda.max_memory_allocated() >= 0
    True
    """
    return _peak(device, "peaks")


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes that the pool had since :func:`reset_peak_memory_stats`; 0 without a card.

    >>> import minigrad as torch
    >>> torch.cuda.max_memory_reserved() >= 0
    True
    """
    return _peak(device, "reserved")


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free and total bytes of a card, as the driver counts them; DeviceError without one.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     free, total = torch.cuda.mem_get_info()
    >>> 0 < free <= total
    True
    """
    with card(device) as here:
        free, total = here.mem_info
    return int(free), int(total)


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Let the pool of a card take no more than this part of its memory.

    Raises: ValueError for no number from 0 to 1, DeviceError without a card.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     torch.cuda.set_per_process_memory_fraction(1.0)
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"Invalid fraction value: {fraction}. Allowed range: 0~1")
    with card(device):
        cupy().get_default_memory_pool().set_limit(fraction=fraction)


def empty_cache() -> None:
    """Give back the memory that the pools keep for what comes; nothing without a card.

    >>> import minigrad as torch
    >>> torch.cuda.empty_cache()
    """
    try:
        module = cupy()
    except DeviceError:
        return
    for index in range(module.cuda.runtime.getDeviceCount()):
        with module.cuda.Device(index):
            module.get_default_memory_pool().free_all_blocks()


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """A small table of what the functions of this module say.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     print(torch.cuda.memory_summary().splitlines()[0])
    memory of cuda:0        now         peak
    """
    index, now = number(device), in_units
    free, total = mem_get_info(index)
    rows = [
        ("tensors", now(memory_allocated(index)), now(max_memory_allocated(index))),
        ("pool", now(memory_reserved(index)), now(max_memory_reserved(index))),
        ("free of " + now(total), now(free), ""),
    ]
    lines = [f"{'memory of cuda:' + str(index):<20}{'now':>7}{'peak':>13}"]
    lines += [f"{name:<16}{one:>11}  {other:>11}".rstrip() for name, one, other in rows]
    return "\n".join(lines)
