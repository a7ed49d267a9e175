"""MNIST and the data sets that took its format: greyscale images of 28 x 28."""

# ruff: noqa: RUF012 - lists on classes, as in torchvision, for subclasses to replace

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from minigrad import Tensor
from minigrad.utils.download.checksums import check_integrity
from minigrad.vision.datasets.idx import read_idx, read_image_file, read_label_file
from minigrad.vision.datasets.vision import VisionDataset
from minigrad.vision.pillow import pillow

__all__ = ["EMNIST", "KMNIST", "MNIST", "QMNIST", "FashionMNIST"]

_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


class MNIST(VisionDataset):
    """Handwritten digits: 60,000 to train on and 10,000 to test on, as (PIL image, int).

    Args:
        root: the folder that holds ``MNIST/raw/train-images-idx3-ubyte`` and its like; files as
            they are distributed (``.gz``) are read too.
        train: the training part, else the test part.
        transform: function of the PIL image.
        target_transform: function of the label.
        download: get the files if they are not there.

    Attributes: ``data``, uint8 (N, 28, 28); ``targets``, int64 (N,); ``classes``; ``class_to_idx``.

    Raises: RuntimeError if the files are missing or damaged, or cannot be downloaded.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

    >>> from minigrad.vision.datasets import MNIST
    >>> MNIST.class_to_idx.fget(MNIST)["7 - seven"]
    7
    >>> MNIST("no/such/folder")
    Traceback (most recent call last):
    RuntimeError: Dataset not found. You can use download=True to download it
    """

    mirrors: list[str] = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ]
    resources: Any = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    classes: list[str] = [f"{i} - {name}" for i, name in enumerate(_DIGITS)]

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
        if not self._check_exists():
            raise RuntimeError("Dataset not found. You can use download=True to download it")
        self.data, self.targets = self._load_data()
        if len(self.data) != len(self.targets):
            raise RuntimeError(
                f"{self.raw_folder} has {len(self.data)} images and {len(self.targets)} labels: "
                "delete it and get it again with download=True"
            )

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, target = self._item(index)
        if self.transform is not None:
            image = self.transform(image)
        return image, target if self.target_transform is None else self.target_transform(target)

    def _item(self, index: int) -> tuple[Any, Any]:
        return pillow().fromarray(self.data[index].numpy()), int(self.targets[index])

    def __len__(self) -> int:
        return len(self.data)

    @property
    def raw_folder(self) -> str:
        """Where the files lie."""
        return os.path.join(self.root, type(self).__name__, "raw")

    @property
    def processed_folder(self) -> str:
        """Where early versions of torchvision put what they had read; not used."""
        return os.path.join(self.root, type(self).__name__, "processed")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class."""
        return {name: i for i, name in enumerate(self.classes)}

    def _files(self) -> tuple[str, str]:
        """Names of the file of images and that of labels, unpacked."""
        part = "train" if self.train else "t10k"
        return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"

    def _load_data(self) -> tuple[Tensor, Tensor]:
        images, labels = self._files()
        return (
            read_image_file(os.path.join(self.raw_folder, images)),
            read_label_file(os.path.join(self.raw_folder, labels)),
        )

    def _check_exists(self) -> bool:
        """Whether the files of this part are there, packed or not."""
        return all(_is_there(os.path.join(self.raw_folder, name)) for name in self._files())

    def _addresses(self) -> list[tuple[list[str], str]]:
        """Mirrors and MD5 of each file to download."""
        return [([m + name for m in self.mirrors], md5) for name, md5 in self.resources]

    def download(self) -> None:
        """Get the files that are not there, from the first mirror that has them.

        Raises: RuntimeError with addresses, reasons and a way out if one cannot be had.
        """
        from minigrad.utils.download.archives import extract_archive
        from minigrad.utils.download.fetching import fetch

        for urls, md5 in self._addresses():
            name = urls[0].rsplit("/", 1)[-1]
            target = os.path.join(self.raw_folder, name)
            if not check_integrity(os.path.splitext(target)[0]):
                extract_archive(fetch(urls, target, md5=md5))

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {'Train' if self.train is True else 'Test'}"


def _is_there(path: str) -> bool:
    return check_integrity(path) or check_integrity(f"{path}.gz")


class FashionMNIST(MNIST):
    """Pieces of clothing in MNIST's format: 60,000 to train on and 10,000 to test on.

    Arguments and attributes are those of ``MNIST``; the files lie in ``root/FashionMNIST/raw``.

    Source: Xiao, Rasul, Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms", 2017.

    >>> from minigrad.vision.datasets import FashionMNIST
    >>> FashionMNIST.classes[9]
    'Ankle boot'
    """

    mirrors = [
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ]
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes = [
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ]


class KMNIST(MNIST):
    """Cursive Japanese characters in MNIST's format: 60,000 to train on and 10,000 to test on.

    Arguments and attributes are those of ``MNIST``; the files lie in ``root/KMNIST/raw``.

    Source: Clanuwat et al., "Deep learning for classical Japanese literature", 2018.

    >>> from minigrad.vision.datasets import KMNIST
    >>> KMNIST.classes
    ['o', 'ki', 'su', 'tsu', 'na', 'ha', 'ma', 'ya', 're', 'wo']
    """

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


class EMNIST(MNIST):
    """Handwritten letters and digits in MNIST's format, in six selections.

    Args:
        root: the folder that holds ``EMNIST/raw``.
        split: ``byclass``, ``bymerge``, ``balanced``, ``letters``, ``digits`` or ``mnist``.
        kwargs: the other arguments of ``MNIST``.

    Raises: ValueError for another split; RuntimeError as ``MNIST``.

    Source: Cohen, Afshar, Tapson, van Schaik, "EMNIST: an extension of MNIST to handwritten
    letters", 2017.

    >>> from minigrad.vision.datasets import EMNIST
    >>> len(EMNIST.classes_split_dict["balanced"])
    47
    """

    url = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
    md5 = "58c8d27c78d21e728a6bc7b3cc06412e"
    splits = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    _digits = list("0123456789")
    _upper = list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    _lower = list("abcdefghijklmnopqrstuvwxyz")
    # Of letters that look alike in both cases, the merged selections have one class.
    _merged = [*_digits, *_upper, *"abdefghnqrt"]
    classes_split_dict = {
        "byclass": [*_digits, *_upper, *_lower],
        "bymerge": _merged,
        "balanced": _merged,
        "letters": ["N/A", *_lower],
        "digits": _digits,
        "mnist": _digits,
    }

    def __init__(self, root: str | os.PathLike[str], split: str, **kwargs: Any) -> None:
        from minigrad.vision.datasets.utils import verify_str_arg

        self.split = verify_str_arg(split, "split", self.splits)
        super().__init__(root, **kwargs)
        self.classes = self.classes_split_dict[self.split]

    def _files(self) -> tuple[str, str]:
        prefix = f"emnist-{self.split}-{'train' if self.train else 'test'}"
        return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"

    def download(self) -> None:
        """Get and unpack the archive of all selections, if this one's files are not there."""
        import shutil

        from minigrad.utils.download.archives import extract_archive
        from minigrad.vision.datasets.utils import download_and_extract_archive

        if self._check_exists():
            return
        download_and_extract_archive(self.url, self.raw_folder, md5=self.md5)
        inner = os.path.join(self.raw_folder, "gzip")
        for name in sorted(os.listdir(inner)):
            if name.endswith(".gz"):
                extract_archive(os.path.join(inner, name), self.raw_folder)
        shutil.rmtree(inner)


