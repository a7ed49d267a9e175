"""Several processes on one task: not there, and asked for safely.

Programs that train alone unless they were started in a group ask these first.

Source: https://docs.pytorch.org/docs/stable/distributed.html
"""

from __future__ import annotations

from typing import Any

from minigrad.left_out import no_attribute

__all__ = [
    "is_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
]


def is_available() -> bool:
    """False: there are no process groups here.

    >>> import minigrad.distributed as dist
    >>> dist.is_available()
    False

    Source: https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.is_available
    """
    return False


is_initialized = is_available
is_gloo_available = is_mpi_available = is_nccl_available = is_torchelastic_launched = is_available


def __getattr__(name: str) -> Any:
    raise no_attribute("minigrad.distributed", name)
