"""What there is of CUDA: asked for safely, whether or not there is a card.

Source: https://docs.pytorch.org/docs/stable/cuda.html
"""

from __future__ import annotations

import importlib
from typing import Any

from minigrad.backend import backend_for
from minigrad.device import device as Device
from minigrad.errors import DeviceError
from minigrad.left_out import no_attribute

__all__ = [
    "current_device",
    "device_count",
    "empty_cache",
    "get_device_name",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "memory_allocated",
    "synchronize",
]


def __getattr__(name: str) -> Any:
    """``amp`` is imported when it is first asked for."""
    if name != "amp":
        raise no_attribute("minigrad.cuda", name)
    return importlib.import_module("minigrad.cuda.amp")


def _cupy() -> Any:
    """CuPy's module; DeviceError that says which part is missing."""
    return backend_for(Device("cuda")).xp


def device_count() -> int:
    """The number of CUDA cards that can be used; 0 without CuPy, driver or card.

    >>> import minigrad as torch
    >>> torch.cuda.device_count() >= 0
    True
    """
    try:
        return int(_cupy().cuda.runtime.getDeviceCount())
    except DeviceError:
        return 0


def is_available() -> bool:
    """Whether a CUDA card can be used.

    >>> import minigrad as torch
    >>> torch.cuda.is_available() == (torch.cuda.device_count() > 0)
    True
    """
    return device_count() > 0


def current_device() -> int:
    """The number of the card that ``device('cuda')`` means; DeviceError without one."""
    return int(_cupy().cuda.Device().id)


def synchronize(device: Any = None) -> None:
    """Wait until a card has done all its work; DeviceError without one."""
    _card(device).synchronize()


def manual_seed(seed: int) -> None:
    """Seed the random streams of the card; without one there is nothing to seed, as in torch.

    >>> import minigrad as torch
    >>> torch.cuda.manual_seed(0)
    """
    int(seed)


def manual_seed_all(seed: int) -> None:
    """Seed the random streams of all cards; without one there is nothing to seed, as in torch.

    >>> import minigrad as torch
    >>> torch.cuda.manual_seed_all(0)
    """
    manual_seed(seed)


def empty_cache() -> None:
    """Give back the memory that the card's allocator keeps for later; nothing without a card.

    >>> import minigrad as torch
    >>> torch.cuda.empty_cache()
    """
    if is_available():
        _cupy().get_default_memory_pool().free_all_blocks()


def memory_allocated(device: Any = None) -> int:
    """How many bytes of a card's memory tensors hold; 0 without one.

    >>> import minigrad as torch
    >>> torch.cuda.memory_allocated() >= 0
    True
    """
    if not is_available():
        return 0
    with _card(device):
        return int(_cupy().get_default_memory_pool().used_bytes())


def get_device_name(device: Any = None) -> str:
    """What a card calls itself; DeviceError without one.

    >>> import minigrad as torch
    >>> not torch.cuda.is_available() or len(torch.cuda.get_device_name()) > 0
    True
    """
    with _card(device) as card:
        return str(_cupy().cuda.runtime.getDeviceProperties(card.id)["name"].decode())


def _card(device: Any) -> Any:
    """CuPy's device for a number, a text or a device; for None the present one."""
    return _cupy().cuda.Device(None if device is None else Device(device).index)