_QMNIST = "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"


class QMNIST(MNIST):
    """MNIST rebuilt from its source, with all 60,000 test images and where each comes from.

    Args:
        root: the folder that holds ``QMNIST/raw``.
        what: ``train``, ``test``, ``test10k``, ``test50k`` or ``nist``; else as ``train`` says.
        compat: targets are the digits, else tensors of 8 integers about each image.
        train: the training part, else the test part.
        kwargs: the other arguments of ``MNIST``.

    Raises: ValueError for another ``what``; RuntimeError as ``MNIST``.

    Source: Yadav, Bottou, "Cold case: the lost MNIST digits", 2019.

    >>> from minigrad.vision.datasets import QMNIST
    >>> QMNIST.subsets["test10k"]
    'test'
    """

    subsets = {
        **{"train": "train", "test": "test", "test10k": "test", "test50k": "test"},
        "nist": "nist",
    }
    resources = {
        "train": [
            ("qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370"),
            ("qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4"),
        ],
        "test": [
            ("qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412"),
            ("qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa"),
        ],
        "nist": [
            ("xnist-images-idx3-ubyte.xz", "7f124b3b8ab81486c9d8c2749c17f834"),
            ("xnist-labels-idx2-int.xz", "5ed0e788978e45d4a8bd4b7caec3d79d"),
        ],
    }
    mirrors = [_QMNIST]

    def __init__(
        self,
        root: str | os.PathLike[str],
        what: str | None = None,
        compat: bool = True,
        train: bool = True,
        **kwargs: Any,
    ) -> None:
        from minigrad.vision.datasets.utils import verify_str_arg

        what = ("train" if train else "test") if what is None else what
        self.what = verify_str_arg(what, "what", tuple(self.subsets))
        self.compat = compat
        super().__init__(root, train, **kwargs)

    def _files(self) -> tuple[str, str]:
        (images, _), (labels, _) = self.resources[self.subsets[self.what]]
        return os.path.splitext(images)[0], os.path.splitext(labels)[0]

    def _addresses(self) -> list[tuple[list[str], str]]:
        files = self.resources[self.subsets[self.what]]
        return [([m + name for m in self.mirrors], md5) for name, md5 in files]

    def _load_data(self) -> tuple[Tensor, Tensor]:
        images, labels = self._files()
        data = read_image_file(os.path.join(self.raw_folder, images))
        targets = read_idx(os.path.join(self.raw_folder, labels)).long()
        if targets.ndim != 2:
            raise ValueError(f"targets should have 2 dimensions instead of {targets.ndim}")
        part = {"test10k": slice(10_000), "test50k": slice(10_000, None)}.get(self.what)
        return (data, targets) if part is None else (data[part].clone(), targets[part].clone())

    def _item(self, index: int) -> tuple[Any, Any]:
        target = self.targets[index]
        image = pillow().fromarray(self.data[index].numpy())
        return image, int(target[0]) if self.compat else target

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {self.what}"
