"""Training over several processes, which is left out."""

from __future__ import annotations

from typing import Any

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel:
    """Left out: there are no process groups.

    Raises: NotImplementedError that names ``nn.DataParallel``, which works within one process.

    >>> import minigrad as torch
    >>> torch.nn.parallel.DistributedDataParallel(torch.nn.ReLU())
    Traceback (most recent call last):
    NotImplementedError: DistributedDataParallel is left out of minigrad, which has no process \
groups; use nn.DataParallel(module, device_ids=[...]) in one process
    """

    def __init__(self, module: Any, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "DistributedDataParallel is left out of minigrad, which has no process groups; use "
            "nn.DataParallel(module, device_ids=[...]) in one process"
        )
