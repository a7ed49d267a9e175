"""The memory of cards: what is used, what is kept for later, and the most that there was.

Tensors live in CuPy's pool, or in one beside it, which keeps what is freed for what comes;
``backend/card_memory.py`` stands before it.
Source: https://docs.pytorch.org/docs/stable/cuda.html#memory-management
"""

from __future__ import annotations

import contextlib
import itertools
import weakref
from collections.abc import Iterator
from typing import Any

from minigrad.backend.card_memory import Watch, in_units, watch
from minigrad.cuda.cards import card, cupy, number
from minigrad.errors import DeviceError

__all__ = [
    "MemPool",
    "empty_cache",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "memory_summary",
    "reset_peak_memory_stats",
    "set_per_process_memory_fraction",
    "use_mem_pool",
]


def _watch() -> Watch:
    return watch(cupy())


def _pool_of(device: Any, ask: str) -> int:
    """A number of bytes that the pools of a card know; 0 where there is no card."""
    try:
        watched = _watch()
    except DeviceError:
        return 0
    with card(device):
        return watched.bytes(ask)


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
            for pool in _watch().pools():
                pool.free_all_blocks()


_numbers = itertools.count(1)
_by_id: weakref.WeakValueDictionary[tuple[int, int], MemPool] = weakref.WeakValueDictionary()


class MemPool:
    """Memory of its own: what is freed there is used again only by what is made there.

    Raises: NotImplementedError for allocators of other libraries and other ways to share it.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     pool = torch.cuda.MemPool()
    ...     with torch.cuda.use_mem_pool(pool):
    ...         x = torch.ones(3, device="cuda")
    ...     pool.bytes()
    512
    """

    def __init__(
        self, allocator: Any = None, use_on_oom: bool = False, no_split: bool = False
    ) -> None:
        if allocator is not None or use_on_oom or no_split:
            raise NotImplementedError(
                "MemPool: CuPy's pools take no allocator of another library, no use_on_oom and no "
                "no_split"
            )
        self.cupy, self.id = cupy().cuda.MemoryPool(), (0, next(_numbers))
        self.allocate = Watch(cupy(), self.cupy)
        _by_id[self.id] = self

    @property
    def allocator(self) -> None:
        """That of another library: none."""
        return None

    def bytes(self) -> int:
        """How many bytes of the current card's memory tensors hold there."""
        return int(self.cupy.used_bytes())


def pool_of(given: Any) -> MemPool:
    """A pool from itself or its id; a new one from None.

    Raises: TypeError for anything else, ValueError for the id of a pool that is gone.

    >>> pool_of("default")
    Traceback (most recent call last):
        ...
    TypeError: a pool must be a MemPool, its id or a CUDAGraph's pool(), got str
    """
    if given is None:
        return MemPool()
    if isinstance(given, MemPool):
        return given
    if not isinstance(given, tuple):
        raise TypeError(
            f"a pool must be a MemPool, its id or a CUDAGraph's pool(), got {type(given).__name__}"
        )
    if given not in _by_id:
        raise ValueError(f"no pool has the id {given}: nobody holds it any more")
    return _by_id[given]


@contextlib.contextmanager
def use_mem_pool(pool: MemPool, device: Any = None) -> Iterator[None]:
    """Let what this thread makes on a card inside of the block live in a pool.

    Raises: TypeError for what is no pool, DeviceError without a card.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     with torch.cuda.use_mem_pool(torch.cuda.MemPool()):
    ...         x = torch.ones(3, device="cuda")
    ...     x.cpu()
    tensor([1., 1., 1.])
    """
    if not isinstance(pool, MemPool):
        raise TypeError(f"use_mem_pool: pool must be a MemPool, got {type(pool).__name__}")
    with card(device), cupy().cuda.using_allocator(pool.allocate):
        yield


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
