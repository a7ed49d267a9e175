"""OpenMP, which minigrad does not use."""

from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """False.

    >>> import minigrad as torch
    >>> torch.backends.openmp.is_available()
    False

    Source: https://docs.pytorch.org/docs/stable/backends.html
    """
    return False
