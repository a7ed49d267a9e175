"""Apple's graphics processors, which minigrad does not use."""

from __future__ import annotations

__all__ = ["is_available", "is_built"]


def is_available() -> bool:
    """False.

    >>> import minigrad as torch
    >>> torch.backends.mps.is_available()
    False

    Source: https://docs.pytorch.org/docs/stable/backends.html
    """
    return False


def is_built() -> bool:
    """False.

    >>> import minigrad as torch
    >>> torch.backends.mps.is_built()
    False

    Source: https://docs.pytorch.org/docs/stable/backends.html
    """
    return False
