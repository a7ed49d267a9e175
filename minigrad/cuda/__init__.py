"""What there is of CUDA: asked for safely, whether or not there is a card.

Source: https://docs.pytorch.org/docs/stable/cuda.html
"""

from __future__ import annotations

from typing import Any

from minigrad.backend import backend_for
from minigrad.device import device as Device
from minigrad.errors import DeviceError

__all__ = ["current_device", "device_count", "is_available", "manual_seed", "synchronize"]


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
    cupy = _cupy()
    index = None if device is None else Device(device).index
    cupy.cuda.Device(index).synchronize()


def manual_seed(seed: int) -> None:
    """Seed the random streams of the card; without one there is nothing to seed, as in torch.

    >>> import minigrad as torch
    >>> torch.cuda.manual_seed(0)
    """
    int(seed)
