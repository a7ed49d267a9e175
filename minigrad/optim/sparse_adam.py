"""``SparseAdam``, which minigrad leaves out."""

from __future__ import annotations

from typing import Any

__all__ = ["SparseAdam"]


class SparseAdam:
    """Left out: it needs sparse gradients, which minigrad does not have; use ``Adam``.

    Raises: NotImplementedError.

    >>> import minigrad as torch
    >>> torch.optim.SparseAdam([torch.ones(1, requires_grad=True)])
    Traceback (most recent call last):
    NotImplementedError: SparseAdam: sparse gradients are left out of minigrad; use Adam
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("SparseAdam: sparse gradients are left out of minigrad; use Adam")
