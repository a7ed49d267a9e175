"""What stands before CuPy's memory pool: the peak is noted, and too little memory is told in full.

Every allocation passes by ``Watch``, CuPy's own temporary arrays as well.
"""

from __future__ import annotations

import gc
import weakref
from collections import deque
from typing import Any

from minigrad.errors import OutOfMemoryError

__all__ = ["Watch", "in_units", "release", "waiting", "watch"]

# Events of streams, and the memory of tensors that have died, which is free once they have come.
waiting: deque[tuple[Any, Any]] = deque()
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def in_units(size: float) -> str:
    """A number of bytes as people read it.

    >>> in_units(512), in_units(3 * 2**30)
    ('512 B', '3.00 GiB')
    """
    at = 0
    while size >= 1024 and at < len(UNITS) - 1:
        size, at = size / 1024, at + 1
    return f"{size:.0f} B" if at == 0 else f"{size:.2f} {UNITS[at]}"


def release(wait: bool = False) -> None:
    """Let go of the memory that no stream uses any more; with ``wait``, of all that is waiting.

    >>> release()
    """
    for _ in range(len(waiting)):
        event, memory = waiting.popleft()
        if wait:
            event.synchronize()
        elif not event.done:
            waiting.append((event, memory))


class Watch:
    """The allocator that stands before CuPy's own, or before that of a pool beside it."""

    def __init__(self, module: Any, pool: Any = None) -> None:
        self.cupy, self.pool = module, pool
        self.inner = pool.malloc if pool else module.cuda.get_allocator()
        self.first: Watch = watch(module) if pool else self
        self.peaks: dict[int, int] = {}  # the most bytes in use, of the cards that were asked for
        self.reserved: dict[int, int] = {}
        self.others: weakref.WeakSet[Watch] = weakref.WeakSet()  # before pools beside the default
        self.refused = module.cuda.memory.OutOfMemoryError
        if pool:
            self.first.others.add(self)

    def __call__(self, size: int) -> Any:
        """So many bytes of the current card.

        Raises: OutOfMemoryError with the sizes and what to do.
        """
        if waiting:
            release()
        try:
            found = self.inner(size)
        except self.refused:
            gc.collect()  # tensors in cycles die late
            release(wait=True)
            try:
                found = self.inner(size)
            except self.refused as error:
                raise OutOfMemoryError(self._said(size)) from error
        if self.first.peaks:
            self.first.note()
        return found

    def bytes(self, ask: str) -> int:
        """What all pools together say of the current card: ``used_bytes``, say."""
        return sum(int(getattr(pool, ask)()) for pool in self.pools())

    def pools(self) -> list[Any]:
        """CuPy's default pool and those beside it."""
        return [self.cupy.get_default_memory_pool(), *(other.pool for other in self.others)]

    def note(self) -> None:
        """Raise the peaks of the current card to what there is now."""
        at = self.cupy.cuda.Device().id
        if at in self.peaks:
            self.peaks[at] = max(self.peaks[at], self.bytes("used_bytes"))
            self.reserved[at] = max(self.reserved[at], self.bytes("total_bytes"))

    def _said(self, size: int) -> str:
        pool, here = self.cupy.get_default_memory_pool(), self.cupy.cuda.Device()
        free, total = here.mem_info
        limit = pool.get_limit()
        limited = f" The limit set for minigrad is {in_units(limit)}." if limit else ""
        return (
            f"CUDA out of memory. Tried to allocate {in_units(size)}. GPU {here.id} has a total "
            f"capacity of {in_units(total)} of which {in_units(free)} is free; minigrad's tensors "
            f"hold {in_units(self.first.bytes('used_bytes'))}, and "
            f"{in_units(self.first.bytes('free_bytes'))} is kept for "
            f"what comes, in pieces that do not fit.{limited} Drop tensors that are not needed "
            "(del, and no_grad() where no gradient is wanted), take smaller batches, or call "
            "torch.cuda.empty_cache(). The program can go on."
        )


_watches: dict[Any, Watch] = {}


def watch(cupy: Any) -> Watch:
    """What stands before the allocator of a CuPy module; put there when first asked for."""
    if cupy not in _watches:
        _watches[cupy] = Watch(cupy)
        cupy.cuda.set_allocator(_watches[cupy])
    return _watches[cupy]
