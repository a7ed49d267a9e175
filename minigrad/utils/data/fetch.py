"""From numbers of samples to a batch: the same in the parent and in a worker."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from minigrad.tensor import Tensor
from minigrad.utils.data.collate import default_collate
from minigrad.utils.data.dataset import Subset, TensorDataset
from minigrad.utils.data.worker_info import Here

__all__ = ["Recipe"]

Fetch = Callable[[Any], Any]


class Recipe(NamedTuple):
    """Of what, and how, batches are made; ``batching`` is False for single samples."""

    dataset: Any
    iterable: bool
    batching: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool

    def fetch(self) -> Fetch:
        """A function from what the sampler gives to a batch; for a stream, from its beginning."""
        if self.iterable:
            return _Stream(self, iter(self.dataset)).fetch
        if not self.batching:
            return self._sample
        rows = self.collate_fn is default_collate and _has_rows(self.dataset)
        return self._rows if rows else self._batch

    def _sample(self, number: Any) -> Any:
        return self.collate_fn(self.dataset[number])

    def _batch(self, numbers: list[Any]) -> Any:
        dataset = self.dataset
        if getattr(dataset, "__getitems__", None):
            return self.collate_fn(dataset.__getitems__(numbers))
        return self.collate_fn([dataset[number] for number in numbers])

    def _rows(self, numbers: list[Any]) -> Any:
        """What collating single rows gives, by one indexing per tensor instead of one per row."""
        dataset, chosen = self.dataset, numbers
        while type(dataset) is Subset:
            chosen = [dataset.indices[number] for number in chosen]
            dataset = dataset.dataset
        plain = all(type(t) is Tensor and not t.requires_grad for t in dataset.tensors)
        if chosen and plain and all(_is_number(kind) for kind in set(map(type, chosen))):
            places = np.array(chosen, np.int64)
            batch = [_take(tensor._array, places) for tensor in dataset.tensors]
            if None not in batch:
                return batch
        return self._batch(numbers)  # which also says what is wrong with a number


class _Stream:
    """A pass through an iterable dataset."""

    def __init__(self, recipe: Recipe, samples: Iterator[Any]) -> None:
        self.recipe, self.samples = recipe, samples
        self.ended = False

    def fetch(self, asked: Any) -> Any:
        """The next sample, or a batch of the next ones; StopIteration after the last."""
        if self.ended:
            raise StopIteration
        recipe = self.recipe
        if not recipe.batching:
            return recipe.collate_fn(next(self.samples))
        batch = list(itertools.islice(self.samples, len(asked)))
        self.ended = len(batch) < len(asked)
        if not batch or (recipe.drop_last and self.ended):
            raise StopIteration
        return recipe.collate_fn(batch)


def _has_rows(dataset: Any) -> bool:
    """Whether rows of tensors are all that the dataset, or what it is a subset of, gives."""
    while type(dataset) is Subset:
        dataset = dataset.dataset
    return type(dataset) is TensorDataset


def _is_number(kind: type) -> bool:
    return kind is int or issubclass(kind, np.integer)


def _take(array: Any, places: Any) -> Tensor | None:
    """Rows of an array, as a new tensor; None where there is no such row or no such way."""
    size = len(array)
    if type(array) is not np.ndarray or places.min() < -size or places.max() >= size:
        return None
    out = Here.empty((len(places), *array.shape[1:]), array.dtype)
    if array.flags.c_contiguous:
        array.take(places, 0, out, "wrap")  # from the end, for what is negative
    else:  # take would first copy the whole of it
        out[...] = array[places]
    return Tensor._wrap(out)  # type: ignore[no-any-return]
