"""The order in which a run sees its images, so made that it can be entered at any batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import minigrad as mg
from minigrad.vision.datasets import Digits

SHIFT = 2  # images move by up to so many pixels in each direction, a new way in each epoch


class Batches:
    """Shuffled batches of slightly shifted images, a new order in each epoch.

    Order and shifts of an epoch come from a generator seeded with (seed, epoch) alone. To go on in
    the middle of an epoch one needs no more than the number of the next batch.
    """

    def __init__(self, dataset: Digits, batch_size: int, seed: int) -> None:
        images = dataset.data.numpy()[:, 0]  # (N, H, W)
        margin = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
        # (N, 2 * SHIFT + 1, 2 * SHIFT + 1, H, W): every shift of every image, as a view
        self._windows = sliding_window_view(margin, images.shape[1:], axis=(1, 2))
        self._labels = dataset.targets.numpy()
        self._batch_size = batch_size
        self._seed = seed

    def __len__(self) -> int:
        return -(-len(self._labels) // self._batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[mg.Tensor, mg.Tensor]]:
        """The images (n, 1, H, W) and labels (n,) of an epoch, from batch ``start`` on."""
        generator = mg.Generator().manual_seed(_mix(self._seed, epoch))
        count = len(self._labels)
        order = mg.randperm(count, generator=generator).numpy()
        shifts = mg.randint(0, 2 * SHIFT + 1, (2, count), generator=generator).numpy()
        for batch in range(start, len(self)):
            part = slice(batch * self._batch_size, (batch + 1) * self._batch_size)
            images = self._windows[order[part], shifts[0, part], shifts[1, part]]
            yield mg.from_numpy(images[:, None]), mg.from_numpy(self._labels[order[part]])


def _mix(seed: int, epoch: int) -> int:
    """One seed out of two numbers, without the overlaps that ``seed + epoch`` would have."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
