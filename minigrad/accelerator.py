"""Whether there is a device that computes faster than the processor: a CUDA card, or none.

Source: https://docs.pytorch.org/docs/stable/accelerator.html
"""

from __future__ import annotations

from minigrad import cuda
from minigrad.device import device as Device

__all__ = ["current_accelerator", "device_count", "is_available"]


def is_available() -> bool:
    """Whether there is one that can be used.

    >>> import minigrad as torch
    >>> torch.accelerator.is_available() == torch.cuda.is_available()
    True

    Source: https://docs.pytorch.org/docs/stable/generated/torch.accelerator.is_available.html
    """
    return cuda.is_available()


def device_count() -> int:
    """How many there are.

    >>> import minigrad as torch
    >>> torch.accelerator.device_count() == torch.cuda.device_count()
    True

    Source: https://docs.pytorch.org/docs/stable/generated/torch.accelerator.device_count.html
    """
    return cuda.device_count()


def current_accelerator(check_available: bool = False) -> Device | None:
    """The kind of device, or None if there is none.

    >>> import minigrad as torch
    >>> torch.accelerator.current_accelerator() in (None, torch.device("cuda"))
    True

    Source: https://docs.pytorch.org/docs/stable/generated/torch.accelerator.current_accelerator.html
    """
    return Device("cuda") if is_available() else None
