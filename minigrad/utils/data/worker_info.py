"""What a process knows of itself: which worker it is, and where its batches are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

__all__ = ["END", "FAILED", "MADE", "RESUME", "Here", "WorkerInfo", "get_worker_info"]

# What a worker answers, and the number that means "begin another epoch" among those of tasks.
MADE, FAILED, END = range(3)
RESUME = -1


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker's number, how many there are, its seed, and its own copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any = None
    worker_method: str | None = "multiprocessing"


class Here:
    """This process. A worker fills both in when it starts."""

    info: ClassVar[WorkerInfo | None] = None
    # Memory for the rows of a batch: in a worker it is shared with the parent.
    empty: ClassVar[Any] = staticmethod(np.empty)


def get_worker_info() -> WorkerInfo | None:
    """In a worker of a :class:`DataLoader`, who it is; None in any other process.

    A stream uses it to give each worker a part of its own, and a ``worker_init_fn`` to reach the
    worker's copy of the dataset.

    Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.get_worker_info

    >>> import minigrad as torch
    >>> class Stream(torch.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         worker = torch.utils.data.get_worker_info()
    ...         first, step = (worker.id, worker.num_workers) if worker else (0, 1)
    ...         return iter(range(first, 6, step))
    >>> [batch.tolist() for batch in torch.utils.data.DataLoader(Stream(), 3, num_workers=2)]
    [[0, 2, 4], [1, 3, 5]]
    """
    return Here.info
