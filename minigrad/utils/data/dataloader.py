"""``DataLoader``: batches of a dataset, in torch's order for the same seed."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from minigrad.utils.data.collate import default_collate, default_convert
from minigrad.utils.data.dataset import IterableDataset
from minigrad.utils.data.fetch import Recipe
from minigrad.utils.data.iterators import (
    _BaseDataLoaderIter,
    _MultiProcessingDataLoaderIter,
    _SingleProcessDataLoaderIter,
)
from minigrad.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler
from minigrad.utils.data.worker_info import get_worker_info

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)

_FIXED = (
    "batch_size",
    "batch_sampler",
    "sampler",
    "drop_last",
    "dataset",
    "persistent_workers",
)


class DataLoader(Generic[T_co]):
    """An iterable of batches: each pass takes the samples in a new order if ``shuffle``.

    ``batch_size=None`` gives single samples. ``sampler`` or ``batch_sampler`` set the order,
    ``collate_fn`` makes a batch of a list of samples, ``generator`` is where the order is drawn.

    With ``num_workers`` the batches are made by that many processes, each ``prefetch_factor``
    batches ahead, in the same order (``in_order=False``: as they come). They live for a pass, or as
    long as the loader with ``persistent_workers``; ``worker_init_fn`` is called in each with its
    number, ``timeout`` limits the seconds to wait for a batch, and ``multiprocessing_context`` says
    how they are started. Random numbers in worker i start from a seed of their own. An error in a
    worker is raised here, with its traceback. With ``pin_memory`` and a card, batches lie in pinned
    memory.

    Raises: ValueError for options that exclude each other or are out of range, RuntimeError for a
    worker that has died or takes longer than ``timeout``.

    Source: https://docs.pytorch.org/docs/stable/data.html

    >>> import minigrad as torch
    >>> data = torch.utils.data.TensorDataset(torch.arange(5))
    >>> loader = torch.utils.data.DataLoader(data, batch_size=2)
    >>> len(loader), next(iter(loader))
    (3, [tensor([0, 1])])
    >>> list(torch.utils.data.DataLoader(data, batch_size=3, num_workers=2))
    [[tensor([0, 1, 2])], [tensor([3, 4])]]
    """

    _initialized = False

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.persistent_workers = persistent_workers
        self.timeout = timeout
        self._check_workers()
        self.dataset = dataset
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.generator = generator
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            _check_iterable(shuffle, sampler, batch_sampler)
        _check_batching(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size = None
        self.sampler = self._default_sampler(bool(shuffle)) if sampler is None else sampler
        if batch_size is not None:
            batch_sampler = BatchSampler(self.sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.batch_sampler = batch_sampler
        batching = default_convert if batch_sampler is None else default_collate
        self.collate_fn: Callable[[Any], Any] = batching if collate_fn is None else collate_fn
        self._initialized = True
        self._said_length: int | None = None  # of a stream, when somebody last asked
        self._iterator: _MultiProcessingDataLoaderIter | None = None
        self.check_worker_number_rationality()

    def _check_workers(self) -> None:
        if self.num_workers < 0:
            raise ValueError(
                "num_workers option should be non-negative; use num_workers=0 to disable "
                "multiprocessing."
            )
        if self.timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if self.num_workers == 0 and self.prefetch_factor is not None:
            raise ValueError(
                "prefetch_factor option could only be specified in multiprocessing."
                "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to "
                "None."
            )
        if self.num_workers > 0 and self.prefetch_factor is None:
            self.prefetch_factor = 2
        if self.prefetch_factor is not None and self.prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        if self.num_workers == 0 and self.persistent_workers:
            raise ValueError("persistent_workers option needs num_workers > 0")

    def check_worker_number_rationality(self) -> None:
        """Warn of more workers than this process may use processors.

        >>> import minigrad as torch
        >>> torch.utils.data.DataLoader([1]).check_worker_number_rationality()
        """
        if not self.num_workers:
            return
        asked = hasattr(os, "sched_getaffinity")
        count = len(os.sched_getaffinity(0)) if asked else os.cpu_count()
        if count is not None and self.num_workers <= count:
            return
        note = "" if asked else " (`cpuset` is not taken into account)"
        told = (
            "DataLoader is not able to compute a suggested max number of worker in current system."
            if count is None
            else f"Our suggested max number of worker in current system is {count}{note}, which is "
            "smaller than what this DataLoader is going to create."
        )
        warnings.warn(
            f"This DataLoader will create {self.num_workers} worker processes in total. {told} "
            "Please be aware that excessive worker creation might get DataLoader running slow or "
            "even freeze, lower the worker number to avoid potential slowness/freeze if necessary.",
            stacklevel=3,
        )

    @property
    def multiprocessing_context(self) -> Any:
        """How workers are started: a context of ``multiprocessing``; None for its default one."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        if context is not None:
            context = _checked_context(context, self.num_workers)
        self._context = context

    def _default_sampler(self, shuffle: bool) -> Iterable[Any]:
        if self._iterable:
            return _Endless()
        if shuffle:
            return RandomSampler(self.dataset, generator=self.generator)
        return SequentialSampler(self.dataset)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._initialized and name in _FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    @property
    def _recipe(self) -> Recipe:
        batching, collate_fn = self._auto_collation, self.collate_fn
        return Recipe(self.dataset, self._iterable, batching, collate_fn, self.drop_last)

    def _get_iterator(self) -> _BaseDataLoaderIter:
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self)
        self.check_worker_number_rationality()
        return _MultiProcessingDataLoaderIter(self)

    def __iter__(self) -> Iterator[Any]:
        if not self.persistent_workers or self.num_workers == 0:
            return self._get_iterator()
        if self._iterator is not None and self._iterator._usable:
            self._iterator._reset(self)
        else:
            self._iterator = self._get_iterator()  # type: ignore[assignment]
        assert self._iterator is not None
        return self._iterator

    def __len__(self) -> int:
        if not self._iterable:
            return len(self._index_sampler)
        length = self._said_length = len(self.dataset)
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)


class _Endless(Sampler[None]):
    """Stands for the order of a stream, which has none: it says "the next one" for ever."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


def _checked_context(context: Any, num_workers: int) -> Any:
    """The context of a name, or the one that is given."""
    if num_workers <= 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading "
            f"(num_workers > 0), but got num_workers={num_workers}"
        )
    import multiprocessing
    from multiprocessing.context import BaseContext

    if isinstance(context, str):
        known = multiprocessing.get_all_start_methods()
        if context not in known:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{known!r}, but got multiprocessing_context={context!r}"
            )
        return multiprocessing.get_context(context)
    if not isinstance(context, BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={context}"
        )
    return context


def _check_iterable(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    """Raise for options that set an order, which a stream has already."""
    options = {
        "shuffle": (shuffle, shuffle not in (False, None)),
        "sampler": (sampler, sampler is not None),
        "batch_sampler": (batch_sampler, batch_sampler is not None),
    }
    for name, (value, given) in options.items():
        if given:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                f"{name}={value}"
            )


def _check_batching(
    batch_size: Any, shuffle: bool, sampler: Any, batch_sampler: Any, drop_last: Any
) -> None:
    """Raise for options that would say twice in which order, or in what parts, to load."""
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                "and drop_last"
            )
    elif batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )
