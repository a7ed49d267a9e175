"""CIFAR-10 and CIFAR-100: small colour photographs of 32 x 32."""

# ruff: noqa: RUF012 - lists on classes, as in torchvision, for subclasses to replace

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.utils.download.checksums import check_integrity
from minigrad.vision.datasets.pickles import load_plain
from minigrad.vision.datasets.vision import VisionDataset
from minigrad.vision.pillow import pillow

__all__ = ["CIFAR10", "CIFAR100"]


class CIFAR10(VisionDataset):
    """Photographs of ten kinds of things: 50,000 to train on and 10,000 to test on.

    Items are (PIL image, int). The files are pickles; they are read without running anything that
    they say. Their checksums are compared when ``download=True`` looks for them.

    Args:
        root: the folder that holds ``cifar-10-batches-py``.
        train: the training part, else the test part.
        transform: function of the PIL image.
        target_transform: function of the label.
        download: get the files if they are not there or damaged.

    Attributes: ``data``, a uint8 array (N, 32, 32, 3); ``targets``, a list of int; ``classes``;
    ``class_to_idx``.

    Raises: RuntimeError if the files are missing or damaged, or cannot be downloaded.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    >>> from minigrad.vision.datasets import CIFAR10
    >>> CIFAR10("no/such/folder")
    Traceback (most recent call last):
    RuntimeError: Dataset not found or corrupted. You can use download=True to download it
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list = [
        ["data_batch_1", "c99cafc152244af753f735de768cd75f"],
        ["data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"],
        ["data_batch_3", "54ebc095f3ab1f0389bbae665268c751"],
        ["data_batch_4", "634d18415352ddfa80567beed471001a"],
        ["data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"],
    ]
    test_list = [["test_batch", "40351d587109b95175f43aff81a1287e"]]
    meta = {
        "filename": "batches.meta",
        "key": "label_names",
        "md5": "5ff9c542aee3614f3951f8cda6e48888",
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        parts = self.train_list if train else self.test_list
        if not all(check_integrity(self._path(name)) for name, _ in parts):
            raise RuntimeError(
                "Dataset not found or corrupted. You can use download=True to download it"
            )
        batches = [self._batch(name) for name, _ in parts]
        pixels = np.concatenate([images for images, _ in batches])
        # Rows are 1024 red, 1024 green, 1024 blue values; images are (H, W, C).
        self.data: Any = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.targets: list[int] = [label for _, labels in batches for label in labels]
        self._load_meta()

    def _path(self, name: str) -> str:
        return os.path.join(self.root, self.base_folder, name)

    def _batch(self, name: str) -> tuple[np.ndarray, list[int]]:
        """Images (N, 3072) and labels of one file."""
        entry = load_plain(self._path(name))
        if not isinstance(entry, dict) or "data" not in entry:
            raise self._damaged(name, "it holds no images")
        labels = entry.get("labels", entry.get("fine_labels"))
        images = np.asarray(entry["data"])
        if images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != 3072:
            raise self._damaged(name, f"its images are {images.dtype} of shape {images.shape}")
        if labels is None or len(labels) != len(images):
            have = "no" if labels is None else len(labels)
            raise self._damaged(name, f"it has {len(images)} images and {have} labels")
        return images, [int(label) for label in labels]

    def _damaged(self, name: str, why: str) -> RuntimeError:
        return RuntimeError(
            f"{self._path(name)} is damaged: {why}; delete it and get it again with download=True"
        )

    def _load_meta(self) -> None:
        path = self._path(self.meta["filename"])
        if not check_integrity(path):
            raise RuntimeError(
                "Dataset metadata file not found or corrupted. "
                "You can use download=True to download it"
            )
        content = load_plain(path)
        if not isinstance(content, dict) or self.meta["key"] not in content:
            raise self._damaged(self.meta["filename"], "it holds no names of classes")
        self.classes: list[str] = list(content[self.meta["key"]])
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, target = pillow().fromarray(self.data[index]), self.targets[index]
        if self.transform is not None:
            image = self.transform(image)
        return image, target if self.target_transform is None else self.target_transform(target)

    def __len__(self) -> int:
        return len(self.data)

    def _check_integrity(self) -> bool:
        """Whether all files are there as they were published."""
        files = [*self.train_list, *self.test_list, [self.meta["filename"], self.meta["md5"]]]
        return all(check_integrity(self._path(name), md5) for name, md5 in files)

    def download(self) -> None:
        """Get and unpack the archive, unless its files are there as they were published.

        Raises: RuntimeError with address, reason and way out if it cannot be had.
        """
        if self._check_integrity():
            return
        from minigrad.vision.datasets.utils import download_and_extract_archive

        download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.tgz_md5)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {'Train' if self.train is True else 'Test'}"


class CIFAR100(CIFAR10):
    """Photographs of a hundred kinds of things: 50,000 to train on and 10,000 to test on.

    Arguments and attributes are those of ``CIFAR10``; the files lie in ``root/cifar-100-python``.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    >>> from minigrad.vision.datasets import CIFAR100
    >>> CIFAR100.base_folder
    'cifar-100-python'
    """

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta = {
        "filename": "meta",
        "key": "fine_label_names",
        "md5": "7973b15100ade9c7d40fb424638fde48",
    }
