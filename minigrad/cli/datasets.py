"""The data sets that ``minigrad train`` takes, by name or as a folder of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigrad.cli.errors import CommandError, reason

__all__ = ["DATASETS", "Source", "is_folder", "open_source"]


@dataclass(frozen=True)
class Source:
    """Two parts of labelled images as they are stored: PIL images, or tensors (C, H, W) in 0..1."""

    name: str
    train: Any
    test: Any
    classes: Sequence[str]


# Where a dataset's two parts come from: root, download -> training part, test part.
Opener = Callable[[str, bool], tuple[Any, Any]]


def _torchvision(name: str) -> Opener:
    """A data set whose class takes ``root``, ``train`` and ``download``."""

    def open_parts(root: str, download: bool) -> tuple[Any, Any]:
        from minigrad.vision import datasets

        kind = getattr(datasets, name)
        return tuple(kind(root, train=train, download=download) for train in (True, False))

    return open_parts


def _digits(root: str, download: bool) -> tuple[Any, Any]:
    from minigrad.vision.datasets import Digits

    return Digits(size=28), Digits(train=False, size=28)


def _fake(root: str, download: bool) -> tuple[Any, Any]:
    from minigrad.vision.datasets import FakeData

    return FakeData(400, (3, 32, 32)), FakeData(100, (3, 32, 32), random_offset=400)


DATASETS: dict[str, Opener] = {
    "digits": _digits,
    "mnist": _torchvision("MNIST"),
    "fashion-mnist": _torchvision("FashionMNIST"),
    "kmnist": _torchvision("KMNIST"),
    "cifar10": _torchvision("CIFAR10"),
    "cifar100": _torchvision("CIFAR100"),
    "fake": _fake,
}


def is_folder(data: str) -> bool:
    """Whether ``--data`` means a folder: whatever has a separator in it, or is one that exists."""
    return "/" in data or "\\" in data or (data not in DATASETS and Path(data).is_dir())


def open_source(data: str, root: str, download: bool) -> Source:
    """Open a data set by its name or folder.

    Raises: CommandError if it is not there or can't be read, saying what to do.

    >>> open_source("digits", "data", False).classes[:3]
    ('0', '1', '2')
    """
    try:
        train, test = _folder(Path(data)) if is_folder(data) else DATASETS[data](root, download)
    except (OSError, RuntimeError, ValueError) as error:
        hint = "" if is_folder(data) or download else f"; --download fetches it into {root}"
        raise CommandError(f"--data {data}: {reason(error)}{hint}") from error
    classes = getattr(train, "classes", None) or [str(n) for n in range(train.num_classes)]
    return Source(data, train, test, tuple(map(str, classes)))


def _folder(path: Path) -> tuple[Any, Any]:
    """The folders train and test (or val) of a folder, each with a folder for each class."""
    from minigrad.vision.datasets import ImageFolder

    test = next((path / name for name in ("test", "val", "valid") if (path / name).is_dir()), None)
    if test is None or not (path / "train").is_dir():
        raise CommandError(
            f"--data {path}: expected a folder that holds the folders train and test (or val), "
            "each with one folder of images for each class"
        )
    parts = ImageFolder(path / "train"), ImageFolder(test)
    if parts[0].classes != parts[1].classes:
        raise CommandError(f"--data {path}: train and {test.name} do not hold the same classes")
    return parts
