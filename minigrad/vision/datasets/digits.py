"""Handwritten digits that need no download: the UCI set of 1,797 images as scikit-learn has it.

Source and licence: ``minigrad/vision/data/ATTRIBUTION.md``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from minigrad.utils.data import Dataset

_SHIPPED = Path(__file__).parent.parent / "data"


class Digits(Dataset[tuple[Any, Any]]):
    """1,797 handwritten digits: items are (float tensor (1, size, size) in 0..1, label).

    The fifth, tenth, ... image of each digit is for testing: 1,442 images to train on and 355 to
    test on, the same in every run and with every digit equally often in both. The same people wrote
    both parts, so a good test score says nothing about the hands of strangers.

    Args:
        root: folder with another ``digits.npz`` to read; by default the one that is shipped.
        train: the training part, else the test part.
        transform: function from the image tensor to what the item holds in its place.
        target_transform: the same for the label.
        size: height and width; 8 as recorded, greater ones by bilinear interpolation.

    Attributes: ``data``, a float tensor (N, 1, size, size); ``targets``, an int64 tensor (N,);
    ``classes``, the names of the labels.

    Raises: FileNotFoundError if ``root`` has no such file; ValueError for a size below 8.

    >>> from minigrad.vision.datasets import Digits
    >>> digits = Digits(train=False, size=28)
    >>> image, label = digits[0]
    >>> len(digits), image.shape, label
    (355, torch.Size([1, 28, 28]), 5)
    """

    classes = tuple("0123456789")

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        size: int = 8,
    ) -> None:
        if size < 8:
            raise ValueError(f"Digits: expected a size of at least 8, got {size}")
        with np.load(Path(_SHIPPED if root is None else root) / "digits.npz") as file:
            images, labels = file["images"], file["labels"].astype(np.int64)
        part = _is_test(labels) != train
        self.train = train
        self.transform = transform
        self.target_transform = target_transform
        pixels = _enlarge(images[part].astype(np.float32) / 16, size)
        self.data = mg.from_numpy(pixels[:, None])
        self.targets = mg.from_numpy(labels[part])

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, label = self.data[index], int(self.targets[index])
        return (
            image if self.transform is None else self.transform(image),
            label if self.target_transform is None else self.target_transform(label),
        )

    def __len__(self) -> int:
        return len(self.targets)

    def __repr__(self) -> str:
        part = "train" if self.train else "test"
        return f"Digits({part}, {len(self)} images of {'x'.join(map(str, self.data.shape[2:]))})"


def _is_test(labels: np.ndarray) -> np.ndarray:
    """Mask of every fifth image of each digit, counted in the order of the file."""
    mask = np.zeros(len(labels), bool)
    for digit in range(10):
        mask[np.flatnonzero(labels == digit)[4::5]] = True
    return mask


def _enlarge(images: np.ndarray, size: int) -> np.ndarray:
    """Bilinear interpolation, (N, h, h) to (N, size, size), pixel centres as in F.interpolate."""
    height = images.shape[1]
    if size == height:
        return images
    centre = np.clip((np.arange(size) + 0.5) * height / size - 0.5, 0, height - 1)
    low = np.minimum(centre.astype(int), height - 2)
    weight = np.zeros((size, height), np.float32)
    weight[np.arange(size), low] = 1 - (centre - low)
    weight[np.arange(size), low + 1] = centre - low
    enlarged: np.ndarray = weight @ images @ weight.T
    return enlarged
