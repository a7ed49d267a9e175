"""``DataLoader``: batches of a dataset, in torch's order for the same seed."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from minigrad.tensor import Tensor
from minigrad.utils.data.collate import default_collate, default_convert
from minigrad.utils.data.dataset import IterableDataset, Subset, TensorDataset
from minigrad.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    draw_seed,
)

__all__ = ["DataLoader"]

_FIXED = (
    "batch_size",
    "batch_sampler",
    "sampler",
    "drop_last",
    "dataset",
    "persistent_workers",
)


class DataLoader:
    """An iterable of batches: each pass takes the samples in a new order if ``shuffle``.

    ``batch_size=None`` gives single samples. ``sampler`` or ``batch_sampler`` set the order,
    ``collate_fn`` makes a batch of a list of samples, ``generator`` is where the order is drawn.
    Worker processes are not in this version yet: with ``num_workers`` above zero the loader warns
    and loads in this process, with the same batches in the same order.

    Raises: ValueError for options that exclude each other or are out of range.

    >>> import minigrad as torch
    >>> data = torch.utils.data.TensorDataset(torch.arange(5))
    >>> loader = torch.utils.data.DataLoader(data, batch_size=2)
    >>> len(loader), next(iter(loader))
    (3, [tensor([0, 1])])
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
        if self.prefetch_factor is not None and self.prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        if self.num_workers == 0 and self.persistent_workers:
            raise ValueError("persistent_workers option needs num_workers > 0")
        if self.num_workers > 0:
            if self.prefetch_factor is None:
                self.prefetch_factor = 2
            warnings.warn(
                f"DataLoader: num_workers={self.num_workers} asked for, but worker processes come "
                "with a later version of minigrad; loading in this process instead (same batches, "
                "same order). Pass num_workers=0 to silence this.",
                stacklevel=3,
            )

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
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> Iterator[Any]:
        return _LoaderIterator(self)

    def __len__(self) -> int:
        if not self._iterable:
            return len(self._index_sampler)
        length = len(self.dataset)
        if self.batch_size is None:
            return length
        full, rest = divmod(length, self.batch_size)
        return full if self.drop_last or not rest else full + 1


class _Endless(Sampler[None]):
    """Stands for the order of a stream, which has none: it says "the next one" for ever."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


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


class _LoaderIterator:
    """One pass over the dataset, in this process."""

    def __init__(self, loader: DataLoader) -> None:
        self._loader = loader
        self._numbers = iter(loader._index_sampler)
        # Nobody needs the seed without workers, but torch draws it, and so the stream moves on.
        self._base_seed = draw_seed(loader.generator)
        batching = loader.batch_sampler is not None
        # Plain functions, not bound methods: those would tie the iterator into a cycle.
        kind = _LoaderIterator
        self._fetch: Callable[[_LoaderIterator, Any], Any]
        if loader._iterable:
            self._samples = iter(loader.dataset)
            self._fetch = kind._next_batch if batching else kind._next_sample
        elif batching and loader.collate_fn is default_collate and _has_rows(loader.dataset):
            self._fetch = kind._gather_rows
        else:
            self._fetch = kind._batch if batching else kind._sample

    def __iter__(self) -> _LoaderIterator:
        return self

    def __len__(self) -> int:
        return len(self._loader._index_sampler)

    def __next__(self) -> Any:
        return self._fetch(self, next(self._numbers))

    def _sample(self, number: Any) -> Any:
        return self._loader.collate_fn(self._loader.dataset[number])

    def _batch(self, numbers: list[Any]) -> Any:
        dataset = self._loader.dataset
        if getattr(dataset, "__getitems__", None):
            return self._loader.collate_fn(dataset.__getitems__(numbers))
        return self._loader.collate_fn([dataset[number] for number in numbers])

    def _gather_rows(self, numbers: list[int]) -> list[Tensor]:
        """What collating single rows gives, by one indexing per tensor instead of one per row."""
        dataset = self._loader.dataset
        while isinstance(dataset, Subset):
            numbers = [dataset.indices[number] for number in numbers]
            dataset = dataset.dataset
        return [tensor[numbers] for tensor in dataset.tensors]

    def _next_sample(self, _: Any) -> Any:
        return self._loader.collate_fn(next(self._samples))

    def _next_batch(self, asked: list[Any]) -> Any:
        samples = list(itertools.islice(self._samples, len(asked)))
        if not samples or (self._loader.drop_last and len(samples) < len(asked)):
            raise StopIteration
        return self._loader.collate_fn(samples)


def _has_rows(dataset: Any) -> bool:
    """Whether rows of tensors are all that the dataset, or what it is a subset of, gives."""
    while type(dataset) is Subset:
        dataset = dataset.dataset
    return type(dataset) is TensorDataset
