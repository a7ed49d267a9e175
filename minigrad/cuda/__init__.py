"""What there is of CUDA: asked for safely, whether or not there is a card.

``MINIGRAD_CUDA=sim`` simulates a card (``sim:2``: two): :mod:`minigrad.cuda.stand_in`.
Source: https://docs.pytorch.org/docs/stable/cuda.html
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NamedTuple

from minigrad.backend import card_count, faults
from minigrad.cuda import cards
from minigrad.errors import OutOfMemoryError as OutOfMemoryError
from minigrad.left_out import no_attribute

if TYPE_CHECKING:
    from minigrad.cuda.graphed import *  # noqa: F403
    from minigrad.cuda.graphs import *  # noqa: F403
    from minigrad.cuda.memory import *  # noqa: F403
    from minigrad.cuda.random import *  # noqa: F403
    from minigrad.cuda.streams import *  # noqa: F403
    from minigrad.cuda.sync import *  # noqa: F403

# What is imported when it is first asked for: modules by themselves, names from their modules.
_MODULES = ("amp", "graphed", "graphs", "memory", "nvtx", "random", "stand_in", "streams", "sync")
_FOUND_IN = {
    "graphed": "make_graphed_callables",
    "graphs": "CUDAGraph graph graph_pool_handle is_current_stream_capturing",
    "memory": (
        "MemPool empty_cache max_memory_allocated max_memory_reserved mem_get_info "
        "memory_allocated memory_reserved memory_summary reset_peak_memory_stats "
        "set_per_process_memory_fraction use_mem_pool"
    ),
    "random": (
        "get_rng_state get_rng_state_all initial_seed manual_seed manual_seed_all seed seed_all "
        "set_rng_state set_rng_state_all"
    ),
    "streams": (
        "Event ExternalStream Stream StreamContext current_stream default_stream set_stream stream"
    ),
    "sync": "forbid_sync get_sync_debug_mode set_sync_debug_mode",
}
_HOME = {name: module for module, names in _FOUND_IN.items() for name in names.split()}

__all__ = [
    "OutOfMemoryError",
    "current_device",
    "device",
    "device_count",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "init",
    "is_available",
    "is_initialized",
    "set_device",
    "synchronize",
]
__all__ += list(_HOME)


def __getattr__(name: str) -> Any:
    """The rest of the names, from where they are."""
    if name in _MODULES:
        return importlib.import_module(f"minigrad.cuda.{name}")
    if name == "default_generators":  # as many as there are cards now
        return importlib.import_module("minigrad.cuda.random").default_generators()
    if name not in _HOME:
        raise no_attribute("minigrad.cuda", name)
    found = getattr(importlib.import_module(f"minigrad.cuda.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def device_count() -> int:
    """The number of CUDA cards that can be used; 0 without CuPy, driver or card.

    >>> import minigrad as torch
    >>> torch.cuda.device_count() >= 0
    True
    """
    return card_count()


def is_available() -> bool:
    """Whether a CUDA card can be used.

    >>> import minigrad as torch
    >>> torch.cuda.is_available() == (torch.cuda.device_count() > 0)
    True
    """
    return device_count() > 0


def init() -> None:
    """Get ready to use cards; DeviceError that says what is missing if that cannot be.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     torch.cuda.init()
    """
    cards.cupy()


def is_initialized() -> bool:
    """Whether a card can be used; it is made ready by asking.

    >>> import minigrad as torch
    >>> torch.cuda.is_initialized() == torch.cuda.is_available()
    True
    """
    return is_available()


def current_device() -> int:
    """The number of the card that ``device('cuda')`` means; DeviceError without one."""
    return cards.number(None)


def set_device(device: Any) -> None:
    """Let ``device('cuda')`` mean this card, in this thread; a negative number changes nothing.

    Raises: DeviceError without CUDA, RuntimeError for a number that no card has.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     torch.cuda.set_device(0)
    """
    if not (isinstance(device, int) and device < 0):
        cards.card(device).use()


class device:
    """The card that ``device('cuda')`` means inside of a ``with`` block; None changes nothing.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed(devices=2), torch.cuda.device(1):
    ...     torch.ones(1, device="cuda").device
    device(type='cuda', index=1)
    """

    def __init__(self, device: Any) -> None:
        nothing = device is None or (isinstance(device, int) and device < 0)
        self._card = None if nothing else cards.card(device)

    def __enter__(self) -> None:
        if self._card is not None:
            self._card.__enter__()

    def __exit__(self, *error: Any) -> None:
        if self._card is not None:
            self._card.__exit__(*error)


def synchronize(device: Any = None) -> None:
    """Wait until a card has done all its work; DeviceError without one.

    Raises: IndexError for an index that left its axis since the program last waited.
    """
    cards.card(device).synchronize()
    faults.tell()


class Properties(NamedTuple):
    """What a card is."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int
    warp_size: int


def get_device_properties(device: Any = None) -> Properties:
    """Name, compute capability, memory and multiprocessors of a card; DeviceError without one.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     torch.cuda.get_device_properties(0).multi_processor_count
    132
    """
    index = cards.card(device).id
    found = cards.cupy().cuda.runtime.getDeviceProperties(index)
    name = found["name"]
    return Properties(
        name.decode() if isinstance(name, bytes) else str(name),
        int(found["major"]),
        int(found["minor"]),
        int(found["totalGlobalMem"]),
        int(found["multiProcessorCount"]),
        int(found["warpSize"]),
    )


def get_device_name(device: Any = None) -> str:
    """What a card calls itself; DeviceError without one.

    >>> import minigrad as torch
    >>> not torch.cuda.is_available() or len(torch.cuda.get_device_name()) > 0
    True
    """
    return get_device_properties(device).name


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability of a card: (9, 0) for Hopper.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     torch.cuda.get_device_capability()
    (9, 0)
    """
    found = get_device_properties(device)
    return found.major, found.minor
