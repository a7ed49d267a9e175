"""The order in which a run sees its images, so made that it can be entered at any batch.

Order and changes of an epoch come from generators seeded with (seed, epoch) alone, and those of one
image from (seed, epoch, its number). To go on in the middle of an epoch one needs no more than the
number of the next batch, and the number of workers changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import minigrad as mg
from minigrad.cli.errors import CommandError, reason
from minigrad.utils.data import DataLoader, Dataset

SHIFT = 2  # pixels in each direction
Batch = tuple[mg.Tensor, mg.Tensor]


class Batches(Protocol):
    """Shuffled batches of changed images, anew in each epoch."""

    def __len__(self) -> int:
        """The number of batches of an epoch."""

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The images (n, C, H, W) and labels (n,) of an epoch, from batch ``start`` on."""


class ShiftedBatches:
    """Batches of images that are all in memory, each shifted by up to two pixels."""

    def __init__(self, images: Any, labels: Any, batch_size: int, seed: int) -> None:
        margin = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
        # (N, 2 * SHIFT + 1, 2 * SHIFT + 1, H, W): every shift of every image, as a view
        self._windows = sliding_window_view(margin, images.shape[1:], axis=(1, 2))
        self._labels = labels
        self._batch_size = batch_size
        self._seed = seed

    def __len__(self) -> int:
        return -(-len(self._labels) // self._batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The images (n, 1, H, W) and labels (n,) of an epoch, from batch ``start`` on."""
        generator = mg.Generator().manual_seed(_mix(self._seed, epoch))
        count = len(self._labels)
        order = mg.randperm(count, generator=generator).numpy()
        shifts = mg.randint(0, 2 * SHIFT + 1, (2, count), generator=generator).numpy()
        for batch in range(start, len(self)):
            part = slice(batch * self._batch_size, (batch + 1) * self._batch_size)
            images = self._windows[order[part], shifts[0, part], shifts[1, part]]
            yield mg.from_numpy(images[:, None]), mg.from_numpy(self._labels[order[part]])


class LoadedBatches:
    """Batches of images that are read and changed one by one, by worker processes if there are any.

    >>> from minigrad.vision.datasets import Digits
    >>> batches = LoadedBatches(Digits(), range(10), None, 4, seed=0)
    >>> [len(labels) for _, labels in batches.epoch(0, start=1)]
    [4, 2]
    """

    def __init__(
        self,
        dataset: Any,
        indices: Sequence[int],
        transform: Any,
        batch_size: int,
        seed: int,
        workers: int = 0,
    ) -> None:
        self._dataset = dataset
        self._indices = np.asarray(indices)
        self._transform = transform
        self._batch_size = batch_size
        self._seed = seed
        self._workers = workers

    def __len__(self) -> int:
        return -(-len(self._indices) // self._batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The images and labels of an epoch, from batch ``start`` on."""
        generator = mg.Generator().manual_seed(_mix(self._seed, epoch))
        order = self._indices[mg.randperm(len(self._indices), generator=generator).numpy()]
        batches = [
            order[batch * self._batch_size : (batch + 1) * self._batch_size].tolist()
            for batch in range(start, len(self))
        ]
        yield from DataLoader(
            _Changed(self._dataset, self._transform, self._seed, epoch),
            batch_sampler=batches,
            num_workers=self._workers,
            generator=generator,  # not the program's own: dropout draws from that
        )


class _Changed(Dataset[Any]):
    """A data set whose images are changed at random, each by its own seed."""

    def __init__(self, dataset: Any, transform: Any, seed: int, epoch: int) -> None:
        self._dataset, self._transform = dataset, transform
        self._seeds = seed, epoch

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image, label = item_of(self._dataset, index)
        if self._transform is not None:
            before = mg.get_rng_state()
            mg.manual_seed(_mix(*self._seeds, index))
            image = self._transform(image)
            mg.set_rng_state(before)
        return image, int(label)

    def __len__(self) -> int:
        return len(self._dataset)


def item_of(dataset: Any, index: int) -> tuple[Any, Any]:
    """An image and its class; CommandError for a file that cannot be read."""
    try:
        image, label = dataset[index]
        return image, label
    except OSError as error:
        samples = getattr(dataset, "samples", None)
        which = samples[index][0] if samples else f"image {index}"
        raise CommandError(f"cannot read {which}: {reason(error)}") from error


def _mix(*numbers: int) -> int:
    """One seed out of several numbers, without the overlaps that a sum would have."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
