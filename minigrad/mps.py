"""Apple's graphics processors, which minigrad does not use: asked for safely."""

from __future__ import annotations

__all__ = ["device_count", "is_available"]


def is_available() -> bool:
    """False.

    >>> import minigrad as torch
    >>> torch.mps.is_available()
    False
    """
    return False


def device_count() -> int:
    """0.

    >>> import minigrad as torch
    >>> torch.mps.device_count()
    0
    """
    return 0
