"""A sampler for several processes that train together, each on a share of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minigrad import functions
from minigrad.random import Generator
from minigrad.utils.data.sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """The share of process ``rank`` of ``num_replicas``: every so-manieth number of one order.

    The order depends on ``seed`` and on the epoch, which ``set_epoch`` tells. All shares are of one
    length: numbers from the beginning are repeated, or with ``drop_last`` some are left out.

    Raises: ValueError for a rank that is not in range, RuntimeError for processes left unsaid:
    they are known only where a process group was set up, and minigrad has none.

    Source: https://docs.pytorch.org/docs/stable/data.html

    >>> import minigrad as torch
    >>> sampler = torch.utils.data.DistributedSampler
    >>> [list(sampler(range(5), 2, rank, shuffle=False)) for rank in (0, 1)]
    [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            raise RuntimeError("Requires distributed package to be available")
        if rank >= num_replicas or rank < 0:
            raise ValueError(
                f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]"
            )
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        count = len(dataset)
        self.num_samples = count // num_replicas if drop_last else -(-count // num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        count = len(self.dataset)
        order = list(range(count))
        if self.shuffle:
            generator = Generator()
            generator.manual_seed(self.seed + self.epoch)
            order = functions.randperm(count, generator=generator).tolist()
        if order:
            order *= -(-self.total_size // count)  # where one round is not enough, another
        shared = order[: self.total_size]
        if len(shared) != self.total_size:
            raise AssertionError(
                f"Number of indices ({len(shared)}) does not match total_size ({self.total_size})"
            )
        return iter(shared[self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins: each has an order of its own, the same in all processes.

        >>> import minigrad as torch
        >>> sampler = torch.utils.data.DistributedSampler(range(4), num_replicas=2, rank=0)
        >>> sampler.set_epoch(1); sampler.epoch
        1
        """
        self.epoch = epoch
