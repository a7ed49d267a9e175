"""The cards that are not there: their memory, and what is counted and forbidden on them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

__all__ = [
    "Block",
    "CUDARuntimeError",
    "Device",
    "Memory",
    "OutOfMemoryError",
    "Pool",
    "counts",
    "get_allocator",
    "here",
    "sent",
    "set_allocator",
    "using_allocator",
]

UNIT = 512  # bytes; CuPy's pool hands memory out in multiples
CARD = 4 << 30  # bytes of memory that a card has


class CUDARuntimeError(RuntimeError):
    """What CUDA answers to a wrong call."""


class OutOfMemoryError(MemoryError):
    """A card, or the limit that its pool was given, has no room for an allocation."""

    def __init__(self, size: int, total: int, limit: int = 0) -> None:
        more = f", limit set to: {limit:,} bytes" if limit else ""
        super().__init__(
            f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes{more})."
        )


class Pool:
    """The memory of one card: blocks in use, and blocks kept for the next of the same size."""

    def __init__(self) -> None:
        self.used = self.kept = self.limit = self.apart = 0  # apart: used of other pools
        self.free: dict[int, int] = {}

    def take(self, size: int) -> None:
        """Hand out a block.

        Raises: OutOfMemoryError.
        """
        if self.free.get(size):
            self.free[size] -= 1
            self.kept -= size
        else:
            most = self.limit or CARD
            if self.used + self.kept + size > most:
                self.free_all()
            if self.used + size > most:
                raise OutOfMemoryError(size, self.used, self.limit)
        self.used += size

    def give(self, size: int) -> None:
        """Take a block back, and keep it."""
        self.used -= size
        self.kept += size
        self.free[size] = self.free.get(size, 0) + 1

    def free_all(self) -> None:
        """Give what is not in use back to the card."""
        self.free.clear()
        self.kept = 0


class Counts:
    """How often what happened: launches, pieces of memory, copies there and back (which wait)."""

    def __init__(self) -> None:
        self.launches = self.pieces = self.to_card = self.to_host = 0


class _Here(threading.local):
    """What is current in this thread."""

    def __init__(self) -> None:
        self.device = 0
        self.allocators: list[Any] = []  # of `using_allocator` blocks
        self.streams: dict[int, Any] = {}  # by card; see streams.py

    @property
    def stream(self) -> Any:
        """The current stream of the current card; None for the null stream."""
        return self.streams.get(self.device)


counts = Counts()
here = _Here()
pools: list[Pool] = [Pool()]
_guards: list[Any] = []  # called before the host waits for a card
awaited: list[Any] = []  # called with its number when the host has waited for all of a card's work


def set_count(count: int) -> None:
    """So many cards there are."""
    del pools[count:]
    pools.extend(Pool() for _ in range(count - len(pools)))


@contextlib.contextmanager
def guarded(call: Any) -> Iterator[None]:
    """Let ``call(what)`` be told, inside of the block, of all that makes the host wait."""
    _guards.append(call)
    try:
        yield
    finally:
        _guards.remove(call)


def waits(what: str) -> None:
    """The host waits for the card here."""
    if here.stream is not None:
        here.stream.check_no_capture(what)
    for call in _guards:
        call(what)
    counts.to_host += 1


def sent(what: str) -> None:
    """Data of the host is copied to the card here.

    Raises: CUDARuntimeError while capturing. The copy would be captured with memory of the host
    that is used again, and CuPy asks for an event of the capture, which breaks it.
    """
    if here.stream is not None:
        here.stream.check_no_capture(what)
    counts.to_card += 1


class Memory:
    """What an allocator hands out; it goes back to its pool when nobody holds it."""

    __slots__ = ("apart", "device", "size")

    def __init__(self, size: int, apart: dict[int, int] | None = None) -> None:
        self.device, self.size, self.apart = here.device, 0, apart
        whole = -(-size // UNIT) * UNIT
        pools[self.device].take(whole)
        self.size = whole
        self._count(whole)
        counts.pieces += 1

    def _count(self, size: int) -> None:
        if self.apart is not None:
            self.apart[self.device] = self.apart.get(self.device, 0) + size
            pools[self.device].apart += size

    def __del__(self) -> None:
        if pools and self.size and self.device < len(pools):  # None: the program ends
            pools[self.device].give(self.size)
            self._count(-self.size)


_allocator: list[Any] = [Memory]


def set_allocator(allocator: Any = None) -> None:
    """Let a function of a number of bytes allocate, in all threads; None: the pool.

    Raises: ValueError inside of :func:`using_allocator`.
    """
    if here.allocators:
        raise ValueError(
            "Can't change the global allocator inside `using_allocator` context manager"
        )
    _allocator[0] = allocator or Memory


@contextlib.contextmanager
def using_allocator(allocator: Any = None) -> Iterator[None]:
    """Let a function allocate inside of the block, in this thread."""
    here.allocators.append(allocator or Memory)
    try:
        yield
    finally:
        here.allocators.pop()


def get_allocator() -> Any:
    """What allocates."""
    return here.allocators[-1] if here.allocators else _allocator[0]


class OwnPool:
    """``cupy.cuda.MemoryPool``: memory that nobody else is given; here it keeps nothing."""

    def __init__(self) -> None:
        self._used: dict[int, int] = {}  # by card

    def malloc(self, size: int) -> Memory:
        """A piece of it."""
        return Memory(size, self._used)

    def used_bytes(self) -> int:
        """Bytes that arrays hold."""
        return self._used.get(here.device, 0)

    total_bytes = used_bytes

    def free_bytes(self) -> int:
        """Bytes that are kept for arrays to come."""
        return 0

    def free_all_blocks(self, stream: Any = None) -> None:
        """Give what is kept back to the card."""


class Block:
    """One piece of a card's memory, and who used it last; views of an array share it."""

    __slots__ = ("device", "memory", "readers", "root", "tick", "writer")

    def __init__(self, root: Any, device: int, size: int, memory: Any = None) -> None:
        self.memory = get_allocator()(size) if memory is None else memory
        self.root, self.device = root, device
        if here.stream is not None and here.stream.capture is not None:
            here.stream.held.append(root)  # a graph's memory stays its own when arrays die
        self.writer: Any = None  # the stream that wrote last, and its tick then
        self.tick = 0
        self.readers: dict[Any, int] | None = None


