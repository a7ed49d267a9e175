"""``torch.cpu``: the CPU asked as if it were a card; it is always there and never waited for.

Source: https://docs.pytorch.org/docs/stable/cpu.html
"""

from __future__ import annotations

from typing import Any

from minigrad.cpu import amp

__all__ = ["amp", "current_device", "device_count", "is_available", "set_device", "synchronize"]


def is_available() -> bool:
    """True.

    >>> import minigrad as torch
    >>> torch.cpu.is_available()
    True
    """
    return True


def device_count() -> int:
    """1: all processors together.

    >>> import minigrad as torch
    >>> torch.cpu.device_count()
    1
    """
    return 1


def current_device() -> str:
    """``"cpu"``.

    >>> import minigrad as torch
    >>> torch.cpu.current_device()
    'cpu'
    """
    return "cpu"


def set_device(device: Any) -> None:
    """Nothing changes: there is one.

    >>> import minigrad as torch
    >>> torch.cpu.set_device("cpu")
    """


def synchronize(device: Any = None) -> None:
    """Nothing is waited for: what was asked for is done.

    >>> import minigrad as torch
    >>> torch.cpu.synchronize()
    """