class Device:
    """A card; in a ``with`` block it is the current one."""

    def __init__(self, device: Any = None) -> None:
        self.id = here.device if device is None else int(getattr(device, "id", device))
        self._before: list[int] = []

    def use(self) -> Device:
        """Make it the current card.

        Raises: CUDARuntimeError if there is no such card.
        """
        if not 0 <= self.id < len(pools):
            raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        here.device = self.id
        return self

    def __enter__(self) -> Device:
        self._before.append(here.device)
        return self.use()

    def __exit__(self, *error: object) -> None:
        here.device = self._before.pop()

    def synchronize(self) -> None:
        """Wait until all streams of the card are done."""
        waits("Device.synchronize")
        for call in awaited:
            call(self.id)

    @property
    def compute_capability(self) -> str:
        """That of a Hopper card."""
        return "90"

    @property
    def mem_info(self) -> tuple[int, int]:
        """Free and total bytes."""
        pool = pools[self.id]
        return CARD - pool.used - pool.kept, CARD

    @property
    def attributes(self) -> dict[str, int]:
        """Those that minigrad asks for, of a Hopper card."""
        return {
            "MultiProcessorCount": 132,
            "MaxThreadsPerBlock": 1024,
            "MaxSharedMemoryPerBlockOptin": 232448,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"


class MemoryPool:
    """What CuPy shows of the pool of the current card."""

    def used_bytes(self) -> int:
        """Bytes that arrays hold."""
        return pools[here.device].used - pools[here.device].apart

    def free_bytes(self) -> int:
        """Bytes that are kept for arrays to come."""
        return pools[here.device].kept

    def total_bytes(self) -> int:
        """Both."""
        return self.used_bytes() + self.free_bytes()

    def free_all_blocks(self, stream: Any = None) -> None:
        """Give what is kept back to the card."""
        pools[here.device].free_all()

    def n_free_blocks(self) -> int:
        """How many blocks are kept."""
        return sum(pools[here.device].free.values())

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        """The most that this pool may take; 0 for all that the card has."""
        if size is not None and fraction is not None:
            raise ValueError("size and fraction cannot be specified at the same time")
        pools[here.device].limit = int(size or 0) if fraction is None else int(CARD * fraction)

    def get_limit(self) -> int:
        """What :meth:`set_limit` set."""
        return pools[here.device].limit


def _properties(device: int) -> dict[str, Any]:
    if not 0 <= device < len(pools):
        raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
    return {
        "name": b"stand-in for a CUDA card",
        "totalGlobalMem": CARD,
        "multiProcessorCount": 132,
        "major": 9,
        "minor": 0,
        "warpSize": 32,
        "sharedMemPerBlock": 49152,
    }


runtime = SimpleNamespace(
    CUDARuntimeError=CUDARuntimeError,
    getDeviceCount=lambda: len(pools),
    getDevice=lambda: here.device,
    setDevice=lambda device: Device(device).use() and None,
    getDeviceProperties=_properties,
    deviceSynchronize=lambda: Device().synchronize(),
    memGetInfo=lambda: Device().mem_info,
    runtimeGetVersion=lambda: 13000,
    driverGetVersion=lambda: 13000,
)
